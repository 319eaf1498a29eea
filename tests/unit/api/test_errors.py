"""Which error a code of WeData's is."""

from __future__ import annotations

import pytest

from airflow_provider_wedata.api import errors
from airflow_provider_wedata.api.errors import Refused


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("RequestLimitExceeded", "Throttled"),
        ("RequestLimitExceeded.GlobalRegionUinLimitExceeded", "Throttled"),
        ("InternalError.UnknownError", "InternalTrouble"),
        ("ResourceInUse", "ServerTrouble"),
        ("ResourceUnavailable", "ServerTrouble"),
        ("InvalidParameter.ServiceIsBusy", "ServerTrouble"),
        ("InvalidParameter.ServiceIsBusy.Very", "ServerTrouble"),
        ("InvalidParameter.ServiceIsBusyToday", "ParameterRefused"),
        ("InvalidParameter", "ParameterRefused"),
        ("InvalidParameter.ClientIpNotAuthorized", "PermissionRefused"),
        ("InvalidParameterValue.ValidationError", "ParameterRefused"),
        ("InvalidParameterOfAnotherKind", "Refused"),
        ("AuthFailure", "AuthRefused"),
        ("AuthFailure.SignatureExpire", "AuthRefused"),
        ("AuthFailure.UnauthorizedOperation", "PermissionRefused"),
        ("UnauthorizedOperation.UserNotInProject", "PermissionRefused"),
        ("OperationDenied.UserNotInWhitelistError", "PermissionRefused"),
        ("MissingParameter", "ParameterRefused"),
        ("UnsupportedRegion", "ParameterRefused"),
        ("FailedOperation", "Refused"),
        ("FailedOperation.ExecutorClusterStatusError", "Refused"),
        ("LimitExceeded", "Refused"),
        ("ResourceNotFound.ResultExpired", "Refused"),
        ("requestlimitexceeded", "Refused"),
        (".", "Refused"),
        ("", "Refused"),
    ],
)
def test_the_longest_prefix_at_a_dot_decides(code: str, name: str) -> None:
    error = Refused.of(code, "why", "r-1")
    assert (name, code, "why", "r-1") == (type(error).__name__, error.code, error.message, error.request_id)


@pytest.mark.parametrize(
    ("name", "resends", "final"),
    [
        ("InvalidRequest", 0, True),
        ("NoAnswer", None, False),
        ("UnreadableAnswer", None, False),
        ("ContradictoryAnswer", 0, False),
        ("ListNotAtRest", 0, False),
        ("Refused", 0, False),
        ("Throttled", None, False),
        ("ServerTrouble", None, False),
        ("InternalTrouble", 2, False),
        ("AuthRefused", 0, True),
        ("PermissionRefused", 0, True),
        ("ParameterRefused", 0, True),
    ],
)
def test_each_kind_says_how_often_it_is_worth_another_try_and_whether_a_wait_ends(
    name: str, resends: int | None, final: bool
) -> None:
    kind = getattr(errors, name)
    assert (resends, final) == (kind.resends, kind.final)
    assert issubclass(kind, errors.ApiError)
