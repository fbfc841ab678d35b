"""Rules of ElastAlert 2, held as its own tests hold them, and how ours differ.

Source: tests/rules_test.py of github.com/jertel/elastalert2, whose tests are named
here; its words are those of "Rule Types and Configuration Options" in its handbook. What
differs everywhere: a match of ElastAlert is an event, and comes again (`realert`); an
alarm rings once, until it recovers. Rules that `test_kinds.py` tries are left to it.
"""

from __future__ import annotations

from typing import Any

import pytest
from tests.kinds import config, each, rang

Events = list[tuple[float, Any]]
HOUR = "{name: hits, type: COUNT, period: 1h, every: 1s}"


def frequency(count: int, *events: tuple[float, Any], group: str = "") -> list[str]:
    """Return what an alarm says that rings at so many events in an hour."""
    metric = HOUR.replace("}", f", group_by: {group}}}") if group else HOUR
    return rang(
        config(f'metric: hits, operator: ">=", threshold: {count}', metric), *events
    )


def several(*counts: tuple[float, int]) -> Events:
    """Return so many events at each of these minutes."""
    return [(minute * 60, "x") for minute, count in counts for _ in range(count)]


# frequency.


def test_freq() -> None:
    assert frequency(59, *each(1, 60)) == ["firing 59"]
    assert frequency(59, *each(1, 60), group="g") == ["firing 59{g: x}"]
    assert frequency(61, *each(1, 60)) == []


def test_freq_count() -> None:
    assert frequency(100, *several((0, 75), (15, 10), (25, 10))) == []
    found = frequency(100, *several((0, 75), (15, 10), (25, 10), (45, 6)))
    assert found == ["firing 2701"]


def test_freq_count_first_data_goes_out_first() -> None:
    events = several((0, 75), (45, 10), (55, 10), (65, 6))
    assert frequency(100, *events) == []
    assert frequency(100, *events, *several((61, 75)))[0].startswith("firing")


def test_freq_out_of_order() -> None:
    """Events that are swapped count as if they were not."""
    events = each(1, 60)
    moved = events[:10] + events[15:20] + events[10:15] + events[20:55]
    moved += events[57:] + events[55:57]
    assert frequency(59, *moved) == frequency(59, *events)


def test_freq_out_of_order_from_before_the_first() -> None:
    """Fifty of an hour before count for nothing: they are late."""
    old = [(-3500.0, "x")] * 50
    assert frequency(59, *each(1, 10), *old, *each(1, 50, start=10)) == []


def test_freq_terms() -> None:
    """Each key has its own count."""
    events = [(60.0, "A"), *[(60.0, "B")] * 5, *[(600.0, "A")] * 8, *[(600.0, "B")] * 5]
    events += [(1500.0, "A")] * 3
    assert frequency(10, *events, group="g") == [
        "firing 601{g: B}",
        "firing 1501{g: A}",
    ]


def test_many_times_the_number_of_events_are_one_incident() -> None:
    """ElastAlert empties the window at a match, so that 118 events match twice."""
    assert frequency(59, *each(1, 118)) == ["firing 59"]


# any.


def test_any() -> None:
    made = config('kind: match, where: "1 = 1", quiet: 60s')
    assert rang(made, (0, "x")) == ["firing 1"]


# change: the nearest is how many values a field has had, of each key.


def changed(period: str, *events: tuple[float, Any]) -> list[str]:
    """Return what an alarm says on a term that is not what it was."""
    alarm = f"kind: cardinality, field: h, group_by: g, period: {period}, every: 1s"
    return rang(config(f"{alarm}, threshold: 1"), *events)


TERMS: Events = [(float(at), {"g": "qlo", "h": "good"}) for at in range(8)]
GONE = (8.0, {"g": "qlo", "h": None})
BAD = (9.0, {"g": "qlo", "h": "bad"})


def test_change() -> None:
    assert changed("1m", *TERMS, BAD) == ["firing 10{g: qlo}"]
    assert changed("1m", *TERMS, (9.0, {"g": "other", "h": "bad"})) == []


def test_change_ignores_null() -> None:
    assert changed("1m", *TERMS, GONE, BAD) == ["firing 10{g: qlo}"]
    assert changed("1m", *TERMS, GONE) == []


def test_change_with_timeframe() -> None:
    """The old value is forgotten once it is two seconds old: a window of three, here."""
    assert changed("3s", *TERMS, BAD) == ["firing 10{g: qlo}"]
    assert changed("2s", *TERMS, BAD) == []


# flatline.


def test_flatline() -> None:
    """Fewer than two in 30 s; ticks of the log take the place of runs of the rule."""
    made = config("kind: absence, threshold: 2, period: 30s, every: 1s")
    burst, more = each(1, 10), each(1, 40, start=30)
    assert rang(made, *burst) == []
    assert rang(made, *burst, *more) == []
    silent = [*burst, *more, (100.0, "x")]
    assert rang(made, *silent) == ["firing 69"]  # 38 has left the window, 39 has not


def test_flatline_query_key() -> None:
    made = config("kind: absence, group_by: g, period: 30s, every: 5s")
    events: Events = [(0.0, "key1"), (0.0, "key2"), (0.0, "key3"), (20.0, "key3")]
    assert rang(made, *events, (45.0, "other")) == [
        "firing 35{g: key1}",
        "firing 35{g: key2}",
    ]
    found = rang(made, *events, (45.0, "other"), (80.0, "other"))
    assert "firing 55{g: key3}" in found


def test_flatline_forget_query_key() -> None:
    """forget_keys is `expire`: it rings, and the key is over."""
    made = config("kind: absence, group_by: g, period: 30s, every: 5s, expire: 40s")
    events: Events = [(0.0, "key1"), *[(float(at), "other") for at in range(0, 91, 5)]]
    assert rang(made, *events) == ["firing 35{g: key1}", "ok 45{g: key1}"]


# cardinality.


def cardinal(options: str, *events: tuple[float, Any]) -> list[str]:
    alarm = f"kind: cardinality, field: g, period: 10m, every: 1s, {options}"
    return rang(config(alarm), *events)


def test_cardinality_max() -> None:
    users: Events = [(float(i), user) for i, user in enumerate("abcd")]
    assert cardinal("threshold: 4", *users, (5.0, "b")) == []
    assert cardinal("threshold: 4", *users, (5.0, "b"), (6.0, "e")) == ["firing 7"]
    later: Events = [(900.0 + i, user) for i, user in enumerate("fgh")]
    assert cardinal("threshold: 4", *users, *later) == []


def test_cardinality_min() -> None:
    low = 'threshold: 4, operator: "<"'
    early: Events = [(0.0, "a"), (1.0, "b"), *[(300.0, user) for user in "cde"]]
    assert cardinal(low, *early) == []
    assert cardinal(low, *early, (900.0, "c")) == ["firing 602"]  # b has left


def test_cardinality_qk() -> None:
    """Each key for itself; and one incident of a key, not one of each value."""
    events: Events = [(0.0, {"g": u, "h": u}) for u in ("foo", "bar", "baz")]
    events += [(300.0 + i, {"g": "baz", "h": v}) for i, v in enumerate("xyz")]
    alarm = "kind: cardinality, field: h, group_by: g, period: 10m, every: 1s"
    assert rang(config(f"{alarm}, threshold: 2"), *events) == ["firing 302{g: baz}"]


# metric_aggregation.

AGGREGATE = "{name: cpu, type: AVG, field: v, period: 10s, every: 10s}"


@pytest.mark.parametrize(
    ("value", "rings"),
    [(0.09, True), (0.10, False), (0.79, False), (0.80, False), (0.81, True)],
)
def test_metric_aggregation(value: float, *, rings: bool) -> None:
    """min_threshold and max_threshold are strict; two alarms here."""
    events: Events = [(float(at), {"v": value}) for at in range(25)]
    low = rang(config('metric: cpu, operator: "<", threshold: 0.1', AGGREGATE), *events)
    high = rang(config("metric: cpu, threshold: 0.8", AGGREGATE), *events)
    assert bool(low or high) is rings


def test_metric_aggregation_of_nothing_says_nothing() -> None:
    made = config('metric: cpu, operator: "<", threshold: 0.1', AGGREGATE)
    assert rang(made, *[(float(at), {"v": None}) for at in range(25)]) == []


# percentage_match.


@pytest.mark.parametrize(
    ("bad", "rings"), [(0, True), (24, True), (25, False), (75, False), (76, True)]
)
def test_percentage_match(bad: int, *, rings: bool) -> None:
    """min_percentage 25, max_percentage 75: strict, and two alarms here."""
    events: Events = [(0.0, {"g": "x"})] * bad + [(0.0, {"g": "y"})] * (100 - bad)
    share = "kind: share, matching: \"g = 'x'\", period: 10s, every: 1s"
    share += ", min_samples: 50"
    low = rang(config(f'{share}, operator: "<", threshold: 25'), *events, (10.0, "x"))
    high = rang(config(f"{share}, threshold: 75"), *events, (10.0, "x"))
    assert bool(low or high) is rings


def test_percentage_match_of_nothing_is_no_match() -> None:
    made = config("kind: share, matching: \"g = 'x'\", period: 10s, threshold: 0")
    assert rang(made, (0.0, "y"), (40.0, "y")) == []


# spike, spike_aggregation.

TEN = "{name: hits, type: COUNT, period: 10s, every: 1s}"
DOUBLED = [*each(1, 50), *each(0.5, 100, start=50)]


def spike(options: str, *events: tuple[float, Any], metric: str = TEN) -> list[str]:
    alarm = f'kind: change, metric: hits, by: ratio, operator: ">=", {options}'
    return [f for f in rang(config(alarm, metric), *events) if f.startswith("firing")]


def test_spike() -> None:
    assert spike("direction: both, threshold: 2", *each(1, 100)) == []
    assert spike("threshold: 2", *DOUBLED) == ["firing 60"]
    assert spike("threshold: 3", *DOUBLED) == []


def test_spike_down() -> None:
    events = [*each(1, 50), *each(1, 100, start=75)]
    assert len(spike("direction: down, threshold: 3", *events)) == 1


def test_spike_threshold_ref_and_cur() -> None:
    """When the reference is 11, the present is 20 at most."""
    assert spike("threshold: 2, min_before: 11", *DOUBLED) == []
    assert spike("threshold: 2, min_now: 30", *DOUBLED) == []
    assert spike("threshold: 2, min_before: 10", *DOUBLED) == ["firing 60"]


def test_spike_query_key() -> None:
    keyed = TEN.replace("}", ", group_by: g}")
    steady = [*each(1, 50, "qlo"), *each(1, 100, "qlo", start=50)]
    both = sorted([*steady, *each(1, 100, "bob", start=50)], key=lambda event: event[0])
    assert spike("threshold: 2, min_before: 10", *both, metric=keyed) == []


def test_a_key_that_is_new_is_no_spike() -> None:
    """As without alert_on_new_data; `kind: new_value` rings for those."""
    keyed = TEN.replace("}", ", group_by: g}")
    events = sorted(
        [*each(1, 80, "a"), *each(0.1, 65, "b", start=50)], key=lambda e: e[0]
    )
    assert spike("threshold: 2", *events, metric=keyed) == []


def test_spike_aggregation() -> None:
    average = "{name: hits, type: AVG, field: v, period: 10s, every: 1s}"
    events: Events = [(float(at), {"v": 1.0 if at < 50 else 3.0}) for at in range(80)]
    assert spike("threshold: 3", *events, metric=average) == ["firing 60"]
    assert spike("threshold: 4", *events, metric=average) == []
