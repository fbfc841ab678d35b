"""What an alarm is called for a key, and a group of them in the title of a message."""

import pytest

from tocsin.channels.text import title
from tocsin.model.naming import subject, titled
from tocsin.model.notification import Alert, Kind, Notification
from tocsin.model.records import Key

SUBJECTS: dict[str, tuple[str, Key, str]] = {
    "a name alone": ("High traffic", {}, "High traffic"),
    "a field in the name": ("Errors on {section}", {"section": "/a"}, "Errors on /a"),
    "one of two fields": (
        "Errors on {section}",
        {"section": "/a", "method": "GET"},
        "Errors on /a {method=GET}",
    ),
    "a name that says nothing": ("Errors", {"section": "/a"}, "Errors {section=/a}"),
    "a value that the name says": ("Load of web", {"host": "web"}, "Load of web"),
    "a number": ("Errors", {"status": 500}, "Errors {status=500}"),
}
GROUPS: dict[str, tuple[dict[str, str], str]] = {
    "of one alarm": ({"alarm": "Errors on {section}"}, ""),
    "of one alarm and team": (
        {"alarm": "Errors on {section}", "team": "web"}, " (team=web)"),
    "of a team": ({"team": "web"}, " (team=web)"),
    "of all there is": ({}, ""),
}  # fmt: skip


@pytest.mark.parametrize(("name", "key", "expected"), SUBJECTS.values(), ids=SUBJECTS)
def test_what_a_name_is_about(name: str, key: Key, expected: str) -> None:
    assert subject(name, key) == expected
    assert subject(titled(name, key), key) == expected


def alert(number: int, section: str) -> Alert:
    name = titled("Errors on {section}", {"section": section})
    return Alert(number, name, {"section": section}, "firing", "critical", 0)


@pytest.mark.parametrize(("group", "behind"), GROUPS.values(), ids=GROUPS)
def test_a_group_is_titled_by_names_that_are_filled_in(
    group: dict[str, str], behind: str
) -> None:
    alerts = (alert(1, "/a"), alert(2, "/b"))
    told = Notification("k", "c", "t", Kind.FIRING, alerts, 0, "why", group)

    assert title(told) == f"[CRITICAL] 2 alarms: Errors on /a, Errors on /b{behind}"
