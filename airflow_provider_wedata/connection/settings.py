"""Parses and validates the fields of a `wedata` connection. Knows nothing of Airflow.

An error names the field, but never shows the value of a secret. JSON null equals absent, because Airflow's form
saves untouched fields as null. Choices and bounds of the fields are in connection/fields.py.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from ipaddress import ip_address
from math import inf, nan
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from airflow_provider_wedata.api.credentials import Credentials
from airflow_provider_wedata.api.errors import InvalidRequest, describe, without_secrets
from airflow_provider_wedata.api.filters import parse_text
from airflow_provider_wedata.api.proxies import parse_proxy
from airflow_provider_wedata.api.times import Zone
from airflow_provider_wedata.connection.fields import EXTRAS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ENDPOINTS = {"international": "wedata.intl.tencentcloudapi.com", "china": "wedata.tencentcloudapi.com"}
# The hosts: templates in public code; the path: WeData's bundle files, of the Chinese site only. That the
# international console has the same path is inferred. [I] No deeper link is documented anywhere.
_CONSOLES = {
    "international": "https://{region}.wedata.tencentcloud.com/studio/datadev/workflow?ProjectId={project_id}",
    "china": "https://{region}.wedata.cloud.tencent.com/studio/datadev/workflow?ProjectId={project_id}",
}
_CONSOLE_FIELDS = ("site", "region", "project_id", "task_id", "instance_key")
_URL = re.compile(r"(?:(?P<scheme>[a-z][a-z0-9+.-]*)://)?(?P<rest>.*)", re.DOTALL)
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\]")
_PORTS = {"https": 443, "http": 80}
_HIGHEST_PORT = 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """A connection's fields, parsed. Its repr shows no secrets.

    :param url: scheme and host of the endpoint, with the port unless it is the scheme's default.
    :param request_timeout: seconds for one attempt.
    :param retries: attempts after the first.
    """

    url: str
    credentials: Credentials
    region: str
    site: str = "international"
    project_id: str | None = None
    time_zone: Zone = Zone("UTC+8")  # noqa: RUF009 - frozen
    request_timeout: float = 30.0
    retries: int = 5
    requests_per_second: float = 20.0
    proxy: str | None = field(default=None, repr=False)  # may hold a password
    ca_bundle: str | None = None
    verify: bool = True
    language: str = "en-US"
    console_url: str = ""

    @property
    def host(self) -> str:
        """The endpoint as it is sent in the Host header."""
        return self.url.partition("://")[2]

    @property
    def plain(self) -> bool:
        """True if requests leave this machine unencrypted."""
        return self.url.startswith("http://") and not _is_loopback(urlsplit(self.url).hostname or "")

    def console_link(self, *, project_id: str, task_id: str = "", instance_key: str = "") -> str:
        """Return the link to WeData's console, each value quoted for a URL."""
        values = {
            "site": self.site,
            "region": self.region,
            "project_id": project_id,
            "task_id": task_id,
            "instance_key": instance_key,
        }
        return (self.console_url or _CONSOLES[self.site]).format_map(
            {name: quote(value, safe="", errors="replace") for name, value in values.items()}
        )

    @staticmethod
    def parse(
        *,
        login: str | None,
        password: str | None,
        host: str | None,
        port: int | None,
        extra: Mapping[str, Any],
        region: str | None = None,
    ) -> Settings:
        """Return the settings for a connection's fields.

        :param region: overrides the connection's.
        :raises InvalidRequest: naming the field, its value unless it is secret, and what was expected.
        """
        fields = {name: value for name, value in extra.items() if not _is_blank(value)}
        if region is not None:
            fields["region"] = region
        values = {name: parse(fields[name], name) for name, parse in _PARSERS.items() if name in fields}
        for name in fields:
            if name not in _PARSERS:
                known = (
                    ", ".join(get_close_matches(name, _PARSERS)) or f"some of {', '.join(sorted(_PARSERS))}"
                )
                raise InvalidRequest(name, f"unknown extra field; expected {known}")
        if "region" not in values:
            raise InvalidRequest("region", "missing; add it to the connection's extra, such as ap-singapore")
        values.pop("credential_source", None)
        credentials = Credentials(
            _secret(login, "login", "SecretId"),
            _secret(password, "password", "SecretKey"),
            values.pop("session_token", None),
        )
        allow_http = values.pop("allow_http", False)
        url = _endpoint(host or ENDPOINTS[values.get("site", "international")], port, allow_http=allow_http)
        return Settings(url=url, credentials=credentials, **values)


def parse_extra(text: str | None) -> dict[str, Any]:
    """Return a connection's extra as a mapping.

    :raises InvalidRequest: if it is not a JSON object, without its text, which may hold a secret.
    """
    try:
        extra = json.loads(text) if text else {}
    except ValueError:
        extra = None
    if not isinstance(extra, dict):
        raise InvalidRequest(
            "extra", 'is not a JSON object; expected one, such as {"region": "ap-singapore"}'
        )
    return extra


def _is_blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _secret(value: str | None, name: str, meaning: str) -> str:
    text = (value or "").strip()
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        problem = "missing" if not text else "has a character that no key contains"
        raise InvalidRequest(name, f"{problem}; expected the {meaning} of a Tencent Cloud API key")
    return text


def _endpoint(host: str, port: int | None, *, allow_http: bool) -> str:
    shown = describe(without_secrets(host.strip()))
    scheme, rest = _URL.fullmatch(host.strip().lower()).groups()  # type: ignore[union-attr]  # it always matches
    name, named_port = _host_and_port(rest.removesuffix("/") if scheme else rest, shown)
    if port and not 0 < port <= _HIGHEST_PORT:
        raise InvalidRequest("port", f"{port} is not a port; expected 1 to {_HIGHEST_PORT}")
    if named_port and port and named_port != port:
        raise InvalidRequest("port", f"{port} differs from the one in host, {shown}; give one of them")
    scheme = scheme or ("http" if _is_loopback(name.strip("[]")) else "https")
    if scheme not in _PORTS:
        raise InvalidRequest(
            "host", f"{shown} has the scheme {scheme!r}; expected https, or http on this machine"
        )
    if scheme == "http" and not _is_loopback(name.strip("[]")) and not allow_http:
        raise InvalidRequest(
            "host",
            f"{shown} is plain http and not this machine; use https, or set allow_http if you must",
        )
    number = named_port or port or _PORTS[scheme]
    return f"{scheme}://{name}" + (f":{number}" if number != _PORTS[scheme] else "")


def _host_and_port(text: str, shown: str) -> tuple[str, int | None]:
    name, port = text, ""
    if not text.endswith("]") and ":" in text:
        name, _, port = text.rpartition(":")
    valid = port.isdecimal() and 0 < int(port) <= _HIGHEST_PORT if port else name == text
    if valid and _HOST.fullmatch(name):
        return name, int(port) if port else None
    if valid and _HOST.fullmatch(name.replace("_", "-")):
        problem = (
            "has an underscore, which no host name may have; give that machine another name, or its address"
        )
    else:
        problem = "is not an endpoint; expected host, host:port or URL, without a path"
    raise InvalidRequest("host", f"{shown} {problem}")


def _is_loopback(name: str) -> bool:
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def _text(value: object, name: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise InvalidRequest(name, f"{describe(value)} is not valid; expected text")
    return str(value).strip()


def _file(value: object, name: str) -> str:
    text = _text(value, name)
    try:
        found = Path(text).exists()
    except (OSError, ValueError):  # a name that is too long, or contains NUL
        found = False
    if not found:
        raise InvalidRequest(
            name,
            f"{describe(value)} is not on this machine; expected a file or directory of certificates",
        )
    return text


def _region(value: object, name: str) -> str:
    text = _text(value, name)
    if not re.fullmatch(r"[a-z0-9-]+", text):
        raise InvalidRequest(name, f"{describe(value)} is not a region; expected one such as ap-singapore")
    return text


def _project(value: object, name: str) -> str:
    text = parse_text(
        value, name
    )  # the same check as for the filter, so that a wait accepts what its connection accepts
    if not text.isprintable() or " " in text:
        raise InvalidRequest(
            name, f"{describe(value)} is not a project; expected its id, such as 1460947878944567296"
        )
    return text


def _word(value: object, name: str) -> str:
    choices = EXTRAS[name]["schema"]["enum"]
    if value not in choices:
        raise InvalidRequest(name, f"{describe(value)} is not known; expected {' or '.join(choices)}")
    return str(value)


def _hidden(value: object, name: str) -> str:
    if not isinstance(value, str) or not value.strip().isascii() or not value.strip().isprintable():
        raise InvalidRequest(name, "is not valid; expected the text that Tencent Cloud issued")
    return value.strip()


def _number(value: object, name: str) -> float:
    """Return the number, if it is within the bounds of the field in the form."""
    schema = EXTRAS[name]["schema"]
    whole, low, high = "integer" in schema["type"], schema.get("minimum"), schema["maximum"]
    above = schema.get("exclusiveMinimum", -inf)
    number = _float(value)
    if not above < number <= high or (low is not None and number < low) or (whole and number % 1):
        kind, bound = (
            "a whole number" if whole else "a number",
            f"above {above}" if low is None else f"from {low}",
        )
        raise InvalidRequest(name, f"{describe(value)} is not valid; expected {kind} {bound} to {high}")
    return int(number) if whole else number


def _float(value: object) -> float:
    """Return the number, also from text; NaN, which is within no bounds, for anything else."""
    try:
        return float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else nan
    except (ValueError, OverflowError):
        return nan


def _switch(value: object, name: str) -> bool:
    words = {"true": True, "false": False}
    known = words.get(value.strip().lower()) if isinstance(value, str) else value
    if not isinstance(known, bool):
        raise InvalidRequest(name, f"{describe(value)} is not valid; expected true or false")
    return known


def _proxy(value: object, name: str) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if "://" not in text and not re.search(r":[0-9]+/?$", text):  # no other secret may pass for a host
        raise InvalidRequest(
            name, "is not a proxy; expected a URL such as http://proxy.example.com:3128, or host:port"
        )
    return parse_proxy(text, name)


def _console(value: object, name: str) -> str:
    template = _text(value, name)
    try:
        names = {part for _, part, _, _ in Formatter().parse(template) if part is not None}
        filled = template.format_map(dict.fromkeys(_CONSOLE_FIELDS, ""))
    except (ValueError, LookupError, AttributeError):
        names, filled = {template}, ""
    if names - set(_CONSOLE_FIELDS) or not filled.startswith(("https://", "http://")):
        fields = ", ".join(f"{{{known}}}" for known in _CONSOLE_FIELDS)
        raise InvalidRequest(
            name,
            f"{describe(without_secrets(template))} is not a template; expected a URL with some of {fields}",
        )
    return template


_PARSERS: dict[str, Callable[[Any, str], Any]] = {
    "region": _region,
    "site": _word,
    "project_id": _project,
    "time_zone": Zone.parse,
    "credential_source": _word,
    "session_token": _hidden,
    "request_timeout": _number,
    "retries": _number,
    "requests_per_second": _number,
    "proxy": _proxy,
    "ca_bundle": _file,
    "verify": _switch,
    "allow_http": _switch,
    "language": _word,
    "console_url": _console,
}
