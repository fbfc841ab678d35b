"""The program as a process: signals, pipes, terminals, and how it comes to its end."""

import os
import pty
import re
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.program import (
    PATIENCE,
    Process,
    command,
    environment,
    of,
    ran,
    read_until,
    rows,
    started,
)
from tests.runners.world import lines

RULES = (
    '{"metrics": [{"name": "hits", "period": "PT1M", "type": "COUNT"}],'
    ' "alarms": [{"name": "busy", "metric": "hits", "threshold": 5}]}'
)
FACTS = [
    ("firing", "2019-02-07T21:12:37Z", 1206),
    ("ok", "2019-02-07T21:14:04Z", 1198),
    ("firing", "2019-02-07T21:16:04Z", 1218),
    ("ok", "2019-02-07T21:18:23Z", 1196),
]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "access.log"
    path.write_bytes(lines(range(60)))
    return path


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "rules.json"
    path.write_text(RULES)
    return path


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A log that takes a second or two: 60 MB."""
    path = tmp_path / "large.log"
    with path.open("wb") as out:
        for second in range(600):
            out.write(lines([second]) * 1400)
    return path


def ended(process: Process) -> tuple[int, bytes, bytes]:
    """Return a process's exit code and what it said since, once it has ended."""
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out, err


def summary(said: bytes) -> dict[str, Any]:
    (found,) = of("summary", rows(said))
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_watching_with_an_account_of_every_line(
    log: Path, number: signal.Signals
) -> None:
    with started("watch", log, "--output", "jsonl") as process:
        read_until(process.stdout, b"stats")
        with log.open("ab") as out:
            out.write(lines([70, 70]))
        read_until(process.stdout, b'"start":"2023-11-14T22:14:20Z"')
        os.killpg(process.pid, number)
        code, out_, err = ended(process)
    assert (code, err) == (0, b"")
    total = summary(out_)
    assert (total["lines"], total["counted"]) == (62, 62)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_ctrl_c_ends_a_replay_with_130_and_an_account(
    large: Path, rules: Path, workers: str
) -> None:
    arguments: list[str | Path] = ["replay", "-c", rules, large, "--workers", workers]
    with started(*arguments, "--datapoints", "--output", "jsonl") as process:
        read_until(process.stdout, b"notice")
        os.killpg(process.pid, signal.SIGINT)
        code, out, err = ended(process)
    assert (code, err) == (130, b"")
    total = summary(out)
    assert total["lines"] == total["counted"] <= 840_000


def test_a_replay_that_is_told_to_end_takes_its_workers_with_it(
    large: Path, rules: Path
) -> None:
    arguments: list[str | Path] = [
        "replay",
        "-c",
        rules,
        large,
        "--workers",
        "2",
        "--output",
        "jsonl",
    ]
    with started(*arguments) as process:
        read_until(process.stdout, b"notice")
        os.killpg(process.pid, signal.SIGTERM)
        code, out, err = ended(process)
    assert (code, err) == (130, b"")
    assert summary(out)["lines"] <= 840_000
    # Standard error came to its end, so nobody holds it any more.


def test_workers_do_not_outlive_a_replay_that_is_killed(
    large: Path, rules: Path
) -> None:
    arguments: list[str | Path] = ["replay", "-c", rules, large, "--workers", "2", "-v"]
    with started(*arguments) as process:
        read_until(process.stderr, b"2 processes")
        process.kill()
        # The workers hold standard error open until they are gone.
        assert process.stderr is not None
        process.stderr.read()
        process.wait(PATIENCE)
    assert process.returncode == -signal.SIGKILL


@pytest.mark.parametrize("output", ["plain", "jsonl"])
def test_a_reader_that_goes_ends_a_run_quietly(log: Path, output: str) -> None:
    with started("watch", log, "--output", output) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr is not None
        err = process.stderr.read()
        process.wait(PATIENCE)
    assert process.returncode == 0
    assert b"Traceback" not in err
    assert b"rror" not in err


def test_a_reader_that_has_gone_is_noticed_though_nothing_is_said(
    tmp_path: Path,
) -> None:
    with started("watch", tmp_path / "never.log") as process:
        read_until(process.stderr, b"waiting for it")
        assert process.stdout is not None
        process.stdout.close()
        process.wait(PATIENCE)
    assert process.returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_an_output_that_is_full_is_told_in_a_line(log: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        result = subprocess.run(
            command("watch", "--no-follow", log, "-q"),
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            timeout=PATIENCE,
        )
    assert result.returncode == 5
    said = "tocsin: the output cannot be written: No space left on device\n"
    assert result.stderr.decode() == said


def transitions(said: str) -> list[tuple[str, str, int]]:
    return [(r["to"], r["at"], r["count"]) for r in of("transition", rows(said))]


def test_the_exercise_is_read_from_standard_input(shared_data: Path) -> None:
    with (shared_data / "sample_csv" / "sample_csv.txt").open("rb") as sample:
        result = ran("watch", "--output", "jsonl", stdin=sample)
    assert (result.returncode, result.stderr) == (0, "")
    said = rows(result.stdout)
    assert transitions(result.stdout) == FACTS
    stats = of("stats", said)
    assert (stats[1]["start"], stats[1]["hits"]) == ("2019-02-07T21:11:00Z", 89)
    assert said[-1]["counted"] == 4830


def test_the_exercise_says_its_sentences(shared_data: Path) -> None:
    with (shared_data / "sample_csv" / "sample_csv.txt").open("rb") as sample:
        result = ran("watch", stdin=sample)
    rang = "High traffic generated an alert - hits = 1206, triggered at"
    calm = "High traffic recovered - hits = 1198, recovered at 2019-02-07T21:14:04Z"
    assert f"{rang} 2019-02-07T21:12:37Z" in result.stdout
    assert calm in result.stdout


@pytest.mark.parametrize(
    "typed", [["watch"], ["watch", "-"]], ids=["unnamed", "a dash"]
)
def test_a_pipe_is_standard_input(log: Path, typed: list[str]) -> None:
    with started(*typed, "--output", "jsonl", stdin=subprocess.PIPE) as process:
        code, out, err = 0, *process.communicate(log.read_bytes(), timeout=PATIENCE)
    assert (process.returncode, code, err) == (0, 0, b"")
    (stream,) = summary(out)["streams"]
    assert (stream["stream"], stream["lines"]) == ("stdin", 60)


def test_a_socket_is_standard_input(log: Path) -> None:
    ours, theirs = socket.socketpair()
    with ours, started("watch", "--output", "jsonl", stdin=theirs.fileno()) as process:
        theirs.close()
        ours.sendall(log.read_bytes())
        ours.close()
        code, out, _ = ended(process)
    assert (code, summary(out)["lines"]) == (0, 60)


def test_a_replay_reads_a_pipe_where_nothing_else_is_named(
    log: Path, rules: Path
) -> None:
    piped: list[str | Path] = [
        "replay",
        "-c",
        rules,
        "--output",
        "jsonl",
        "--datapoints",
    ]
    with log.open("rb") as data:
        unnamed = ran(*piped, stdin=data)
    with log.open("rb") as data:
        dashed = ran(*piped, "-", stdin=data)
    named = ran(*piped, log)
    assert unnamed.stdout == dashed.stdout
    said = [rows(result.stdout)[1:-1] for result in (unnamed, named)]
    assert said[0] == said[1] != []


@pytest.mark.parametrize("kind", ["nothing", "a terminal", "closed"])
def test_without_data_on_standard_input_the_default_is_watched(
    tmp_path: Path, kind: str
) -> None:
    default = tmp_path / "default.log"
    ends = pty.openpty()
    shell = 'exec 0<&-; exec "$@"' if kind == "closed" else 'exec "$@"'
    typed = command("watch", "--output", "jsonl", default=default)
    with subprocess.Popen(
        ["/bin/sh", "-c", shell, "sh", *typed],
        env=environment(),
        stdin=ends[1] if kind == "a terminal" else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    ) as process:
        read_until(process.stdout, b"waiting for it")
        default.write_bytes(lines(range(60)))
        read_until(process.stdout, b"stats")
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=PATIENCE)
    for end in ends:
        os.close(end)
    assert process.returncode == 0
    assert summary(out)["streams"][0]["stream"] == str(default)


def test_the_default_is_the_one_of_the_original_description() -> None:
    shown = ran("watch", "--help").stdout
    assert "/tmp/access.log" in shown  # noqa: S108 - it has that name


def on_a_terminal(*arguments: str | Path, **more: str) -> bytes:
    """Run `tocsin` on a terminal of its own; return all that it wrote there."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command(*arguments),
        env=environment(TERM="xterm-256color", **more),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        seen = b""
        try:
            while piece := os.read(ours, 1 << 16):
                seen += piece
        except OSError:  # how Linux says that the other end is closed
            pass
        assert process.wait(PATIENCE) == 0
    os.close(ours)
    return seen


def test_a_terminal_is_drawn_on_and_given_back(log: Path) -> None:
    seen = on_a_terminal("watch", log, "--speed", "200")
    entered, left = seen.find(b"\x1b[?1049h"), seen.rfind(b"\x1b[?1049l")
    assert 0 <= entered < left
    assert b"history" in seen[entered:left]
    assert b"60 = 60 events" in seen[left:]


def test_no_color_is_respected(log: Path) -> None:
    busy: list[str | Path] = [
        "watch",
        log,
        "--speed",
        "1000",
        "--alert-threshold",
        "0.1",
    ]
    colour = re.compile(rb"\x1b\[(?:\d+;)*3[0-7]")
    assert colour.search(on_a_terminal(*busy))
    assert not colour.search(on_a_terminal(*busy, NO_COLOR="1"))


def test_nothing_but_data_is_written_to_a_pipe(log: Path) -> None:
    result = ran("watch", "--no-follow", log, "--output", "jsonl", "--workers", "2")
    assert result.stderr == ""
    assert rows(result.stdout)[-1]["type"] == "summary"
    plain = ran("watch", "--no-follow", log)
    assert "\x1b" not in plain.stdout + plain.stderr


@pytest.mark.parametrize("how", ["--follow", "--no-follow"])
def test_a_log_in_no_known_format_is_answered_by_a_summary_too(
    tmp_path: Path, how: str
) -> None:
    prose = tmp_path / "prose.txt"
    prose.write_text("It was a dark and stormy night.\n" * 3)
    result = ran("watch", how, prose, "--output", "jsonl")
    assert result.returncode == 5
    assert "no line matched" in result.stderr
    (stream,) = summary(result.stdout.encode())["streams"]
    assert stream["lines"] == stream["parse_errors"]
