"""Measure what lines cost that are made to be slow, beside good lines of each format.

python -m bench.hostile [--only NAME]

Each format reads a block of its own sample, and blocks in which every line was spoilt in
one way, as a whole and every other line. A row shows the dearest way, in CPU time for a
line, beside the median way and beside good lines: what is above ten times the median
would let a stranger slow us down.
"""

import argparse
import os
import random
from collections.abc import Callable, Iterator
from statistics import median
from time import process_time

os.environ.setdefault("POLARS_MAX_THREADS", "1")

from bench.formats import LAZY, NGINX, PATTERN, REFERENCE, REGEX
from tocsin import formats
from tocsin.model.protocols import Codec

LINES = 20_000
MOST = 10.0
_ROUNDS = 3
_CHANCE = random.Random(1)
HIT = (
    b'10.0.0.1 - ann [02/Mar/2026:00:00:00 +0000] "GET /a/b?c=d HTTP/1.1" 200 12 '
    b'"https://www.example.com/" "Mozilla/5.0 (X11; Linux x86_64)"'
)
OWN: dict[str, tuple[str, dict[str, object]]] = {
    "field pattern": ("pattern", {"text": PATTERN}),
    "nginx log_format": ("log_format", {"text": NGINX}),
    "regex": ("regex", {"text": REGEX}),
    "regex, lazy groups": ("regex", {"text": LAZY}),
    "grok": ("grok", {"text": "%{COMBINEDAPACHELOG}"}),
}
WAYS: dict[str, Callable[[bytes], bytes]] = {
    "cut short": lambda line: line[: len(line) * 2 // 3],
    "a quote that does not end": lambda line: line + b' "',
    "escaped quotes": lambda line: line.replace(b'" ', b'\\" " ', 1),
    "doubled quotes": lambda line: line.replace(b'"', b'""'),
    "no UTF-8": lambda line: line[:-3] + b"\xff\xfe" + line[-3:],
    "zero bytes": lambda line: line[:5] + b"\0" + line[5:],
    "carriage returns": lambda line: line + b"\r",
    "spaces": lambda line: line.replace(b" ", b"  "),
    "one letter": lambda line: b"a" * len(line),
    "nothing but quotes": lambda line: b'"' * len(line),
    "nothing but brackets": lambda line: b"[{" * (len(line) // 2),
    "noise": lambda line: bytes(_CHANCE.choices(range(32, 127), k=len(line))),
    "numbers of many digits": lambda line: line.replace(b"1", b"1" * 40, 1),
}


def blocks(line: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield blocks of spoilt lines, by how they were spoilt."""
    good = line + b"\n"
    for name, spoil in WAYS.items():
        bad = [spoil(line) + b"\n" for _ in range(LINES if name == "noise" else 1)]
        bad *= LINES // len(bad)
        yield name, b"".join(bad)
        mixed = b"".join(good + each for each in bad[: LINES // 2])
        yield f"{name}, every other line", mixed


def cost(codec: Codec, block: bytes) -> float:
    """Return the seconds of CPU time that a line of a block takes."""
    fields = dict.fromkeys([field.name for field in codec.message][:4])
    best = float("inf")
    for _ in range(_ROUNDS):
        start = process_time()
        tally = codec.parse(block, fields).tally
        best = min(best, process_time() - start)
    assert (
        tally.lines == tally.events + tally.joined + tally.skipped + tally.parse_errors
    )
    return best / tally.lines


def cases() -> Iterator[tuple[str, Codec, bytes]]:
    """Yield each format with its codec and a line that it takes."""
    for name, (form, options) in OWN.items():
        made = formats.get(form, reference=REFERENCE, **options)
        yield name, made.open(HIT + b"\n"), HIT
    for name in formats.BUILT_IN:
        if name == "auto":
            continue
        made = formats.get(name, reference=REFERENCE)
        sample = next(line for line, event in made.samples.items() if event)
        yield name, made.open(sample + b"\n"), sample.split(b"\n")[-1]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.hostile")
    parser.add_argument("--only", default="", metavar="NAME")
    chosen = parser.parse_args()
    print(
        f"| format | good, µs | the dearest | of the median (most: {MOST:g}) | of good |"
    )
    print("|---|--:|---|--:|--:|")
    for name, codec, line in cases():
        if chosen.only not in name:
            continue
        good = cost(codec, (line + b"\n") * LINES)
        found = [(cost(codec, block), way) for way, block in blocks(line)]
        worst, way = max(found)
        middle = median([good, *(seconds for seconds, _ in found)])
        shown = f"{good * 1e6:.2f} | {way} | {worst / middle:.1f} | {worst / good:.1f}"
        print(f"| {name} | {shown} |", flush=True)


if __name__ == "__main__":
    main()
