"""Every store keeps what it was given: the conformance suite, over all of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.laws import law
from tests.state.conformance import CHANGES, STORES, Kept, Model, check

from tocsin.model.errors import StateUnwritable
from tocsin.model.state import Change, IncidentEntry, Segment

EVERY = pytest.mark.parametrize("kept", STORES.values(), ids=STORES)
STEPS = st.lists(st.tuples(CHANGES, st.booleans()), min_size=1, max_size=6)


@EVERY
def test_what_was_committed_is_what_is_read(kept: Kept) -> None:
    @law(60)
    @given(STEPS)
    def holds(steps: list[tuple[Change, bool]]) -> None:
        model = Model()
        with kept() as reopen:
            store = reopen()
            check(store, model)
            for change, again in steps:
                before = {n.id for n in store.catalogue()} - {*change.gone_segments}
                assert store.commit(change) == model.commits + 1
                new = sorted({n.id for n in store.catalogue()} - before)
                model.commit(change, new)
                if again:
                    store = reopen()
                check(store, model)

    holds()


@EVERY
def test_a_new_segment_comes_after_all_others(kept: Kept) -> None:
    with kept() as reopen:
        store = reopen()
        store.commit(Change(segments=tuple(Segment("t", 0, 1, 1, b"x") for _ in "abc")))
        joined = Segment("t", 0, 1, 2, b"y", level=1, id=2)
        new = Segment("t", 1, 2, 1, b"z")
        store.commit(Change(gone_segments=(1, 2, 3), segments=(new, joined)))
        notes = store.catalogue()
        assert [n.level for n in notes] == [1, 0]
        assert list(store.bodies(n.id for n in notes)) == [b"y", b"z"]


@EVERY
def test_two_changes_in_one_are_as_one_after_the_other(kept: Kept) -> None:
    first = Change(
        documents={"a": b"1", "b": b"1"}, entries=(IncidentEntry(1, "opened", 0),)
    )
    then = Change(documents={"a": b"2"}, entries=(IncidentEntry(1, "resolved", 1),))
    with kept() as reopen:
        reopen().commit(first + then)
        store = reopen()
        assert store.documents() == {"a": b"2", "b": b"1"}
        told = [(e.number, e.event) for e in store.history(1)]
        assert told == [(1, "opened"), (2, "resolved")]


@EVERY
def test_a_closed_store_takes_nothing(kept: Kept) -> None:
    with kept() as reopen:
        store = reopen()
        store.close()
        store.close()
        with pytest.raises(StateUnwritable):
            store.commit(Change())
