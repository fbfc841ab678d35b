"""Programs, files and the system's log: real ones."""

import json
import os
import socket
import sys
import threading
from pathlib import Path

import pytest
from tests.channels.servers import tcp

from tocsin.channels.command import Command
from tocsin.channels.file import File
from tocsin.channels.syslog import Syslog
from tocsin.model import samples, wire
from tocsin.model.notification import Fate, Kind
from tocsin.model.secret import Secret

FIRING = samples.notification(Kind.FIRING, samples.firing())
PYTHON = sys.executable


def command(code: str, *more: str, timeout: float = 20.0, **variables: str) -> Command:
    secrets = {name: Secret(value) for name, value in variables.items()}
    return Command("c", (PYTHON, "-c", code, *more), timeout, secrets)


CODES = {
    "0 is a delivery": (0, Fate.DELIVERED),
    "1 may pass": (1, Fate.RETRY),
    "75 asks to be tried again": (75, Fate.RETRY),
    "64 is a refusal": (64, Fate.REFUSED),
    "78 is a refusal": (78, Fate.REFUSED),
    "127 may pass": (127, Fate.RETRY),
}


@pytest.mark.parametrize(("code", "fate"), CODES.values(), ids=CODES)
def test_an_exit_code_means(code: int, fate: Fate) -> None:
    made = command(f"import sys; print('said'); sys.exit({code})")
    (found,) = made.send(FIRING, made.recipients(FIRING))

    assert (found.fate, found.detail) == (fate, f"exit code {code}: said")


def test_a_program_reads_the_notification(tmp_path: Path) -> None:
    out = tmp_path / "out"
    code = "import sys; open(sys.argv[1], 'w').write(sys.stdin.read())"
    made = command(code, str(out))
    (found,) = made.send(FIRING, ("x",))

    assert found.fate is Fate.DELIVERED
    assert wire.from_json(json.loads(out.read_text())) == FIRING


def test_a_program_is_told_nothing_of_our_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OUR_SECRET", "canary")
    code = "import os; print(sorted(os.environ.items()))"
    (found,) = command(code, GIVEN="given").send(FIRING, ("x",))

    assert "canary" not in found.detail
    shown = "import os; print(os.environ['GIVEN'], os.environ['TOCSIN_KEY'])"
    (found,) = command(shown, GIVEN="given").send(FIRING, ("x",))
    assert found.detail == f"exit code 0: given {FIRING.key}"


def test_a_program_that_does_not_end_is_killed_with_its_children(
    tmp_path: Path,
) -> None:
    pid = tmp_path / "pid"
    code = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE)\n"
        "open(sys.argv[1], 'w').write(str(child.pid))\n"
        "child.wait()\n"
    )
    (found,) = command(code, str(pid), timeout=3.0).send(FIRING, ("x",))

    assert (found.fate, found.detail) == (Fate.RETRY, "it did not end in 3 s")
    assert gone(int(pid.read_text()))


def gone(pid: int) -> bool:
    """Whether a process has ended, within ten seconds; a zombie has."""
    waiting = threading.Event()
    for _ in range(200):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        waiting.wait(0.05)
    return False


def test_a_program_that_talks_without_end_is_heard_a_little() -> None:
    code = "import sys\nfor _ in range(200): sys.stdout.write('x' * 1_000_000)"
    (found,) = command(code).send(FIRING, ("x",))

    assert found.fate is Fate.DELIVERED
    assert len(found.detail) <= 220


def test_a_program_that_is_not_there_is_refused() -> None:
    (found,) = Command("c", ("/no/such/program",)).send(FIRING, ("x",))

    assert found.fate is Fate.REFUSED
    assert "No such file" in found.detail


def test_nothing_of_an_alert_is_an_argument() -> None:
    code = "import sys; print(len(sys.argv))"
    (found,) = command(code, "; touch x", "$(id)").send(FIRING, ("x",))

    assert found.detail == "exit code 0: 3"


def test_a_file_takes_what_is_sent_at_the_same_time(tmp_path: Path) -> None:
    made = File("f", tmp_path / "told.jsonl")
    found: list[Fate] = []
    together = threading.Barrier(8)

    def send() -> None:
        together.wait(20)
        (told,) = made.send(FIRING, made.recipients(FIRING))
        found.append(told.fate)

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [Fate.DELIVERED] * 8
    assert len((tmp_path / "told.jsonl").read_text().splitlines()) == 8


def test_a_file_grows_by_whole_lines(tmp_path: Path) -> None:
    made = File("f", tmp_path / "told.jsonl")
    for _ in range(3):
        (found,) = made.send(FIRING, ("x",))
        assert found.fate is Fate.DELIVERED

    lines = made.path.read_bytes().splitlines()
    assert [wire.from_bytes(line) for line in lines] == [FIRING] * 3
    assert made.path.stat().st_mode & 0o777 == 0o640 & ~umask()


def umask() -> int:
    found = os.umask(0)
    os.umask(found)
    return found


PLACES = {
    "a folder that is not there": ("no/told.jsonl", Fate.RETRY),
    "a folder": (".", Fate.RETRY),
    "a device that is full": ("/dev/full", Fate.REFUSED),
}


@pytest.mark.parametrize(("place", "fate"), PLACES.values(), ids=PLACES)
def test_a_file_that_cannot_be_written_is(
    place: str, fate: Fate, tmp_path: Path
) -> None:
    (found,) = File("f", tmp_path / place).send(FIRING, ("x",))

    assert found.fate is fate


def test_a_pipe_that_nobody_reads_does_not_hold_us(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (found,) = File("f", tmp_path / "pipe").send(FIRING, ("x",))

    assert found.fate is Fate.REFUSED


def test_the_socket_of_the_machine_is_told(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.bind(str(tmp_path / "log"))
        (found,) = Syslog("s", str(tmp_path / "log")).send(FIRING, ("x",))
        said = log.recv(65_536)

    assert found.fate is Fate.DELIVERED
    assert said.startswith(b"<26>tocsin: [CRITICAL] High traffic")


def test_a_machine_without_a_log_may_have_one_later(tmp_path: Path) -> None:
    (found,) = Syslog("s", str(tmp_path / "log")).send(FIRING, ("x",))

    assert found.fate is Fate.RETRY


def test_a_log_server_is_sent_counted_lines() -> None:
    got = list[bytes]()
    done = threading.Event()

    def listen(sock: socket.socket) -> None:
        while piece := sock.recv(65_536):
            got.append(piece)
        done.set()

    with tcp(listen) as port:
        made = Syslog("s", host="127.0.0.1", port=port, protocol="tcp")
        (found,) = made.send(FIRING, ("x",))
        assert done.wait(30)

    count, _, said = b"".join(got).partition(b" ")
    assert found.fate is Fate.DELIVERED
    assert int(count) == len(said)
    assert said.startswith(
        b"<26>1 2019-02-07T21:12:37Z - tocsin - firing [tocsin@32473 key="
    )


def test_a_log_server_is_sent_a_datagram() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as log:
        log.bind(("127.0.0.1", 0))
        made = Syslog("s", host="127.0.0.1", port=log.getsockname()[1])
        made.send(FIRING, ("x",))
        said = log.recv(65_536)

    assert said == made.preview(FIRING).encode()
