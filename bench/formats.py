"""Measure how fast each format reads its lines: CPU time of one core, in one process.

python -m bench.formats [--only NAME] [--lines N] [--smoke]

Each row stands beside the bare Polars parse of the same access log in the same run: the
target is a share of that, so that a slow machine does not change what is asked for.
Only the fields that are named are read, as in a run.
"""

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

os.environ.setdefault("POLARS_MAX_THREADS", "1")

from bench.generate import cached
from bench.peers.polars_parse import groups
from tocsin import formats

CACHE = Path(__file__).parent.parent / ".bench"
BARE = 1.7e6
"""Lines a second of the bare parse on the machine that the targets were set for."""
ROUNDS = 5
REFERENCE = 1_790_000_000_000_000


@dataclass(frozen=True, slots=True)
class Case:
    """One format over one log: the fields read, and the target (lines/s)."""

    name: str
    format: str
    log: str
    fields: tuple[str, ...]
    target: float
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement: lines a second, and as a share of the bare parse."""

    case: Case
    speed: float
    share: float
    misses: int

    @property
    def wanted(self) -> float:
        """The share that is the target."""
        return self.case.target / BARE


HITS = ("section", "status", "bytes")
PATTERN = (
    '{remote_addr} - {user} [{time:%d/%b/%Y:%H:%M:%S %z}] "{request}" {status:int} '
    '{bytes:int} "{referer}" "{agent}"'
)
NGINX = (
    '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent '
    '"$http_referer" "$http_user_agent"'
)
REGEX = (
    r'^(?P<ip>\S+) \S+ (?P<user>\S+) \[(?P<time>[^\]]+)\] "(?P<request>[^"]*)" '
    r"(?P<status>\d+) (?P<bytes>\d+|-)"
)
LAZY = (
    r'(?P<ip>.*?) .*? (?P<user>.*?) \[(?P<time>.*?)\] "(?P<request>.*?)" '
    r"(?P<status>\d+) (?P<bytes>\S+)"
)
CASES = (
    Case("combined", "combined", "access", HITS, 0.6e6),
    Case("field pattern", "pattern", "access", HITS, 0.6e6, {"text": PATTERN}),
    Case("nginx log_format", "log_format", "access", HITS, 0.6e6, {"text": NGINX}),
    Case("regex", "regex", "access", HITS, 0.6e6, {"text": REGEX}),
    Case("regex, lazy groups", "regex", "access", HITS, 0.6e6, {"text": LAZY}),
    Case("grok", "grok", "access", HITS, 0.6e6, {"text": "%{COMBINEDAPACHELOG}"}),
    Case("json", "json", "json", HITS, 0.8e6),
    Case("logfmt", "logfmt", "logfmt", ("level", *HITS), 0.5e6),
    Case("syslog", "syslog", "syslog", ("host", "program", "message"), 0.5e6),
    Case("python", "python", "python", ("level", "logger", "message"), 0.5e6),
)


def logs(access: bytes) -> dict[str, bytes]:
    """Return the lines of an access log, also as logs of other formats."""
    made: dict[str, list[str]] = {"json": [], "logfmt": [], "syslog": [], "python": []}
    for number, line in enumerate(access.decode().splitlines()):
        at = line.index("[")
        head, rest = line[:at], line[at + 29 :]
        second = number // 100
        clock = f"{second // 3600 % 24:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
        request, _, tail = rest[1:].partition('" ')
        status, size = tail.split(" ", 2)[:2]
        host, path = head.split()[0], ([*request.split(), "-", "-"])[1]
        numbers = f"{status} {size.replace('-', '0')}"
        status, size = numbers.split()
        made["json"].append(
            f'{{"time":"2026-03-02T{clock}Z","level":"info","msg":"request served",'
            f'"remote_addr":"{host}","method":"GET","path":"{path}",'
            f'"status":{status},"bytes":{size},"took":0.0{number % 9}}}'
        )
        made["logfmt"].append(
            f'time=2026-03-02T{clock}Z level=info msg="request served" '
            f"remote_addr={host} method=GET path={path} status={status} bytes={size}"
        )
        made["syslog"].append(f"Mar  2 {clock} web1 nginx[42]: {host} {path} {status}")
        made["python"].append(f"2026-03-02 {clock},123 - web.{status} - INFO - {path}")
    return {"access": access} | {
        name: "\n".join([*lines, ""]).encode() for name, lines in made.items()
    }


def speed(work: Callable[[], object], lines: int) -> float:
    """Return the lines of a second of CPU time, the median of a few rounds."""
    times = []
    for _ in range(ROUNDS):
        start = process_time()
        work()
        times.append(process_time() - start)
    return lines / median(times)


def measure(case: Case, block: bytes, bare: Callable[[], float]) -> Row:
    """Return one row: the format beside the bare parse, measured right before it."""
    made = formats.get(case.format, reference=REFERENCE, **case.options)
    codec = made.open(block[: 64 << 10])
    fields = dict.fromkeys(case.fields)
    tally = codec.parse(block, fields).tally
    floor = bare()
    found = speed(lambda: codec.parse(block, fields), tally.lines)
    return Row(case, found, found / floor, tally.parse_errors)


def rows(lines: int, only: Sequence[str]) -> Iterator[Row]:
    """Yield the rows, each as it is measured."""
    path = cached(CACHE, lines)
    with path.open("rb") as log:
        access = b"".join(log.readline() for _ in range(lines))
    blocks = logs(access)

    def bare() -> float:
        return speed(lambda: groups(access), lines)

    for case in CASES:
        if not only or any(word in case.name for word in only):
            yield measure(case, blocks[case.log], bare)


def show(row: Row) -> str:
    """Return a row as a line of the table."""
    ok = "met" if row.share >= row.wanted else "MISSED"
    return (
        f"| {row.case.name} | {row.speed / 1e6:.2f} | {row.share:.2f} | "
        f"{row.wanted:.2f} | {ok} | {row.misses} |"
    )


def main(arguments: Sequence[str]) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.formats")
    parser.add_argument("--only", action="append", default=[], metavar="NAME")
    parser.add_argument("--lines", type=int, default=200_000)
    parser.add_argument("--smoke", action="store_true", help="does all of it run?")
    chosen = parser.parse_args(arguments)
    lines = 5_000 if chosen.smoke else chosen.lines
    print("| format | M lines/s | of the bare parse | target | | refused |")
    print("|---|---|---|---|---|---|")
    for row in rows(lines, chosen.only):
        print(show(row), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
