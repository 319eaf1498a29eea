"""The body of an answer: from bytes on the wire to JSON whose texts everything can carry. Knows no HTTP."""

from __future__ import annotations

import gzip
import io
import json
import re
import zlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Bytes of a body, packed or not. A page of 100 instances has some 100,000.
MOST_BYTES = 4 << 20
#: What we ask for, and what no answer needs to ask.
_GZIP = frozenset({"gzip", "x-gzip"})
_PLAIN = frozenset({"", "identity"})
#: Python refuses to make an integer of some 4,300 digits.
_MOST_DIGITS = 4000

#: Half a surrogate pair, which no UTF-8 can say, and U+0000, which PostgreSQL refuses.
_HALF = re.compile("[\ud800-\udfff]")
_UNCARRIED = re.compile("[\0\ud800-\udfff]")
#: The same as escapes in JSON, or an emoji, which is a whole pair.
_SUSPECT = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
_ESCAPE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # a whole pair
    r"|(\\u(?:0000|[dD][89a-fA-F][0-9a-fA-F]{2}))"
    r"|\\."
)


class BrokenBody(Exception):
    """A body that is cut, or is not packed as its header says."""


def is_too_large(headers: Mapping[str, str], size: int = 0) -> bool:
    """Return whether an answer is larger than any of WeData's, by the bytes that were read or by its header."""
    try:
        announced = float(headers.get("content-length", "0"))  # an int of 5,000 digits would be an error
    except ValueError:
        announced = 0
    return announced > MOST_BYTES or size > MOST_BYTES


def unpack(body: bytes, encoding: str) -> bytes | None:
    """Return the body as it was before it was packed, but not more than one byte over `MOST_BYTES`.

    :param encoding: its Content-Encoding.
    :returns: None if that is one that we did not ask for.
    :raises BrokenBody: if it can't be unpacked to its end.
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
    r"""Return the JSON; half surrogates and U+0000 in its texts and keys are spelled out, such as ``\ud83d``.

    Nobody else could carry them: not the channel between Airflow's processes, no database, no file in UTF-8.

    :raises ValueError: if it is none. Also RecursionError.
    """
    text = _decode(body)
    if _SUSPECT.search(text):
        text = _ESCAPE.sub(lambda found: rf"\{found[1].lower()}" if found[1] else found[0], text)
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise
    except ValueError:  # an integer with more digits than Python turns into one; its field may decide nothing
        return json.loads(
            text, parse_int=lambda digits: int(digits) if len(digits) < _MOST_DIGITS else digits
        )


def spell_out(text: str) -> str:
    r"""Return a text with half surrogates and U+0000 spelled out, such as ``\ud83d``."""
    return _UNCARRIED.sub(lambda found: rf"\u{ord(found[0]):04x}", text)


def _decode(body: bytes) -> str:
    encoding = json.detect_encoding(body)
    try:
        return body.decode(encoding)
    except UnicodeDecodeError:  # half surrogates as they are, perhaps; in JSON, a backslash is written twice
        text = body.decode(encoding, "surrogatepass")
        return _HALF.sub(lambda found: rf"\\u{ord(found[0]):04x}", text)
