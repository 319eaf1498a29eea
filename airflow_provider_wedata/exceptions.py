"""The errors that Airflow users see, and the only translation of errors from api/ and export/ into them.

    WeDataError                      an AirflowException
    ├── WeDataConfigError            connection, filter or parameter is wrong           not retried
    ├── WeDataConnectionError        a connection can't be read: missing, or a secrets backend failed
    ├── WeDataApiError               WeData refused, did not answer, or its answer is unreadable
    │   ├── WeDataAuthError          key, token or clock                                not retried
    │   ├── WeDataPermissionError    rights                                             not retried
    │   ├── WeDataParameterError     a request that can't succeed                       not retried
    │   └── WeDataThrottledError     over the request limit
    ├── WeDataTriggerError           a wait could not go on in the triggerer, or come back from it
    ├── WeDataExportError            a file could not be written; nothing was published
    ├── WeDataInstanceFailed         an instance that was waited for failed
    ├── WeDataInstanceSkipped        instances ended as SKIP_RUNNING: the wait would never end
    └── WeDataInstanceMissing        nothing appeared by `appear_timeout`

An error marked "not retried" is also an `AirflowFailException`: Airflow spends no retry on what a retry can't fix.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from airflow_provider_wedata.api import errors
from airflow_provider_wedata.api.body import spell_out
from airflow_provider_wedata.export.errors import AlreadyThere, BadPath, ExportError

if TYPE_CHECKING:
    from collections.abc import Iterator


class WeDataError(AirflowException):
    """The base class of all errors that this provider raises."""


class WeDataConfigError(WeDataError, AirflowFailException):
    """The connection, a filter or a parameter is wrong; nothing was sent to WeData."""


class WeDataConnectionError(WeDataError):
    """Airflow can't read a connection: it is missing, or a secrets backend failed, which a retry may fix."""


class WeDataApiError(WeDataError):
    """WeData refused the request, did not answer, or its answer can't be parsed.

    :param code: WeData's error code; empty if there was none.
    :param message: WeData's own text, or what happened.
    :param request_id: the id that Tencent Cloud's support needs; empty if there was no answer.
    """

    #: What the user can do about it.
    advice = ""

    def __init__(self, message: str, *, code: str = "", request_id: str = "") -> None:
        super().__init__(message)  # all that pickle needs: it restores the attributes itself
        self.code = code
        self.message = message
        self.request_id = request_id

    def __str__(self) -> str:
        known = f"{self.code}: {self.message} (RequestId {self.request_id or 'unknown'})"
        text = known if self.code else self.message
        return f"{text}. {self.advice}" if self.advice else text

    def serialize(self) -> tuple[str, tuple[str, ...], dict[str, str]]:
        """Return the parts from which Airflow rebuilds the error where it stores errors as JSON."""
        kind = type(self)
        attributes = {"code": self.code, "request_id": self.request_id}
        return f"{kind.__module__}.{kind.__qualname__}", (self.message,), attributes


class WeDataAuthError(WeDataApiError, AirflowFailException):
    """The SecretId, the SecretKey, the session token or this machine's clock is wrong."""

    advice = "Check SecretId and SecretKey (login and password) and session_token of the connection"


class WeDataPermissionError(WeDataApiError, AirflowFailException):
    """The key is valid but lacks permissions: a CAM policy for WeData, or membership of the project."""

    advice = (
        "Give the key's user a CAM policy for WeData, such as QcloudWeDataReadOnlyAccess, make it a member of "
        "the project, and check the project's allowlist"
    )


class WeDataParameterError(WeDataApiError, AirflowFailException):
    """WeData refuses the request's parameters; the same request can never succeed."""

    advice = "Check region and project_id (the project must be in that region) and the filters"


class WeDataThrottledError(WeDataApiError):
    """Over WeData's request limit, after all attempts."""

    advice = (
        "Others may share the limit; lower requests_per_second in the connection, or run fewer tasks at once"
    )


class WeDataExportError(WeDataError):
    """A file could not be written: the disk is full, the store can't be reached, or no instance matched."""


class WeDataTriggerError(WeDataError, ValueError):
    """A wait could not continue in the triggerer, or its event is not understood. A retry starts a new wait."""


class WeDataInstanceFailed(WeDataError):
    """An instance that was waited for failed in WeData. A retry of the task polls again."""


class WeDataInstanceSkipped(WeDataError):
    """Instances ended as SKIP_RUNNING, which is in none of the sensor's sets of states."""


class WeDataInstanceMissing(WeDataError):
    """No instance appeared by `appear_timeout`."""


#: What to do if nothing answered, or perhaps something other than WeData.
_CHECK_ENDPOINT = (
    "Check host, port, site and proxy of the connection, and that the workers, the triggerer and the api-server "
    "can reach the endpoint"
)
#: What to do about an answer that this provider does not know.
_REPORT = (
    "A retry may help; if it does not, report the field and its value, which this provider does not know"
)
_REFUSALS: dict[type[errors.ApiError], type[WeDataApiError]] = {
    errors.AuthRefused: WeDataAuthError,
    errors.PermissionRefused: WeDataPermissionError,
    errors.ParameterRefused: WeDataParameterError,
    errors.Throttled: WeDataThrottledError,
}


def from_api(error: errors.ApiError) -> WeDataError:
    """Return the error that Airflow users see."""
    if isinstance(error, errors.InvalidRequest):
        return WeDataConfigError(str(error))
    if isinstance(error, errors.ConnectionUnreadable):
        return WeDataConnectionError(str(error))
    if isinstance(error, errors.Refused):
        kind = _REFUSALS.get(type(error), WeDataApiError)
        return kind(error.message, code=error.code, request_id=error.request_id)
    if isinstance(error, errors.UnreadableField):
        return WeDataApiError(f"{error}. {_REPORT}")
    if isinstance(error, errors.NoAnswer | errors.UnreadableAnswer):
        return WeDataApiError(f"{error}. {_CHECK_ENDPOINT}")
    return WeDataApiError(str(error))


def from_export(error: ExportError) -> WeDataError:
    """Return the error that Airflow users see."""
    text = spell_out(f"output_path: {error}")  # a store's error may hold any text
    if isinstance(error, BadPath | AlreadyThere):  # a retry would fail the same way
        return WeDataConfigError(text)
    return WeDataExportError(text)


@contextmanager
def as_airflow_errors() -> Iterator[None]:
    """Translate the errors that the block raises."""
    try:
        yield
    except errors.ApiError as error:
        raise from_api(error) from error
    except ExportError as error:
        raise from_export(error) from error


@contextmanager
def as_api_errors() -> Iterator[None]:
    """Raise what such an error was made of: by that a wait knows whether it goes on."""
    try:
        yield
    except WeDataError as error:
        if isinstance(error.__cause__, errors.ApiError):
            raise error.__cause__ from None
        raise
