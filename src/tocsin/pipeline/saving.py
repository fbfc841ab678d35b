"""Saves an engine in increments, and gives it back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from msgspec.structs import replace

from tocsin.metrics.cells import Cells
from tocsin.model.errors import StateError
from tocsin.model.state import Change
from tocsin.pipeline import incidents_log, tables
from tocsin.pipeline.carry import Carried, carry
from tocsin.pipeline.description import Description, describe
from tocsin.pipeline.history import Keep, Past
from tocsin.pipeline.increments import Since, changes, floors
from tocsin.pipeline.journal import Journal
from tocsin.pipeline.matching import match
from tocsin.pipeline.restore import restore, since_restored
from tocsin.pipeline.upkeep import Upkeep
from tocsin.state.compaction import upkeep

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tocsin.model.protocols import Store
    from tocsin.model.records import Record
    from tocsin.model.state import IncidentRow
    from tocsin.pipeline.engine import Engine, EngineState
    from tocsin.pipeline.matching import Fate
    from tocsin.pipeline.plan import Plan

_PLAN = "plan"
"""The document that describes the plan which the others were saved under."""
_DOCUMENTS = ("stream/", "late/", "report/", "consumer/")
_TABLES = ("shard/", "ledger")


class Saver:
    """Keeps one engine in a store: each save holds what came since the one before.

    When a save fails nothing is forgotten: the next one holds it too.
    """

    def __init__(self, store: Store, plan: Plan, keep: Keep | None = None) -> None:
        """Keep `plan`'s engine; of the past what `keep` says (None: all rows)."""
        self.store = store
        self.plan = plan
        self.keep = keep
        self._upkeep = Upkeep(store)
        self.carried: Carried | None = None
        """What a changed configuration made of the state; until `begin` said so."""
        self._since = Since()
        self._incidents: dict[int, IncidentRow] | None = None
        self._described = b""
        self._anew = False

    def load(self) -> EngineState | None:
        """Return the state that was saved last, as our plan has it; None if none was.

        Raises:
            StateError: It was saved under other metrics, alarms or times, and does not
                say under which.
        """
        old = described(self.store, self.plan)
        state = restore(self.store, old)
        if state is None:
            return None
        if old != describe(self.plan):
            return self._carry(state, old)
        self._since = since_restored(self.store, state)
        return state

    def switch(self, plan: Plan, state: EngineState) -> EngineState:
        """Take up another plan; return the state that was made under ours as its own.

        The engine that goes on with it is to be attached, and begun.
        """
        old, self.plan = describe(self.plan), plan
        return self._carry(state, old)

    def attach(self, engine: Engine) -> None:
        """Let the engine take note of what comes from now on. Before anything does."""
        self._since = replace(self._since, pieces=0)
        engine.journal = Journal()
        if self.keep is not None and self.keep.points:
            engine.past = Past()
        if self._anew:
            for i, shard in enumerate(engine.state.shards):
                engine.journal.note(i, Cells.empty(), shard.cells)

    def begin(self, engine: Engine) -> list[Record]:
        """Return what there is to say of a state that was carried over; once."""
        if self.carried is None:
            return []
        carried, self.carried = self.carried, None
        return [*carried.closed, *engine.listen(carried.fresh)]

    def save(
        self,
        engine: Engine,
        extra: Change | None = None,
        said: Iterable[Record] = (),
    ) -> int:
        """Save what changed, and `extra` with it; return the number of commits.

        `said` is what the engine said since the save before: of the incidents in it,
        rows and a history are kept. After a failed save, give it again.

        Raises:
            StateUnwritable: Nothing was saved, nothing is lost: it may be tried again.
        """
        change, saved = changes(engine, self._since)
        told = incidents_log.told(said, engine.state, self._known)
        described_ = describe(self.plan).to_json()
        own = Change(plan=self.plan.definition)
        if described_ != self._described:
            own = replace(own, documents={_PLAN: described_})
        keep = self._swept(change) if self._anew else self._upkept(engine)
        past = self._upkeep.past(engine, self.keep)
        both = change + told + (extra or Change())
        number = self.store.commit(keep + past + both + own)
        self._upkeep.saved(engine)
        self._since, self._described, self._anew = saved, described_, False
        if self._incidents is not None:
            self._incidents |= {row.id: row for row in told.incidents}
        return number

    def _carry(self, state: EngineState, old: Description) -> EngineState:
        self.carried = carry(state, old, self.plan)
        self._since, self._anew = Since(), True
        return self.carried.state

    def _upkept(self, engine: Engine) -> Change:
        bounds = floors(self.plan, engine.state)
        bounds |= self._upkeep.floors(engine, self.keep)
        spans = {} if self.keep is None else self.keep.spans
        return upkeep(self.store, lambda table: tables.rule(table, bounds, spans))

    def _swept(self, new: Change) -> Change:
        """Return the change that lets go of what was saved under another plan."""
        notes = [n.id for t in _TABLES for n in self.store.catalogue(t)]
        names = {n for d in _DOCUMENTS for n in self.store.documents(d)}
        gone = tuple(sorted(names - new.documents.keys()))
        return Change(gone_documents=gone, gone_segments=tuple(notes))

    def _known(self, number: int) -> IncidentRow | None:
        if self._incidents is None:
            self._incidents = {row.id: row for row in self.store.incidents()}
        return self._incidents.get(number)


def described(store: Store, plan: Plan) -> Description:
    """Return the description of the plan that a state was saved under.

    Raises:
        StateError: It does not say, and the plan is not ours.
    """
    documents = store.documents(_PLAN)
    if _PLAN in documents:
        return Description.from_json(documents[_PLAN])
    if store.about().plan in {"", plan.definition}:
        return describe(plan)
    raise StateError(
        "the state was saved under another configuration, by a version that did not"
        " write down which\n"
        "  hint: put the configuration back for one start, or give this one another"
        " folder"
    )


def compare(store: Store, plan: Plan) -> tuple[Fate, ...]:
    """Return what would become of a saved state under a plan, without touching it.

    Raises:
        StateError: It does not say under which plan it was saved, and it is not ours.
    """
    run = store.documents("run").get("run")
    if run is None:
        old, times = Description(), []
    else:
        old = described(store, plan)
        times = [(s["judged"], s["settled"]) for s in json.loads(run)["shards"]]
    return match(old, describe(plan), times).fates
