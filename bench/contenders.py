"""Who runs, and how each is asked to do the job on so many cores."""

import json
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
TOCSIN = [sys.executable, "-c", "from tocsin.views.cli import main; main()"]
CONFIG = HERE / "bench.yaml"


def first_number(output: str) -> int:
    """Return the number that a peer of ours prints."""
    return int(output.split(maxsplit=1)[0])


def tocsin_lines(output: str) -> int:
    """Return the lines that Tocsin's summary accounts for; 0 when it has none."""
    found = re.search(r"^ +lines +(\d+) = ", output, re.MULTILINE)
    return int(found[1]) if found else 0


def mtail_hits(output: str) -> int:
    """Return the sum of mtail's counter of hits."""
    metrics = json.loads(output[output.index("{") :])
    return sum(
        value["Value"]["Value"]
        for metric in metrics["hits"]
        for value in metric["LabelValues"]
    )


@dataclass(frozen=True, slots=True)
class Contender:
    """One program, or one way to run ours.

    `command` makes the command line from the log, the number of cores and a folder to
    write to; `counted` finds in what it printed how many lines it counted.
    """

    name: str
    command: Callable[[Path, int, Path], list[str]]
    counted: Callable[[str], int]
    needs: str = ""

    @property
    def present(self) -> bool:
        """Whether the program it needs is on this machine."""
        return not self.needs or shutil.which(self.needs) is not None


def watch(log: Path, _cores: int, _folder: Path) -> list[str]:
    """`tocsin watch`: one process, in order."""
    return [*TOCSIN, "watch", str(log), "--no-follow", "--output", "plain"]


def watch_by_columns(log: Path, cores: int, folder: Path) -> list[str]:
    """The same without the compiled library, as where there is no C compiler."""
    return ["env", "TOCSIN_PURE=1", *watch(log, cores, folder)]


def replay(log: Path, cores: int, _folder: Path) -> list[str]:
    """`tocsin replay` with a worker for each core."""
    options = ["-c", str(CONFIG), "--workers", str(cores), "--output", "plain"]
    return [*TOCSIN, "replay", *options, str(log)]


def replay_with_evidence(log: Path, cores: int, folder: Path) -> list[str]:
    """The same with lines of the log beside the alarm, as those of users have them."""
    config = folder / "evidence.yaml"
    config.write_text(CONFIG.read_text().replace("evidence: 0", "evidence: 5"))
    words = replay(log, cores, folder)
    return [str(config) if word == str(CONFIG) else word for word in words]


def mtail(log: Path, _cores: int, _folder: Path) -> list[str]:
    """Hits by section and status, and bytes by section, since the beginning."""
    program = str(HERE / "peers" / "access.mtail")
    quiet = ["-logtostderr", "-address", "127.0.0.1", "-port", "0"]
    return ["mtail", "-one_shot", "-progs", program, "-logs", str(log), *quiet]


def goaccess(log: Path, _cores: int, folder: Path) -> list[str]:
    """Its whole report, as JSON."""
    options = ["--log-format=COMBINED", "--no-global-config", "--no-progress"]
    return ["goaccess", str(log), *options, "-o", str(folder / "goaccess.json")]


def duckdb(log: Path, cores: int, _folder: Path) -> list[str]:
    """Hits and bytes by second, section and status: one query."""
    return [sys.executable, "-m", "bench.peers.duckdb_query", str(log), str(cores)]


def polars(log: Path, _cores: int, _folder: Path) -> list[str]:
    """Hits and bytes by second, section and status, trusting every line."""
    return [sys.executable, "-m", "bench.peers.polars_parse", str(log)]


def goaccess_total(folder: Path) -> Callable[[str], int]:
    """Return what reads the total out of the report that GoAccess wrote."""

    def read(_output: str) -> int:
        report = json.loads((folder / "goaccess.json").read_text(encoding="utf-8"))
        return int(report["general"]["valid_requests"])

    return read


def contenders(folder: Path) -> list[Contender]:
    """Return all in the order in which they run.

    Ours and what they are measured by first: a machine that others share changes its
    speed while the long ones run.
    """
    return [
        Contender("tocsin watch", watch, tocsin_lines),
        Contender("polars, bare", polars, first_number),
        Contender("tocsin replay", replay, tocsin_lines),
        Contender("tocsin replay, with evidence", replay_with_evidence, tocsin_lines),
        Contender("tocsin watch, by columns", watch_by_columns, tocsin_lines),
        Contender("duckdb", duckdb, first_number),
        Contender("mtail", mtail, mtail_hits, needs="mtail"),
        Contender("goaccess", goaccess, goaccess_total(folder), needs="goaccess"),
    ]
