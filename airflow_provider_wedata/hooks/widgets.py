"""The extra fields of the connection form, as Airflow before 3.2 draws them; made from the one list of fields."""

from __future__ import annotations

from typing import Any

from airflow_provider_wedata.connection_form import EXTRAS


def widgets() -> dict[str, Any]:
    """Return a WTForms field for each extra."""
    from flask_appbuilder.fieldwidgets import BS3PasswordFieldWidget, BS3TextFieldWidget  # noqa: PLC0415
    from wtforms import BooleanField, PasswordField, StringField  # noqa: PLC0415 - only with the old web server

    def widget(entry: dict[str, Any]) -> Any:
        schema, about = entry["schema"], {"label": entry["label"], "description": _described(entry)}
        if "boolean" in schema["type"]:
            return BooleanField(**about, default=schema["default"])
        if schema.get("format") == "password":
            return PasswordField(**about, widget=BS3PasswordFieldWidget())
        return StringField(**about, widget=BS3TextFieldWidget(), default=schema.get("default"))

    return {name: widget(entry) for name, entry in EXTRAS.items()}


def _described(entry: dict[str, Any]) -> str:
    words = entry["schema"].get("enum") or entry["schema"].get("examples")
    return str(entry["description"]) + (f" ({', '.join(words)})" if words else "")
