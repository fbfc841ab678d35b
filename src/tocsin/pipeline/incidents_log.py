"""Incidents as rows for people: how each stands, and what became of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from msgspec.structs import replace

from tocsin.model.instant import SECOND
from tocsin.model.records import IncidentEvent, Record
from tocsin.model.state import Change, IncidentEntry, IncidentRow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tocsin.incidents.ledger import Incident, Place
    from tocsin.pipeline.engine import EngineState

_STATUS = {"opened": "open", "reopened": "open", "resolved": "resolved"}


def told(
    records: Iterable[Record],
    state: EngineState,
    known: Callable[[int], IncidentRow | None],
) -> Change:
    """Return what the events among some records change in the rows of incidents.

    `known` looks up the row of an incident that was saved before.
    """
    events = [r for r in records if isinstance(r, IncidentEvent)]
    if not events:
        return Change()
    standing = _standing(state.ledger.recent)
    rows: dict[int, IncidentRow] = {}
    for event in events:
        before = rows.get(event.id) or known(event.id)
        rows[event.id] = _after(event, before, standing.get(event.id))
    entries = tuple(
        IncidentEntry(e.id, e.event, e.at, {"message": e.message, "amended": e.amended})
        for e in events
    )
    return Change(incidents=tuple(rows.values()), entries=entries)


def _standing(
    recent: Mapping[Place, tuple[Incident, ...]],
) -> dict[int, Incident]:
    return {i.id: i for group in recent.values() for i in group}


def _after(
    event: IncidentEvent, before: IncidentRow | None, now: Incident | None
) -> IncidentRow:
    """Return an incident's row after an event; the ledger, if it has it, is right."""
    row = before or IncidentRow(
        event.id, event.alarm, json.dumps(dict(event.key)), "open", event.at
    )
    if event.level:
        row = replace(row, body={**row.body, "level": event.level})
    status = _STATUS.get(event.event, row.status)
    if event.event == "withdrawn":
        return replace(row, status="withdrawn", closed=event.at)
    if now is None:
        closed = event.at if status == "resolved" else None
        return replace(row, status=status, closed=closed)
    closed = None if now.closed is None else now.closed * SECOND
    return replace(
        row,
        status="open" if closed is None else "resolved",
        opened=now.opened * SECOND,
        closed=closed,
    )
