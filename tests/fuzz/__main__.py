"""Try the targets with a number of odd inputs: `python -m tests.fuzz 100000 [seed]`."""

from __future__ import annotations

import sys
from collections import Counter
from random import Random

from tests.fuzz.targets import TARGETS


def main(count: int, seed: int) -> int:
    """Try `count` inputs and return 0; raises what a target raises, after printing the input that led to it."""
    tried: Counter[str] = Counter()
    names = list(TARGETS)
    for number in range(count):
        name = names[number % len(names)]
        try:
            TARGETS[name](Random(f"{seed}-{name}-{number}"))  # noqa: S311 - to be repeated, not to be secret
        except Exception as error:
            print(f"{name}, input {seed}-{name}-{number}: {type(error).__name__}: {str(error)[:300]}")
            raise
        tried[name] += 1
    print(f"{count} inputs tried, seed {seed}: " + ", ".join(f"{name} {n}" for name, n in tried.items()))
    return 0


if __name__ == "__main__":
    arguments = [int(text) for text in sys.argv[1:]] + [100_000, 1][len(sys.argv) - 1 :]
    sys.exit(main(*arguments))
