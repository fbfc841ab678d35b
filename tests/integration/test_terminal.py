"""What a person sees: the program in a real terminal of 80 columns."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOG = ROOT / "examples" / "demo" / "access.log"
TOCSIN = [sys.executable, "-c", "from tocsin.views.cli import main; main()"]

pytestmark = pytest.mark.integration


class Terminal:
    """A tmux server of its own, with one window of 80 by 24."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket

    def tmux(self, *arguments: str) -> str:
        """Run a tmux command on this server."""
        return subprocess.run(
            ["tmux", "-S", str(self.socket), "-f", os.devnull, *arguments],  # noqa: S607
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout

    def run(self, *command: str) -> str:
        """Run a command to its end; return all it showed, and its exit code."""
        line = f"{shlex.join(command)}; echo exit=$?; tmux -S {self.socket} wait-for -S"
        keep = "set-option -g remain-on-exit on ;"
        self.tmux(*shlex.split(keep), "new-session", "-d", "-x", "80", "-y", "24",
                  f"{line} done; cat")  # fmt: skip
        self.tmux("wait-for", "done")
        return self.tmux("capture-pane", "-p", "-S", "-")


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """A terminal that is gone after the test."""
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    shown = Terminal(tmp_path / "tmux")
    yield shown
    shown.tmux("kill-server")


def test_the_demo_in_a_terminal_rings_recovers_and_accounts(terminal: Terminal) -> None:
    environment = f"PYTHONPATH={ROOT / 'src'}"
    command = ["watch", str(LOG), "--no-follow", "--output", "terminal"]
    shown = " ".join(terminal.run("env", environment, *TOCSIN, *command).split())
    assert "High traffic generated an alert - hits = 1203" in shown
    assert "High traffic recovered - hits = 1199" in shown
    assert "3981" in shown.replace(",", "")
    assert "exit=0" in shown
