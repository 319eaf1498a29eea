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


KINDS = {
    kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.ApiError)
}


def test_a_wait_ends_where_asking_again_cannot_help() -> None:
    final = {errors.InvalidRequest, errors.AuthRefused, errors.PermissionRefused, errors.ParameterRefused}
    assert final == {kind for kind in KINDS if kind.final}


def test_what_passes_is_sent_again() -> None:
    passing = {
        errors.NoAnswer,
        errors.UnreadableAnswer,
        errors.UnreadableField,
        errors.Throttled,
        errors.ServerTrouble,
    }
    assert passing == {kind for kind in KINDS if kind.resends is None}
    assert {errors.InternalTrouble: 2} == {kind: kind.resends for kind in KINDS if kind.resends}
