"""The provider info: valid, complete, and equal to what the hook reports in the old way."""

from __future__ import annotations

import importlib.metadata
import json
import pkgutil
import re
import subprocess
import sys
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema
import pytest

import airflow_provider_wedata
from airflow_provider_wedata.get_provider_info import get_provider_info
from airflow_provider_wedata.hooks.wedata import WeDataHook
from tests.airflow.versions import DEFAULT_SENSITIVE_FIELDS, ProvidersManager

ROOT = Path(__file__).parents[2]
INFO = get_provider_info()
(CONNECTION,) = INFO["connection-types"]


def schema(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(files("airflow").joinpath(name).read_text())
    return found


def test_it_is_what_airflow_expects() -> None:
    jsonschema.validate(INFO, schema("provider_info.schema.json"))


def test_its_connection_type_is_what_airflows_own_providers_must_keep_to() -> None:
    strict = schema("provider.yaml.schema.json")
    parts = {name: strict[name] for name in ("definitions", "$defs") if name in strict}
    jsonschema.validate(INFO["connection-types"], strict["properties"]["connection-types"] | parts)


def test_its_name_is_that_of_the_distribution_in_canonical_form() -> None:
    name = INFO["package-name"]
    assert re.sub(r"[-_.]+", "-", name).lower() == name
    assert importlib.metadata.metadata(name)["Name"] == name
    assert [importlib.metadata.version(name)] == INFO["versions"]


def test_airflow_finds_the_connection_type() -> None:
    hook = ProvidersManager().hooks["wedata"]
    assert hook is not None
    assert ("wedata_conn_id", "Tencent Cloud WeData", True) == (
        hook.connection_id_attribute_name,
        hook.hook_name,
        hook.connection_testable,
    )


def test_every_path_in_it_leads_somewhere() -> None:
    kinds = ("hooks", "operators", "sensors", "triggers")
    modules = [module for kind in kinds for entry in INFO[kind] for module in entry["python-modules"]]
    assert all(import_module(module) for module in modules)
    for path in (*INFO["extra-links"], CONNECTION["hook-class-name"]):
        module, _, name = path.rpartition(".")
        assert isinstance(getattr(import_module(module), name), type)


def test_every_hook_operator_sensor_and_trigger_module_is_in_it() -> None:
    for kind in ("hooks", "operators", "sensors", "triggers"):
        package = import_module(f"airflow_provider_wedata.{kind}")
        expected = {
            f"{package.__name__}.{found.name}"
            for found in pkgutil.iter_modules(package.__path__)
            if found.name == "wedata"
        }
        assert expected == {module for entry in INFO[kind] for module in entry["python-modules"]}


def test_the_hook_agrees() -> None:
    assert (WeDataHook.conn_type, WeDataHook.hook_name) == (
        CONNECTION["connection-type"],
        CONNECTION["hook-name"],
    )
    in_snakes = {name.replace("-", "_"): value for name, value in CONNECTION["ui-field-behaviour"].items()}
    assert in_snakes == WeDataHook.get_ui_field_behaviour()


def test_the_port_stays_visible() -> None:
    # Airflow 3.3.2 refuses to test a saved connection that has none.
    assert "port" not in CONNECTION["ui-field-behaviour"]["hidden-fields"]


def test_a_field_that_holds_a_secret_is_masked_by_its_name() -> None:
    hidden = [
        name
        for name, field in CONNECTION["conn-fields"].items()
        if field["schema"].get("format") == "password"
    ]
    assert ["session_token"] == hidden
    for name in (*hidden, "proxy"):
        assert any(word in name for word in DEFAULT_SENSITIVE_FIELDS)


class Field:
    """A fake WTForms field that records its arguments."""

    def __init__(self, label: str, description: str, **more: Any) -> None:
        self.arguments = {"kind": type(self).__name__, "label": label, **more}
        self.description = description


def limits(validators: Any) -> dict[str, Any]:
    """Return the limits of a field's validators, in JSON schema's terms."""
    merged: dict[str, Any] = {}
    for validator in validators:
        merged |= validator
    return merged


@pytest.fixture
def old_form(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Give the old form's fields, with a fake WTForms (Airflow 3 has none) whose validators are schemas."""
    wtforms, widgets = ModuleType("wtforms"), ModuleType("flask_appbuilder.fieldwidgets")
    for name in ("BooleanField", "IntegerField", "PasswordField", "StringField"):
        setattr(wtforms, name, type(name, (Field,), {}))
    for name in ("BS3PasswordFieldWidget", "BS3TextFieldWidget"):
        setattr(widgets, name, type(name, (), {}))
    validators: Any = ModuleType("wtforms.validators")
    validators.Optional = dict
    validators.any_of = lambda words: {"enum": words}
    validators.NumberRange = lambda low, high: {"minimum": low, "maximum": high}
    parts = {
        "flask_appbuilder": ModuleType("flask_appbuilder"),
        widgets.__name__: widgets,
        "wtforms": wtforms,
        validators.__name__: validators,
    }
    for name, module in parts.items():
        monkeypatch.setitem(sys.modules, name, module)
    return WeDataHook.get_connection_form_widgets()


def test_the_old_form_has_the_same_fields(old_form: dict[str, Any]) -> None:
    new = CONNECTION["conn-fields"]
    assert list(new) == list(old_form)
    assert [field["label"] for field in new.values()] == [
        field.arguments["label"] for field in old_form.values()
    ]
    kinds = {name: field.arguments["kind"] for name, field in old_form.items()}
    expected = dict.fromkeys(new, "StringField") | {
        "session_token": "PasswordField",
        "retries": "IntegerField",
        "verify": "BooleanField",
        "allow_http": "BooleanField",
    }
    assert expected == kinds
    defaults = {name: field["schema"].get("default") for name, field in new.items()}
    assert defaults == {name: field.arguments.get("default") for name, field in old_form.items()}


def test_the_old_form_has_the_same_limits(old_form: dict[str, Any]) -> None:
    words = ("enum", "minimum", "maximum")
    expected = {
        name: {word: field["schema"][word] for word in words if word in field["schema"]}
        for name, field in CONNECTION["conn-fields"].items()
        if "number"
        not in field["schema"]["type"]  # the old form has no field for fractions; the hook checks them
    }
    found = {name: limits(field.arguments.get("validators", ())) for name, field in old_form.items()}
    assert expected == {name: found[name] for name in expected}


def test_the_form_of_this_airflow_has_them_too() -> None:
    # In a process of its own: Airflow 3.1 returns none once the hooks have been loaded.
    code = "import json; from tests.airflow.versions import form_served; print(json.dumps(form_served()))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)  # noqa: S603
    assert list(CONNECTION["conn-fields"]) == json.loads(ran.stdout.splitlines()[-1])


def test_the_version_is_the_packages() -> None:
    assert [airflow_provider_wedata.__version__] == INFO["versions"]
