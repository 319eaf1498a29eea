"""The errors that Airflow users see keep their text however Airflow serializes them."""

from __future__ import annotations

import pickle
from importlib import import_module
from typing import Any

import pytest

from airflow_provider_wedata.api import errors
from airflow_provider_wedata.exceptions import WeDataApiError, WeDataAuthError, WeDataError, from_api


def kinds(base: type[Exception]) -> list[type[Exception]]:
    return [base, *(kind for below in base.__subclasses__() for kind in kinds(below))]


def as_airflow_keeps_it(error: Any) -> Any:
    name, arguments, named = error.serialize()
    module, _, kind = name.rpartition(".")
    return getattr(import_module(module), kind)(*arguments, **named)


@pytest.mark.parametrize("kind", kinds(WeDataError))
def test_an_error_comes_back_as_it_was(kind: type[WeDataError]) -> None:
    made: Any = kind
    error = made("no", code="A.B", request_id="r") if issubclass(kind, WeDataApiError) else made("no")
    for again in (pickle.loads(pickle.dumps(error)), as_airflow_keeps_it(error)):  # noqa: S301 - ours
        assert (kind, str(error), vars(error)) == (type(again), str(again), vars(again))


def test_a_translated_error_says_code_message_request_and_what_to_do() -> None:
    error = from_api(errors.AuthRefused("AuthFailure.TokenFailure", "no", "r"))
    assert isinstance(error, WeDataAuthError)
    assert str(error) == f"AuthFailure.TokenFailure: no (RequestId r). {error.advice}"
