"""Mail to a real server that refuses or hangs up, tried again until all have it once."""

from typing import Any

from tests.channels.postbox import Postbox, post
from tests.channels.test_email import mailer
from tests.runners.outbox_world import Scripted, World, message

from tocsin.channels.email import Email
from tocsin.model import wire
from tocsin.runners.outbox import ABOUT_DEAD

THREE = ("a@example.org", "b@example.org", "c@example.org")


class Hasty(Postbox):
    """A mail server that takes the first mail, and hangs up before saying so."""

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: ANN401, N802
        said = await super().handle_DATA(server, session, envelope)
        if len(self.taken) == 1:
            server.transport.abort()
        return said


def with_mail(email: Email) -> World:
    """Return an outbox that is sent by mail, and another channel that may be told."""
    world = World(Scripted("b"))
    world.sender.change({email.name: email, **world.channels})
    return world


def test_what_may_pass_is_tried_again_and_nobody_has_a_mail_twice() -> None:
    """N5: 421, then 451 for one, and 550 for another."""
    box = Postbox(
        mail=["421 closing"],
        rcpt={"b@example.org": ["550 unknown"] * 9, "c@example.org": ["451 later"]},
    )
    with post(box) as port:
        world = with_mail(mailer(port, *THREE))
        world.add(message("1", channel="ops"))
        world.run(3_600)

    assert [who for who, _ in box.taken] == [("a@example.org",), ("c@example.org",)]
    row = world.rows["1"]
    assert (row.status, row.attempts) == ("dead", 3)
    assert {who: one["fate"] for who, one in row.outcome.items()} == {
        "a@example.org": "delivered",
        "b@example.org": "refused",
        "c@example.org": "delivered",
    }
    [letter] = [r for r in world.rows.values() if r.key.startswith(ABOUT_DEAD)]
    assert "550 unknown" in wire.from_bytes(letter.body).alerts[0].reason


def test_a_mail_whose_answer_is_lost_comes_once_more_and_is_the_same() -> None:
    """N6: the connection is cut after the dot, before the 250."""
    box = Hasty()
    with post(box) as port:
        world = with_mail(mailer(port))
        world.add(message("1", channel="ops"))
        world.run(3_600)

    (first, raw), (second, again) = box.taken
    assert (first, raw) == (second, again)
    assert b"Message-ID: <" in raw
    assert world.status() == {"1": "delivered"}
