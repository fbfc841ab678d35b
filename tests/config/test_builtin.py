"""The built-in alarms of a configuration: which there are, and what they are told."""

from __future__ import annotations

from typing import Any

import pytest

from tocsin.config import from_data
from tocsin.config.build_builtin import standard
from tocsin.config.values import SELF, AlarmConfig, Config

RULES: dict[str, Any] = {
    "sources": [{"name": "web", "path": "web.log"}, {"name": "db", "path": "db.log"}],
    "metrics": [
        {"name": "hits", "type": "COUNT", "period": "1m", "source": "web"},
        {"name": "slow", "type": "COUNT", "period": "1m", "source": "db", "group_by": "user"},
    ],
    "alarms": [{"name": "Busy", "metric": "hits", "threshold": 5}],
}  # fmt: skip
EACH = ("parse failures", "late lines", "future lines")
ALL = {
    *(f"tocsin: {what} in {source}" for what in EACH for source in ("web", "db")),
    "tocsin: key limit of {metric} in db",
}
LIVE = {"tocsin: {stream} is behind", "tocsin: {path} is gone"}


def configured(written: object = None) -> Config:
    return from_data(RULES if written is None else {**RULES, "builtin_alarms": written})


def names(config: Config) -> set[str]:
    return {alarm.name for alarm in config.builtin.alarms}


def alarm(config: Config, name: str) -> AlarmConfig:
    (found,) = (a for a in config.watched().builtin.alarms if name in a.name)
    return found


SWITCHED = {
    "all are on where nothing is said": (None, ALL, LIVE),
    "all are on": (True, ALL, LIVE),
    "all are on, in a word": ("on", ALL, LIVE),
    "all are off": (False, set(), set()),
    "all are off, in a word": ("off", set(), set()),
    "what is not named stays on": (
        {"parse_failures": False, "late_lines": "off", "source_gone": "off"},
        {n for n in ALL if "future" in n or "key" in n},
        {"tocsin: {stream} is behind"},
    ),
    "either spelling names one": (
        {"parseFailures": False, "late_lines": False, "futureLines": "off"},
        {"tocsin: key limit of {metric} in db"},
        LIVE,
    ),
}


@pytest.mark.parametrize(
    ("written", "always", "live"), SWITCHED.values(), ids=SWITCHED.keys()
)
def test_which_alarms_are_built_in(
    written: object, always: set[str], live: set[str]
) -> None:
    config = configured(written)

    assert names(config) == always
    assert names(config.watched()) - always == live


def test_what_a_user_wrote_stays_apart_until_all_is_made_one() -> None:
    config = configured()

    assert [a.name for a in config.alarms] == ["Busy"]
    assert {a.name for a in config.whole().alarms} == {"Busy", *ALL}
    assert {m.name for m in config.whole().metrics} - {"hits", "slow"} <= (
        config.whole().hidden
    )
    assert SELF not in {s.name for s in config.whole().sources}
    assert SELF in {s.name for s in config.watched().whole().sources}


def test_one_that_is_in_no_document_has_all_that_are_on_by_default() -> None:
    assert names(standard(Config())) == {f"tocsin: {what} in default" for what in EACH}


TOLD: dict[str, tuple[dict[str, Any], str, dict[str, Any]]] = {
    "untold, it rings above one percent, of at least ten lines": (
        {}, "parse failures in web",
        {"threshold": 1.0, "recovery_threshold": 0.5, "level": "warning"},
    ),
    "percent may have its sign": (
        {"parse_failures": {"threshold": "2.5%"}}, "parse failures in web",
        {"threshold": 2.5, "recovery_threshold": 2.5},
    ),
    "who gives a threshold gives that of recovery, or it is the same": (
        {"late_lines": {"threshold": 5, "recovery_threshold": 3}}, "late lines in db",
        {"threshold": 5.0, "recovery_threshold": 3.0},
    ),
    "its level": (
        {"future_lines": {"level": "critical"}}, "future lines in db",
        {"threshold": 1.0, "level": "critical"},
    ),
    "several levels, without the one that is usual": (
        {"future_lines": {"levels": {"info": 1, "error": 10}}}, "future lines in db",
        {"level": "error", "threshold": 10.0},
    ),
    "labels of its own, beside the one that says which it is": (
        {"key_limit": {"labels": {"team": "ops"}}}, "key limit",
        {"labels": {"team": "ops", "builtin": "key_limit"}},
    ),
    "a source that is gone is so for five minutes": (
        {}, "is gone", {"threshold": 0.0, "level": "error"},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("written", "name", "wanted"), TOLD.values(), ids=TOLD.keys())
def test_what_they_are_told(
    written: dict[str, Any], name: str, wanted: dict[str, Any]
) -> None:
    found = alarm(configured(written), name)

    assert {key: getattr(found, key) for key in wanted} == wanted


def test_sentences_for_all_alarms_are_not_for_built_in_ones() -> None:
    """They may name fields that only the alarms of users have."""
    said = {**RULES, "messages": {"alarm": "{{ alarm }} rings"}}
    config = from_data(said)

    assert config.messages.alarm == "{{ alarm }} rings"
    assert alarm(config, "late lines in web").messages.alarm != "{{ alarm }} rings"


MATCHED = {
    "which it is": {"builtin": "late_lines"},
    "the source it is of": {"builtin": "late_lines", "source": "web"},
    "the source, as a field of its key": {"key.source": "web"},
    "the path that is gone": {"path": "web.log"},
    "the metric with too many keys": {"metric": "slow"},
}


@pytest.mark.parametrize("match", MATCHED.values(), ids=MATCHED.keys())
def test_silences_and_routes_may_ask_for(match: dict[str, str]) -> None:
    span = {"start": "2026-11-22T18:00", "end": "2026-11-23T08:00", "author": "ada"}
    rules = {**RULES, "silences": [{"match": match, **span}]}

    assert from_data(rules).notify.silences


PERIODS = {
    "slices of a minute fit into five": ("1m", "10s", None, 300),
    "of slices of an hour it looks at two": ("1h", "1h", None, 7200),
    "a long window of short slices is judged by these": ("1h", "1m", None, 300),
    "who gives a period has it": ("1h", "1h", "10m", 600),
}


@pytest.mark.parametrize(
    ("period", "every", "own", "wanted"), PERIODS.values(), ids=PERIODS.keys()
)
def test_how_far_the_key_limit_looks_back(
    period: str, every: str, own: str | None, wanted: int
) -> None:
    """Between one slice and the next it would be over, and ring anew."""
    hits = {"name": "hits", "type": "COUNT", "source": "web", "group_by": "user"}
    metrics = [{**hits, "period": period, "every": every}]
    written = {"key_limit": {} if own is None else {"period": own}}
    made = from_data(
        {**RULES, "alarms": [], "metrics": metrics, "builtin_alarms": written}
    )
    (metric,) = (m for m in made.builtin.metrics if "share a key" in m.name)
    assert metric.period == wanted * 1_000_000
