"""Routes, schedules and the like: what a document comes to."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tocsin.config import from_data, json_schema, parse
from tocsin.config.notify_values import (
    CapConfig,
    NotifyConfig,
    RouteConfig,
)
from tocsin.config.values import SECOND
from tocsin.model.errors import ConfigError
from tocsin.model.matchers import shown
from tocsin.model.schedule import Period

BASE: dict[str, Any] = {
    "metrics": [{"name": "n", "type": "COUNT", "period": "1m", "group_by": ["host"]}],
    "alarms": [{"name": "A", "metric": "n", "threshold": 1, "labels": {"team": "web"}}],
    "channels": [
        {"name": "mail", "type": "file", "path": "mail.txt"},
        {"name": "hook", "type": "file", "path": "hook.txt"},
    ],
}


def built(**sections: object) -> NotifyConfig:
    return from_data({**BASE, **sections}).notify


MATCHES: dict[str, tuple[object, str]] = {
    "one value": ({"team": "web"}, '{team="web"}'),
    "one of several": ({"level": ["error", "critical"]}, '{level=~"error|critical"}'),
    "several labels": ({"team": "web", "host": "a"}, '{team="web", host="a"}'),
    "a list of one": ({"team": ["web"]}, '{team="web"}'),
    "values are no patterns": ({"host": ["a.b", "c+"]}, r'{host=~"a\\.b|c\\+"}'),
    "written as in Alertmanager": (
        ['team="web"', "host!~a.*"], '{team="web", host!~"a.*"}',
    ),
    "a single one": ("level!=info", '{level!="info"}'),
    "everything": ({}, "{}"),
}  # fmt: skip


@pytest.mark.parametrize(("written", "expected"), MATCHES.values(), ids=MATCHES)
def test_matchers(written: object, expected: str) -> None:
    (route,) = built(routes=[{"match": written, "channels": "mail"}]).routes

    assert shown(route.match) == expected


def test_children_have_what_they_leave_out_from_their_parent() -> None:
    parent = {
        "channels": ["mail"],
        "group_wait": "0s",
        "group_by": ["..."],
        "mute": "night",
        "routes": [{"match": {"team": "web"}, "group_wait": "10s"}, {"channels": []}],
    }
    schedules = [{"name": "night", "periods": [{"times": "22:00-06:00"}]}]
    (found,) = built(routes=[parent], schedules=schedules).routes
    first, second = found.routes

    assert first.channels == ("mail",)
    assert first.group_by == ("...",)
    assert first.mute == ("night",)
    assert (found.group_wait, first.group_wait) == (0, 10 * SECOND)
    assert second.channels == ()
    assert first.repeat_interval == RouteConfig(id="").repeat_interval
    assert not first.routes


def test_a_route_keeps_its_id_when_others_come_and_go() -> None:
    one = {"match": {"team": "web"}, "channels": "mail", "continue": True}
    other = {"match": {"host": "a"}, "channels": "mail", "group_wait": "1s"}
    few = built(routes=[other]).routes
    many = built(routes=[one, {**other, "group_wait": "9s"}, other]).routes

    assert few[0].id == many[1].id
    assert len({route.id for route in many}) == 3


PERIODS: dict[str, tuple[dict[str, object], Period]] = {
    "days of the week": ({"weekdays": "mon-fri"}, Period(weekdays=((0, 4),))),
    "as Alertmanager writes them": (
        {"weekdays": ["monday:wednesday", "Sunday"]},
        Period(weekdays=((0, 2), (6, 6))),
    ),
    "over the week's end": (
        {"weekdays": "fri-mon"}, Period(weekdays=((4, 6), (0, 0))),
    ),
    "months": ({"months": "nov-feb"}, Period(months=((11, 12), (1, 2)))),
    "days of the month": (
        {"days": [15, "1:7", "-3:-1", -1]},
        Period(days=((15, 15), (1, 7), (-3, -1), (-1, -1))),
    ),
    "from a day to the last": ({"days": "25:-1"}, Period(days=((25, -1),))),
    "times": (
        {"times": ["9:00-12:30", "23:00 - 24:00"]},
        Period(times=((32_400, 45_000), (82_800, 86_400))),
    ),
    "over midnight": ({"times": "22:00-06:00"}, Period(times=((79_200, 21_600),))),
    "years": ({"years": ["2026:2028", 2030]}, Period(years=((2026, 2028), (2030, 2030)))),
}  # fmt: skip


@pytest.mark.parametrize(("written", "expected"), PERIODS.values(), ids=PERIODS)
def test_periods(written: dict[str, object], expected: Period) -> None:
    (schedule,) = built(schedules=[{"name": "s", "periods": [written]}]).schedules

    assert schedule.periods == (expected,)


BAD_PERIODS = [
    {"weekdays": "mo-fr"}, {"weekdays": "m"}, {"months": 3}, {"days": 0}, {"days": 32},
    {"days": "7:1"}, {"days": True}, {"times": "24:00-06:00"}, {"times": "09:00-09:00"},
    {"times": "25:00-26:00"}, {"times": 9}, {"years": 12}, {"times": "23:00-24:30"},
]  # fmt: skip


@pytest.mark.parametrize("written", BAD_PERIODS, ids=str)
def test_what_is_no_period(written: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=r"periods\[0\]\.\w+: expected"):
        built(schedules=[{"name": "s", "periods": [written]}])


def seconds(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp())  # type: ignore[misc, arg-type]


def test_instants_are_in_the_time_zone_that_is_named() -> None:
    silence = {
        "match": {"team": "web"},
        "start": "2026-07-01T08:00",
        "end": "2026-07-01T08:00+00:00",
        "timezone": "Europe/Paris",
        "author": "ada",
    }
    (found,) = built(silences=[silence]).silences

    assert found.start == seconds(2026, 7, 1, 6)
    assert found.end == seconds(2026, 7, 1, 8)


def test_a_date_of_toml_is_an_instant_too() -> None:
    text = """
    [[downtimes]]
    name = "move"
    match = {}
    end = 2026-07-01
    """
    (found,) = parse(text, syntax="toml").notify.downtimes

    assert found.end == seconds(2026, 7, 1)


def test_caps_are_for_one_channel_or_for_all_others() -> None:
    caps = [{"channel": "hook", "messages": 3}, {"messages": 9, "per": "1h"}]
    found = built(notifications={"caps": caps, "max_age": "2h"})

    assert found.caps == {"hook": CapConfig(messages=3)}
    assert found.cap == CapConfig(messages=9, per=3600 * SECOND)
    assert found.max_age == 7200 * SECOND


def test_an_empty_document_has_the_defaults() -> None:
    assert from_data({}).notify == NotifyConfig()


def test_camel_case_is_understood_all_the_way_down() -> None:
    route = {"channels": ["mail"], "groupWait": "1s", "routes": [{"groupBy": ["host"]}]}
    (found,) = built(routes=[route]).routes

    assert found.group_wait == SECOND
    assert found.routes[0].group_by == ("host",)


def test_the_schema_knows_routes_within_routes() -> None:
    route = json_schema()["definitions"]["RoutePart"]["properties"]

    assert route["routes"]["items"] == {"$ref": "#/definitions/RoutePart"}
    assert "continue" in route


MAILED = """
metrics: [{name: hits, type: COUNT, period: 1m, group_by: [section]}]
alarms: [{name: busy, metric: hits, threshold: 1, labels: {team: web}}]
channels:
  - name: mail
    type: email
    from: tocsin@example.org
    to: ["{{ labels.NAME }}@example.org"]
    to_allow: ["*@example.org"]
    smtp: {host: mail.example.org}
    templates: {subject: "{{ labels.NAME }}"}
"""


@pytest.mark.parametrize("name", ["team", "section"])
def test_labels_of_alarms_may_be_named_in_channels(name: str) -> None:
    made = parse(MAILED.replace("NAME", name), "tocsin.yaml")
    assert [channel.name for channel in made.channels] == ["mail"]


def test_labels_that_no_alarm_has_are_no_names_for_channels() -> None:
    with pytest.raises(
        ConfigError, match=r"`labels.teem` is undefined\n  hint: did you mean 'team'"
    ):
        parse(MAILED.replace("NAME", "teem"), "tocsin.yaml")


@pytest.mark.parametrize(
    ("to", "fine"),
    [
        pytest.param(["{{ labels.team }}@example.org"], False, id="labels alone"),
        pytest.param(
            ["{{ labels.team }}@example.org", "a@b.org"], True, id="one is fixed"
        ),
    ],
)
def test_a_sign_of_life_goes_to_an_address_that_no_label_makes(
    to: list[str], *, fine: bool
) -> None:
    mail = {"name": "mail", "type": "email", "from": "a@b.org", "to": to,
            "to_allow": ["*@example.org"], "smtp": {"host": "h"}}  # fmt: skip
    sections = {
        "channels": [mail],
        "notifications": {"heartbeat": {"channels": "mail"}},
    }
    if fine:
        assert built(**sections).heartbeat is not None
        return
    with pytest.raises(ConfigError, match="labels say to whom 'mail' goes"):
        built(**sections)
