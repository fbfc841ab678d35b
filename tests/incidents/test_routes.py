"""Which routes an alarm takes: Alertmanager's rules (dispatch/route.go), as a table."""

from __future__ import annotations

import pytest
from tests.incidents.scripts import match

from tocsin.incidents.routes import Route, every, matching


def route(
    name: str, *matchers: str, goes_on: bool = False, routes: tuple[Route, ...] = ()
) -> Route:
    return Route(id=name, match=match(*matchers), goes_on=goes_on, routes=routes)


# The tree of Alertmanager's own documentation, in our words.
TREE = (
    route(
        "database",
        "service=~mysql|cassandra",
        routes=(
            route("owner-db", "owner=db", goes_on=True),
            route("env-prod", "env=prod"),
        ),
    ),
    route("frontend", "team=frontend", goes_on=True),
    route("pager", "severity=critical", "owner!=nobody"),
    route("rest"),
)

TAKEN: dict[str, tuple[dict[str, str], list[str]]] = {
    "nothing matches but the last": ({}, ["rest"]),
    "the first that matches ends the search": (
        {"severity": "critical", "owner": "a"}, ["pager"],
    ),
    "all matchers must hold": (
        {"severity": "critical", "owner": "nobody"}, ["rest"],
    ),
    "a missing label is empty, so it is not 'nobody'": (
        {"severity": "critical"}, ["pager"],
    ),
    "continue tries the siblings as well": (
        {"team": "frontend", "severity": "critical"}, ["frontend", "pager"],
    ),
    "continue may lead to the last": ({"team": "frontend"}, ["frontend", "rest"]),
    "the deepest match is taken": (
        {"service": "mysql", "env": "prod"}, ["env-prod"],
    ),
    "a parent none of whose children match is taken itself": (
        {"service": "mysql"}, ["database"],
    ),
    "several children can be taken": (
        {"service": "mysql", "owner": "db", "env": "prod"}, ["owner-db", "env-prod"],
    ),
    "a child that goes on does not make its parent go on": (
        {"service": "mysql", "owner": "db"}, ["owner-db"],
    ),
    "a pattern must match the whole value": ({"service": "mysql2"}, ["rest"]),
}  # fmt: skip


@pytest.mark.parametrize(("labels", "expected"), TAKEN.values(), ids=TAKEN)
def test_routes_taken(labels: dict[str, str], expected: list[str]) -> None:
    assert [route.id for route in matching(TREE, labels)] == expected


def test_every_route_of_a_tree_comes_once() -> None:
    assert [r.id for r in every(TREE)] == [
        "database", "owner-db", "env-prod", "frontend", "pager", "rest",
    ]  # fmt: skip


GROUPS: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "by the labels that are asked for": (("alarm",), {"alarm": "A"}),
    "a label that is missing makes no difference": (("alarm", "zone"), {"alarm": "A"}),
    "by none: all in one": ((), {}),
    "by every label": (("...",), {"alarm": "A", "host": "b"}),
}


@pytest.mark.parametrize(("by", "expected"), GROUPS.values(), ids=GROUPS)
def test_the_labels_of_a_group(by: tuple[str, ...], expected: dict[str, str]) -> None:
    assert Route(id="r", group_by=by).labels({"alarm": "A", "host": "b"}) == expected


BACKOFF: dict[str, tuple[Route, list[int]]] = {
    "doubled up to the cap": (
        Route(id="r", repeat_interval=100, repeat_cap=500), [100, 200, 400, 500, 500],
    ),
    "the same for ever": (
        Route(id="r", repeat_interval=100, repeat_backoff=1), [100, 100, 100],
    ),
    "a cap below the interval does not shorten it": (
        Route(id="r", repeat_interval=100, repeat_cap=10), [100, 100],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("route", "expected"), BACKOFF.values(), ids=BACKOFF)
def test_repetitions_back_off(route: Route, expected: list[int]) -> None:
    assert [route.repeats_after(n) for n in range(len(expected))] == expected


def test_the_hundred_thousandth_repetition_has_an_interval_too() -> None:
    assert Route(id="r").repeats_after(100_000) == 24 * 3600
