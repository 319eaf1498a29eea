"""`make pages`: run the pages for newcomers unchanged, in an empty folder, up to a green gate.

Turns the code blocks into one shell session: shell is executed, Python with a file name is saved under it, other
Python is run after the Python blocks before it on the page.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from tests.markdown import ROOT, Block, blocks

#: The pages to follow in sequence, each row in a folder of its own.
JOURNEYS = (("README.md",), ("docs/quickstart.md", "docs/testing.md"))
#: The languages of blocks that are only read; blocks in other languages would not be tested, and are refused.
SHOWN = {"json", "text"}
GREEN = re.compile(r"The wait is over: (\d+) of \1 COMPLETED")
BACKGROUND = re.compile(r"or until: kill (\d+)")


def typed(block: Block, earlier: list[Block]) -> str:
    """Return the shell commands that follow the block.

    :param earlier: the blocks before it on its page; Python may use their names.
    """
    if block.language == "bash":
        return block.text
    if block.language != "python":
        sys.exit(
            f"{block}: expected bash, python or one of {', '.join(sorted(SHOWN))}, not {block.language!r}"
        )
    if block.file:
        return f"cat > {block.file} <<'END_OF_BLOCK'\n{block.text}END_OF_BLOCK\n"
    text = "\n".join(one.text for one in [*earlier, block] if one.language == "python")
    return f"python - <<'END_OF_BLOCK'\n{text}END_OF_BLOCK\n"


def follow(journey: tuple[str, ...], settings: dict[str, str]) -> None:
    """Follow the pages in an empty folder; exit with the output if that fails, or if no gate opens."""
    script = ["set -euo pipefail"]
    for page in journey:
        shown = blocks(ROOT / page)
        for i, block in enumerate(shown):
            if block.language not in SHOWN and not block.language.startswith("{"):
                script += [f"echo '##### {block}'", typed(block, shown[:i])]
    with tempfile.TemporaryDirectory(prefix="pages_", ignore_cleanup_errors=True) as folder:
        ran = subprocess.run(  # noqa: S603 - the commands of our own pages
            ["/bin/bash", "-c", "\n".join(script)],
            cwd=folder,
            env=settings,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    for pid in BACKGROUND.findall(ran.stdout):
        with suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGTERM)
    name = " and ".join(journey)
    if ran.returncode:
        sys.exit(f"{ran.stdout}\nFAIL  {name}: ended with {ran.returncode}")
    if not GREEN.search(ran.stdout):
        sys.exit(f"{ran.stdout}\nFAIL  {name}: no gate opened")
    print(f"ok    {name}: every block works, and a gate opens")


def clean_environment(wheels: str, constraints: str) -> dict[str, str]:
    """Return an environment without our settings, in which pip finds the wheel as if it were published."""
    ours = ("AIRFLOW", "PIP_", "PYTHON", "VIRTUAL_ENV", "WEDATA", "TENCENTCLOUD")
    others = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    python = Path(sys._base_executable).resolve().parent  # type: ignore[attr-defined]
    return others | {
        "PATH": f"{python}:{os.environ['PATH']}",
        "PIP_CONSTRAINT": str(ROOT / constraints),
        "PIP_FIND_LINKS": wheels,
        "PIP_QUIET": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }


def main(constraints: str) -> None:
    with tempfile.TemporaryDirectory(prefix="wheels_") as wheels:
        uv = Path(sys.executable).with_name("uv")
        subprocess.run([uv, "build", "--quiet", "--wheel", "--out-dir", wheels, ROOT], check=True)  # noqa: S603 - ours
        for journey in JOURNEYS:
            follow(journey, clean_environment(wheels, constraints))


if __name__ == "__main__":
    main(*sys.argv[1:])
