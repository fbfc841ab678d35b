"""Count ten million different addresses, a hundred of which come again and again.

python -m bench.keys [LINES]

By hand, not in `make bench`: it takes a minute or two and a gigabyte. One process reads
the log, by one core. Held against row X1 of the fault matrix: 256 MB of memory,
totals exact, 99 of the hundred greatest keys found among 10,000.
"""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

LINES = 10_000_000
GREAT = 100
SPAN = 3600
QUIET = 300
"""Seconds in which only those come that never come again: they are there first."""
START = datetime(2026, 3, 1, tzinfo=UTC)
TAIL = '] "GET /a HTTP/1.1" 200 12 "-" "x"\n'
RULES = """
sources: [{name: web, path: flood.log, format: combined}]
metrics:
  - {name: hits, type: COUNT, period: 1h, every: 10m}
  - {name: by client, type: COUNT, period: 1h, every: 10m, group_by: [remote_addr]}
"""
RUN = (
    "import resource, sys\n"
    "from tocsin.views.cli import run\n"
    "code = run(sys.argv[1:])\n"
    "sys.stderr.write(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024))\n"
    "sys.exit(code)\n"
)


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


def main() -> int:
    """Write the flood, read it, and say what was found."""
    lines = int(sys.argv[1]) if len(sys.argv) > 1 else LINES
    with TemporaryDirectory() as folder:
        total, seen = write(Path(folder, "flood.log"), lines)
        Path(folder, "rules.yaml").write_text(RULES, encoding="utf-8")
        wanted = ["replay", "-c", "rules.yaml", "--datapoints", "--output", "jsonl"]
        command = [sys.executable, "-c", RUN, *wanted, "--workers", "1"]
        done = subprocess.run(command, cwd=folder, capture_output=True, check=True)
    points = [json.loads(row) for row in done.stdout.splitlines()]
    points = [p for p in points if p["type"] == "datapoint" and not p.get("partial")]
    last = max(p["end"] for p in points)
    counts = {
        name: {p["key"].get("remote_addr", ""): p["count"] for p in points
               if p["end"] == last and p["metric"] == name}
        for name in ("hits", "by client")
    }  # fmt: skip
    kept = counts["by client"]
    found = sum(address in kept for address, _ in seen.most_common(GREAT))
    print(f"lines            {total:,}")
    print(f"memory           {done.stderr.split()[-1].decode()} MB (256 at most)")
    print(f"keys apart       {len(kept):,}")
    print(f"great ones found {found} of {GREAT} (99 at least)")
    print(
        f"all keys summed  {sum(kept.values()):,}, without a key {counts['hits']['']:,}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
