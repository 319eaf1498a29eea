"""What all clients of a process share: request budgets with their queues, and per event loop HTTP connections.

The one home of module-level state. It holds no credentials, only a SecretId as part of a key. It has no lock, for
each step is one operation of a dictionary: a forked child would inherit a lock as it is, and a signal handler
might wait for its own thread.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from airflow_provider_wedata.api.dispatcher import Dispatcher
from airflow_provider_wedata.api.rate_limit import RateLimiter

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable, Hashable

_budgets: dict[tuple[str, str, str], RateLimiter] = {}
_dispatchers: dict[RateLimiter, Dispatcher] = {}
_pools: WeakKeyDictionary[AbstractEventLoop, dict[Hashable, Any]] = WeakKeyDictionary()


def budgets(host: str, secret_id: str, limit: float) -> Callable[[str], RateLimiter]:
    """Return the budgets of one key at one endpoint: a function from the action's name.

    :param limit: requests a second; where connections name different ones, the smallest of those that were used
        within the last minute holds for all.
    """

    def of(action: str) -> RateLimiter:
        key = (host, secret_id, action)
        budget = _budgets.get(key) or _budgets.setdefault(key, RateLimiter(limit))
        budget.use_limit(limit)
        return budget

    return of


def dispatcher(budget: RateLimiter) -> Dispatcher:
    """Return what hands out this budget's slots."""
    return _dispatchers.get(budget) or _dispatchers.setdefault(budget, Dispatcher(budget))


def pools(loop: AbstractEventLoop) -> dict[Hashable, Any]:
    """Return what the clients of one event loop share, by transport; only that loop touches it."""
    return _pools.setdefault(loop, {})


def reset() -> None:
    """Forget everything, as a new process would: in a forked child, and for tests."""
    _budgets.clear()
    _dispatchers.clear()
    _pools.clear()


os.register_at_fork(after_in_child=reset)
