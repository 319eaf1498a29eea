"""The troubleshooting page matches the errors."""

from __future__ import annotations

from pathlib import Path

from airflow_provider_wedata import exceptions
from airflow_provider_wedata.api import errors

PAGE = (Path(__file__).parents[2] / "docs" / "troubleshooting.md").read_text()
ROWS = {
    cells[1].strip("` "): (cells[2].strip("` "), cells[3].strip())
    for line in PAGE.splitlines()
    if line.startswith("| `") and (cells := line.split("|"))
}


def test_every_error_has_its_entry() -> None:
    named = {
        name
        for name, value in vars(exceptions).items()
        if name.startswith("WeData") and isinstance(value, type)
    }
    assert {name for name in named - {"WeDataError"} if f"### `{name}`" not in PAGE} == set()


def test_every_code_with_its_own_error_has_a_correct_row() -> None:
    def describe(code: str) -> tuple[str, str]:
        error = errors.Refused.of(code, "")
        again = "sent again" + (", twice at most" if error.resends else "")
        return type(exceptions.from_api(error)).__name__, "ends a wait" if error.final else again

    assert {code: describe(code) for code in errors._CODES} == ROWS
