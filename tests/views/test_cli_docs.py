"""The page about the command line: its examples run, and it names everything."""

import os
import re
import shlex
import signal
import subprocess
from pathlib import Path
from threading import Timer

import pytest
from tests.program import PATIENCE, ROOT, command, environment, read_until
from tests.runners.world import lines

from tocsin.views.cli import COMMANDS, cli

PAGE = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
DAEMON = ("tocsin state", "tocsin incidents", "tocsin ack", "tocsin silence")
"""What wants a state or a running daemon: see test_cli_state and test_service."""
EXAMPLES = [
    line
    for block in BLOCKS
    for line in block.splitlines()
    if not line.startswith(DAEMON)
]
RULES = """\
metrics: [{name: hits, type: COUNT, period: 10s}]
alarms: [{name: busy, metric: hits, threshold: 5}]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with all that the examples name, and a shell's `tocsin`."""
    for n, name in enumerate(["access.log.2", "access.log.1", "access.log"]):
        (tmp_path / name).write_bytes(lines(range(60 * n, 60 * n + 60)))
    (tmp_path / "other.log").write_bytes(lines(range(100, 180)))
    (tmp_path / "default.log").write_bytes(lines(range(60)))
    (tmp_path / "sample.csv").write_text(
        "remotehost,date,request,status,bytes\n"
        + "".join(f'10.0.0.1,{1_700_000_000 + n},"GET / HTTP/1.1",200,5\n'
                  for n in range(60)))  # fmt: skip
    (tmp_path / "tocsin.yaml").write_text(RULES)
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "rules.yaml").write_text(RULES)
    (tmp_path / "sources.yaml").write_text(
        "sources: [{name: web, path: access.log}, {name: shop, path: other.log}]\n"
        "metrics: [{name: hits, source: web, type: COUNT, period: 10s}]\n"
    )
    (tmp_path / "channels.yaml").write_text(
        "channels: [{name: audit, type: file, path: told.jsonl}]\n"
    )
    program = tmp_path / "bin" / "tocsin"
    program.parent.mkdir()
    typed = shlex.join(command(default=tmp_path / "default.log"))
    program.write_text(f'#!/bin/sh\nexec {typed} "$@"\n')
    program.chmod(0o755)
    return tmp_path


def goes_on(example: str) -> bool:
    """Whether an example follows a log until it is told to end."""
    ends = ("--no-follow", "--speed", "<", "|")
    follows = example.startswith(("tocsin watch", "tocsin run"))
    return follows and not any(e in example for e in ends)


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_runs(example: str, folder: Path) -> None:
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    with subprocess.Popen(
        # The shell must not stand between the program and the signal.
        ["/bin/sh", "-c", f"exec {example}" if goes_on(example) else example],
        cwd=folder,
        env=environment(PATH=path),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        # However an example goes wrong, it ends: reading then comes to its end, too.
        watchdog = Timer(PATIENCE, os.killpg, (process.pid, signal.SIGKILL))
        watchdog.start()
        try:
            if goes_on(example):
                # It may have nothing to report, but it says what it has found.
                read_until(process.stderr, b"lines matched")
                os.killpg(process.pid, signal.SIGINT)
            out, err = process.communicate()
        finally:
            watchdog.cancel()
    assert process.returncode == 0, err
    assert out or ">" in example
    assert b"Traceback" not in err


def test_every_command_and_every_option_is_on_the_page() -> None:
    missing = []
    for name in COMMANDS:
        if name == "state":  # it has a page of its own
            continue
        made = cli.get_command(None, name)  # type: ignore[arg-type]
        assert made is not None
        options = {o for p in made.params for o in (*p.opts, *p.secondary_opts)}
        named = {f"tocsin {name}"} | {o for o in options if o.startswith("--")}
        missing += [word for word in named if word not in PAGE]
    assert set(missing) <= {"--config"}  # the page writes `-c`


def test_every_exit_code_is_on_the_page() -> None:
    listed = re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)
    assert {"0", "1", "2", "3", "5", "130"} <= set(listed)
