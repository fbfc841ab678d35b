"""Count ten million different addresses, a hundred of which come again and again.

python -m bench.keys [LINES] [LIMIT]

By hand, not in `make bench`: it takes some minutes and a gigabyte on disk. One process
reads the log, on one core. Held against row X1 of the fault matrix: 256 MB of memory,
totals exact, 99 of the hundred greatest keys found among as many as the limit allows,
and an alarm without a key that rings at the very count. It ends with 1 where any of that
does not hold. `tests/test_bench_keys.py` holds the same at a smaller size.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from bench.measure import run

if TYPE_CHECKING:
    from collections.abc import Iterator

LINES = 10_000_000
LIMIT = 10_000
GREAT = 100
FOUND = 99
MEMORY = 256
"""MB, of which a megabyte has a million bytes."""
SPAN = 3600
QUIET = 300
"""Seconds in which only those come that never come again: they are there first."""
START = datetime(2026, 3, 1, tzinfo=UTC)
TAIL = '] "GET /a HTTP/1.1" 200 12 "-" "x"\n'
RULES = """
sources: [{{name: web, path: flood.log, format: combined}}]
metrics:
  - {{name: hits, type: COUNT, period: 1h, every: 10m}}
  - name: by client
    type: COUNT
    period: 1h
    every: 10m
    group_by: [remote_addr]
    limit: {limit}
alarms:
  - {{name: exact, metric: hits, operator: ">=", threshold: {total}, evidence: 0}}
  - {{name: more, metric: hits, operator: ">", threshold: {total}, evidence: 0}}
"""


class Found(Struct, frozen=True):
    """What came of a flood: lines in it and counted, keys, and what it took."""

    lines: int
    counted: int
    summed: int
    """All keys together, with those that share one."""
    keys: int
    """Keys that are told apart."""
    limit: int
    great: int
    """How many of the hundred greatest keys are among them."""
    rang: tuple[str, ...]
    told: int
    """How many incidents say that there is no room for more keys."""
    memory: int
    """MB, at most."""

    def shortfalls(self) -> list[str]:
        """Return what is not as it was promised."""
        promises = {
            f"more than {MEMORY} MB of memory": self.memory > MEMORY,
            "lines are not counted": self.counted != self.lines,
            "the keys together are not all lines": self.summed != self.lines,
            f"fewer than {FOUND} great ones are found": self.great < FOUND,
            "more keys than the limit": self.keys > self.limit + 1,
            "it is not said once that there is no room": self.told != 1,
            "the alarm without a key is not exact": self.rang != ("exact",),
        }
        return [text for text, broken in promises.items() if broken]


def seconds(lines: int, seen: Counter[str]) -> Iterator[list[str]]:
    """Yield the addresses of each second: a tenth are of the great ones."""
    random = Random(1)
    great = [f"192.168.0.{i}" for i in range(GREAT)]
    weights = [1 / (i + 3) for i in range(GREAT)]
    each, number = lines // SPAN, 0
    for second in range(SPAN):
        some = random.choices(great, weights, k=each // 10) if second > QUIET else []
        once = range(number, number + each)
        number += each
        found = [
            f"{11 + (i >> 24)}.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}" for i in once
        ]
        seen.update(some)
        yield some + found


def write(target: Path, lines: int) -> tuple[int, Counter[str]]:
    """Write the log; return how many lines it has, and how many of the great ones."""
    seen: Counter[str] = Counter()
    total = 0
    with target.open("w", encoding="ascii", buffering=1 << 20) as out:
        for second, addresses in enumerate(seconds(lines, seen)):
            at = START + timedelta(seconds=second)
            rest = f" - - [{at:%d/%b/%Y:%H:%M:%S +0000}{TAIL}"
            out.writelines(address + rest for address in addresses)
            total += len(addresses)
    return total, seen


def measured(folder: Path, lines: int = LINES, limit: int = LIMIT) -> Found:
    """Write a flood into a folder, read it, and return what came of it."""
    total, seen = write(folder / "flood.log", lines)
    rules = folder / "rules.yaml"
    rules.write_text(RULES.format(limit=limit, total=total), encoding="utf-8")
    wanted = ["replay", "-c", str(rules), "--datapoints", "--output", "jsonl"]
    cost = run([sys.executable, "-m", "tocsin", *wanted, "--workers", "1"], 1)
    rows = [json.loads(row) for row in cost.output.splitlines()]
    counts = last_counts(rows)
    kept = counts["by client"]
    return Found(
        lines=total,
        counted=sum(counts["hits"].values()),
        summed=sum(kept.values()),
        keys=len(kept),
        limit=limit,
        great=sum(key in kept for key, _ in seen.most_common(GREAT)),
        rang=tuple(
            r["alarm"]
            for r in rows
            if r["type"] == "transition" and r["alarm"] in {"exact", "more"}
        ),
        told=sum(
            r["type"] == "incident"
            and r["event"] == "opened"
            and "key limit" in r["alarm"]
            for r in rows
        ),
        memory=-(-cost.peak // 1_000_000),
    )


def last_counts(rows: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
    """Return the counts of all keys in the last window that is whole, by metric."""
    points = [r for r in rows if r["type"] == "datapoint" and not r.get("partial")]
    last = max(point["end"] for point in points)
    found: dict[str, dict[str, int]] = {"hits": {}, "by client": {}}
    for point in points:
        if point["end"] == last and point["metric"] in found:
            key = str(point["key"].get("remote_addr", ""))
            found[point["metric"]][key] = point["count"]
    return found


def main() -> int:
    """Make a flood, and say what came of it."""
    sizes = [int(word) for word in sys.argv[1:]]
    lines, limit = (*sizes, *(LINES, LIMIT)[len(sizes) :])
    with TemporaryDirectory() as folder:
        found = measured(Path(folder), lines, limit)
    print(f"lines            {found.lines:,}")
    print(f"memory           {found.memory} MB ({MEMORY} at most)")
    print(f"keys apart       {found.keys:,} ({limit:,}, and the one of all others)")
    print(f"great ones found {found.great} of {GREAT} ({FOUND} at least)")
    print(f"all keys summed  {found.summed:,}, without a key {found.counted:,}")
    print(f"rang             {', '.join(found.rang)} (exact, and nothing more)")
    print(f"no room for keys said {found.told} times (once)")
    short = found.shortfalls()
    print("\n".join(short) or "all of it holds")
    return int(bool(short))


if __name__ == "__main__":
    sys.exit(main())
