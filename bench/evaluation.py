"""Measure the half of Tocsin that has memory: windows, alarms and corrections.

python -m bench.evaluation [--only NAME] [--smoke]

Cells are observed first and not counted: a row is the CPU time of judging alone, on one
core and with one thread of Polars (unless POLARS_MAX_THREADS says otherwise). No row is
held against a limit; the targets stand beside the figures.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from time import process_time

import polars as pl

from bench.measure import pinned
from tocsin.config.values import AlarmConfig, Config, MetricConfig, SourceConfig
from tocsin.model.batch import TIME, EventBatch, Tally
from tocsin.model.instant import SECOND
from tocsin.pipeline.compile import compile_plan
from tocsin.pipeline.engine import Engine

START = 1_700_000_000
WARM = 400
"""Seconds of events before a tick is measured: nothing is settled before that."""


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement: what was varied, its figure, and the target if it has one."""

    what: str
    figure: float
    unit: str
    target: str = ""


def batch(times: pl.Series, keys: int = 1) -> EventBatch:
    """Return events at these times (s), with a value and a key that look at random."""
    mixed = (times * 7919 + pl.int_range(times.len(), eager=True) * 104_729) % 999_983
    frame = pl.DataFrame(
        {
            "time": (times * SECOND).cast(TIME),
            "v": (mixed % 1000).cast(pl.Float64) / 7,
            "g": (mixed % keys).cast(pl.String),
            "section": (mixed % 1000).cast(pl.String),
        }
    )
    return EventBatch(frame, Tally(lines=frame.height, events=frame.height))


def seconds(begin: int, count: int, each: int) -> pl.Series:
    """Return `count` seconds from `begin`, each of them `each` times."""
    return pl.int_range(count * each, eager=True) // each + (START + begin)


def count(name: str, period: int, *, grouped: bool = False) -> MetricConfig:
    """Return a metric that counts each second over so many."""
    return MetricConfig(
        name=name,
        period=period * SECOND,
        every=SECOND,
        group_by=("g",) if grouped else (),
    )


def alarm(name: str, metric: str, threshold: float) -> AlarmConfig:
    """Return an alarm above a threshold."""
    return AlarmConfig(
        name=name, metric=metric, threshold=threshold, recovery_threshold=threshold
    )


def alarmed(metrics: Sequence[MetricConfig], alarms: int) -> Config:
    """Return metrics with so many alarms on them, some of which ring."""
    names = [metrics[i % len(metrics)].name for i in range(alarms)]
    found = [alarm(f"a{i}", n, 50.0 * (i + 1)) for i, n in enumerate(names)]
    return Config(metrics=tuple(metrics), alarms=tuple(found))


class Bench:
    """An engine with one stream, and a clock on what it is asked to judge."""

    def __init__(self, config: Config) -> None:
        self.engine = Engine(compile_plan(config))
        self.engine.register("s", "default")
        self.observer = self.engine.observers["default"]

    def absorb(self, events: EventBatch) -> None:
        """Observe some events, and take them in."""
        clock = self.engine.state.streams["s"].clock
        self.engine.absorb("s", self.observer.observe(events, clock))

    def advance(self) -> float:
        """Judge as far as time has come; return the seconds of CPU that it took."""
        start = process_time()
        self.engine.advance(together=True)
        return process_time() - start


def tick(config: Config, keys: int, each: int, ticks: int) -> float:
    """Return the milliseconds of a live tick, once there is some history."""
    bench = Bench(config)
    for begin in range(0, WARM, 20):
        bench.absorb(batch(seconds(begin, 20, each), keys))
        bench.advance()
    found = []
    for second in range(WARM, WARM + ticks):
        bench.absorb(batch(seconds(second, 1, each), keys))
        found.append(bench.advance())
    return 1000 * median(found)


def ticks_by_alarms(*, smoke: bool) -> Iterator[Row]:
    """How a tick grows with alarms, on half as many metrics."""
    for alarms in (10,) if smoke else (10, 100, 1000):
        metrics = [count(f"m{i}", 10 + i % 110) for i in range(alarms // 2)]
        took = tick(alarmed(metrics, alarms), 1, 20, 3 if smoke else 15)
        target = "10 ms" if alarms == 1000 else ""
        yield Row(f"a tick of {alarms:,} alarms", took, "ms", target)


def ticks_by_keys(*, smoke: bool) -> Iterator[Row]:
    """How a tick grows with the keys of one metric, a fifth of them in every second."""
    for keys in (100,) if smoke else (100, 1000, 10_000):
        config = alarmed([count("m", 120, grouped=True)], 1)
        took = tick(config, keys, keys // 5, 3 if smoke else 15)
        target = "20 ms" if keys == 10_000 else ""
        yield Row(f"a tick of {keys:,} keys", took, "ms", target)


def days(*, smoke: bool) -> Iterator[Row]:
    """A day of one-second steps, replayed by the hour."""
    hours = 1 if smoke else 24
    for metrics in (10, 100):
        config = alarmed([count(f"m{i}", 60 + i) for i in range(metrics)], 100)
        bench, took = Bench(config), 0.0
        for hour in range(hours):
            bench.absorb(batch(seconds(3600 * hour, 3600, 1 + hour % 2)))
            took += bench.advance()
        yield Row(f"a day, 100 alarms on {metrics} metrics", took, "s", "3 s")


def lengths(*, smoke: bool) -> Iterator[Row]:
    """How the work of a moving window grows with its length."""
    for kind in ("COUNT", "MAX", "P95", "DISTINCT"):
        for period in (60, 3600) if smoke else (60, 600, 3600):
            metric = MetricConfig(
                name="m",
                type=kind,
                field=None if kind == "COUNT" else "v",
                period=period * SECOND,
                every=SECOND,
            )
            bench, took = Bench(alarmed([metric], 1)), 0.0
            for part in range(1 if smoke else 4):
                bench.absorb(batch(seconds(1800 * part, 1800, 2)))
                took += bench.advance()
            yield Row(f"2 hours of {kind} over {period:,} s each second", took, "s")


def disorder(*, smoke: bool) -> Iterator[Row]:
    """What late lines cost: the same events in order, and each up to a minute late."""
    events = 1000 if smoke else 10_000
    spread = pl.int_range(events, eager=True) * 2 + START
    number = pl.int_range(events, eager=True)
    noise = (number * number * 31 + number * 17) % 61
    shuffled = spread.gather((spread + noise).arg_sort())
    metrics = (
        count("hits", 120),
        MetricConfig(name="sections", period=10 * SECOND, every=10 * SECOND,
                     group_by=("section",)),
        MetricConfig(name="slow", type="AVG", field="v", period=60 * SECOND,
                     every=10 * SECOND),
    )  # fmt: skip
    config = Config(
        sources=(SourceConfig(),), metrics=metrics, alarms=(alarm("a", "hits", 60),)
    )
    took = []
    for times in (spread, shuffled):
        bench = Bench(config)
        for begin in range(0, events, 2000):
            bench.absorb(batch(times.slice(begin, 2000)))
            took.append(bench.advance())
    half = len(took) // 2
    ordered, late = sum(took[:half]), sum(took[half:])
    yield Row("events in order", ordered, "s")
    yield Row("the same, up to a minute late", late, "s", f"{4 * ordered:.2f} s")


Measure = Callable[..., Iterator[Row]]
MEASURES: tuple[Measure, ...] = (
    ticks_by_alarms,
    ticks_by_keys,
    days,
    lengths,
    disorder,
)


def main(arguments: Sequence[str]) -> int:
    """Run the measurements, and print each as it is made."""
    parser = argparse.ArgumentParser(prog="python -m bench.evaluation")
    parser.add_argument("--only", action="append", default=[], metavar="NAME")
    parser.add_argument("--smoke", action="store_true", help="small: does it run?")
    parser.add_argument(
        "--here", dest="apart", action="store_false", help=argparse.SUPPRESS
    )
    chosen = parser.parse_args(arguments)
    wanted = [
        measure
        for measure in MEASURES
        if not chosen.only or any(n in measure.__name__ for n in chosen.only)
    ]
    if chosen.apart:
        return apart(arguments)
    print(f"CPU time on one core; threads of Polars: {pl.thread_pool_size()}.\n")
    print("| what | CPU | target |\n|---|--:|--:|")
    for measure in wanted:
        for row in measure(smoke=chosen.smoke):
            figure = f"{row.figure:.2f} {row.unit}"
            print(f"| {row.what} | {figure} | {row.target} |", flush=True)
    return 0


def apart(arguments: Sequence[str]) -> int:
    """Run in a process that has one core from its start: Polars' threads are begun then."""
    command = [sys.executable, "-m", "bench.evaluation", "--here", *arguments]
    with pinned(1):
        threads = {"POLARS_MAX_THREADS": "1"}
        return subprocess.run(command, env=threads | os.environ, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
