"""What a DAG file imports: for the sensor, our own modules and what Airflow imports for any sensor."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

SDK = "airflow.providers.common.compat.sdk"
PRINT_MODULES = "import json, sys; print(json.dumps(sorted(sys.modules)))"


def loaded_by(code: str) -> set[str]:
    """Return the modules that are loaded in a fresh process after the code has run."""
    ran = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", f"{code}\n{PRINT_MODULES}"],
        env=os.environ,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(ran.stdout.splitlines()[-1]))


@pytest.fixture(scope="module")
def airflows() -> set[str]:
    # The SDK imports names lazily, so import the ones that every sensor needs.
    return loaded_by(
        f"import airflow.triggers.base\nfrom {SDK} import BaseOperatorLink, BaseSensorOperator, XCom, conf"
    )


@pytest.fixture(scope="module")
def ours() -> set[str]:
    return loaded_by("import airflow_provider_wedata.sensors.wedata")


def test_the_sensor_loads_only_our_own_modules_and_airflows(airflows: set[str], ours: set[str]) -> None:
    more = {name for name in ours - airflows if name.partition(".")[0] != "airflow_provider_wedata"}
    assert set() == more


def test_none_of_ours_is_the_client_the_hook_or_the_emulator(ours: set[str]) -> None:
    for name in (
        "api.client",
        "api.async_client",
        "hooks",
        "emulator",
        "connection.settings",
        "export.formats",
        "export.publish",
    ):
        assert f"airflow_provider_wedata.{name}" not in ours


@pytest.mark.parametrize(
    "library",
    ["requests", "httpx", "pyarrow", "boto3", "zstandard", "tencentcloud"],
)
def test_no_library_is_loaded_that_airflow_does_not_load_itself(
    library: str, airflows: set[str], ours: set[str]
) -> None:
    assert library in airflows or library not in ours


@pytest.mark.parametrize(
    "name",
    [
        "requests",
        "pyarrow",
        "s3fs",
        "airflow_provider_wedata.api.client",
        "airflow_provider_wedata.api.async_client",
    ],
)
def test_a_dag_file_with_an_export_loads_no_library_for_it(name: str, airflows: set[str]) -> None:
    assert name in airflows or name not in loaded_by("import airflow_provider_wedata.operators.wedata")


def test_the_provider_info_loads_nothing_heavy() -> None:
    info = loaded_by(
        "from airflow_provider_wedata.get_provider_info import get_provider_info\nget_provider_info()"
    )
    ours = ("", ".connection", ".connection.fields", ".get_provider_info")
    assert {f"airflow_provider_wedata{name}" for name in ours} == {
        name for name in info if name.startswith(("airflow", "requests", "httpx", "tencentcloud"))
    }
