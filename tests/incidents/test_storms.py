"""Flapping, rate caps, digests, outages and reloads: few messages, none forgotten."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace
from tests.incidents.scripts import (
    MAIL,
    PLAIN,
    Script,
    match,
    minutely,
    name_of,
    run,
    shown,
    withheld,
)

from tocsin.incidents.alerts import Happening
from tocsin.incidents.draft import NotifySpec, State
from tocsin.incidents.flapping import Flapping
from tocsin.incidents.meter import Cap
from tocsin.incidents.mute import Silence
from tocsin.incidents.notify import expire, silence, step, walk
from tocsin.incidents.plain import from_json, to_json
from tocsin.model.errors import StateError
from tocsin.model.notification import Kind

if TYPE_CHECKING:
    from tocsin.incidents.routes import Route

HOUR = 3600
EACH = replace(MAIL, group_by=("alarm", "host"))


def flapping(times: int, every: int, start: int = 0) -> str:
    """Return a script of an alarm that comes and goes so many times."""
    lines = []
    for n in range(times):
        at = start + 2 * n * every
        lines += [f"{at} opened {n + 1}", f"{at + every} resolved {n + 1}"]
    return "\n".join(lines)


def test_an_alarm_that_comes_and_goes_is_told_once_and_again_when_it_is_quiet() -> None:
    _, sent, _ = run(PLAIN, flapping(100, 20), 3 * HOUR, stops=minutely(3 * HOUR))

    told = [name_of(message.why) for message in sent]
    assert told == ["brief", "brief", "flapping", "calm"]
    assert sent[-1].kind is Kind.RESOLVED
    assert sent[-1].alerts[0].status == "resolved"


def test_a_hundred_changes_in_five_minutes_are_few_messages() -> None:
    """N9."""
    script = flapping(50, 3) + "\n301 opened 99"
    _, sent, _ = run(PLAIN, script, 3 * HOUR, stops=minutely(3 * HOUR))

    assert len(sent) <= 3
    assert [a.incident for a in sent[-1].alerts if a.status == "firing"] == [99]


def test_flapping_is_not_counted_over_different_keys() -> None:
    script = "\n".join(f"{n} opened {n + 1} host={n}" for n in range(20))
    _, sent, _ = run(PLAIN, script, 60)

    assert shown(sent)[0].endswith("new")


def test_an_alarm_that_changes_seldom_is_not_damped() -> None:
    _, sent, _ = run(PLAIN, flapping(10, 1000), 30_000, stops=minutely(30_000))

    assert {name_of(m.why) for m in sent} == {"new", "recovered"}
    assert len(sent) == 20


def test_damping_can_be_as_strict_as_wanted() -> None:
    spec = replace(PLAIN, flapping=Flapping(changes=3, within=100, quiet=400))
    _, sent, _ = run(spec, flapping(2, 10), HOUR, stops=minutely(HOUR))

    assert [name_of(m.why) for m in sent] == ["flapping", "calm"]


STORM = "\n".join(
    f"{n // 167} opened {n + 1} alarm=A{n % 3} host=h{n}"
    f" level={'critical' if n == 9000 else 'warning'}"
    for n in range(10_000)
)


def test_ten_thousand_incidents_in_a_minute_are_the_cap_and_one_digest() -> None:
    spec = NotifySpec(routes=(EACH,), cap=Cap(messages=10, per=300))
    state, sent, held = run(spec, STORM, 250, stops=range(250))

    assert [m.kind for m in sent] == [Kind.FIRING] * 10 + [Kind.DIGEST]
    digest = sent[-1]
    assert len(digest.alerts) + digest.held == 9_990
    assert list(digest.tally) == ["A0", "A1", "A2"]
    assert sum(digest.tally.values()) == 9_990
    assert {a.labels["alarm"] for a in digest.alerts} == {"A0", "A1", "A2"}
    assert digest.alerts[0].incident == 9001  # the only critical one
    assert len(held) == 9_990
    assert {one.reason for one in held} == {"rate_cap"}
    assert len(state.alerts) == 10_000
    assert from_json(to_json(state)) == state


RECOVERIES = "\n".join(f"{300 + n // 167} resolved {n + 1}" for n in range(10_000))


def test_ten_thousand_recoveries_end_what_was_told_and_are_one_digest() -> None:
    spec = NotifySpec(routes=(EACH,), cap=Cap(messages=10, per=300))
    script = f"{STORM}\n{RECOVERIES}"
    _, sent, held = run(spec, script, 1800, stops=range(0, 1800, 30))
    alone = [m for m in sent if m.kind is not Kind.DIGEST]
    digests = [m for m in sent if m.kind is Kind.DIGEST]

    rung = {m.thread: m.alerts[0].incident for m in alone if m.kind is Kind.FIRING}
    over = {m.thread: m.alerts[0].incident for m in alone if m.kind is Kind.RESOLVED}
    assert len(rung) == 10
    assert {thread: over[thread] for thread in rung} == rung, "each is ended"
    assert len(alone) <= 30
    assert len(digests[0].alerts) + digests[0].held == 9_990
    assert sum(len(m.alerts) + m.held for m in digests[1:]) == 10_000 - len(over)
    assert len(digests) <= 4
    assert len({one.incident for one in held}) >= 9_970


def test_recoveries_beyond_the_cap_are_never_more_than_what_was_told() -> None:
    spec = NotifySpec(routes=(replace(EACH, group_interval=10),), cap=Cap(messages=2))
    script = "\n".join(
        f"{200 * n + 50 * m} {'resolved' if m else 'opened'} {2 * i + n % 2 + 1} host=h{i}"
        for n in range(6)
        for m in range(2)
        for i in range(20)
    )
    _, sent, _ = run(spec, script, 3000, stops=range(3000))
    open_there: dict[str, int] = {}
    for message in sent:
        if message.kind is not Kind.DIGEST:
            open_there[message.thread] = message.kind is not Kind.RESOLVED

    fired = sum(m.kind is Kind.FIRING for m in sent)
    ended = sum(m.kind is Kind.RESOLVED for m in sent)
    assert ended <= fired + 2 * (3000 // 300 + 1)
    assert not any(open_there.values()), "nothing is left open on the other side"


def test_a_storm_that_goes_on_is_a_digest_for_each_span_of_the_cap() -> None:
    spec = NotifySpec(routes=(EACH,), cap=Cap(messages=2, per=300))
    script = "\n".join(f"{10 * n} opened {n + 1} host=h{n}" for n in range(120))
    _, sent, _ = run(spec, script, 2000, stops=range(2000))
    digests = [m for m in sent if m.kind is Kind.DIGEST]
    named = [m for m in sent if m.kind is not Kind.DIGEST]

    assert sum(len(m.alerts) + m.held for m in digests) + len(named) == 120
    assert all(b.at - a.at >= 300 for a, b in pairwise(digests))
    assert all(b.at - a.at >= 300 for a, b in zip(named, named[2:], strict=False))


def test_each_channel_has_its_own_cap() -> None:
    both = replace(EACH, channels=("mail", "hook"))
    spec = NotifySpec(
        routes=(both,), cap=Cap(messages=1), caps={"hook": Cap(messages=9)}
    )
    script = "0 opened 1 host=a\n0 opened 2 host=b\n0 opened 3 host=c"
    _, sent, _ = run(spec, script, 200, stops=range(200))

    assert sum(m.channel == "hook" for m in sent) == 3
    assert [m.kind for m in sent if m.channel == "mail"] == [Kind.FIRING, Kind.DIGEST]


def test_the_gravest_come_before_the_cap() -> None:
    spec = NotifySpec(routes=(EACH,), cap=Cap(messages=1))
    script = "0 opened 1 host=a level=info\n0 opened 2 host=b level=critical"
    _, sent, _ = run(spec, script, 40)

    assert shown(sent) == ["30 mail firing #2 new"]


def test_a_message_names_no_more_than_it_has_room_for() -> None:
    script = "\n".join(f"0 opened {n + 1} host=h{n}" for n in range(80))
    _, sent, held = run(PLAIN, script, 60)

    assert len(sent[0].alerts) == 50
    assert sent[0].held == 30
    assert sent[0].tally == {"Slow": 80}
    assert {one.reason for one in held} == {"counted"}


def test_what_is_long_ago_is_summed_up_in_one_message() -> None:
    lines = [f"10000 opened {n + 1} at={n} alarm=A{n}" for n in range(40)]
    lines += [f"10000 resolved {n + 1} at={n + 1} alarm=A{n}" for n in range(39)]
    _, sent, held = run(
        PLAIN, "\n".join(lines), 20_000, stops=range(10_000, 20_000, 60)
    )
    (digest,) = sent

    assert digest.kind is Kind.DIGEST
    assert name_of(digest.why) == "catch_up"
    assert digest.alerts[0].incident == 40  # the only one that still rings
    assert len(digest.alerts) + digest.held == 40
    assert {one.reason for one in held} == {"catch_up"}


def test_what_was_summed_up_is_told_when_it_recovers() -> None:
    script = "10000 opened 1 at=1\n10500 resolved 1"
    _, sent, _ = run(PLAIN, script, 20_000, stops=range(10_000, 20_000, 60))

    assert [m.kind for m in sent] == [Kind.DIGEST, Kind.RESOLVED]


def test_what_is_long_ago_but_was_silenced_is_told_on_its_own() -> None:
    quiet = Silence(match=(), start=0, end=20_000, author="ada", id="s")
    spec = replace(PLAIN, silences=(quiet,))
    _, sent, _ = run(spec, "10000 opened 1 at=1", 21_000, stops=minutely(21_000))

    assert [name_of(m.why) for m in sent] == ["unmuted"]


def test_an_outage_is_not_followed_by_all_that_was_due_in_it() -> None:
    _, sent, _ = run(PLAIN, "0 opened 1", 60)
    state, _, _ = run(PLAIN, "0 opened 1", 60)
    away = 10 * 24 * HOUR
    after, now, _ = step(PLAIN, state, (), away)
    _, later, _ = step(PLAIN, after, (), away + 300)

    assert len(sent) == 1
    assert now == []
    assert shown(later) == [f"{away + 300} mail repeat #1 repeat"]


def test_what_recovered_in_an_outage_is_not_repeated() -> None:
    state, _, _ = run(PLAIN, "0 opened 1", 60)
    script = "864000 opened 1\n864010 resolved 1"
    _, sent, _ = run(PLAIN, script, 864_999, state=state, stops=[864_000, 864_300])

    assert shown(sent) == ["864030 mail resolved #1 recovered"]


def test_a_replay_takes_a_quiet_night_for_what_it_is() -> None:
    _, told, _ = run(
        PLAIN, "0 opened 1\n50000 resolved 1", 60_000, stops=minutely(60_000)
    )
    _, sent, _ = walk(PLAIN, State(), happened("0 opened 1\n50000 resolved 1"), 60_000)

    assert sent == told


def happened(text: str) -> list[Happening]:
    return [event for _, event in Script(text).events if isinstance(event, Happening)]


def test_a_replay_ends_however_long_the_log_was_silent() -> None:
    events = happened("0 opened 1\n1500000000 opened 2")
    _, sent, _ = walk(PLAIN, State(), events, 1_500_000_100)

    assert shown(sent)[0] == "30 mail firing #1 new"
    assert shown(sent)[-1] == "1500000030 mail firing #2 new"
    assert len(sent) < 20


def test_a_replay_hears_of_corrections_after_what_they_correct() -> None:
    events = happened("0 opened 1\n100 resolved 1\n110 withdrawn 1 at=0")
    _, sent, _ = walk(PLAIN, State(), events, 1000)

    assert shown(sent) == [
        "30 mail firing #1 new", "330 mail withdrawn #1 withdrawn",
    ]  # fmt: skip


def test_a_silence_is_added_and_expires() -> None:
    state, _, _ = run(PLAIN, "0 opened 1", 10)
    wanted = Silence(match=match("alarm=Slow"), start=10, end=9000, author="ada")
    state, made = silence(state, wanted)
    state, quiet, _ = step(PLAIN, from_json(to_json(state)), (), 100)
    state = expire(state, made.id, 100)
    _, sent, _ = step(PLAIN, state, (), 400)

    assert made.id
    assert quiet == []
    assert shown(sent) == ["330 mail firing #1 unmuted"]


def test_a_silence_that_does_not_exist_cannot_expire() -> None:
    with pytest.raises(KeyError):
        expire(State(), "none", 0)


RELOADS: dict[str, tuple[Route, ...]] = {
    "the same": (MAIL,),
    "other timers": (replace(MAIL, group_wait=5, repeat_interval=9999),),
    "another id": (replace(MAIL, id="new"),),
    "another channel": (replace(MAIL, channels=("mail", "hook")),),
    "other groups": (replace(MAIL, group_by=("host",)),),
    "one more route": (
        replace(MAIL, id="a", goes_on=True, channels=("hook",)), MAIL,
    ),
    "no route": (),
}  # fmt: skip


@pytest.mark.parametrize("routes", RELOADS.values(), ids=RELOADS)
def test_a_reload_is_no_news(routes: tuple[Route, ...]) -> None:
    state, sent, _ = run(PLAIN, "0 opened 1\n0 opened 2\n50 resolved 2", 400)
    changed = replace(PLAIN, routes=routes)
    _, more, _ = run(changed, "", 3 * HOUR, state=state, stops=range(400, 3 * HOUR, 60))

    assert len(sent) == 2
    assert more == []


def test_what_was_due_before_a_reload_is_told_after_it() -> None:
    state, _, _ = run(PLAIN, "0 opened 1", 10)
    changed = NotifySpec(routes=(replace(MAIL, id="new", channels=("hook",)),))
    _, sent, _ = run(changed, "", 60, state=state, stops=[11])

    assert shown(sent) == ["41 hook firing #1 new"]


def test_a_recovery_finds_its_way_after_a_reload() -> None:
    script = "0 opened 1\n100 resolved 1"
    state, _, _ = run(PLAIN, script, 110)
    changed = NotifySpec(routes=(replace(MAIL, id="new", channels=("hook",)),))
    _, sent, _ = run(changed, "", 1000, state=state, stops=[120])

    assert shown(sent) == ["150 hook resolved #1 recovered"]


def test_a_reload_keeps_every_member_of_a_group() -> None:
    state, _, _ = run(PLAIN, "0 opened 1\n0 opened 2", 60)
    script = Script("0 opened 1\n0 opened 2\n100 resolved 1\n100 resolved 2")
    script.events = script.events[2:]
    changed = replace(PLAIN, routes=(replace(MAIL, channels=("mail", "hook")),))
    _, sent, _ = run(changed, script, 1000, state=state, stops=[70])

    assert [(m.channel, len(m.alerts), m.kind) for m in sent] == [
        ("mail", 2, Kind.RESOLVED),
        ("hook", 2, Kind.RESOLVED),
    ]


def test_messages_about_a_group_share_a_thread_and_answer_its_first() -> None:
    script = "0 opened 1\n100 resolved 1\n1000 opened 2"
    _, (first, second, third), _ = run(PLAIN, script, 1100)

    assert first.thread == second.thread != third.thread
    assert second.answers == first.key
    assert first.answers == third.answers == ""


def test_one_whose_level_rises_is_told_to_those_of_the_new_level_too() -> None:
    pager = replace(MAIL, id="p", channels=("pager",), match=match("level=critical"))
    spec = NotifySpec(routes=(pager, MAIL))
    script = "0 opened 1 level=warning\n100 level 1 level=critical\n800 resolved 1"
    _, sent, _ = run(spec, script, 1300)

    assert shown(sent) == [
        "30 mail firing #1 new",
        "130 pager firing #1 new",
        "330 mail changed #1 level",
        "930 mail resolved #1 recovered",
        "1030 pager resolved #1 recovered",
    ]


def test_nothing_is_remembered_for_ever() -> None:
    script = (
        flapping(30, 100) + "\n0 opened 99 alarm=Other\n50 withdrawn 99 alarm=Other"
    )
    state, _, _ = run(PLAIN, script, 24 * HOUR, stops=minutely(24 * HOUR))

    assert state.alerts == {}
    assert state.groups == {}
    assert state.flaps == {}


def test_alarms_of_no_route_are_forgotten_with_their_end() -> None:
    spec = NotifySpec()
    state, _, held = run(spec, "0 opened 1\n9 resolved 1", 10)

    assert state.alerts == {}
    assert withheld(held) == ["0 #1 no_route"]


def test_while_nothing_happens_the_state_is_the_same_object() -> None:
    state, _, _ = run(PLAIN, "0 opened 1", 100)

    assert step(PLAIN, state, (), 110)[0] is state
    assert step(PLAIN, state, (), 191)[0] is not state


def test_a_state_that_cannot_be_read_says_so() -> None:
    with pytest.raises(StateError, match="not readable"):
        from_json(b"[]")
    with pytest.raises(StateError, match="version 9"):
        from_json(b'{"version": 9}')
