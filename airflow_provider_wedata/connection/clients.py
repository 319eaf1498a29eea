"""Opens a client of WeData from a connection's settings. Knows nothing of Airflow, and sends no request itself.

Each client is imported where it is opened, so that nothing loads the HTTP library of the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_wedata import __version__
from airflow_provider_wedata.api import registry
from airflow_provider_wedata.api.exchange import Channel
from airflow_provider_wedata.api.retry import RetryPolicy
from airflow_provider_wedata.api.transport import Transport

if TYPE_CHECKING:
    from airflow_provider_wedata.api.async_client import AsyncClient
    from airflow_provider_wedata.api.client import Client
    from airflow_provider_wedata.connection.settings import Settings


def open_client(settings: Settings) -> Client:
    """Return a client, to be used in a ``with`` block or closed."""
    from airflow_provider_wedata.api.client import Client  # noqa: PLC0415 - a triggerer needs none

    return Client(_channel(settings), _transport(settings))


def open_async_client(settings: Settings) -> AsyncClient:
    """Return a client for the running event loop, to be used in an ``async with`` block."""
    from airflow_provider_wedata.api.async_client import AsyncClient  # noqa: PLC0415 - nor a worker httpx

    return AsyncClient(_channel(settings), _transport(settings))


def _channel(settings: Settings) -> Channel:
    return Channel(
        host=settings.host,
        region=settings.region,
        credentials=settings.credentials,
        budget=registry.budgets(settings.host, settings.credentials.secret_id, settings.requests_per_second),
        language=settings.language,
        caller=f"airflow-provider-wedata-{__version__}",
        retry=RetryPolicy(settings.retries),
    )


def _transport(settings: Settings) -> Transport:
    return Transport(
        url=settings.url,
        timeout=settings.request_timeout,
        proxy=settings.proxy,
        verify=settings.verify,
        ca_bundle=settings.ca_bundle,
    )
