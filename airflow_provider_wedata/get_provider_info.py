"""What Airflow reads about the provider, as plain data. The connection form is in connection/fields.py."""

from __future__ import annotations

from typing import Any

from airflow_provider_wedata import __version__


def get_provider_info() -> dict[str, Any]:
    """Return the provider's metadata, without importing any hook, operator or sensor."""
    from airflow_provider_wedata.connection import fields as form  # noqa: PLC0415 - only Airflow's provider manager needs it

    name = "Tencent Cloud WeData"
    package = "airflow_provider_wedata"
    return {
        "package-name": "airflow-provider-wedata",
        "name": name,
        "description": "Waits for, lists and exports task instances of "
        "`Tencent Cloud WeData <https://www.tencentcloud.com/products/wedata>`__.",
        "versions": [__version__],
        "integrations": [
            {
                "integration-name": name,
                "external-doc-url": "https://www.tencentcloud.com/document/product/1174",
                "tags": ["service"],
            }
        ],
        "hooks": [{"integration-name": name, "python-modules": [f"{package}.hooks.wedata"]}],
        "operators": [{"integration-name": name, "python-modules": [f"{package}.operators.wedata"]}],
        "sensors": [{"integration-name": name, "python-modules": [f"{package}.sensors.wedata"]}],
        "triggers": [{"integration-name": name, "python-modules": [f"{package}.triggers.wedata"]}],
        "extra-links": [f"{package}.links.wedata.WeDataConsoleLink"],
        "cli": [f"{package}.cli.definition.get_wedata_cli_commands"],
        "connection-types": [
            {
                "connection-type": form.CONNECTION_TYPE,
                "hook-class-name": f"{package}.hooks.wedata.WeDataHook",
                "hook-name": form.HOOK_NAME,
                "ui-field-behaviour": {
                    "hidden-fields": form.HIDDEN_FIELDS,
                    "relabeling": form.RELABELING,
                    "placeholders": form.PLACEHOLDERS,
                },
                "conn-fields": form.EXTRAS,
            }
        ],
    }
