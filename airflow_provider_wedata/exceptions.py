"""The errors as Airflow users meet them, and the one place that translates those of api/ and export/ into them.

    WeDataError                      an AirflowException
    ├── WeDataConfigError            connection, filter or parameter is wrong           not retried
    ├── WeDataApiError               WeData said no, said nothing or said nonsense
    │   ├── WeDataAuthError          key, token or clock                                not retried
    │   ├── WeDataPermissionError    rights                                             not retried
    │   ├── WeDataParameterError     a request that can't succeed                       not retried
    │   └── WeDataThrottledError     over the request limit
    ├── WeDataTriggerError           a wait could not go on in the triggerer, or come back from it
    ├── WeDataExportError            a file could not be written; nothing was published
    ├── WeDataInstanceFailed         an instance that was waited for failed
    ├── WeDataInstanceSkipped        instances ended as SKIP_RUNNING: the wait would never end
    └── WeDataInstanceMissing        nothing appeared by `appear_timeout`

"Not retried" ones are `AirflowFailException` too: Airflow spends no retry on what a retry can't mend.
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
    """Anything that this provider raises on purpose."""


class WeDataConfigError(WeDataError, AirflowFailException):
    """The connection, a filter or a parameter is wrong; nothing was sent to WeData."""


class WeDataApiError(WeDataError):
    """WeData refused, did not answer, or answered what can't be read.

    :param code: WeData's error code; empty if there was no such answer.
    :param message: WeData's own text, or what happened.
    :param request_id: what Tencent Cloud's support asks for; empty if there was no answer.
    """

    #: What the user can do about it.
    advice = ""

    def __init__(self, message: str, *, code: str = "", request_id: str = "") -> None:
        super().__init__(message)  # what a pickle is made from, and its attributes are put back
        self.code = code
        self.message = message
        self.request_id = request_id

    def __str__(self) -> str:
        known = f"{self.code}: {self.message} (RequestId {self.request_id or 'unknown'})"
        told = known if self.code else self.message
        return f"{told}. {self.advice}" if self.advice else told

    def serialize(self) -> tuple[str, tuple[str, ...], dict[str, str]]:
        """Return what Airflow makes the error from again where it keeps errors as JSON."""
        kind = type(self)
        attributes = {"code": self.code, "request_id": self.request_id}
        return f"{kind.__module__}.{kind.__qualname__}", (self.message,), attributes


class WeDataAuthError(WeDataApiError, AirflowFailException):
    """The SecretId, the SecretKey, the session token or this machine's clock is wrong."""

    advice = "Check SecretId and SecretKey (login and password) and session_token of the connection"


class WeDataPermissionError(WeDataApiError, AirflowFailException):
    """The key is right, its rights are not: WeData wants a CAM policy and a membership of the project."""

    advice = (
        "Give the key's user a CAM policy for WeData, such as QcloudWeDataReadOnlyAccess, make it a member of "
        "the project, and check the project's allowlist"
    )


class WeDataParameterError(WeDataApiError, AirflowFailException):
    """WeData says that this request can never succeed."""

    advice = "Check region and project_id (both must belong together) and the filters"


class WeDataThrottledError(WeDataApiError):
    """Over WeData's request limit, after all attempts."""

    advice = "Others may share the limit; lower requests_per_second in the connection, or run fewer at once"


class WeDataExportError(WeDataError):
    """A file could not be written: the disk is full, the store is lost, or no instance matched."""


class WeDataTriggerError(WeDataError, ValueError):
    """A wait could not go on in the triggerer, or what came back is not understood. A retry starts anew."""


class WeDataInstanceFailed(WeDataError):
    """An instance that was waited for failed in WeData. A retry of the task looks again."""


class WeDataInstanceSkipped(WeDataError):
    """Instances ended as SKIP_RUNNING, of which neither `allowed_states` nor `skipped_states` speaks."""


class WeDataInstanceMissing(WeDataError):
    """No instance appeared by `appear_timeout`."""


#: What to do where it was perhaps not WeData who answered, or nobody did.
_MEND_ENDPOINT = (
    "Check host, port, site and proxy of the connection, and that this machine may reach it; the workers, the "
    "triggerer and the api-server must, too"
)
#: What to do where WeData answered in a way that nobody has seen yet.
_REPORT = "A retry may help; if it does not, report the field and its value: this provider does not know it"
_REFUSALS: dict[type[errors.ApiError], type[WeDataApiError]] = {
    errors.AuthRefused: WeDataAuthError,
    errors.PermissionRefused: WeDataPermissionError,
    errors.ParameterRefused: WeDataParameterError,
    errors.Throttled: WeDataThrottledError,
}


def from_api(error: errors.ApiError) -> WeDataError:
    """Return the error as Airflow users meet it."""
    if isinstance(error, errors.InvalidRequest):
        return WeDataConfigError(str(error))
    if isinstance(error, errors.Refused):
        kind = _REFUSALS.get(type(error), WeDataApiError)
        return kind(error.message, code=error.code, request_id=error.request_id)
    if isinstance(error, errors.UnreadableField):
        return WeDataApiError(f"{error}. {_REPORT}")
    if isinstance(error, errors.NoAnswer | errors.UnreadableAnswer):
        return WeDataApiError(f"{error}. {_MEND_ENDPOINT}")
    return WeDataApiError(str(error))


def from_export(error: ExportError) -> WeDataError:
    """Return the error as Airflow users meet it."""
    text = spell_out(f"output_path: {error}")  # of a store, it may hold anything
    if isinstance(error, BadPath | AlreadyThere):  # a retry would find the same
        return WeDataConfigError(text)
    return WeDataExportError(text)


@contextmanager
def as_airflow_errors() -> Iterator[None]:
    """Translate what the block raises."""
    try:
        yield
    except errors.ApiError as error:
        raise from_api(error) from error
    except ExportError as error:
        raise from_export(error) from error
