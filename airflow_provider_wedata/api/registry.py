"""What all clients of a process share: rate limiters, their queues, and HTTP connections per event loop.

The only module with module-level state. It holds no credentials, only a SecretId as part of a key. It needs no
lock, because each step is one atomic operation of a dictionary. A forked child could inherit a locked lock, and a
signal handler could deadlock with its own thread.
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
    """Return a function from an action's name to its rate limiter, for one key at one endpoint.

    :param limit: requests per second. If connections use different limits, the smallest one used within the last
        minute applies to all.
    """

    def of(action: str) -> RateLimiter:
        key = (host, secret_id, action)
        budget = _budgets.get(key) or _budgets.setdefault(key, RateLimiter(limit))
        budget.use_limit(limit)
        return budget

    return of


def dispatcher(budget: RateLimiter) -> Dispatcher:
    """Return the dispatcher that hands out the slots of this rate limiter."""
    return _dispatchers.get(budget) or _dispatchers.setdefault(budget, Dispatcher(budget))


def pools(loop: AbstractEventLoop) -> dict[Hashable, Any]:
    """Return the connection pools of one event loop, by transport. Only that loop may use them."""
    return _pools.setdefault(loop, {})


def reset() -> None:
    """Forget all shared state, as in a new process: in a forked child, and for tests."""
    _budgets.clear()
    _dispatchers.clear()
    _pools.clear()


os.register_at_fork(after_in_child=reset)
