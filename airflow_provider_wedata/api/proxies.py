"""What a proxy must look like, whoever names it. Which one is used is chosen in transport.py.

No message here repeats anything of a proxy's text, for a password may stand anywhere in it.
"""

from __future__ import annotations

import re
from base64 import b64encode
from importlib.util import find_spec
from ipaddress import ip_address
from urllib.parse import SplitResult, quote, unquote, urlsplit

from airflow_provider_wedata.api.errors import InvalidRequest

_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
#: What `socket` takes: it raises an error of another kind for a label that is empty or longer.
_LABEL = re.compile(r"[A-Za-z0-9_-]{1,63}")
_SOCKS_LIBRARIES = ("socks", "socksio")  # requests needs the one, httpx the other


def parse_proxy(text: str, field: str) -> str:
    """Return the URL of a proxy as both clients take it: scheme, user, host and port, and nothing else.

    Without a scheme it is http, as in requests. Every SOCKS proxy looks names up by itself, for httpx has no
    other way.

    :param field: what names it, for the message.
    :raises InvalidRequest: if it can't be one.
    """
    text = text.strip()
    try:
        parts = _split(text if "://" in text else f"http://{text.lstrip('/')}")
        scheme, host, port = parts.scheme, _host(parts.hostname or ""), parts.port
        user = _user(parts)
    except ValueError:
        raise InvalidRequest(
            field, "is not a proxy; expected a URL such as http://proxy.example.com:3128"
        ) from None
    if scheme not in _PORTS or port == 0:
        raise InvalidRequest(
            field,
            f"is not a usable proxy; expected {', '.join(_PORTS)} as its scheme, and a port from 1",
        )
    number = port or _PORTS[scheme]
    return f"{'socks5h' if scheme == 'socks5' else scheme}://{user}{host}:{number}"


def check_installed(proxy: str, field: str) -> None:
    """Refuse a SOCKS proxy where a library for it is missing: of either client, so that all modes agree.

    :raises InvalidRequest: naming what to install.
    """
    if proxy.startswith("socks") and not all(map(find_spec, _SOCKS_LIBRARIES)):
        raise InvalidRequest(
            field,
            "is a SOCKS proxy, and no library for that is installed here; install "
            "airflow-provider-wedata[socks]",
        )


def without_user(proxy: str) -> tuple[str, dict[str, str]]:
    """Return a parsed proxy without its user, and the header that tells it, as requests writes it."""
    parts = urlsplit(proxy)
    user, at, place = parts.netloc.rpartition("@")
    headers = (
        {"Proxy-Authorization": f"Basic {b64encode(unquote(user).encode('latin1')).decode()}"} if at else {}
    )
    return f"{parts.scheme}://{place}", headers


def _split(url: str) -> SplitResult:
    if not url.isprintable():  # urlsplit would leave some of that out, silently
        raise ValueError("not printable")
    return urlsplit(url)


def _host(name: str) -> str:
    if ":" in name:
        return f"[{ip_address(name)}]"
    if not all(_LABEL.fullmatch(label) for label in name.removesuffix(".").split(".")):
        raise ValueError(name)
    return name


def _user(parts: SplitResult) -> str:
    """Return user and password as they go before the host; a user without a password is none, as in requests."""
    if not parts.username or parts.password is None:
        return ""
    user, password = unquote(parts.username), unquote(parts.password)
    (user + password).encode("latin1")  # more a proxy's authentication can't carry, by requests' rules
    return f"{quote(user, safe='')}:{quote(password, safe='')}@"
