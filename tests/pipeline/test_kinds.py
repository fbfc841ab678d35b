"""Kinds of alarms, each by what it comes to on a few lines.

Where another tool has such an alarm, its edges are tried, and how ours differ: rules of
ElastAlert 2 are named as in its documentation ("Rule Types and Configuration Options").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.kinds import BAD, GOOD, config, each, ran, rang, rows
from tests.plain import SECOND

from tocsin.config import parse

if TYPE_CHECKING:
    from pathlib import Path

# share: percentage_match of ElastAlert 2 (max_percentage, min_denominator).

SHARE = 'kind: share, matching: "status >= 500", period: 10s, every: 1s'


def test_a_share_is_in_percent_of_all_lines() -> None:
    made = config(f"{SHARE}, threshold: 30")
    assert rang(made, (0, GOOD), (0, GOOD), (0, GOOD), (1, BAD), (2, BAD)) == [
        "firing 3"  # 2 of 5; 1 of 4 was 25 %
    ]


def test_a_share_just_at_the_threshold_does_not_ring() -> None:
    """As with max_percentage, which rings above it."""
    assert rang(config(f"{SHARE}, threshold: 50"), (0, GOOD), (0, BAD)) == []


def test_a_share_of_no_lines_says_nothing() -> None:
    made = config(f"{SHARE}, threshold: 30")
    assert rang(made, (0, BAD), (30, GOOD)) == ["firing 1", "ok 31"]


def test_a_share_of_few_lines_says_nothing() -> None:
    """As with min_denominator."""
    made = config(f"{SHARE}, threshold: 30, min_samples: 3")
    assert rang(made, (0, BAD), (1, BAD), (2, BAD)) == ["firing 3"]


def test_a_share_is_of_the_lines_that_it_is_about() -> None:
    made = config(f"{SHARE}, threshold: 30, where: \"g = 'a'\"")
    noise = [(0, {"g": "b", "status": 200})] * 9
    assert rang(made, *noise, (0, {"g": "a", "status": 500})) == ["firing 1"]


def test_a_share_has_levels_as_any_alarm() -> None:
    made = config(f"{SHARE}, levels: {{warning: 20, critical: 60}}")
    found = ran(
        made, rows((0, GOOD), (0, GOOD), (1, BAD), (2, BAD), (3, BAD), (3, BAD))
    )
    levels = [
        getattr(r, "level", None)
        for r in found.records
        if r.as_json()["type"] == "transition"
    ]
    assert levels == ["warning", "critical"]


def test_only_what_means_something_is_shown() -> None:
    made = config(f"{SHARE}, threshold: 30")
    assert made.hidden == {"A: all", "A: matching"}
    names = {s.name for s in ran(made, rows((0, BAD))).said if s.kind == "point"}
    assert names == {"A: share"}


# cardinality of ElastAlert 2.


def test_more_different_values_than_wanted_ring() -> None:
    made = config("kind: cardinality, field: g, period: 10s, every: 1s, threshold: 2")
    assert rang(made, (0, "a"), (1, "b"), (2, "a"), (3, "c"), (30, "a")) == [
        "firing 4",
        "ok 12",
    ]


def test_fewer_different_values_ring_after_a_whole_window() -> None:
    """As with min_cardinality, after one timeframe."""
    made = config(
        'kind: cardinality, field: g, period: 10s, every: 1s, operator: "<", threshold: 2'
    )
    assert rang(made, *each(1, 30, "a")) == ["firing 10"]


# absence: flatline of ElastAlert 2.

ABSENT = "kind: absence, period: 10s, every: 1s"


def test_silence_rings_after_a_whole_period() -> None:
    assert rang(config(ABSENT), (0, "x"), (25, "x")) == ["firing 11", "ok 26"]


def test_fewer_lines_than_wanted_ring() -> None:
    """As with threshold of flatline: fewer than so many in the timeframe."""
    made = config(f"{ABSENT}, threshold: 3")
    assert rang(made, *each(4, 40)) == ["firing 11", "ok 13"] or rang(
        made, *each(5, 40)
    ) == ["firing 10"]


def test_a_key_that_was_seen_is_missed() -> None:
    """As with query_key of flatline."""
    made = config(f"{ABSENT}, group_by: g")
    assert rang(made, (0, "a"), *each(1, 20, "b")) == ["firing 11{g: a}"]


def test_a_key_that_never_came_is_missed_only_if_it_is_expected() -> None:
    made = config(f"{ABSENT}, group_by: g, expected: [c]")
    assert rang(made, *each(1, 20, "b")) == ["firing 10{g: c}"]


def test_expected_keys_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text("# ours\nb\n\nc\n", encoding="utf-8")
    made = config(f"{ABSENT}, group_by: g, expected: 'file:{tmp_path}/hosts'")
    assert rang(made, *each(1, 20, "b")) == ["firing 10{g: c}"]


def test_keys_of_several_fields_are_expected_as_mappings() -> None:
    made = config(f"{ABSENT}, group_by: [g, h], expected: [{{g: c, h: d}}]")
    assert rang(made, *each(1, 20, {"g": "a", "h": "b"})) == ["firing 10{g: c, h: d}"]


# change: spike of ElastAlert 2.

HITS = "{name: hits, type: COUNT, period: 10s, every: 1s}"


def changed(options: str, *events: tuple[float, Any]) -> list[str]:
    return rang(config(f"kind: change, metric: hits, {options}", HITS), *events)


def test_a_spike_rings_against_the_window_before() -> None:
    """As with spike_height: 3 and spike_type: up, which count the height itself, too."""
    events = [*each(1, 30), *each(0.25, 40, start=30)]
    options = 'by: ratio, threshold: 3, operator: ">="'
    assert changed(options, *events)[0] == "firing 37"  # 7 * 4 + 3 is three times 10


def test_a_fall_is_a_positive_number_too() -> None:
    events = [*each(0.25, 30), *each(1, 60, start=30)]
    options = 'by: ratio, direction: down, threshold: 3, operator: ">="'
    assert changed(options, *events)[0] == "firing 39"  # 9 + 4 is a third of 40


def test_falling_to_nothing_rings() -> None:
    events = [*each(1, 30), (50, "x")]
    found = changed("direction: down, threshold: 99", *events)
    assert found[0] == "firing 40"


def test_there_is_no_change_before_there_are_two_whole_windows() -> None:
    """As with spike, which is silent for two timeframes."""
    events = [*each(1, 5), *each(0.1, 19, start=5)]
    assert changed("threshold: 10", *events) == []
    assert changed("threshold: 10", *events, *each(0.1, 21, start=19)) == ["firing 20"]


def test_a_change_of_little_is_none() -> None:
    """As with threshold_ref and threshold_cur."""
    events = [*each(5, 30), *each(1, 40, start=30)]
    assert changed("threshold: 100", *events) != []
    assert changed("threshold: 100, min_before: 3", *events) == []
    assert changed("threshold: 100, min_now: 11", *events) == []


def test_what_is_compared_is_a_time_of_choice_ago() -> None:
    events = [*each(1, 20), *each(0.5, 40, start=20), *each(1, 80, start=40)]
    made = config("kind: change, metric: hits, against: 60s, threshold: 50", HITS)
    assert rang(made, *events, *each(0.25, 100, start=80)) == ["firing 84"]


def test_both_ways_ring() -> None:
    events = [*each(1, 30), *each(0.2, 40, start=30), (80, "x")]
    found = changed("direction: both, threshold: 90", *events)
    assert [f.split()[0] for f in found][:2] == ["firing", "ok"]


def test_a_difference_is_in_the_unit_of_the_metric() -> None:
    events = [*each(1, 30), *each(0.5, 50, start=30)]
    assert changed("by: difference, threshold: 9", *events) == ["firing 40", "ok 41"]


def test_a_metric_made_of_others_is_compared_with_its_own_past() -> None:
    metrics = (
        "{name: all, type: COUNT, period: 10s, every: 1s}, "
        '{name: bad, type: COUNT, period: 10s, every: 1s, where: "status >= 500"}'
    )
    text = f"""
metrics: [{metrics}]
calculated_metrics: [{{name: share, formula: "100.0 * bad / nullif(\\"all\\", 0)"}}]
alarms: [{{name: A, kind: change, metric: share, by: difference, threshold: 30}}]
"""
    made = parse(text)
    assert {m.offset // SECOND for m in made.metrics} == {0, 10}
    events = [*each(1, 30, GOOD), *each(1, 50, BAD, start=30)]
    assert rang(made, *events) == ["firing 34", "ok 47"]


def test_the_past_of_a_fine_metric_is_kept_in_coarser_slices() -> None:
    made = config(
        "kind: change, metric: hits, against: last_week, threshold: 50",
        "{name: hits, type: COUNT, period: 5m, every: 1s}",
    )
    (past,) = [m for m in made.metrics if m.offset]
    assert past.offset // past.every <= 10_080
    assert past.offset == 7 * 86_400 * SECOND


# match: any, blacklist and whitelist of ElastAlert 2.


def test_any_event_that_matches_rings_once_until_it_is_quiet() -> None:
    made = config("kind: match, where: \"g = 'x'\", quiet: 10s")
    assert rang(made, (0, "a"), (1, "x"), (5, "x"), (30, "x"), (60, "a")) == [
        "firing 2",
        "ok 16",
        "firing 31",
        "ok 41",
    ]


def test_a_value_on_a_block_list_rings() -> None:
    made = config("kind: match, field: g, block: [b, c], quiet: 10s")
    assert rang(made, (0, "a"), (1, "c"), (2, "d")) == ["firing 2"]


def test_a_value_that_is_not_allowed_rings() -> None:
    made = config("kind: match, field: g, allow: [a, b], quiet: 10s")
    assert rang(made, (0, "a"), (1, "c"), (2, "b")) == ["firing 2"]


def test_a_missing_value_is_on_no_list_unless_that_is_asked_for() -> None:
    """As with ignore_null."""
    text = "kind: match, field: g, allow: [a], quiet: 10s"
    assert rang(config(text), (0, None)) == []
    assert rang(config(f"{text}, ignore_missing: false"), (0, None)) == ["firing 1"]


def test_numbers_on_a_list_are_compared_as_numbers() -> None:
    made = config("kind: match, field: status, block: [500, 502], quiet: 10s")
    assert rang(made, (0, GOOD), (1, BAD)) == ["firing 2"]


def test_a_list_comes_from_a_file(tmp_path: Path) -> None:
    """As with !file: one value on each line."""
    (tmp_path / "bad").write_text("b\n# no\nc\n", encoding="utf-8")
    made = config(f"kind: match, field: g, block: 'file:{tmp_path}/bad', quiet: 10s")
    assert rang(made, (0, "a"), (1, "c")) == ["firing 2"]


def test_each_key_is_quiet_on_its_own() -> None:
    made = config("kind: match, where: status >= 500, group_by: g, quiet: 10s")
    events = [(0, {"g": "a"} | BAD), (5, {"g": "b"} | BAD), (8, {"g": "a"} | GOOD)]
    assert rang(made, *events) == ["firing 1{g: a}", "firing 6{g: b}"]


# new_value: new_term of ElastAlert 2.

NEW = "kind: new_value, field: g, period: 5s, memory: 30s"


def test_nothing_is_new_while_it_learns() -> None:
    made = config(f"{NEW}, learning: 10s")
    events = [(0, "a"), (5, "b"), (20, "a"), (21, "c"), (29, "b")]
    assert rang(made, *events) == ["firing 22{g: c}", "ok 27{g: c}"]


def test_what_comes_just_as_learning_ends_is_new() -> None:
    made = config(f"{NEW}, learning: 10s")
    assert rang(made, (0, "a"), (9, "b"), (10, "c"), (20, "a"))[0] == "firing 15{g: c}"


def test_a_value_is_new_again_when_it_is_forgotten() -> None:
    made = config(f"{NEW}, learning: 0s")
    events = [(0, "a"), (30, "a"), (61, "a")]
    assert [f for f in rang(made, *events) if f.startswith("firing")] == [
        "firing 1{g: a}",
        "firing 62{g: a}",
    ]


def test_combinations_of_values_are_new() -> None:
    made = config(NEW.replace("field: g", "field: [g, h]") + ", learning: 0s")
    pairs = [("a", "x"), ("a", "y"), ("a", "x")]
    events = [(i, {"g": g, "h": h}) for i, (g, h) in enumerate(pairs)]
    found = rang(made, *events)
    assert found == ["firing 1{g: a, h: x}", "firing 2{g: a, h: y}"]
