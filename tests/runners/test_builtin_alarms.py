"""Built-in alarms go the way of all others: routes, silences, inhibition, restarts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.runners.test_lookout import Life, rules
from tests.runners.world import SOURCE, T0, append, line, lines, replayed

from tocsin.config import from_data
from tocsin.model.instant import SECOND
from tocsin.model.records import IncidentEvent, Record, Transition
from tocsin.pipeline.notifying import alarm_notes, notify_spec
from tocsin.runners.telling import Teller
from tocsin.state.memory import MemoryStore

if TYPE_CHECKING:
    from pathlib import Path

    from tocsin.testing import CollectingView

BROKEN = b"Traceback (most recent call last):\n" * 12
RULES: dict[str, Any] = {
    "sources": [{"name": SOURCE, "path": "web.log"}],
    "metrics": [{"name": "hits", "type": "COUNT", "period": "10s", "every": "1s"}],
    "alarms": [
        {"name": "Busy", "metric": "hits", "threshold": 20, "labels": {"team": "web"}}
    ],
    "channels": [
        {"name": "ops", "type": "file", "path": "ops"},
        {"name": "web", "type": "file", "path": "web"},
    ],
    "routes": [
        {"match": {"builtin": "parse_failures"}, "channels": "ops", "group_wait": "0s"},
        {"channels": "web", "group_wait": "0s"},
    ],
}


def log(folder: Path) -> Path:
    """Write a log in which both alarms ring, and the built-in one recovers."""
    path = folder / "web.log"
    path.write_bytes(lines([0] * 30) + BROKEN + lines(range(1, 400)))
    return path


def past(folder: Path, **more: Any) -> tuple[CollectingView, Teller, MemoryStore]:  # noqa: ANN401
    """Replay the log; return what is said, and who would tell of it."""
    config = from_data({**RULES, **more})
    view = replayed(config, log(folder))
    store = MemoryStore()
    return view, Teller(notify_spec(config), alarm_notes(config), store), store


def told(view: CollectingView, teller: Teller, store: MemoryStore) -> dict[str, str]:
    """Return which channel was told of which alarm, or why nobody was."""
    rang: list[Record] = [
        r for r in view.records
        if isinstance(r, Transition | IncidentEvent)
        and (getattr(r, "to_state", "") == "firing" or getattr(r, "event", "") == "opened")
    ]  # fmt: skip
    names = {r.id: r.alarm for r in rang if isinstance(r, IncidentEvent)}
    store.commit(teller.step(rang, (T0 + 60) * SECOND))
    store.commit(teller.step((), (T0 + 61) * SECOND))
    found = {
        alert["alarm"]: row.channel
        for row in store.outbox()
        for alert in json.loads(row.body)["alerts"]
    }
    for number, name in names.items():
        for entry in store.history(number):
            if entry.event == "withheld":
                found.setdefault(name, entry.body["reason"])
    return found


LIVE = "tocsin: parse failures in web"
OURS = f"tocsin: parse failures in {SOURCE}"
SPAN = {"start": "2023-11-14T00:00", "end": "2023-11-15T00:00", "author": "ada"}
WAYS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "a route leads them to whom they concern": ({}, {"Busy": "web", OURS: "ops"}),
    "a silence keeps them quiet, and no others": (
        {"silences": [{"match": {"builtin": "parse_failures"}, **SPAN}]},
        {"Busy": "web", OURS: "silenced"},
    ),
    "so does one of their source": (
        {"silences": [{"match": {"source": SOURCE}, **SPAN}]},
        {"Busy": "web", OURS: "silenced"},
    ),
    "planned work does, too": (
        {"downtimes": [{"name": "move", "match": {"builtin": "parse_failures"},
                        "start": SPAN["start"], "end": SPAN["end"]}]},
        {"Busy": "web", OURS: "downtime"},
    ),
    "another alarm explains them": (
        {"inhibit": [{"source": {"team": "web"}, "target": {"source": SOURCE}}]},
        {"Busy": "web", OURS: "inhibited"},
    ),
    "they explain another": (
        {"inhibit": [{"source": {"builtin": "parse_failures"}, "target": {"team": "web"}}]},
        {"Busy": "inhibited", OURS: "ops"},
    ),
    "off, there is none": ({"builtin_alarms": "off"}, {"Busy": "web"}),
}  # fmt: skip


@pytest.mark.parametrize(("more", "wanted"), WAYS.values(), ids=WAYS.keys())
def test_whom_they_are_told_to(
    tmp_path: Path, more: dict[str, Any], wanted: dict[str, str]
) -> None:
    assert told(*past(tmp_path, **more)) == wanted


def test_an_odd_line_or_two_in_a_small_log_wake_nobody(tmp_path: Path) -> None:
    path = tmp_path / "small.log"
    path.write_bytes(b"# a comment\n" * 9 + lines([1, 2]) + b"# another\n" * 9)
    view = replayed(from_data(RULES), path)

    assert view.of(Transition) == []


def test_what_rings_says_what_why_and_of_what(tmp_path: Path) -> None:
    view, _, _ = past(tmp_path)
    rings, over = [t for t in view.of(Transition) if t.alarm == OURS]

    assert (rings.to_state, over.to_state) == ("firing", "ok")
    assert rings.key == {"source": SOURCE}
    assert rings.level == "warning"
    assert (rings.count, rings.threshold) == (12, 1.0)
    assert rings.value == pytest.approx(100 * 12 / 51)
    assert rings.reason.startswith(
        "tocsin: percent of the lines not read, in log was 23.529412, > 1"
    )
    assert set(rings.evidence) == {"Traceback (most recent call last):"}
    assert rings.as_json()["window"]["end"] == rings.as_json()["at"]


@pytest.mark.parametrize("killed", [3, 12, 40], ids=lambda at: f"after {at} s")
def test_a_second_life_goes_on_with_them(tmp_path: Path, killed: int) -> None:
    """As if nobody had disturbed it: the same incident, at the same seconds."""
    own = {"parse_failures": {"period": "20s", "min_samples": 3}}
    path, store = tmp_path / "a.log", MemoryStore()
    config = rules(path, own)
    path.write_bytes(lines([0]))

    def written(life: Life, second: int) -> None:
        data = b"it broke\n" if 2 <= second < 8 else b""
        life.clock.at(second - life.began, lambda: append(path, data + line(second)))

    lives = [Life(config, store), Life(config, store, began=killed)]
    for second in range(1, killed):
        written(lives[0], second)
    lives[0].until(killed)
    again = Life(config, store, began=killed)
    for second in range(killed, 60):
        written(again, second)
    again.until(70 - killed)
    said = [
        (t.to_state, t.at // SECOND - T0)
        for life in (lives[0], again)
        for t in life.said
        if t.alarm == LIVE
    ]

    assert said == [("firing", 10), ("ok", 30)]
    events = [e for life in (lives[0], again) for e in life.view.of(IncidentEvent)]
    assert {e.id for e in events if e.alarm == LIVE} == {1}


def test_a_log_of_which_no_line_can_be_read_any_more_rings_while_it_grows(
    tmp_path: Path,
) -> None:
    own = {"parse_failures": {"period": "20s", "min_samples": 3}}
    path = tmp_path / "a.log"
    path.write_bytes(lines(range(3)))
    life = Life(rules(path, own))
    for second in range(5, 60, 2):
        life.clock.at(second, lambda: append(path, b"it broke\n"))
    life.until(100)

    (rings, over) = life.said
    assert (rings.to_state, over.to_state) == ("firing", "ok")
    assert rings.at // SECOND - T0 == 10
    # Ticks are as far behind as lines may be: `lateness`.
    assert 60 < over.at // SECOND - T0 <= 80
