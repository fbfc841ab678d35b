"""Saves an engine in increments, and gives it back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tocsin.model.errors import StateError
from tocsin.model.state import Change
from tocsin.pipeline import incidents_log, tables
from tocsin.pipeline.increments import Since, changes, floors
from tocsin.pipeline.journal import Journal
from tocsin.pipeline.restore import restore, since_restored
from tocsin.state.compaction import upkeep

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tocsin.model.protocols import Store
    from tocsin.model.records import Record
    from tocsin.model.state import IncidentRow
    from tocsin.pipeline.engine import Engine, EngineState
    from tocsin.pipeline.plan import Plan


class Saver:
    """Keeps one engine in a store: each save holds what came since the one before.

    When a save fails nothing is forgotten: the next one holds it too.
    """

    def __init__(self, store: Store, plan: Plan) -> None:
        self.store = store
        self.plan = plan
        self._since = Since()
        self._incidents: dict[int, IncidentRow] | None = None

    def load(self) -> EngineState | None:
        """Return the state that was saved last; None if none was.

        Raises:
            StateError: It was saved under other metrics, alarms or times: their
                windows are not ours.
        """
        saved = self.store.about().plan
        if saved not in {"", self.plan.definition}:
            raise StateError(
                "the state was saved under another configuration: its metrics, alarms"
                " or times of lateness are not these\n"
                "  hint: put the configuration back, or give this one another folder"
            )
        state = restore(self.store, self.plan)
        if state is not None:
            self._since = since_restored(self.store, state)
        return state

    def attach(self, engine: Engine) -> None:
        """Let the engine take note of what comes from now on. Before anything does."""
        self._since = replace(self._since, pieces=0)
        engine.journal = Journal()

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
        bounds = floors(self.plan, engine.state)
        keep = upkeep(self.store, lambda table: tables.rule(table, bounds))
        told = incidents_log.told(said, engine.state, self._known)
        own = Change(plan=self.plan.definition)
        number = self.store.commit(keep + change + told + (extra or Change()) + own)
        self._since = saved
        if self._incidents is not None:
            self._incidents |= {row.id: row for row in told.incidents}
        return number

    def _known(self, number: int) -> IncidentRow | None:
        if self._incidents is None:
            self._incidents = {row.id: row for row in self.store.incidents()}
        return self._incidents.get(number)
