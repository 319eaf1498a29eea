"""A WeData on localhost: for tests, demos and DAGs without an account.

An independent witness: written from the public description of the service, it shares no code with the client
that it judges, and needs nothing but Python.
"""

from __future__ import annotations

from airflow_provider_wedata.standin import faults, scenarios
from airflow_provider_wedata.standin.actions import Quirks
from airflow_provider_wedata.standin.clock import RealClock, SteppedClock
from airflow_provider_wedata.standin.instance import Instance
from airflow_provider_wedata.standin.messages import Broken, Reply, Request
from airflow_provider_wedata.standin.received import Received
from airflow_provider_wedata.standin.server import StandIn
from airflow_provider_wedata.standin.world import World

__all__ = [
    "Broken",
    "Instance",
    "Quirks",
    "RealClock",
    "Received",
    "Reply",
    "Request",
    "StandIn",
    "SteppedClock",
    "World",
    "faults",
    "scenarios",
]
