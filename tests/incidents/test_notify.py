"""What is told, when and why: each rule by a short script.

Where a rule is Alertmanager's, the case names it: `dispatch` (groups and timers),
`notify` (what is worth a message), `inhibit`, `silence`. Where it is ours, the page
docs/notifications.md says why.
"""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from tests.incidents.scripts import MAIL, PLAIN, match, minutely, run, shown, withheld

from tocsin.incidents.draft import NotifySpec
from tocsin.incidents.mute import Downtime, Inhibition, Silence
from tocsin.incidents.routes import Route
from tocsin.model.schedule import Period, Schedule

HOUR = 3600

TIMERS: dict[str, tuple[str, int, list[str]]] = {
    "dispatch: a new group waits for group_wait": (
        "0 opened 1", 60, ["30 mail firing #1 new"],
    ),
    "dispatch: what comes while it waits is told with it": (
        "0 opened 1 host=a\n29 opened 2 host=b", 60, ["30 mail firing #1,#2 new"],
    ),
    "dispatch: afterwards a group speaks once in each group_interval": (
        "0 opened 1\n40 opened 2\n50 opened 3",
        700,
        ["30 mail firing #1 new", "330 mail firing #2,#3 new"],
    ),
    "dispatch: other labels of group_by make another group": (
        "0 opened 1 alarm=A\n5 opened 2 alarm=B",
        60,
        ["30 mail firing #1 new", "35 mail firing #2 new"],
    ),
    "notify: a recovery is told in the next turn": (
        "0 opened 1\n100 resolved 1",
        700,
        ["30 mail firing #1 new", "330 mail resolved #1 recovered"],
    ),
    "ours: a message holds only what has changed": (
        "0 opened 1\n0 opened 2\n100 resolved 1\n100 opened 3",
        700,
        ["30 mail firing #1,#2 new", "330 mail changed #3,#1 several"],
    ),
    "ours: a recovery while others ring does not end the thread": (
        "0 opened 1\n0 opened 2\n100 resolved 1\n400 resolved 2",
        700,
        [
            "30 mail firing #1,#2 new",
            "330 mail changed #1 recovered",
            "630 mail resolved #2 recovered",
        ],
    ),
    "ours: what is over within group_wait is told in one message": (
        "0 opened 1\n20 resolved 1", 700, ["30 mail resolved #1 brief"],
    ),
    "dispatch: after a recovery a group is new, and waits for group_wait": (
        "0 opened 1\n100 resolved 1\n400 opened 2",
        700,
        [
            "30 mail firing #1 new",
            "330 mail resolved #1 recovered",
            "430 mail firing #2 new",
        ],
    ),
    "ours: what was withdrawn before it was told is not told": (
        "0 opened 1\n20 withdrawn 1", 700, [],
    ),
    "ours: what was told is withdrawn": (
        "0 opened 1\n100 withdrawn 1",
        700,
        ["30 mail firing #1 new", "330 mail withdrawn #1 withdrawn"],
    ),
    "ours: what was told to be over is withdrawn, too": (
        "0 opened 1\n100 resolved 1\n500 withdrawn 1",
        900,
        [
            "30 mail firing #1 new",
            "330 mail resolved #1 recovered",
            "530 mail withdrawn #1 withdrawn",
        ],
    ),
    "ours: late lines open it again": (
        "0 opened 1\n100 resolved 1\n500 reopened 1",
        900,
        [
            "30 mail firing #1 new",
            "330 mail resolved #1 recovered",
            "530 mail changed #1 reopened",
        ],
    ),
    "ours: over and open again between two turns is nothing new": (
        "0 opened 1\n100 resolved 1\n200 reopened 1", 700, ["30 mail firing #1 new"],
    ),
    "ours: times that move are no message": (
        "10 opened 1\n100 corrected 1 at=5", 700, ["40 mail firing #1 new"],
    ),
    "ours: a level that rises is told": (
        "0 opened 1 level=warning\n100 level 1 level=critical",
        700,
        ["30 mail firing #1 new", "330 mail changed #1 level"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("script", "until", "expected"), TIMERS.values(), ids=TIMERS)
def test_groups_and_timers(script: str, until: int, expected: list[str]) -> None:
    assert shown(run(PLAIN, script, until)[1]) == expected


def repeating(interval: int = 4 * HOUR, backoff: int = 2) -> NotifySpec:
    route = replace(MAIL, repeat_interval=interval, repeat_backoff=backoff)
    return NotifySpec(routes=(route,))


REPEATS: dict[str, tuple[NotifySpec, str, int, list[int]]] = {
    "notify: after repeat_interval, with back-off up to the cap": (
        repeating(),
        "0 opened 1",
        72 * HOUR,
        [30, 30 + 4 * HOUR, 30 + 12 * HOUR, 30 + 28 * HOUR, 30 + 52 * HOUR],
    ),
    "notify: without back-off, always after repeat_interval": (
        repeating(backoff=1),
        "0 opened 1",
        13 * HOUR,
        [30, 30 + 4 * HOUR, 30 + 8 * HOUR, 30 + 12 * HOUR],
    ),
    "dispatch: only in a turn of the group": (
        repeating(interval=400, backoff=1),
        "0 opened 1",
        1300,
        [30, 630, 1230],
    ),
    "ours: an acknowledgement ends them": (
        repeating(), "0 opened 1\n99 acknowledged 1 by=ada", 72 * HOUR, [30],
    ),
    "ours: an acknowledgement does not end the recovery": (
        repeating(),
        "0 opened 1\n99 acknowledged 1 by=ada\n50000 resolved 1",
        72 * HOUR,
        [30, 50130],
    ),
    "ours: who is acknowledged does not stop the others": (
        repeating(),
        "0 opened 1\n0 opened 2\n99 acknowledged 1 by=ada",
        5 * HOUR,
        [30, 30 + 4 * HOUR],
    ),
    "ours: a change is told alone, the repetition with the next turn": (
        repeating(),
        "0 opened 1\n14400 opened 2",
        5 * HOUR,
        [30, 30 + 4 * HOUR, 330 + 4 * HOUR],
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("spec", "script", "until", "expected"), REPEATS.values(), ids=REPEATS
)
def test_repeats(
    spec: NotifySpec, script: str, until: int, expected: list[int]
) -> None:
    sent = run(spec, script, until, stops=range(0, until, HOUR))[1]

    assert [message.at for message in sent] == expected


def test_a_repetition_names_all_that_ring_and_nobody_works_on() -> None:
    script = "0 opened 1\n0 opened 2\n50 opened 3\n99 acknowledged 1 by=ada"
    _, sent, held = run(PLAIN, script, 5 * HOUR, stops=minutely(5 * HOUR))

    assert shown(sent)[-1] == f"{30 + 4 * HOUR} mail repeat #2,#3 repeat"
    assert withheld(held) == [f"{30 + 4 * HOUR} #1 acknowledged"]


def mute(start: int, end: int, *matchers: str) -> Silence:
    return Silence(match=match(*matchers), start=start, end=end, author="ada", id="s1")


NIGHT = Schedule(name="night", periods=(Period(times=((0, 600),)),))
INHIBITED = Inhibition(
    source=match("alarm=Down"), target=match("alarm=Slow"), equal=("host",)
)
QUIET: dict[str, tuple[NotifySpec, str, list[str], list[str]]] = {
    "silence: what it matches is not told": (
        replace(PLAIN, silences=(mute(0, 9999, "host=a"),)),
        "0 opened 1 host=a\n0 opened 2 host=b",
        ["30 mail firing #2 new"],
        ["30 #1 silenced"],
    ),
    "silence: once it ends, what still rings is told": (
        replace(PLAIN, silences=(mute(0, 400),)),
        "0 opened 1",
        ["630 mail firing #1 unmuted"],
        ["30 #1 silenced"],
    ),
    "silence: what came and went in it is never told": (
        replace(PLAIN, silences=(mute(0, 400),)),
        "0 opened 1\n100 resolved 1",
        [],
        ["30 #1 silenced"],
    ),
    "silence: its end does not belong to it": (
        replace(PLAIN, silences=(mute(0, 30),)),
        "0 opened 1",
        ["30 mail firing #1 new"],
        [],
    ),
    "ours: who was told that it rings is told that it is over, after the silence": (
        replace(PLAIN, silences=(mute(60, 700),)),
        "0 opened 1\n100 resolved 1",
        ["30 mail firing #1 new", "930 mail resolved #1 recovered"],
        ["330 #1 silenced"],
    ),
    "a downtime keeps quiet what it matches": (
        replace(
            PLAIN, downtimes=(Downtime(name="move", match=match("host=a"), end=600),)
        ),
        "0 opened 1 host=a",
        ["630 mail firing #1 unmuted"],
        ["30 #1 downtime"],
    ),
    "a downtime may follow a schedule": (
        replace(PLAIN, downtimes=(Downtime(name="d", match=(), schedule=NIGHT),)),
        "0 opened 1",
        ["630 mail firing #1 unmuted"],
        ["30 #1 downtime"],
    ),
    "notify: a muted route waits for the morning": (
        NotifySpec(routes=(replace(MAIL, mute=(NIGHT,)),)),
        "0 opened 1",
        ["630 mail firing #1 unmuted"],
        ["30 #1 muted"],
    ),
    "notify: a route that is active by night sleeps by day": (
        NotifySpec(routes=(replace(MAIL, active=(NIGHT,)),)),
        "0 opened 1\n600 opened 2 alarm=Other",
        ["30 mail firing #1 new"],
        ["630 #2 inactive"],
    ),
    "inhibit: a target is quiet while a source with equal labels rings": (
        replace(PLAIN, inhibitions=(INHIBITED,)),
        "0 opened 1 alarm=Down host=a\n0 opened 2 host=a\n0 opened 3 host=b",
        ["30 mail firing #1 new", "30 mail firing #3 new"],
        ["30 #2 inhibited"],
    ),
    "inhibit: once the source is over, the target is told": (
        replace(PLAIN, inhibitions=(INHIBITED,)),
        "0 opened 1 alarm=Down host=a\n0 opened 2 host=a\n100 resolved 1",
        [
            "30 mail firing #1 new",
            "330 mail resolved #1 recovered",
            "330 mail firing #2 unmuted",
        ],
        ["30 #2 inhibited"],
    ),
    "inhibit: a label that is missing is an empty one": (
        replace(PLAIN, inhibitions=(INHIBITED,)),
        "0 opened 1 alarm=Down\n0 opened 2",
        ["30 mail firing #1 new"],
        ["30 #2 inhibited"],
    ),
    "inhibit: what is source and target both is not hidden by its like": (
        replace(
            PLAIN, inhibitions=(Inhibition(source=match("a=b"), target=match("a=b")),)
        ),
        "0 opened 1 a=b\n0 opened 2 a=b",
        ["30 mail firing #1,#2 new"],
        [],
    ),
    "inhibit: a source that is silenced inhibits all the same": (
        replace(
            PLAIN,
            inhibitions=(INHIBITED,),
            silences=(mute(0, 9999, "alarm=Down"),),
        ),
        "0 opened 1 alarm=Down host=a\n0 opened 2 host=a",
        [],
        ["30 #1 silenced", "30 #2 inhibited"],
    ),
    "dispatch: an alarm that no route matches has that as its reason": (
        NotifySpec(routes=(replace(MAIL, match=match("team=web")),)),
        "0 opened 1",
        [],
        ["0 #1 no_route"],
    ),
    "a route without channels takes alarms and tells nobody": (
        NotifySpec(routes=(Route(id="sink"),)),
        "0 opened 1",
        [],
        ["30 #1 no_channel"],
    ),
    "an end without a beginning is not told": (
        PLAIN,
        "0 resolved 1\n5 opened 2\n9 resolved 2",
        ["35 mail resolved #2 brief"],
        ["0 #1 unknown"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("spec", "script", "expected", "reasons"), QUIET.values(), ids=QUIET
)
def test_what_keeps_quiet(
    spec: NotifySpec, script: str, expected: list[str], reasons: list[str]
) -> None:
    _, sent, held = run(spec, script, 1000)

    assert sorted(shown(sent)) == sorted(expected)
    assert sorted(withheld(held)) == sorted(reasons)


def test_what_opens_in_a_step_explains_in_the_same_step() -> None:
    slow = replace(MAIL, id="odd", match=match("alarm=Odd"))
    spec = NotifySpec(
        routes=(slow, replace(MAIL, group_wait=0)), inhibitions=(INHIBITED,)
    )
    script = (
        "70 opened 1 alarm=Odd\n100 opened 2 alarm=Down host=a\n100 opened 3 host=a"
    )
    _, sent, held = run(spec, script, 110)

    assert shown(sent) == ["100 mail firing #1 new", "100 mail firing #2 new"]
    assert withheld(held) == ["100 #3 inhibited"]
