"""Measure Tocsin beside its peers, as whole processes, and keep the table.

python -m bench.run [--lines N] [--runs N] [--only NAME] [--smoke]
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.contenders import CONFIG, ROOT, TOCSIN, Contender, contenders
from bench.generate import cached
from bench.measure import Cost, FailedError, run
from bench.report import Result, page

CACHE = ROOT / ".bench"
RESULTS = ROOT / "bench" / "RESULTS.md"
STARTUP = {
    "tocsin --help": [*TOCSIN, "--help"],
    "tocsin check": [*TOCSIN, "check", "-c", str(CONFIG)],
}


def options(arguments: Sequence[str]) -> argparse.Namespace:
    """Return what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__)
    parser.add_argument("--lines", type=int, default=2_000_000)
    parser.add_argument("--runs", type=int, default=5, help="rounds (default 5)")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NAME",
        help="programs whose name contains this; repeatable",
    )
    parser.add_argument("--cores", type=int, action="append", choices=(1, 2))
    parser.add_argument(
        "--smoke", action="store_true", help="a small log, once: does all of it run?"
    )
    chosen = parser.parse_args(arguments)
    if chosen.smoke:
        chosen.lines, chosen.runs = 20_000, 1
    return chosen


def once(contender: Contender, cores: int, log: Path) -> tuple[Cost, int]:
    """Run a contender once; return what it cost, and the lines it counted."""
    command = contender.command(log, cores, CACHE)
    environment = {"POLARS_MAX_THREADS": str(cores), "PYTHONPATH": pythonpath()}
    cost = run(command, cores, **environment)
    return cost, contender.counted(cost.output)


def pythonpath() -> str:
    """Return where our own code is found, installed or not."""
    return f"{ROOT / 'src'}:{ROOT}"


class Race:
    """All rounds of all contenders on all counts of cores."""

    def __init__(
        self, log: Path, field: Sequence[Contender], cores: Sequence[int]
    ) -> None:
        self.log = log
        self.results = {
            (contender.name, count): Result(
                contender.name, count, absent="" if contender.present else "absent"
            )
            for contender in field
            for count in cores
        }
        self.field = {contender.name: contender for contender in field}

    def round(self, number: int) -> None:
        """Let each run once; one that failed does not run again."""
        for (name, cores), before in self.results.items():
            if before.absent:
                continue
            print(f"round {number}: {name}, {cores} core(s)", end=" ", file=sys.stderr)
            try:
                cost, counted = once(self.field[name], cores, self.log)
            except FailedError as failure:
                print("failed:", failure, file=sys.stderr)
                self.results[name, cores] = Result(name, cores, absent="failed")
                continue
            print(f"{cost.wall:.2f} s", file=sys.stderr)
            costs = (*before.costs, cost)
            self.results[name, cores] = Result(name, cores, costs, counted)


def warm(log: Path) -> None:
    """Bring the log into the page cache, so that the first round is like the others.

    In small pieces: a child begins with the memory of its parent in its peak.
    """
    with log.open("rb") as pieces:
        while pieces.read(1 << 20):
            pass


def compiled() -> None:
    """Compile our own modules as an installation does: else each start might.

    In another process: see `warm`.
    """
    compile_all = [sys.executable, "-m", "compileall", "-q", str(ROOT / "src")]
    subprocess.run(compile_all, check=False)


def startup(runs: int) -> list[Result]:
    """Time the commands that must start at once."""
    results = []
    for name, command in STARTUP.items():
        try:
            costs = [run(command, 1, PYTHONPATH=pythonpath()) for _ in range(runs)]
        except FailedError as failure:
            print(name, "failed:", failure, file=sys.stderr)
            results.append(Result(name, 1, absent="failed"))
        else:
            results.append(Result(name, 1, tuple(costs)))
    return results


def complaints(results: Sequence[Result], lines: int) -> list[str]:
    """Return what is wrong: who failed, and who did not count every line."""
    failed = [f"{r.name} failed" for r in results if r.absent == "failed"]
    short = [
        f"{r.name} on {r.cores} counted {r.counted:,} of {lines:,} lines"
        for r in results
        if r.costs and r.counted != lines
    ]
    return failed + short


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; 1 when a program failed or counted wrongly."""
    chosen = options(arguments)
    log = cached(CACHE, chosen.lines)
    field = [
        c
        for c in contenders(CACHE)
        if not chosen.only or any(part in c.name for part in chosen.only)
    ]
    if not field:
        print("no program of that name", file=sys.stderr)
        return 2
    warm(log)
    compiled()
    race = Race(log, field, chosen.cores or (1, 2))
    for number in range(1, chosen.runs + 1):
        race.round(number)
    results = sorted(race.results.values(), key=lambda result: result.cores)
    starts = [] if chosen.only else startup(1 if chosen.smoke else 11)
    wrong = complaints(results, chosen.lines) + complaints(starts, 0)
    if all(not result.costs for result in results):
        print("\n".join(wrong), file=sys.stderr)
        return 1
    text = page(results, starts, log, chosen.lines)
    print(text)
    if not (chosen.smoke or chosen.only or wrong):
        RESULTS.write_text(text, encoding="utf-8")
    print("\n".join(wrong), file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
