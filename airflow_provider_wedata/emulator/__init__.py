"""An emulator of WeData on localhost, for tests, demos and DAGs without an account.

Written independently from the public description of the service: it shares no code with the client that it
checks, and needs only the standard library.
"""

from __future__ import annotations

from airflow_provider_wedata.emulator import faults, scenarios
from airflow_provider_wedata.emulator.actions import Quirks
from airflow_provider_wedata.emulator.clock import RealClock, SteppedClock
from airflow_provider_wedata.emulator.emulator import Emulator
from airflow_provider_wedata.emulator.instance import Instance
from airflow_provider_wedata.emulator.messages import Broken, Reply, Request
from airflow_provider_wedata.emulator.request_log import Received
from airflow_provider_wedata.emulator.world import World

__all__ = [
    "Broken",
    "Emulator",
    "Instance",
    "Quirks",
    "RealClock",
    "Received",
    "Reply",
    "Request",
    "SteppedClock",
    "World",
    "faults",
    "scenarios",
]
