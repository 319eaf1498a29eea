"""A small share of `make fuzz`, in every run of the tests."""

from __future__ import annotations

from random import Random

import pytest

from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_odd_input_meets_only_our_own_errors_or_a_right_result(name: str) -> None:
    for number in range(1500):
        TARGETS[name](Random(f"0-{name}-{number}"))  # noqa: S311 - to be repeated, not to be secret
