"""The extra fields of the connection form for Airflow before 3.2, made from the list in connection/fields.py."""

from __future__ import annotations

from typing import Any

from airflow_provider_wedata.connection.fields import EXTRAS


def widgets() -> dict[str, Any]:
    """Return a WTForms field for each extra.

    Airflow 3.0 and 3.1 replace WTForms by classes of their own, which make a select of `any_of` and ignore ranges.
    """
    from flask_appbuilder.fieldwidgets import BS3PasswordFieldWidget, BS3TextFieldWidget  # noqa: PLC0415
    from wtforms import BooleanField, IntegerField, PasswordField, StringField  # noqa: PLC0415 - old web servers only
    from wtforms.validators import NumberRange, Optional, any_of  # noqa: PLC0415 - likewise

    def widget(entry: dict[str, Any]) -> Any:
        schema, about = entry["schema"], {"label": entry["label"], "description": _described(entry)}
        if "boolean" in schema["type"]:
            return BooleanField(**about, default=schema["default"])
        # In Airflow 2 the form of every connection type has these fields: blank ones must be valid.
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
    choices = entry["schema"].get("enum") or entry["schema"].get("examples")
    return str(entry["description"]) + (f" ({', '.join(choices)})" if choices else "")
