"""Laws of notifications, on worlds made up at random, and a slow second opinion."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.incidents.scripts import MAIL, Script, match, run
from tests.laws import law

from tocsin.incidents.alerts import Happening
from tocsin.incidents.draft import NotifySpec
from tocsin.incidents.flapping import Flapping
from tocsin.incidents.meter import Cap
from tocsin.incidents.mute import Downtime, Inhibition, Silence
from tocsin.incidents.routes import matching
from tocsin.model.notification import Kind, Notification
from tocsin.model.schedule import Period, Schedule

if TYPE_CHECKING:
    from tocsin.incidents.routes import Route

UNTIL = 4_000
LEVELS = ("info", "warning", "critical")
NEVER = Flapping(changes=10**6)
FREE = Cap(messages=10**6)


@st.composite
def stories(draw: st.DrawFn) -> str:
    """Return a script of incidents that open, and perhaps change, and end."""
    lines: list[tuple[int, int, str]] = []
    for incident in range(1, draw(st.integers(1, 8)) + 1):
        at = draw(st.integers(0, 1500))
        alarm = draw(st.sampled_from(["Down", "Slow", "Odd"]))
        labels = f"alarm={alarm} host={draw(st.sampled_from('ab'))}"
        labels += f" level={draw(st.sampled_from(LEVELS))}"
        lines.append((at, incident, f"opened {incident} {labels}"))
        for event in draw(
            st.sampled_from(
                [
                    [], ["resolved"], ["resolved"], ["withdrawn"],
                    ["resolved", "reopened"], ["resolved", "withdrawn"],
                    ["acknowledged", "resolved"], ["level", "resolved"],
                ]
            )
        ):  # fmt: skip
            at += draw(st.integers(1, 900))
            more = {"acknowledged": " by=ada", "level": " level=critical"}
            lines.append((at, incident, f"{event} {incident}{more.get(event, '')}"))
    return "\n".join(f"{at} {text}" for at, _, text in sorted(lines))


@st.composite
def routes(draw: st.DrawFn) -> tuple[Route, ...]:
    """Return a few routes, with timers and groups of all kinds."""
    found = []
    for number in range(draw(st.integers(1, 3))):
        condition = draw(
            st.sampled_from(["", "alarm=Down", "host=~[ab]", "level!=info"])
        )
        found.append(
            replace(
                MAIL,
                id=f"{number}",
                match=match(condition) if condition else (),
                channels=draw(
                    st.sampled_from([("mail",), ("hook",), ("mail", "hook")])
                ),
                group_by=draw(st.sampled_from([("alarm",), (), ("host",), ("...",)])),
                group_wait=draw(st.sampled_from([0, 10, 30])),
                group_interval=draw(st.sampled_from([60, 300])),
                repeat_interval=draw(st.sampled_from([200, 900])),
                goes_on=draw(st.booleans()),
            )
        )
    return tuple(found)


NIGHT = Schedule(name="night", periods=(Period(times=((600, 1200),)),))


@st.composite
def specs(draw: st.DrawFn) -> NotifySpec:
    """Return a spec with some of everything that can keep an alarm quiet."""
    way = draw(routes())
    if draw(st.booleans()):
        way = (replace(way[0], mute=(NIGHT,)), *way[1:])
    start = draw(st.integers(0, 1500))
    silenced = Silence(
        match=match("host=a"), start=start, end=start + 500, author="ada", id="s"
    )
    rule = Inhibition(
        source=match("alarm=Down"), target=match("alarm!=Down"), equal=("host",)
    )
    return NotifySpec(
        routes=way,
        silences=draw(st.sampled_from([(), (silenced,)])),
        inhibitions=draw(st.sampled_from([(), (rule,)])),
        downtimes=draw(
            st.sampled_from(
                [(), (Downtime(name="d", match=match("alarm=Odd"), end=900),)]
            )
        ),
        flapping=draw(
            st.sampled_from([NEVER, Flapping(changes=3, within=600, quiet=300)])
        ),
        cap=draw(st.sampled_from([FREE, Cap(messages=2, per=200)])),
    )


@law(100)
@given(specs(), stories(), st.sets(st.integers(0, UNTIL), max_size=40))
def test_cutting_time_and_restarting_anywhere_change_nothing(
    spec: NotifySpec, story: str, stops: set[int]
) -> None:
    coarse = set(range(0, UNTIL, 3000))
    state, sent, held = run(spec, story, UNTIL, stops=coarse)
    again = run(spec, story, UNTIL, stops=coarse | stops, restart=True)

    assert again[1] == sent
    assert again[2] == held
    assert replace(again[0], now=0) == replace(state, now=0)


@law(100)
@given(specs(), stories(), st.sets(st.integers(0, UNTIL), max_size=5))
def test_a_step_that_is_done_again_after_a_crash_makes_the_same_messages(
    spec: NotifySpec, story: str, stops: set[int]
) -> None:
    at = min(stops, default=700)
    state, _, _ = run(spec, story, at)
    late = "\n".join(line for line in story.splitlines() if int(line.split()[0]) > at)
    first = run(spec, _rest(story, late), UNTIL, state=state)[1]
    second = run(spec, _rest(story, late), UNTIL, state=state)[1]

    assert [m.key for m in first] == [m.key for m in second]


def _rest(whole: str, late: str) -> Script:
    """Return the late part of a script, of alerts that the early part made."""
    script = Script(whole)
    first = len(whole.splitlines()) - len(late.splitlines())
    script.events = script.events[first:]
    return script


@law(100)
@given(specs(), stories())
def test_no_key_is_used_twice_and_no_message_names_an_alert_twice(
    spec: NotifySpec, story: str
) -> None:
    _, sent, _ = run(spec, story, UNTIL, stops=range(0, UNTIL, 3000))
    keys = Counter(message.key for message in sent)

    assert set(keys.values()) <= {1}
    for message in sent:
        named = [alert.incident for alert in message.alerts]
        assert len(named) == len(set(named))


@law(100)
@given(specs(), stories())
def test_messages_come_in_the_order_of_time(spec: NotifySpec, story: str) -> None:
    _, sent, held = run(spec, story, UNTIL, stops=range(0, UNTIL, 3000))

    assert [m.at for m in sent] == sorted(m.at for m in sent)
    assert [w.at for w in held] == sorted(w.at for w in held)


@law(100)
@given(specs(), stories())
def test_the_cap_of_a_channel_holds_in_any_span(spec: NotifySpec, story: str) -> None:
    """But for the ends of what it was told by messages: there are no more than of those."""
    spec = replace(spec, cap=Cap(messages=2, per=200))
    _, sent, _ = run(spec, story, UNTIL, stops=range(0, UNTIL, 3000))
    for channel in ("mail", "hook"):
        mine = [m for m in sent if m.channel == channel]
        rings: set[str] = set()
        named = []
        for message in (m for m in mine if m.kind is not Kind.DIGEST):
            if message.kind not in {Kind.RESOLVED, Kind.WITHDRAWN}:
                named.append(message.at)
                rings.add(message.thread)
            elif message.thread in rings:
                rings.remove(message.thread)
            else:
                named.append(message.at)
        digests = [m.at for m in mine if m.kind is Kind.DIGEST]
        for start in range(0, UNTIL, 10):
            assert sum(start <= at < start + 200 for at in named) <= 2
            assert sum(start <= at < start + 200 for at in digests) <= 1


@law(100)
@given(specs(), stories())
def test_what_is_told_of_an_incident_alternates(spec: NotifySpec, story: str) -> None:
    """N11: Nobody hears twice that it rings, or that it is over, but for repetitions."""
    spec = replace(spec, cap=FREE, flapping=NEVER)
    _, sent, _ = run(spec, story, UNTIL, stops=range(0, UNTIL, 3000))
    last: dict[tuple[str, str, int], tuple[str, str]] = {}
    for message in sent:
        for alert in message.alerts:
            place = (message.channel, message.thread, alert.incident)
            now = (alert.status, alert.level)
            if message.kind is Kind.REPEAT:
                assert last[place] == now
            else:
                assert last.get(place) != now
            last[place] = now


@law(100)
@given(routes(), stories())
def test_each_firing_that_nothing_keeps_quiet_is_told_once_for_each_route(
    way: tuple[Route, ...], story: str
) -> None:
    """And so is its end: whoever was told that it rings is told that it is over."""
    assume("withdrawn" not in story)
    assume("level" not in story.replace("level=", ""))
    spec = NotifySpec(routes=way, flapping=NEVER, cap=FREE)
    script = Script(story)
    _, sent, held = run(spec, script, UNTIL, stops=range(0, UNTIL, 3000))
    told: Counter[tuple[int, str]] = Counter()
    for message in sent:
        for alert in message.alerts:
            if alert.status == "firing" and message.kind is Kind.FIRING:
                told[alert.incident, message.channel] += 1
    unrouted = {one.incident for one in held if one.reason == "no_route"}
    for incident in {
        e.alert.incident for _, e in script.events if isinstance(e, Happening)
    }:
        named = [m for m in sent if any(a.incident == incident for a in m.alerts)]
        assert bool(named) != (incident in unrouted)
        ways = matching(way, script.alerts[incident].labels)
        for channel in ("mail", "hook"):
            most = sum(channel in route.channels for route in ways)
            assert told[incident, channel] <= most
        final = script.alerts[incident].status
        assert all(status == final for status in _last(named, incident).values())


def _last(named: list[Notification], incident: int) -> dict[str, str]:
    """Return what each channel was told last of an incident, group by group."""
    found: dict[str, str] = {}
    for message in named:
        place = f"{message.channel} {sorted(message.group.items())}"
        status = [a.status for a in message.alerts if a.incident == incident]
        found[place] = status[0]
    return found


@law(100)
@given(specs(), stories(), st.integers(1, 900))
def test_what_is_long_ago_is_told_or_counted_once(
    spec: NotifySpec, story: str, age: int
) -> None:
    spec = replace(spec, max_age=age, flapping=NEVER, cap=FREE)
    script = Script(story)
    script.events = [
        (at + 500 * (at % 2), replace(e, at=at) if isinstance(e, Happening) else e)
        for at, e in script.events
    ]
    _, sent, held = run(spec, script, UNTIL, stops=range(0, UNTIL, min(age, 60)))
    first = [
        (m.channel, m.thread, a.incident)
        for m in sent
        for a in m.alerts
        if m.kind is Kind.FIRING
    ]
    counted = sum(len(m.alerts) + m.held for m in sent if m.kind is Kind.DIGEST)
    asked = [w for w in held if w.reason == "catch_up"]

    assert len(first) == len(set(first))
    assert counted <= len(asked)
    assert bool(counted) == bool(asked)


@law(100)
@given(specs(), stories())
def test_every_incident_is_told_or_has_a_reason(spec: NotifySpec, story: str) -> None:
    script = Script(story)
    _, sent, held = run(spec, script, UNTIL, stops=range(0, UNTIL, 3000))
    named = {a.incident for m in sent for a in m.alerts}
    reasons = {one.incident for one in held}

    assert named | reasons >= set(script.alerts)


Row = tuple[int, str, str, tuple[tuple[int, str], ...]]


def slowly(route: Route, script: Script, until: int) -> list[Row]:
    """Return what one route tells, second by second, by the rules as people say them.

    A group waits, speaks of what has changed, speaks again only each interval, and is
    forgotten once all of it is over. Nothing is repeated.
    """
    told: dict[int, str] = {}
    groups: dict[str, dict[int, str]] = {}
    speaks: dict[str, int] = {}
    found: list[Row] = []
    for now in range(until + 1):
        for name in [n for n in speaks if speaks[n] == now]:
            changed = _changed(groups[name], told)
            if changed:
                found += [(now, c, name, changed) for c in route.channels]
            speaks[name] = now + route.group_interval
            if "firing" not in groups[name].values():
                del groups[name], speaks[name]
        for at, event in script.events:
            if at == now and isinstance(event, Happening):
                name = route.group(event.alert.labels)
                speaks.setdefault(name, now + route.group_wait)
                members = groups.setdefault(name, {})
                members[event.alert.incident] = event.alert.status
    return found


def _changed(
    members: dict[int, str], told: dict[int, str]
) -> tuple[tuple[int, str], ...]:
    """Return what nobody knows yet of a group, and count it as told."""
    news = {i: s for i, s in members.items() if s != told.get(i, "")}
    never = [i for i, s in news.items() if s == "withdrawn" and i not in told]
    for incident in never:
        del news[incident]
    told |= news
    return tuple(sorted(news.items()))


@law(100)
@given(routes(), stories())
def test_a_slow_clerk_would_say_the_same(way: tuple[Route, ...], story: str) -> None:
    assume("level" not in story.replace("level=", ""))
    route = replace(way[0], match=(), repeat_interval=10**6, group_wait=10)
    script = Script(story)
    spec = NotifySpec(routes=(route,), flapping=NEVER, cap=FREE)
    _, sent, _ = run(spec, script, UNTIL, stops=range(0, UNTIL, 3000))
    said = [
        (
            m.at,
            m.channel,
            route.group(m.alerts[0].labels),
            tuple(sorted((a.incident, a.status) for a in m.alerts)),
        )
        for m in sent
    ]

    assert sorted(said) == sorted(slowly(route, script, UNTIL))
