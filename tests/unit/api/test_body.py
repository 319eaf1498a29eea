"""The body of a response: decompressed up to a limit, and without characters that others can't encode."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_wedata.api.body import (
    MOST_BYTES,
    BrokenBody,
    is_too_large,
    parse_json,
    spell_out,
    unpack,
)

#: What hypothesis seldom makes by itself: halves, and what looks like their spelling.
PIECES = st.sampled_from(["\ud83d", "\ude00", "\0", "\\", "u", "d83d", "0000", '"', "😀", "任", "a"])
TEXTS = st.lists(PIECES | st.characters(), max_size=8).map("".join)
JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


def joined(text: str) -> str:
    """Return the text as JSON's escapes mean it: two halves make a whole character."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def spelled(value: Any) -> Any:
    """Return the value as `parse_json` must return it: only half surrogates and U+0000 are replaced."""
    if isinstance(value, str):
        return re.sub("[\0\ud800-\udfff]", lambda found: f"\\u{ord(found[0]):04x}", joined(value))
    if isinstance(value, list):
        return [spelled(item) for item in value]
    return (
        {spelled(name): spelled(item) for name, item in value.items()} if isinstance(value, dict) else value
    )


@settings(max_examples=100)
@given(JSONS)
def test_escaped_or_not_every_text_can_be_carried_and_no_other_changes(value: Any) -> None:
    escaped = json.dumps(value)
    assert [spelled(value)] * 2 == [parse_json(escaped.encode()), parse_json(escaped.encode("utf-16"))]
    plain = json.dumps(parse_json(escaped.encode()), ensure_ascii=False)
    assert "\0" not in plain.encode().decode()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (rb'"\ud83d"', r"\ud83d"),
        (rb'"\uD83D!"', r"\ud83d!"),
        (rb'"\u0000"', r"\u0000"),
        (rb'"\\ud83d \\u0000"', r"\ud83d \u0000"),
        (rb'"\\\ud83d"', r"\\ud83d"),
        (rb'"\ud83d\ude00"', "😀"),
        (rb'"\ud83d\ud83d\ude00\ude00"', r"\ud83d😀\ude00"),
        (b'"\xed\xa0\xbd"', r"\ud83d"),
        (b'"\xf0\x9f\x98\x80"', "😀"),
        (rb'{"\udc00": ["\ud83d"]}', {r"\udc00": [r"\ud83d"]}),
        (b'\xef\xbb\xbf"a"', "a"),
    ],
)
def test_halves_and_nul_are_spelled_out_and_pairs_are_not(body: bytes, expected: Any) -> None:
    assert expected == parse_json(body)


@pytest.mark.parametrize(
    "body", [b"", b"\xff", b'"\0"', rb'"\ud83"', rb'"\u000"', rb'"\x"', rb"\ud83d", b'"a', rb'"\ud83d']
)
def test_what_is_no_json_stays_none(body: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        parse_json(body)


def test_numbers_without_end_are_texts_beside_a_half_too() -> None:
    digits = "9" * 5000
    assert {"a": digits, "b": r"\ud83d"} == parse_json(f'{{"a": {digits}, "b": "\\ud83d"}}'.encode())


def test_a_users_text_is_spelled_out_likewise() -> None:
    assert r"a\u0000\ud83d😀" == spell_out("a\0\ud83d😀")


@pytest.mark.parametrize("encoding", ["", " ", "identity", "Identity"])
def test_a_plain_body_stays_as_it_is(encoding: str) -> None:
    assert unpack(b"\x1f\x8b", encoding) == b"\x1f\x8b"


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", " x-gzip "])
@pytest.mark.parametrize("end", [b"", gzip.compress(b""), b"\0" * 512])
def test_all_members_of_gzip_are_read(encoding: str, end: bytes) -> None:
    assert unpack(gzip.compress(b"ab") + gzip.compress(b"cd") + end, encoding) == b"abcd"
    assert unpack(b"", encoding) == b""


@pytest.mark.parametrize("encoding", ["deflate", "br", "zstd", "gzip, gzip", "compress", "\xff"])
def test_no_other_packing_is_unpacked(encoding: str) -> None:
    assert unpack(zlib.compress(b"ab"), encoding) is None


PACKED = gzip.compress(b"ab" * 1000)


@pytest.mark.parametrize(
    "body",
    [b"no gzip", *(PACKED[:end] for end in range(1, len(PACKED))), PACKED + b"!", PACKED[:-8] + b"\0" * 8],
)
def test_what_is_cut_or_broken_raises(body: bytes) -> None:
    with pytest.raises(BrokenBody):
        unpack(body, "gzip")


def test_no_more_is_unpacked_than_what_tells_that_it_is_too_much() -> None:
    assert MOST_BYTES + 1 == len(unpack(gzip.compress(b"a" * (3 * MOST_BYTES)), "gzip") or b"")
    assert MOST_BYTES == len(unpack(gzip.compress(b"a" * MOST_BYTES), "gzip") or b"")


@pytest.mark.parametrize(
    ("length", "size", "too_large"),
    [
        (None, MOST_BYTES, False),
        (None, MOST_BYTES + 1, True),
        (str(MOST_BYTES), 0, False),
        (str(MOST_BYTES + 1), 0, True),
        ("9" * 5000, 0, True),
        ("some", 0, False),
        ("nan", MOST_BYTES + 1, True),
    ],
)
def test_a_body_is_too_large_by_its_header_or_by_itself(
    length: str | None, size: int, too_large: bool
) -> None:
    headers = {} if length is None else {"content-length": length}
    assert too_large == is_too_large(headers, size)
