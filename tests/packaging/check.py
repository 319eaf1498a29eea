"""`make package`: check wheel and sdist, and that a gate opens with the installed wheel alone."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).with_name("uv")
PACKAGE = "airflow_provider_wedata"
#: An example DAG, and a day on which all instances that it waits for are completed in the emulator.
EXAMPLE = "wedata_gate_one_task"
YESTERDAY = (datetime.now(UTC) + timedelta(hours=8 - 24)).date().isoformat()  # in UTC+8


def run(*command: object, **environment: str) -> str:
    """Run a command outside of this folder and return its output; exit with the output if it fails."""
    ran = subprocess.run(  # noqa: S603 - commands of this file
        [str(part) for part in command],
        env=os.environ | environment,
        cwd=tempfile.gettempdir(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if ran.returncode:
        sys.exit(f"{ran.stdout}\n{command[0]} ended with {ran.returncode}")
    return ran.stdout


def check(what: str, *, holds: bool) -> None:
    """Print what was checked, or exit with it."""
    if not holds:
        sys.exit(f"FAIL  {what}")
    print(f"ok    {what}")


def check_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        info = next(name for name in names if name.endswith(".dist-info/METADATA")).rpartition("/")[0]
        metadata = message_from_bytes(archive.read(f"{info}/METADATA"))
        entry_points = archive.read(f"{info}/entry_points.txt").decode()
    sources = {str(path.relative_to(ROOT)) for path in (ROOT / PACKAGE).rglob("*.py")}
    check("the wheel holds every module and nothing else", holds=sources == set(names) - others(names))
    check("the wheel is marked as typed", holds=f"{PACKAGE}/py.typed" in names)
    check("the wheel holds the license", holds=f"{info}/licenses/LICENSE" in names)
    check("the wheel names the license", holds=metadata["License-Expression"] == "Apache-2.0")
    check("the wheel has the entry point", holds="[apache_airflow_provider]" in entry_points)
    check(
        "the wheel has the extras",
        holds={"openlineage", "parquet", "s3", "zstd"} <= set(metadata.get_all("Provides-Extra")),
    )


def others(names: list[str]) -> set[str]:
    return {name for name in names if name == f"{PACKAGE}/py.typed" or ".dist-info/" in name}


def check_sdist(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    tops = {name.partition("/")[0] for name in names}
    expected = {PACKAGE, "CHANGELOG.md", "LICENSE", "README.md", "pyproject.toml", "PKG-INFO", ".gitignore"}
    check("the sdist holds what a wheel is built from, and no tests", holds=tops <= expected)
    check("the sdist is marked as typed", holds=f"{PACKAGE}/py.typed" in names)
    check("the sdist holds license and change log", holds={"LICENSE", "CHANGELOG.md"} <= names)


def open_a_gate(wheel: Path, constraints: Path, empty: Path) -> None:
    run(UV, "venv", "--quiet", "--python", sys.executable, empty / "venv")
    binaries = empty / "venv" / "bin"
    run(UV, "pip", "install", "--python", binaries / "python", "--constraint", constraints, wheel)
    print("ok    the wheel is installed in an empty environment")
    dags = empty / "dags"
    dags.mkdir()
    (dags / "gate.py").write_text((ROOT / "example_dags" / f"{EXAMPLE}.py").read_text())
    environment = {
        "AIRFLOW_HOME": str(empty / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "PYTHONSAFEPATH": "1",
    }
    where = run(binaries / "python", "-c", f"import {PACKAGE}; print({PACKAGE}.__file__)")
    check("it is the wheel that is imported", holds=where.startswith(str(empty)))
    providers = run(binaries / "airflow", "providers", "list", "--output", "plain", **environment)
    check("Airflow finds the provider", holds="airflow-provider-wedata" in providers)
    run(binaries / "airflow", "db", "migrate", **environment)
    with subprocess.Popen(  # noqa: S603 - our own
        [binaries / "python", "-u", "-m", f"{PACKAGE}.emulator", "--quiet", "--seconds", "300"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=empty,
    ) as emulator:
        try:
            environment |= connection(emulator)
            log = run(binaries / "airflow", "dags", "test", EXAMPLE, YESTERDAY, **environment)
            check("a gate opens with the emulator", holds="COMPLETED" in log and "published" in log)
            checks = run(binaries / "python", "-m", PACKAGE, "check", **environment)
            check("the connection can be checked from the command line", holds="FAIL" not in checks)
        finally:
            emulator.terminate()


def connection(emulator: subprocess.Popen[str]) -> dict[str, str]:
    for line in emulator.stdout or ():
        if line.startswith("export "):
            name, _, value = line.removeprefix("export ").strip().partition("=")
            return {name: value.strip("'")}
    sys.exit("FAIL  the emulator does not start")


def main(constraints: str) -> None:
    with tempfile.TemporaryDirectory(prefix="wheel_") as folder:
        run(UV, "build", "--quiet", "--out-dir", f"{folder}/dist", ROOT)
        (wheel,) = Path(folder, "dist").glob("*.whl")
        (sdist,) = Path(folder, "dist").glob("*.tar.gz")
        check_wheel(wheel)
        check_sdist(sdist)
        open_a_gate(wheel, ROOT / constraints, Path(folder))


if __name__ == "__main__":
    main(*sys.argv[1:])
