"""From a configuration to who is told what: the page's own example at work."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import pytest
from tests.incidents.scripts import run, shown, withheld

from tocsin.config import from_data, parse
from tocsin.incidents.meter import Cap
from tocsin.incidents.reasons import Reason
from tocsin.pipeline.notifying import alarm_notes, notify_spec

PAGE = Path(__file__).parents[2] / "docs" / "notifications.md"
TEXT = PAGE.read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
SPEC = notify_spec(parse(EXAMPLES[0]))


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


MONDAY = at("2026-11-23T10:00+01:00")
SUNDAY = at("2026-11-22T22:00+01:00")
SATURDAY = at("2026-11-21T12:00+01:00")

WEB = "alarm=Errors team=web"
STORIES: dict[str, tuple[int, str, list[str], list[str]]] = {
    "a grave alarm of the web team in office hours goes to both": (
        MONDAY,
        f"0 opened 1 {WEB} section=/api level=critical",
        ["30 oncall firing #1 new", "30 web-team firing #1 new"],
        [],
    ),
    "a lesser one to the team alone": (
        MONDAY,
        f"0 opened 1 {WEB} section=/api level=warning",
        ["30 web-team firing #1 new"],
        [],
    ),
    "on a Saturday the team sleeps, and those on call do not": (
        SATURDAY,
        f"0 opened 1 {WEB} section=/api level=critical",
        ["30 oncall firing #1 new"],
        ["30 #1 inactive"],
    ),
    "another team's lesser alarm takes the last route": (
        MONDAY,
        "0 opened 1 alarm=Other team=base level=info",
        ["30 oncall firing #1 new"],
        [],
    ),
    "while all is down, errors are explained": (
        MONDAY,
        f"0 opened 1 alarm=Down team=base level=info\n0 opened 2 {WEB} level=warning",
        ["30 oncall firing #1 new"],
        ["30 #2 inhibited"],
    ),
    "the beta is silenced on Sunday night": (
        SUNDAY,
        f"0 opened 1 {WEB} section=/beta2 level=critical",
        [],
        ["30 #1 inactive", "30 #1 silenced"],
    ),
    "backups at the end of a month are expected": (
        at("2026-11-30T23:45+00:00"),
        "0 opened 1 alarm=Down team=base level=info",
        [],
        ["30 #1 downtime"],
    ),
    "and so they are after its midnight": (
        at("2026-12-01T01:45+00:00"),
        "0 opened 1 alarm=Down team=base level=info",
        [],
        ["30 #1 downtime"],
    ),
}  # fmt: skip


def later(script: str, by: int) -> str:
    moved = (line.split(" ", 1) for line in script.splitlines())
    return "\n".join(f"{int(time) + by} {rest}" for time, rest in moved)


@pytest.mark.parametrize(
    ("start", "script", "expected", "reasons"), STORIES.values(), ids=STORIES
)
def test_the_example_of_the_page(
    start: int, script: str, expected: list[str], reasons: list[str]
) -> None:
    _, sent, held = run(SPEC, later(script, start), start + 100)

    assert sorted(shown(sent)) == sorted(later("\n".join(expected), start).splitlines())
    assert sorted(withheld(held)) == sorted(
        later("\n".join(reasons), start).splitlines()
    )


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_on_the_page(reason: Reason) -> None:
    assert f"| `{reason}` | {reason.words} |" in TEXT


def test_the_timers_of_the_configuration_are_whole_seconds() -> None:
    (first, second, last) = SPEC.routes

    assert first.goes_on
    assert second.group_by == ("section",)
    assert last.repeat_interval == 12 * 3600
    assert SPEC.caps == {"oncall": Cap(messages=10, per=600)}
    assert SPEC.max_age == 3600


def test_a_wait_of_less_than_a_second_is_a_second() -> None:
    route = {"channels": [], "group_wait": "1ms"}

    assert notify_spec(from_data({"routes": [route]})).routes[0].group_wait == 1


def test_without_routes_every_channel_is_told_of_everything() -> None:
    channels = [{"name": "a", "type": "file", "path": "a.txt"}]
    spec = notify_spec(from_data({"channels": channels}))
    _, sent, _ = run(spec, "0 opened 1", 60)

    assert shown(sent) == ["30 a firing #1 new"]


def test_corrections_are_remembered_for_as_long_as_they_can_come() -> None:
    source = {"name": "s", "path": "x.log", "amend_for": "3h"}

    assert notify_spec(from_data({"sources": [source]})).remember == 4 * 3600


def test_alarms_say_their_labels_and_runbook() -> None:
    notes = alarm_notes(parse(EXAMPLES[0]))["Errors on {section}"]

    assert notes.labels == {"team": "web"}
    assert notes.runbook == "https://wiki.example.org/errors"
    assert notes.metric == "errors"
