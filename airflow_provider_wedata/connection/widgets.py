"""The extra fields of the connection form, as Airflow before 3.2 draws them; made from the one list of fields."""

from __future__ import annotations

from typing import Any

from airflow_provider_wedata.connection.fields import EXTRAS


def widgets() -> dict[str, Any]:
    """Return a WTForms field for each extra.

    Airflow 3.0 and 3.1 have no WTForms; what stands in for it makes a select of `any_of`, and nothing of a range.
    """
    from flask_appbuilder.fieldwidgets import BS3PasswordFieldWidget, BS3TextFieldWidget  # noqa: PLC0415
    from wtforms import BooleanField, IntegerField, PasswordField, StringField  # noqa: PLC0415 - old web servers only
    from wtforms.validators import NumberRange, Optional, any_of  # noqa: PLC0415 - likewise

    def widget(entry: dict[str, Any]) -> Any:
        schema, about = entry["schema"], {"label": entry["label"], "description": _described(entry)}
        if "boolean" in schema["type"]:
            return BooleanField(**about, default=schema["default"])
        # In Airflow 2 the form of every connection has these fields, mostly blank: then nothing may be wrong.
        valid = [Optional()]
        if schema.get("format") == "password":
            return PasswordField(**about, validators=valid, widget=BS3PasswordFieldWidget())
        about |= {"default": schema.get("default"), "widget": BS3TextFieldWidget()}
        if "integer" in schema["type"]:
            valid.append(NumberRange(schema["minimum"], schema["maximum"]))
            return IntegerField(**about, validators=valid)
        if "enum" in schema:
            valid.append(any_of(schema["enum"]))
        return StringField(**about, validators=valid)

    return {name: widget(entry) for name, entry in EXTRAS.items()}


def _described(entry: dict[str, Any]) -> str:
    words = entry["schema"].get("enum") or entry["schema"].get("examples")
    return str(entry["description"]) + (f" ({', '.join(words)})" if words else "")
