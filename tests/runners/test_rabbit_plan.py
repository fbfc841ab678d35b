"""What travels through a broker, and where it goes next: no broker is needed here."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tocsin.model import samples, wire
from tocsin.model.instant import SECOND
from tocsin.model.notification import Fate, Kind, Notification, Outcome
from tocsin.model.secret import Secret
from tocsin.model.state import Outgoing
from tocsin.runners.outbox import KEEP_TRYING
from tocsin.runners.rabbit import words
from tocsin.runners.rabbit_plan import (
    DUE,
    OUTCOME,
    WAITS,
    Letter,
    Topology,
    bounded,
    ended,
    onward,
    opened,
    put_off,
    sealed,
    short,
)
from tocsin.runners.retrying import AT_ONCE, Lane, decide

AT = 1_700_000_000
NOW = AT * SECOND
NAMES = Topology("tocsin", "work")


def notification(channel: str = "mail") -> Notification:
    alert = samples.firing(AT, ["section"])
    return samples.notification(Kind.FIRING, alert, channel=channel, at=AT)


def row(**more: object) -> Outgoing:
    return replace(sealed(notification()).row, **more)


numbers = st.integers(0, 2**53)
entries = st.fixed_dictionaries(
    {"fate": st.sampled_from([f.value for f in Fate]), "detail": st.text(),
     "at": st.just("2026-11-22T00:00:00Z")}
)  # fmt: skip


@given(
    attempts=numbers,
    due=numbers,
    deadline=numbers,
    deferred=numbers,
    outcome=st.dictionaries(st.text(), entries),
)
def test_a_letter_is_read_as_it_was_written(
    attempts: int, due: int, deadline: int, deferred: int, outcome: dict[str, object]
) -> None:
    told = row(attempts=attempts, due=due, deadline=deadline, outcome=outcome)
    letter = Letter(told, deferred)

    assert opened(letter.row.body, letter.headers()) == (letter, notification())


def test_a_notification_alone_is_a_letter_that_is_tried_for_as_long_as_any() -> None:
    letter, read = opened(wire.to_bytes(notification()), {})

    assert read == notification()
    assert letter == sealed(notification())
    assert letter.row.deadline == NOW + KEEP_TRYING


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        pytest.param(b"\xff", {}, id="no text"),
        pytest.param(b"[1]", {}, id="no object"),
        pytest.param(b'{"version": 9}', {}, id="of another version"),
        pytest.param(wire.to_bytes(notification()), {DUE: "soon"}, id="no number"),
        pytest.param(wire.to_bytes(notification()), {DUE: True}, id="a truth"),
        pytest.param(wire.to_bytes(notification()), {OUTCOME: "{"}, id="half a record"),
        pytest.param(wire.to_bytes(notification()), {OUTCOME: "[]"}, id="no record"),
        pytest.param(
            wire.to_bytes(notification()), {OUTCOME: '{"a": 1}'}, id="no outcome"
        ),
        pytest.param(
            json.dumps(wire.to_json(notification()) | {"channel": ["mail"]}).encode(),
            {},
            id="a channel that is no text",
        ),
    ],
)
def test_what_is_none_of_ours_is_refused(body: bytes, headers: dict[str, str]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - that it is refused is the point
        opened(body, headers)


@pytest.mark.parametrize(
    ("seconds", "queue"),
    [(0, 10), (9.5, 10), (10, 10), (10.1, 30), (100, 120), (300, 300), (9999, 300)],
)
def test_a_wait_is_the_shortest_that_is_long_enough(seconds: float, queue: int) -> None:
    assert NAMES.waiting(seconds) == f"work.retry.{queue}s"


def test_every_queue_is_durable_by_quorum_and_leads_somewhere() -> None:
    queues = NAMES.queues()

    assert next(iter(queues)) == "work"
    assert {q["x-queue-type"] for q in queues.values()} == {"quorum"}
    leads = {name: q.get("x-dead-letter-routing-key") for name, q in queues.items()}
    waiting = {NAMES.waiting(s): "work" for s in WAITS}
    assert leads == {"work": "work.dead", "work.dead": None, **waiting}
    holds = {name: q.get("x-message-ttl") for name, q in queues.items()}
    assert [holds[NAMES.waiting(s)] for s in WAITS] == [s * 1000 for s in WAITS]


@pytest.mark.parametrize(
    ("status", "due", "goes"),
    [
        ("delivered", NOW, None),
        ("withheld", NOW, None),
        ("dead", NOW, "work.dead"),
        ("waiting", NOW + 20 * SECOND, "work.retry.30s"),
        ("waiting", NOW - 20 * SECOND, "work.retry.10s"),
    ],
)
def test_where_a_message_goes_next(status: str, due: int, goes: str | None) -> None:
    assert onward(row(status=status, due=due), NAMES, NOW) == goes


@pytest.mark.parametrize(
    ("found", "lanes", "reason"),
    [
        pytest.param(row(), {}, "no channel of this name", id="no channel"),
        pytest.param(
            row(deadline=NOW - 1), {"mail": Lane()}, "time is over", id="late"
        ),
        pytest.param(row(), {"mail": Lane(gone="410")}, "any more (410)", id="gone"),
    ],
)
def test_what_cannot_be_sent_any_more_is_dead(
    found: Outgoing, lanes: dict[str, Lane], reason: str
) -> None:
    dead = ended(Letter(found), lanes, NOW)

    assert dead is not None
    assert dead.status == "dead"
    assert reason in dead.outcome[""]["detail"]


def test_what_is_due_and_has_a_channel_lives() -> None:
    assert ended(Letter(row()), {"mail": Lane()}, NOW) is None


def test_a_message_that_came_back_too_early_waits_on_as_it_is() -> None:
    letter = Letter(row(due=NOW + 1), deferred=2)

    assert put_off(letter, Lane(), 0, NOW, 0.5) == letter


@pytest.mark.parametrize(
    ("lane", "flying"),
    [
        pytest.param(Lane(), AT_ONCE, id="its channel has its hands full"),
        pytest.param(Lane(closed_until=NOW + 1), 0, id="its channel is left alone"),
    ],
)
def test_a_channel_in_trouble_puts_messages_off_longer_each_time(
    lane: Lane, flying: int
) -> None:
    once = put_off(Letter(row()), lane, flying, NOW, 1.0)
    assert once is not None
    assert (once.row.attempts, once.deferred) == (0, 1)
    lane = replace(lane, closed_until=lane.closed_until and once.row.due + 1)
    again = put_off(once, lane, flying, once.row.due, 1.0)
    assert again is not None
    assert again.row.due - once.row.due == 2 * (once.row.due - NOW)


def test_a_channel_with_room_takes_a_message_at_once() -> None:
    assert put_off(Letter(row()), Lane(), AT_ONCE - 1, NOW, 0.5) is None


def test_a_message_dies_of_its_last_attempt_and_says_why() -> None:
    failed = decide(row(attempts=1), [Outcome("a", Fate.RETRY, "503")], NOW, 0.5)

    assert bounded(failed, 3, NOW) == failed
    dead = bounded(failed, 2, NOW)
    assert (dead.status, dead.outcome["a"]["detail"]) == ("dead", "503")


def test_a_message_that_arrived_at_the_last_attempt_did_arrive() -> None:
    sent = decide(row(attempts=1), [Outcome("a", Fate.DELIVERED)], NOW, 0.5)

    assert bounded(sent, 2, NOW).status == "delivered"


@given(st.text())
def test_a_name_beside_a_message_has_room_and_is_the_same_each_time(name: str) -> None:
    assert len(short(name).encode()) <= 255
    assert short(name) == short(name)


def test_long_names_stay_different() -> None:
    assert short("a" * 300) != short("a" * 301)


@pytest.mark.parametrize(
    "error",
    [
        ConnectionError("amqp://me:pa%2Fss@host/ refused"),
        ValueError("bad password pa/ss"),
        ValueError("bad password pa%2Fss"),
    ],
)
def test_words_about_a_broker_hold_no_password(error: Exception) -> None:
    pytest.importorskip("aio_pika")
    told = words(error, Secret("amqp://me:pa%2Fss@host/"))

    assert "pa/ss" not in told
    assert "pa%2Fss" not in told


def test_a_broker_that_keeps_silent_is_said() -> None:
    pytest.importorskip("aio_pika")
    assert words(TimeoutError(), Secret("amqp://h")) == "no answer within 15 s"
