"""Ctrl-C before there is anything to end: one line, and no traceback."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.program import PATIENCE, ROOT, environment

STRUCK = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n"
"""A module whose import is interrupted."""
WENT_ON = "import sys\nprint('went on')\nsys.exit(7)\n"


def tocsin(
    folder: Path, *arguments: str, ignore: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run the program, which finds the modules of a folder before all others."""
    # Whoever runs the tests may pass over ctrl-C, and so would the program then.
    heard = signal.SIG_IGN if ignore else signal.default_int_handler
    before = signal.signal(signal.SIGINT, heard)
    try:
        return subprocess.run(
            [sys.executable, "-m", "tocsin", *arguments],
            env=environment(PYTHONPATH=os.pathsep.join((str(folder), f"{ROOT}/src"))),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
    finally:
        signal.signal(signal.SIGINT, before)


def test_while_the_command_line_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text(STRUCK + WENT_ON)

    ended = tocsin(tmp_path, "--help")

    assert (ended.returncode, ended.stdout) == (130, "")
    assert ended.stderr == "\ntocsin: interrupted\n"


def test_who_is_told_to_pass_over_ctrl_c_goes_on(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text(STRUCK + WENT_ON)

    ended = tocsin(tmp_path, "--help", ignore=True)

    assert (ended.returncode, ended.stdout) == (7, "went on\n")


@pytest.mark.parametrize("broken", ["yaml", "pydantic"])
def test_while_a_command_is_loaded(tmp_path: Path, broken: str) -> None:
    (tmp_path / f"{broken}.py").write_text(STRUCK + WENT_ON)
    (tmp_path / "a.yaml").write_text("metrics: []\n")

    ended = tocsin(tmp_path, "check", str(tmp_path / "a.yaml"))

    assert (ended.returncode, ended.stdout) == (130, "")
    assert ended.stderr == "\ntocsin: interrupted\n"
