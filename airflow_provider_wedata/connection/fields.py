"""The fields of a `wedata` connection as plain data: labels, types, defaults and bounds.

The only list of them: Airflow 3.2 and newer read it from the provider info, older ones through two methods of the
hook, and connection/settings.py takes choices and bounds from it.
"""

from __future__ import annotations

from typing import Any

CONNECTION_TYPE = "wedata"
HOOK_NAME = "Tencent Cloud WeData"
HIDDEN_FIELDS = ["schema"]
RELABELING = {"login": "SecretId", "password": "SecretKey", "host": "API endpoint"}
PLACEHOLDERS = {
    "login": "AKID...",
    "host": "blank: the site's own endpoint; or a host, host:port or URL",
    "password": "shown only when the API key was created",
    # Airflow 3.3.2 refuses to test a saved connection that has no port.
    "port": "443; some Airflow versions can't test without a port",
}


def _text(label: str, description: str, **schema: Any) -> dict[str, Any]:
    return {"label": label, "description": description, "schema": {"type": ["string", "null"], **schema}}


def _number(label: str, description: str, **schema: Any) -> dict[str, Any]:
    return {"label": label, "description": description, "schema": {"type": ["number", "null"], **schema}}


def _switch(label: str, description: str, *, default: bool) -> dict[str, Any]:
    return {
        "label": label,
        "description": description,
        "schema": {"type": ["boolean", "null"], "default": default},
    }


#: Every extra by its key. `type` without "null" makes a field required in the form.
EXTRAS: dict[str, dict[str, Any]] = {
    "region": {
        "label": "Region",
        "description": "The region of the WeData project, also one that is not among the suggestions.",
        "schema": {
            "type": "string",
            "examples": [
                "ap-singapore",
                "ap-jakarta",
                "ap-hongkong",
                "eu-frankfurt",
                "na-ashburn",
                "na-siliconvalley",
                "ap-guangzhou",
                "ap-shanghai",
                "ap-beijing",
                "ap-nanjing",
            ],
        },
    },
    "site": {
        "label": "Site",
        "description": "The Tencent Cloud site of the account. It determines the endpoint if that is blank.",
        "schema": {
            "type": ["string", "null"],
            "enum": ["international", "china"],
            "values_display": {
                "international": "international: tencentcloud.com",
                "china": "china: cloud.tencent.com",
            },
            "default": "international",
        },
    },
    "project_id": _text(
        "Project ID", "The default project of tasks: 19 digits, as in the URL of the console."
    ),
    "time_zone": _text(
        "Time zone",
        "The time zone of times without an offset: UTC+8, UTC-5, UTC+05:30 or an IANA name.",
        default="UTC+8",
    ),
    "credential_source": {
        "label": "Credentials from",
        "description": "Where SecretId and SecretKey come from.",
        "schema": {
            "type": ["string", "null"],
            "enum": ["connection"],
            "values_display": {"connection": "connection: the two standard fields"},
            "default": "connection",
        },
    },
    "session_token": _text(
        "Session token", "Only for temporary credentials, which come with one (STS).", format="password"
    ),
    "request_timeout": _number(
        "Request timeout", "Seconds for one attempt.", default=30, exclusiveMinimum=0, maximum=3600
    ),
    "retries": {
        "label": "Retries",
        "description": "Attempts after the first, on throttling, lost connections and WeData's internal errors.",
        "schema": {"type": ["integer", "null"], "default": 5, "minimum": 0, "maximum": 100},
    },
    "requests_per_second": _number(
        "Requests per second",
        "Limit for each process and action. WeData allows 20; set less if others use the key, too.",
        default=20,
        exclusiveMinimum=0,
        maximum=1000,
    ),
    "proxy": _text(
        "Proxy", "URL of an HTTP or SOCKS proxy. Blank: from the environment of the worker or triggerer."
    ),
    "ca_bundle": _text(
        "CA bundle",
        "File or directory of certificates to trust. It must exist on workers, triggerer and api-server.",
    ),
    "verify": _switch("Verify TLS", "Check the server's certificate. Leave it on.", default=True),
    "allow_http": _switch(
        "Allow plain HTTP",
        "Allow an http:// endpoint that is not on this machine. Requests then travel unencrypted.",
        default=False,
    ),
    "language": {
        "label": "Language",
        "description": "The language of WeData's error messages.",
        "schema": {"type": ["string", "null"], "enum": ["en-US", "zh-CN"], "default": "en-US"},
    },
    "console_url": _text(
        "Console URL",
        "Template of the link on a task, with {site} {region} {project_id} {task_id} {instance_key}. "
        "Blank: the project's page.",
    ),
}
