"""The output of real commands: all of it, also the last; and what becomes of them."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.runners.intake_world import Taking

from tocsin.config.intake_values import CommandConfig
from tocsin.runners.clock import SystemClock
from tocsin.runners.commanding import Commanding
from tocsin.testing import ManualClock


def shell(script: str) -> tuple[str, ...]:
    return ("/bin/sh", "-c", script)


@contextmanager
def commanding(
    *argv: str, clock: ManualClock | SystemClock | None = None
) -> Iterator[Taking]:
    reader = Commanding(CommandConfig(argv=argv), clock or ManualClock())
    try:
        yield Taking(reader)
    finally:
        reader.close()


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def alive_in_group(group: int) -> list[str]:
    """The processes of a group, without those that wait to be buried."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, its_group = stat.read_text().rpartition(")")[2].split()[:3]
        except FileNotFoundError:
            continue
        found += [stat.parent.name] * (int(its_group) == group and state != "Z")
    return found


def test_lines_are_read_and_the_last_needs_no_end() -> None:
    with commanding(*shell("echo one; echo two; printf three")) as taking:
        taking.until(lambda: "it ended with status 0" in taking.notes)
        assert taking.text == b"one\ntwo\nthree\n"
        assert not any(chunk.ended for chunk in taking.chunks)
        ends = [0, *(chunk.end for chunk in taking.chunks)]
        assert [chunk.start for chunk in taking.chunks] == ends[:-1]


def test_there_is_no_shell() -> None:
    with commanding("/bin/echo", "$HOME; rm -rf x | `y`") as taking:
        assert taking.lines(1) == b"$HOME; rm -rf x | `y`\n"


def test_it_has_no_input() -> None:
    with commanding("/bin/cat") as taking:
        taking.until(lambda: "it ended with status 0" in taking.notes)


def test_one_that_ends_is_started_again_later_each_time() -> None:
    clock = ManualClock()
    waits = []
    with commanding(*shell("echo hello; exit 3"), clock=clock) as taking:
        for life in range(1, 9):
            taking.until(lambda n=life: taking.notes.count("status 3") == n)  # type: ignore[misc]
            assert taking.intake.trouble == "it ended with status 3"
            began, started = clock.monotonic(), False
            while not started:
                clock.move(0.5)
                taking.look()
                again = taking.notes.count("status 3") > life
                started = again or taking.intake.fileno() >= 0
            waits.append(clock.monotonic() - began)
        taking.lines(9)
        assert taking.intake.at == len(b"hello\n") * 9
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]


def test_one_that_ran_well_is_started_again_soon() -> None:
    clock = ManualClock()
    with commanding(*shell("read x; exit 0"), clock=clock) as taking:
        taking.until(lambda: "again in 1 s" in taking.notes)
        clock.move(1.0)
        taking.until(lambda: "again in 2 s" in taking.notes)
    with commanding(*shell("echo; exec sleep 600"), clock=clock) as taking:
        taking.lines(1)
        clock.move(100.0)
        os.kill(pid_of(taking), 9)
        taking.until(
            lambda: "it ended with signal 9: started again in 1 s" in taking.notes
        )


def pid_of(taking: Taking) -> int:
    assert isinstance(taking.intake, Commanding)
    assert taking.intake.pid is not None
    return taking.intake.pid


def test_one_that_there_is_not_is_told_and_tried_again(tmp_path: Path) -> None:
    clock, path = ManualClock(), tmp_path / "later"
    with commanding(str(path), clock=clock) as taking:
        taking.look()
        expected = f"{path}: cannot be started: No such file or directory"
        assert taking.intake.trouble == expected
        path.write_text("#!/bin/sh\necho here\n")
        path.chmod(0o700)
        clock.move(1.0)
        assert taking.lines(1) == b"here\n"


def test_what_it_complains_of_is_told_a_little_of_it() -> None:
    script = "for n in $(seq 5000); do echo complaint $n >&2; done; echo done"
    with commanding(*shell(script)) as taking:
        taking.lines(1)
        taking.until(lambda: "it ended" in taking.notes)
        assert "it says: complaint 1\n" in taking.notes
        assert taking.notes.count("it says") == 10


def test_one_that_is_not_read_waits() -> None:
    code = "import sys\nfor n in range(400000): print('%08d' % n)"
    with commanding(sys.executable, "-c", code) as taking:
        taking.look()
        taking.until(lambda: taking.text)
        assert len(taking.text) < 3 << 20
        expected = b"".join(b"%08d\n" % n for n in range(400_000))
        taking.until(lambda: len(taking.text) >= len(expected))
        assert taking.text == expected


def test_the_end_takes_what_it_still_writes() -> None:
    script = 'trap "echo last; printf torn; exit 0" TERM; echo first; while :; do sleep 0.05; done'
    with commanding(*shell(script), clock=SystemClock()) as taking:
        taking.lines(1)
        pid = pid_of(taking)
        assert taking.rest() == b"first\nlast\ntorn\n"
        assert not is_there(pid)


@pytest.mark.parametrize(
    "script", ["trap '' TERM; echo on; sleep 600", "sleep 600 & echo on; wait"]
)
def test_nothing_of_it_is_left(script: str) -> None:
    with commanding(*shell(script)) as taking:
        taking.lines(1)
        pid = pid_of(taking)
        taking.rest()
    assert not is_there(pid)
    assert alive_in_group(pid) == []
