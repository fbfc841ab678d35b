"""What was measured, as one table: on the screen and in bench/RESULTS.md."""

import os
import platform
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from statistics import median

from bench.measure import Cost

MB = 1_000_000
OURS = ("tocsin replay", "tocsin watch")
BARE = "polars, bare"


@dataclass(frozen=True, slots=True)
class Result:
    """One program on so many cores: what each round cost, or why there is nothing."""

    name: str
    cores: int
    costs: tuple[Cost, ...] = ()
    counted: int = 0
    absent: str = ""

    @property
    def wall(self) -> float:
        """Median seconds of a round."""
        return median(cost.wall for cost in self.costs)


def table(results: Sequence[Result], lines: int) -> Iterator[str]:
    """Return the lines of a Markdown table, the cores apart."""
    yield "| program | cores | lines/s | wall s | CPU s | peak MB | tree MB | "
    yield "replay is | watch is |\n"
    yield "|---|--:|--:|--:|--:|--:|--:|--:|--:|\n"
    for result in results:
        if result.absent:
            yield f"| {result.name} | {result.cores} | {result.absent} | | | | | | |\n"
            continue
        ours = [r for r in results if r.cores == result.cores and r.name in OURS]
        yield _row(result, {r.name: r for r in ours if r.costs}, lines)


def _row(result: Result, ours: Mapping[str, Result], lines: int) -> str:
    off = f" ({result.counted:,} counted)" if result.counted != lines else ""
    cells = [
        result.name,
        f"{result.cores}",
        f"{lines / result.wall:,.0f}{off}",
        f"{result.wall:.2f}",
        f"{median(cost.cpu for cost in result.costs):.2f}",
        _memory(max(cost.peak for cost in result.costs)),
        _memory(max(cost.tree for cost in result.costs)),
        *(_ratio(result, ours.get(name)) for name in OURS),
    ]
    return "| " + " | ".join(cells) + " |\n"


def _memory(size: int) -> str:
    return f"{size / MB:.0f}" if size else ""


def _ratio(result: Result, own: Result | None) -> str:
    """Return how many times as fast ours is: the median over rounds, each by itself."""
    if own is None or own.name == result.name:
        return ""
    pairs = zip(result.costs, own.costs, strict=True)
    return f"{median(theirs.wall / mine.wall for theirs, mine in pairs):.1f}×"


def reached(results: Sequence[Result]) -> str:
    """Return how many times as fast as bare Polars on one core ours is, in a sentence."""
    known = {(r.name, r.cores): r for r in results if r.costs}
    bare = known.get((BARE, 1))
    if bare is None:
        return ""
    said = []
    for name in reversed(OURS):
        mine = [known[key] for key in sorted(known) if key[0] == name]
        times = (
            median(b.wall / m.wall for b, m in zip(bare.costs, own.costs, strict=True))
            for own in mine
        )
        said.append(f"{name} {' and '.join(f'{each:.2f}' for each in times)}")
    return f"Here it is {', '.join(said)}: the median of the rounds.\n"


def startup_table(results: Sequence[Result]) -> Iterator[str]:
    """Return the table of commands that must start at once."""
    yield "| command | median ms | fastest ms |\n|---|--:|--:|\n"
    for result in results:
        if result.absent:
            yield f"| {result.name} | {result.absent} | |\n"
            continue
        fastest = min(cost.wall for cost in result.costs)
        yield f"| {result.name} | {result.wall * 1e3:.0f} | {fastest * 1e3:.0f} |\n"


def machine() -> str:
    """Describe this machine and the versions in play, without names or paths."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        named = [x for x in info.read_text().splitlines() if x.startswith("model name")]
        cpu = named[0].split(":")[1].strip() if named else cpu
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    software = [
        f"Python {platform.python_version()}",
        *(f"{name} {metadata.version(name)}" for name in ("polars", "duckdb")),
        *(f"{name} {version(name)}" for name in ("mtail", "goaccess")),
    ]
    hardware = f"{cpu}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}"
    return f"{hardware}; {', '.join(software)}."


def version(program: str) -> str:
    """Return the version a peer gives of itself, or that it is absent."""
    if shutil.which(program) is None:
        return "absent"
    said = subprocess.run([program, "--version"], capture_output=True, check=False)
    words = (said.stdout or said.stderr).decode(errors="replace").split()
    return next((word.strip(".") for word in words if word[0].isdigit()), "unknown")


TEXT = """# Results of `make bench`

{machine}

Log: {lines:,} lines of combined format, {size:.0f} MB, in the page cache.
{runs} rounds; in each round every program ran once, as a whole process from start to
exit, on the cores given. Wall, CPU and lines/s are medians over the rounds, memory is
the maximum. "replay is 8.0×" says that `tocsin replay` was that many times as fast as
the program of the row in the same round. *peak* is the peak RSS of the largest process,
*tree* the sampled PSS of all its processes together.

{table}
mtail counts by section and status, without time; GoAccess makes its whole report;
DuckDB and bare Polars count by second, section and status, without a grammar, windows
or alarms. Tocsin's rows parse by the exact grammar, account for every line, and
evaluate the statistics of ten seconds and the alarm over two minutes each second.
What was asked for is 1.2 million lines/s on one core and 2 million on two, of a machine on
which bare Polars did 1.7 million on one: 0.7 and 1.2 times that.
{reached}
## Start-up

{startup}"""


def page(
    results: Sequence[Result], startup: Sequence[Result], log: Path, lines: int
) -> str:
    """Return the text of RESULTS.md."""
    return TEXT.format(
        machine=machine(),
        lines=lines,
        size=log.stat().st_size / MB,
        runs=max(len(result.costs) for result in results),
        table="".join(table(results, lines)),
        reached=reached(results),
        startup="".join(startup_table(startup)),
    )
