"""The real logrotate and a real writer: nothing lost that it did not lose itself."""

import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tocsin.sources import Bookmark, FollowReader

pytestmark = pytest.mark.integration

WRITER = """
import os, signal, sys, time
path, total, rate = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
out = open(path, "ab", buffering=0)
again = False
def reopen(*_):
    global again
    again = True
signal.signal(signal.SIGHUP, reopen)
print("ready", flush=True)
began = time.monotonic()
for number in range(0, total, 20):
    if again:
        again = False
        out.close()
        out = open(path, "ab", buffering=0)
    out.write(b"".join(b"%08d GET /a/page HTTP/1.1 200 1234\\n" % n
                       for n in range(number, number + 20)))
    ahead = (number + 20) / rate - (time.monotonic() - began)
    if ahead > 0:
        time.sleep(ahead)
"""
WIDTH = 38
CREATE = """{log} {{
    {su}
    rotate 500
    create
    {compress}
    postrotate
        kill -HUP {pid}
    endscript
}}
"""
COPY = """{log} {{
    {su}
    rotate 500
    copytruncate
}}
"""


@contextmanager
def writing(log: Path, total: int, rate: int) -> Iterator[subprocess.Popen[bytes]]:
    """A process that writes numbered lines and opens its log again on SIGHUP."""
    command = [sys.executable, "-c", WRITER, str(log), str(total), str(rate)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        try:
            yield writer
        finally:
            writer.kill()


def rotate(folder: Path, config: str, **values: object) -> None:
    """Run logrotate once."""
    if shutil.which("logrotate") is None:
        pytest.skip("logrotate is not installed")
    su = "su root root" if os.getuid() == 0 else ""
    path = folder / "rotate.conf"
    path.write_text(config.format(log=folder / "logs" / "a.log", su=su, **values))
    path.chmod(0o600)
    state = str(folder / "logrotate.state")
    subprocess.run(
        ["logrotate", "-f", "-s", state, str(path)],  # noqa: S607
        stdin=subprocess.DEVNULL,
        check=True,
        timeout=60,
    )


def numbers(data: bytes) -> list[int]:
    return [int(line[:8]) for line in data.splitlines()]


@pytest.mark.parametrize("restarts", [False, True], ids=["running", "restarted"])
def test_r1_20k_lines_a_second_through_200_rotations(
    tmp_path: Path, *, restarts: bool
) -> None:
    log = tmp_path / "logs" / "a.log"
    log.parent.mkdir()
    log.touch()
    reader, data = FollowReader(log), b""
    total, rotations = 400_000, 0
    with writing(log, total, 20_000) as writer:
        while writer.poll() is None or rotations < 200:
            if rotations < 200 and writer.poll() is None:
                compress = "compress" if rotations % 2 else ""
                rotate(tmp_path, CREATE, pid=writer.pid, compress=compress)
                rotations += 1
            elif writer.poll() is not None:
                break
            data += reader.read(1 << 18).data
            if restarts and rotations % 5 == 0:
                # Where compression comes and goes, logrotate writes the next file over
                # one that is not compressed: what is unread must be open, or it is gone.
                data += rest(reader)
                mark = reader.bookmark.to_json()
                reader.close()
                reader = FollowReader(log, start=Bookmark.from_json(mark))
    data += rest(reader)
    reader.close()
    found = Counter(numbers(data))
    assert rotations == 200
    assert sum(found.values()) == total
    assert set(found) == set(range(total))


def test_r9_50_times_copytruncate_under_load(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "a.log"
    log.parent.mkdir()
    log.touch()
    reader, data, losses = FollowReader(log), b"", 0
    with writing(log, 10_000_000, 20_000):
        for _ in range(50):
            time.sleep(0.02)  # noqa: TID251  a real writer writes meanwhile
            chunk = reader.read(1 << 14)
            data, losses = data + chunk.data, losses + len(chunk.losses)
            rotate(tmp_path, COPY)
    while (chunk := reader.read(1 << 20)).data or not chunk.caught_up:
        data, losses = data + chunk.data, losses + len(chunk.losses)
    reader.close()
    whole = [line for line in data.splitlines() if len(line) == WIDTH]
    found = Counter(int(line[:8]) for line in whole)
    assert max(found.values()) == 1
    left = {
        int(line[:8])
        for path in log.parent.iterdir()
        for line in path.read_bytes().splitlines()
        if len(line) == WIDTH
    }
    assert left <= set(found), "every line that is left on the disk was read"
    assert losses >= 50


def rest(reader: FollowReader) -> bytes:
    """Return what is still to be read."""
    data = b""
    while (chunk := reader.read(1 << 20)).data or not chunk.caught_up:
        data += chunk.data
    return data
