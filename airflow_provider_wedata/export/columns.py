"""The documented fields of a task instance as table columns: their names, order and types.

Derived from TaskInstance in api/models.py. Independent of the file formats.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal

from airflow_provider_wedata.api.errors import InvalidRequest
from airflow_provider_wedata.api.models import FIELD_NAMES, TaskInstance

if TYPE_CHECKING:
    from collections.abc import Iterable

Kind = Literal["text", "number", "texts", "time"]


@dataclass(frozen=True, slots=True)
class Column:
    """One field.

    :param name: WeData's name, such as ``InstanceKey``.
    :param attribute: the attribute of TaskInstance.
    :param kind: the type of its values; each may also be null.
    """

    name: str
    attribute: str
    kind: Kind


_KINDS: dict[str, Kind] = {
    "str | None": "text",
    "int | None": "number",
    "tuple[str, ...] | None": "texts",
    "datetime | None": "time",
}
_ATTRIBUTES = [item for item in fields(TaskInstance) if item.compare]
#: The 25 documented fields, in documented order.
COLUMNS = tuple(
    Column(name, item.name, _KINDS[str(item.type)])
    for name, item in zip(FIELD_NAMES, _ATTRIBUTES, strict=True)
)
_BY_NAME = {column.name: column for column in COLUMNS}


def choose(names: Iterable[str] | None) -> tuple[Column, ...]:
    """Return the columns with these names, in the same order; None means all.

    :raises InvalidRequest: if a name is unknown or repeated, or if there are no names.
    """
    if names is None:
        return COLUMNS
    names = [names] if isinstance(names, str) else list(names)
    unknown = [name for name in names if name not in _BY_NAME]
    if unknown or not names:
        raise InvalidRequest(
            "fields", f"{unknown or names!r} not known; expected some of {', '.join(FIELD_NAMES)}"
        )
    if len(set(names)) < len(names):
        raise InvalidRequest("fields", f"{names!r} names a field twice")
    return tuple(_BY_NAME[name] for name in names)
