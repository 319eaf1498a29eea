"""What all clients of one process share: request budgets, and per event loop the HTTP connections.

The one home of module-level state. It holds no credentials, only a SecretId as part of a key.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from airflow_provider_wedata.api.pacing import RequestBudget

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable, Hashable

_lock = Lock()
_budgets: dict[tuple[str, str, str], RequestBudget] = {}
_pools: WeakKeyDictionary[AbstractEventLoop, dict[Hashable, Any]] = WeakKeyDictionary()


def budgets(host: str, secret_id: str, limit: float) -> Callable[[str], RequestBudget]:
    """Return the budgets of one key at one endpoint: a function from the action's name.

    :param limit: requests a second; where two connections name different ones, the smaller holds for both.
    """

    def of(action: str) -> RequestBudget:
        with _lock:
            budget = _budgets.setdefault((host, secret_id, action), RequestBudget(limit))
        budget.narrow(limit)
        return budget

    return of


def pools(loop: AbstractEventLoop) -> dict[Hashable, Any]:
    """Return what the clients of one event loop share, by transport; only that loop touches it."""
    with _lock:
        return _pools.setdefault(loop, {})


def reset() -> None:
    """Forget everything, as a new process would. For tests."""
    with _lock:
        _budgets.clear()
        _pools.clear()
