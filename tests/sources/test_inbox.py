"""The queue between a network and a run: in order, bounded, and nothing untold."""

import select

from hypothesis import given
from hypothesis import strategies as st

from tocsin.sources import Inbox

STEPS = st.lists(
    st.tuples(st.sampled_from(["put", "lose", "take"]), st.integers(1, 40)), max_size=40
)


@given(steps=STEPS, room=st.integers(1, 100))
def test_what_is_put_is_taken_once_and_in_order(
    steps: list[tuple[str, int]], room: int
) -> None:
    inbox, put, lost, held, chunks, most = Inbox("x", room=room), b"", 0, 0, [], 0
    for number, (step, size) in enumerate(steps):
        if step == "put":
            lines = (b"%d" % number).rjust(size, b".") + b"\n"
            accepted = inbox.put(lines) is not None
            assert accepted == (not held or held + len(lines) <= room)
            put, held = put + lines * accepted, held + len(lines) * accepted
            most = max(most, len(lines))
        elif step == "lose":
            inbox.lose(size)
            lost += size
        else:
            chunks.append(inbox.take(size))
            held -= len(chunks[-1].data)
        assert held <= max(room, most)
    inbox.end()
    while not (chunks and chunks[-1].ended):
        chunks.append(inbox.take(1))
    inbox.close()
    assert b"".join(chunk.data for chunk in chunks) == put
    assert sum(chunk.lost for chunk in chunks) == lost
    assert sum(loss.bytes for chunk in chunks for loss in chunk.losses) == lost
    ends = [0, *(chunk.end + chunk.lost for chunk in chunks)]
    assert [chunk.start for chunk in chunks] == ends[:-1]
    assert inbox.put(b"late\n", force=True) is None


def test_the_position_that_is_promised_is_reached() -> None:
    inbox = Inbox("x", at=100)
    ends = [inbox.put(b"a\n"), inbox.put(b"bb\n")]
    assert ends == [102, 105]
    assert [inbox.take(1).end, inbox.at, inbox.take(1).end, inbox.at] == [
        102,
        102,
        105,
        105,
    ]
    inbox.close()


def test_its_descriptor_says_when_there_is_something() -> None:
    inbox = Inbox("x")

    def ready() -> bool:
        return bool(select.select([inbox.fileno()], [], [], 0)[0])

    assert not ready()
    inbox.put(b"a\n")
    inbox.put(b"b\n")
    assert ready()
    assert inbox.take(1).data == b"a\n"
    assert ready()
    assert inbox.take(1).caught_up
    assert not ready()
    inbox.close()
    inbox.close()


def test_of_many_words_a_few_are_said() -> None:
    inbox = Inbox("x")
    for number in range(100):
        inbox.note(f"word {number}")
    notes = inbox.take(1).notes
    assert (len(notes), notes[-1]) == (6, "and 95 more of the like")
    assert inbox.take(1).notes == ()
    inbox.close()
