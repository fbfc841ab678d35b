"""Measure following with durable state: `tocsin run` on files that grow meanwhile.

python -m bench.follow [--lines N] [--runs N] [--gigabytes N] [--files N] [--smoke]
"""

import argparse
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench.contenders import CONFIG, TOCSIN, contenders, tocsin_lines
from bench.generate import cached
from bench.measure import KIBIBYTE, FailedError, Sampler, pinned
from bench.run import CACHE, once, pythonpath, warm

MB = 1_000_000
PEERS = ("mtail", "polars, bare")
SLICE = 1 << 20
_LASTS = 1.5
_FIRST_DAY = b"02/Mar/2026"


@dataclass(frozen=True, slots=True)
class Followed:
    """What following came to: `seconds` from the first line written to the last saved.

    `peak` is the peak RSS (bytes) of the largest process, `tree` that of all together.
    """

    seconds: float
    lines: int
    peak: int
    tree: int


class Daemon:
    """A `tocsin run` over the logs of a folder, on so many cores."""

    def __init__(self, folder: Path, workers: int, cores: int) -> None:
        config = folder / "follow.yaml"
        source = {"name": "log", "path": str(folder / "*.log"), "format": "combined"}
        rules = CONFIG.read_text(encoding="utf-8")
        config.write_text(f"sources: [{json.dumps(source)}]\n{rules}", encoding="utf-8")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.door = f"127.0.0.1:{free.getsockname()[1]}"
        command = [
            *TOCSIN, "run", "-c", str(config), "--state", str(folder / "state"),
            "--workers", str(workers), "--listen", self.door, "--output", "plain", "-q",
        ]  # fmt: skip
        self._out = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `stop`
        with pinned(cores):
            self.process = subprocess.Popen(
                command,
                stdout=self._out,
                env=os.environ
                | {"PYTHONPATH": pythonpath(), "POLARS_MAX_THREADS": str(cores)},
            )
        self._sampler = Sampler(self.process.pid)
        self._sampler.start()

    def wait(self, streams: int) -> float:
        """Wait until it has read and saved all there is of so many logs; say when.

        It believes so for a look longer than it is true: it has to last.
        """
        since = time.perf_counter()
        while time.perf_counter() - since < _LASTS:
            if self.process.poll() is not None:
                raise FailedError("tocsin run has ended")
            time.sleep(0.05)
            found = self._report()
            caught_up = [s for s in found.get("streams", ()) if s["caught_up"]]
            lag = found.get("checks", {}).get("lag", {}).get("ok", False)
            if not (lag and len(caught_up) == streams):
                since = time.perf_counter()
        return since

    def stop(self) -> Followed:
        """End it; return what it has cost and counted."""
        self.process.send_signal(signal.SIGTERM)
        _, _, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = 0
        self._sampler.done.set()
        self._sampler.join()
        self._out.seek(0)
        said = self._out.read().decode(errors="replace")
        self._out.close()
        peak = self._sampler.largest or usage.ru_maxrss * KIBIBYTE
        return Followed(0, tocsin_lines(said), peak, self._sampler.highest)

    def _report(self) -> dict[str, Any]:
        try:
            answer = urllib.request.urlopen(f"http://{self.door}/readyz", timeout=60)
        except urllib.error.HTTPError as error:
            answer = error  # not ready: it says why
        except OSError:
            return {}
        with answer:
            report: dict[str, Any] = json.loads(answer.read())
        return report


def grow(log: Path, source: Path, copies: int) -> None:
    """Append a log to another, so many times; each copy is a day later."""
    with log.open("ab") as out:
        for day in range(copies):
            stamp = b"%02d/Mar/2026" % (2 + day)
            with source.open("rb") as whole:
                while lines := whole.readlines(SLICE):
                    out.write(b"".join(lines).replace(_FIRST_DAY, stamp))


def follow(source: Path, workers: int, copies: int = 1) -> Followed:
    """Follow one log that grows from nothing, on a core for each worker."""
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        log = Path(folder) / "a.log"
        log.touch()
        daemon = Daemon(Path(folder), workers, min(2, workers))
        with ended(daemon):
            daemon.wait(1)
            begin = time.perf_counter()
            grow(log, source, copies)
            took = daemon.wait(1) - begin
            found = daemon.stop()
    return Followed(took, found.lines, found.peak, found.tree)


def crowd(files: int, workers: int) -> Followed:
    """Follow many small files."""
    line = cached(CACHE, 20_000).open("rb").readline()
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        for number in range(files):
            (Path(folder) / f"{number:05}.log").write_bytes(line)
        begin = time.perf_counter()
        daemon = Daemon(Path(folder), workers, 2)
        with ended(daemon):
            took = daemon.wait(files) - begin
            found = daemon.stop()
    return Followed(took, found.lines, found.peak, found.tree)


@contextlib.contextmanager
def ended(daemon: Daemon) -> Iterator[None]:
    """Leave no process behind."""
    try:
        yield
    finally:
        if daemon.process.returncode is None:
            daemon.process.kill()
            daemon.process.wait()


def row(name: str, cores: int, found: Sequence[Followed], ratios: str) -> str:
    """Return a line of the table."""
    speed = median(one.lines / one.seconds for one in found)
    peak, tree = max(one.peak for one in found), max(one.tree for one in found)
    cells = f"{speed:,.0f} | {peak / MB:.0f} | {tree / MB:.0f} | {ratios}"
    return f"| {name} | {cores} | {cells} |"


def race(source: Path, lines: int, runs: int) -> Iterator[str]:
    """Follow on one core and on two, beside peers that read the same log once."""
    peers = [c for c in contenders(CACHE) if c.name in PEERS and c.present]
    for cores in (1, 2):
        found, ratios = [], []
        for _ in range(runs):
            one = follow(source, cores)
            if one.lines != lines:
                raise FailedError(f"{one.lines:,} of {lines:,} lines were counted")
            theirs = {peer.name: once(peer, cores, source)[0].wall for peer in peers}
            ratios.append({name: wall / one.seconds for name, wall in theirs.items()})
            found.append(one)
        told = [f"{median(r[p.name] for r in ratios):.1f}× {p.name}" for p in peers]
        yield row("one log that grows", cores, found, ", ".join(told))


def main(arguments: Sequence[str]) -> int:
    """Run the measurements, and print each as it is made; 1 if lines were lost."""
    parser = argparse.ArgumentParser(prog="python -m bench.follow")
    parser.add_argument("--lines", type=int, default=2_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--gigabytes", type=float, default=2)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--smoke", action="store_true", help="small: does it run?")
    chosen = parser.parse_args(arguments)
    if chosen.smoke:
        chosen.lines, chosen.runs, chosen.gigabytes, chosen.files = 20_000, 1, 0.01, 20
    source = cached(CACHE, chosen.lines)
    warm(source)
    print("| what | cores | lines/s | peak MB | tree MB | as fast as |")
    print("|---|--:|--:|--:|--:|---|")
    try:
        for line in race(source, chosen.lines, chosen.runs):
            print(line, flush=True)
        copies = max(1, round(chosen.gigabytes * 1e9 / source.stat().st_size))
        for workers in (1, 2):
            large = [follow(source, workers, copies)]
            print(row(f"{chosen.gigabytes:g} GB", workers, large, ""), flush=True)
        for workers in (1, 2):
            many = [crowd(chosen.files, workers)]
            print(row(f"{chosen.files:,} files", workers, many, ""), flush=True)
    except FailedError as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
