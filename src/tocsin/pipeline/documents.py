"""The parts of a run's state that are no tables, as documents that change rarely."""

from __future__ import annotations

import base64
import json
from heapq import nlargest
from operator import attrgetter, is_
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct, field

from tocsin.pipeline import tables
from tocsin.pipeline.partials import packed, unpacked
from tocsin.pipeline.stream_rows import Tables, stream_of, stream_row, tables_in
from tocsin.pipeline.streams import StreamState

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

    from tocsin.pipeline.engine import EngineState
    from tocsin.pipeline.statistics import Counts


_LIVE: Final = 5
"""Seconds that the saved tick of a stream may be behind, if nothing else is new of it."""
_IDLE: Final = 60
"""The same of one that is idle: it holds nothing back."""
_AT_ONCE: Final = 500
"""Streams of which time alone is saved at once: of thousands it would be much."""
_but_tick = attrgetter(*(f for f in StreamState.__struct_fields__ if f != "tick"))


class Saved(Struct, frozen=True):
    """What was saved as documents: their bodies, and what others were made from."""

    bodies: Mapping[str, bytes] = field(default_factory=dict)
    streams: Mapping[str, StreamState] = field(default_factory=dict)
    late: Mapping[int, pl.DataFrame] = field(default_factory=dict)
    report: Mapping[int, Counts] = field(default_factory=dict)


class Difference(Struct, frozen=True):
    """The documents that are not as they were, the names of those that are gone."""

    changed: Mapping[str, bytes]
    gone: tuple[str, ...]
    saved: Saved


def difference(state: EngineState, old: Saved) -> Difference:
    """Return what to write down so that the documents are those of a state."""
    late = {i: s.late for i, s in enumerate(state.shards) if s.late.height}
    streams = _as_saved(old.streams, state.streams)
    saved = Saved(
        bodies=_always(state),
        streams=streams,
        late=late,
        report=dict(state.report.recent),
    )
    changed = {n: b for n, b in saved.bodies.items() if old.bodies.get(n) != b}
    changed |= {
        f"stream/{name}": _stream(name, stream)
        for name, stream in saved.streams.items()
        if old.streams.get(name) is not stream
    }
    changed |= {
        f"late/{i}": tables.encode(rows)
        for i, rows in late.items()
        if old.late.get(i) is not rows
    }
    changed |= {
        f"report/{end}": as_json(counts)
        for end, counts in saved.report.items()
        if not _same(old.report.get(end), counts)
    }
    return Difference(changed, _gone(old, saved), saved)


def since(documents: Mapping[str, bytes], state: EngineState) -> Saved:
    """Return what was saved, after a state has been read back from documents."""
    mine = ("run", "streams")
    return Saved(
        bodies={
            name: body
            for name, body in documents.items()
            if name in mine or name.startswith("consumer/")
        },
        streams=dict(state.streams),
        late={i: s.late for i, s in enumerate(state.shards) if s.late.height},
        report=dict(state.report.recent),
    )


def as_json(thing: object) -> bytes:
    """Return a thing as JSON."""
    return json.dumps(thing, separators=(",", ":")).encode()


def read_streams(documents: Mapping[str, bytes]) -> dict[str, StreamState]:
    """Return the streams, in the order in which they were announced."""
    found = {}
    for name in json.loads(documents["streams"]):
        row = json.loads(documents[f"stream/{name}"])
        held = tables_in(base64.b64decode(row["tables"]), row["sizes"])
        found[name] = stream_of(row["row"], held)
    return found


def read_report(documents: Mapping[str, bytes]) -> dict[int, Counts]:
    """Return the periods of the report, in order."""
    recent = {
        int(name.split("/")[1]): json.loads(body)
        for name, body in documents.items()
        if name.startswith("report/")
    }
    return dict(sorted(recent.items()))


def read_consumers(
    documents: Mapping[str, bytes],
) -> dict[str, dict[tuple[str, int], Any]]:
    """Return the partials of raw log consumers."""
    found: dict[str, dict[tuple[str, int], Any]] = {}
    for place, body in documents.items():
        if place.startswith("consumer/"):
            source, name, start, partial = json.loads(body)
            found.setdefault(source, {})[name, start] = unpacked(partial)
    return found


def _always(state: EngineState) -> dict[str, bytes]:
    """Return the documents that are made each time: what is small, or may change."""
    bodies = {"run": as_json(_run(state)), "streams": as_json(list(state.streams))}
    for source, held in state.consumers.items():
        for (name, start), partial in held.items():
            place = as_json([source, name, start]).decode()
            body = [source, name, start, packed(partial)]
            bodies[f"consumer/{place}"] = as_json(body)
    return bodies


def _run(state: EngineState) -> dict[str, Any]:
    return {
        "shards": [
            {
                "judged": s.judged,
                "settled": s.settled,
                "limited": sorted(s.series.limited),
                "retired": sorted(s.series.retired),
                "since": list(s.series.since.items()),
            }
            for s in state.shards
        ],
        "opened": state.opened,
        "next_id": state.ledger.next_id,
        "busy": state.report.busy,
    }


def _stream(name: str, state: StreamState) -> bytes:
    taken = Tables()
    row = stream_row(state, taken)
    held = base64.b64encode(taken.body).decode()
    return as_json({"name": name, "row": row, "tables": held, "sizes": taken.sizes})


def _as_saved(
    old: Mapping[str, StreamState], new: Mapping[str, StreamState]
) -> dict[str, StreamState]:
    """Return streams as they are to be saved: as they were, if that will do.

    Where time alone has gone on, it is saved of a few at once, the furthest behind.
    """
    saved, behind = dict(new), []
    for name, stream in new.items():
        was = old.get(name)
        if was is not None and _differs_in_time(was, stream):
            saved[name] = was
            passed = (stream.tick or 0) - (was.tick or 0)
            if passed >= (_IDLE if stream.idle else _LIVE):
                behind.append((passed, name))
    for _, name in nlargest(_AT_ONCE, behind):
        saved[name] = new[name]
    return saved


def _differs_in_time(old: StreamState, new: StreamState) -> bool:
    """Whether a stream is as it was, but for a tick that went on."""
    if old is new:
        return True
    timed = old.tick is not None and new.tick is not None
    return timed and all(map(is_, _but_tick(old), _but_tick(new)))


def _same(old: Counts | None, new: Counts) -> bool:
    """Whether a period is as it was: counts are never changed in place."""
    if old is None or old.keys() != new.keys():
        return False
    return all(old[metric] is counts for metric, counts in new.items())


def _gone(old: Saved, new: Saved) -> tuple[str, ...]:
    gone = [*(old.bodies.keys() - new.bodies.keys())]
    gone += [f"stream/{name}" for name in old.streams.keys() - new.streams.keys()]
    gone += [f"late/{i}" for i in old.late.keys() - new.late.keys()]
    gone += [f"report/{end}" for end in old.report.keys() - new.report.keys()]
    return tuple(sorted(gone))
