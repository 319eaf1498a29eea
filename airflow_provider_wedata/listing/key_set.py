"""Remembers which keys were seen, in little memory: 64 bits of each, in a table without pointers.

Two keys with the same 64 bits count as one. The probability is 3 in 100 million for a million keys.
"""

from __future__ import annotations

from array import array
from hashlib import blake2b

_SHARDS = 16
_SMALLEST = 1024


def fingerprint(key: str) -> int:
    """Return a 64-bit hash of the key; never 0."""
    digest = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") or 1


class KeySet:
    """A set that only grows, with 12 to 24 bytes per key. Python's own takes 80.

    It is sharded so that only one part is copied at a time while it grows.
    """

    def __init__(self) -> None:
        self._shards = [_Shard() for _ in range(_SHARDS)]

    def add(self, key: str) -> bool:
        """Add the key, and return whether it is new."""
        number = fingerprint(key)
        return self._shards[number % _SHARDS].add(number)

    def __len__(self) -> int:
        return sum(shard.used for shard in self._shards)


class _Shard:
    """A table with open addressing; 0 marks a free place."""

    def __init__(self) -> None:
        self.used = 0
        self._table = _free(_SMALLEST)

    def add(self, number: int) -> bool:
        if not _put(self._table, number):
            return False
        self.used += 1
        if 3 * self.used > 2 * len(self._table):
            larger = _free(2 * len(self._table))
            for other in self._table:
                if other:
                    _put(larger, other)
            self._table = larger
        return True


def _free(places: int) -> array[int]:
    return array("Q", bytes(8 * places))


def _put(table: array[int], number: int) -> bool:
    last = len(table) - 1  # the length is a power of 2
    at = (number // _SHARDS) & last
    while other := table[at]:
        if other == number:
            return False
        at = (at + 1) & last
    table[at] = number
    return True
