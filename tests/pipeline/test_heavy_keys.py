"""More keys than a limit: totals are exact, and the greatest keys are found."""

from __future__ import annotations

from collections import Counter
from random import Random

from tests.plain import SECOND, Row
from tests.runs import Piece, feed, plain, taken_up

from tocsin.config.alarm_values import AlarmConfig
from tocsin.config.values import Config, MetricConfig
from tocsin.metrics.series import OTHER
from tocsin.model.records import Datapoint, Record
from tocsin.state.memory import MemoryStore

SECONDS, LIMIT, GREAT = 600, 50, 20


def rows() -> list[list[Row]]:
    """A flood of keys that come once, and twenty that come again and again."""
    random = Random(7)  # noqa: S311 - no secrets
    found = []
    for second in range(SECONDS):
        names = [f"once-{second}-{i}" for i in range(12)]
        if second >= SECONDS // 10:
            names += [f"great-{random.randrange(GREAT)}" for _ in range(4)]
        now = (6000 + second) * SECOND
        found.append([Row(now, {"g": name}) for name in names])
    return found


def said(*, save: bool) -> list[Record]:
    """What is said of the flood, told ten seconds at a time."""
    metric = MetricConfig(
        name="m", period=60 * SECOND, every=10 * SECOND, group_by=("g",), limit=LIMIT
    )
    whole = MetricConfig(name="all", period=60 * SECOND, every=10 * SECOND)
    alarm = AlarmConfig(
        name="a", metric="all", threshold=900.0, recovery_threshold=900.0
    )
    make = plain(Config(metrics=(metric, whole), alarms=(alarm,)))
    store, records = MemoryStore(), list[Record]()
    engine, saver = taken_up(store, make)
    engine.register("s", "default")
    told = rows()
    for i in range(0, SECONDS, 10):
        some = [row for second in told[i : i + 10] for row in second]
        records += feed(engine, Piece("s", some, advance=True))
        if save and i % 100 == 0:
            saver.save(engine)
            engine, saver = taken_up(store, make)
    engine.end("s")
    return records + engine.finish()


def windows(records: list[Record]) -> dict[int, dict[str, int]]:
    """Return the counts of all keys of each window."""
    found: dict[int, dict[str, int]] = {}
    for one in records:
        if isinstance(one, Datapoint) and one.metric == "m" and not one.partial:
            for step in range(one.steps):
                end = one.end + step * one.every
                found.setdefault(end, {})[str(one.key["g"])] = one.count
    return found


def test_the_sum_of_all_keys_is_exact_at_every_moment() -> None:
    records = said(save=True)
    events = [row.time // SECOND for second in rows() for row in second]
    for end, counts in windows(records).items():
        last = end // SECOND
        inside = sum(last - 60 <= second < last for second in events)
        assert sum(counts.values()) == inside


def test_the_greatest_keys_are_found_though_others_came_first() -> None:
    records = said(save=False)
    found = windows(records)
    last = found[max(found)]
    true = Counter(str(row.fields["g"]) for second in rows()[-60:] for row in second)
    great = {key for key, n in true.items() if n > 1}
    assert len(great) == GREAT
    assert great <= last.keys()
    assert all(last[key] == true[key] for key in great)
    assert len(last) <= LIMIT + 1
    assert last[OTHER] == sum(true.values()) - sum(
        n for key, n in last.items() if key != OTHER
    )


def test_what_has_no_key_is_exact() -> None:
    found = {
        one.end // SECOND: one.count
        for one in said(save=False)
        if isinstance(one, Datapoint) and one.metric == "all" and not one.partial
    }
    events = [row.time // SECOND for second in rows() for row in second]
    for end, count in found.items():
        assert count == sum(end - 60 <= second < end for second in events)
