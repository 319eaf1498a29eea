"""Decodes the body of a response: from compressed bytes to JSON without unencodable characters.

Status, headers and the meaning of the JSON are left to exchange.py.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import zlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Bytes of a body, compressed or not. A page of 100 instances has about 100,000.
MOST_BYTES = 4 << 20
#: Content encodings: the one that we request, and those that change nothing.
_GZIP = frozenset({"gzip", "x-gzip"})
_PLAIN = frozenset({"", "identity"})
#: Python refuses to convert more than 4,300 digits to an integer.
_MOST_DIGITS = 4000

#: Half a surrogate pair, which UTF-8 can't encode, and U+0000, which PostgreSQL refuses.
_HALF = re.compile("[\ud800-\udfff]")
_UNCARRIED = re.compile("[\0\ud800-\udfff]")
#: The same as JSON escapes. Also matches the first half of a whole pair, such as an emoji.
_SUSPECT = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
_ESCAPE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # a whole pair
    r"|(\\u(?:0000|[dD][89a-fA-F][0-9a-fA-F]{2}))"
    r"|\\."
)


class BrokenBody(Exception):
    """A body that is truncated or not compressed as its header says."""


def is_too_large(headers: Mapping[str, str], size: int = 0) -> bool:
    """Return whether a response is larger than any of WeData's, by its Content-Length or by the bytes received."""
    try:
        announced = float(headers.get("content-length", "0"))  # int() refuses 5,000 digits
    except ValueError:
        announced = 0
    return announced > MOST_BYTES or size > MOST_BYTES


def unpack(body: bytes, encoding: str) -> bytes | None:
    """Decompress the body, up to one byte more than `MOST_BYTES`.

    :param encoding: its Content-Encoding.
    :returns: None if we did not request this encoding.
    :raises BrokenBody: if it can't be decompressed to its end.
    """
    name = encoding.strip().lower()
    if name in _PLAIN:
        return body
    if name not in _GZIP:
        return None
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(body), mode="rb") as packed:
            return packed.read(MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise BrokenBody(str(error)) from error


def parse_json(body: bytes) -> Any:
    r"""Parse JSON; replace half surrogates and U+0000 in its texts and keys by escapes such as ``\ud83d``.

    Airflow's inter-process messages, databases and UTF-8 files can't hold those characters.

    :raises ValueError: if the body is not JSON.
    :raises RecursionError: if it is nested too deeply.
    """
    text = _decode(body)
    if _SUSPECT.search(text):
        text = _ESCAPE.sub(lambda found: rf"\{found[1].lower()}" if found[1] else found[0], text)
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise
    except ValueError:  # an integer with too many digits for Python; kept as text, its field may not matter
        return json.loads(
            text, parse_int=lambda digits: int(digits) if len(digits) < _MOST_DIGITS else digits
        )


def spell_out(text: str) -> str:
    r"""Return the text with half surrogates and U+0000 replaced by escapes such as ``\ud83d``."""
    return _UNCARRIED.sub(lambda found: rf"\u{ord(found[0]):04x}", text)


def _decode(body: bytes) -> str:
    encoding = json.detect_encoding(body)
    try:
        return body.decode(encoding)
    except UnicodeDecodeError:  # perhaps unescaped half surrogates; JSON needs two backslashes
        text = body.decode(encoding, "surrogatepass")
        return _HALF.sub(lambda found: rf"\\u{ord(found[0]):04x}", text)
