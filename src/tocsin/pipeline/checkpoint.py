"""The state of a run as bytes of a versioned schema, and back.

A line that names the schema, the length of a JSON header, the header, then tables as
Arrow IPC streams: the header says which table is which by number. Nothing in it can
run code when it is read. A restored engine goes on exactly as the saved one would.
"""

from __future__ import annotations

import io
import json
import zlib
from dataclasses import asdict, astuple, dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from tocsin.alarms.threshold import STATE
from tocsin.incidents.ledger import Ledger, incident_of, row_of
from tocsin.metrics.cells import Cells
from tocsin.metrics.lateness import StreamClock
from tocsin.metrics.series import SeriesTable
from tocsin.model.batch import Tally
from tocsin.model.errors import StateError
from tocsin.model.records import Loss
from tocsin.pipeline.engine import EngineState
from tocsin.pipeline.evaluate import ShardState
from tocsin.pipeline.statistics import ReportState
from tocsin.pipeline.streams import StreamState
from tocsin.pipeline.tables import KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MAGIC = b"tocsin state 1\n"
_SIZE = 8
_COUNTS = (
    "tick", "idle", "ended", "counted", "late", "future", "amended", "lost",
    "format", "first", "last", "misfits",
)  # fmt: skip
_AT = "at"


def dump(state: EngineState) -> bytes:
    """Return all of a run's state.

    A raw log consumer's partial is kept if it is JSON with texts for keys. One that
    is not is left out, and the failure is named in the state that is read back.
    """
    tables = Tables()
    consumers, failures = _consumers(state)
    header = {
        "streams": {n: stream_row(s, tables) for n, s in state.streams.items()},
        "shards": [_shard(s, tables) for s in state.shards],
        "ledger": _ledger(state.ledger),
        "opened": state.opened,
        "report": _report(state.report),
        "consumers": consumers,
        "failures": {**state.failures, **failures},
        "tables": tables.sizes,
    }
    text = json.dumps(header, separators=(",", ":")).encode()
    body = len(text).to_bytes(_SIZE, "little") + text + tables.body
    return _MAGIC + zlib.crc32(body).to_bytes(_SIZE, "little") + body


def load(data: bytes) -> EngineState:
    """Return the state that `dump` made these bytes of.

    Raises:
        StateError: They are damaged, or of a schema this version does not know.
    """
    if not data.startswith(_MAGIC):
        raise StateError("the saved state is not of this version's schema")
    body = data[len(_MAGIC) + _SIZE :]
    check = data[len(_MAGIC) : len(_MAGIC) + _SIZE]
    if zlib.crc32(body).to_bytes(_SIZE, "little") != check:
        raise StateError("the saved state is damaged: its checksum does not fit")
    start = _SIZE + int.from_bytes(body[:_SIZE], "little")
    header = json.loads(body[_SIZE:start])
    tables = tables_in(body[start:], header["tables"])
    return EngineState(
        streams={n: stream_of(s, tables) for n, s in header["streams"].items()},
        shards=[_to_shard(s, tables) for s in header["shards"]],
        ledger=_to_ledger(header["ledger"]),
        opened=header["opened"],
        report=_to_report(header["report"]),
        consumers=_to_consumers(header["consumers"]),
        failures=header["failures"],
    )


@dataclass(slots=True)
class Tables:
    """Tables on their way out, one after the other."""

    body: bytes = b""
    sizes: list[int] = field(default_factory=list)

    def add(self, table: pl.DataFrame) -> int:
        """Take in a table; return its number."""
        file = io.BytesIO()
        table.write_ipc_stream(file, compression="zstd")
        self.body += file.getvalue()
        self.sizes.append(file.tell())
        return len(self.sizes) - 1


def tables_in(body: bytes, sizes: Sequence[int]) -> list[pl.DataFrame]:
    """Return the tables that `Tables` took in, by their sizes."""
    tables, at = [], 0
    for size in sizes:
        tables.append(pl.read_ipc_stream(io.BytesIO(body[at : at + size])))
        at += size
    return tables


def stream_row(state: StreamState, tables: Tables) -> dict[str, Any]:
    """Return a stream's state as JSON that refers to tables by number."""
    held = state.clock.held
    return {name: getattr(state, name) for name in _COUNTS} | {
        "source": state.source,
        "newest": state.clock.newest,
        "held": None if held is None else tables.add(held),
        "tally": asdict(state.tally),
        "samples": state.samples,
        "losses": [astuple(loss) for loss in state.losses],
    }


def stream_of(row: Mapping[str, Any], tables: list[pl.DataFrame]) -> StreamState:
    """Return the stream's state that `stream_row` made this of."""
    held = None if row["held"] is None else tables[row["held"]]
    return StreamState(
        source=row["source"],
        clock=StreamClock(row["newest"], held),
        tally=Tally(**row["tally"]),
        samples=tuple((text, reason) for text, reason in row["samples"]),
        losses=tuple(Loss(*loss) for loss in row.get("losses", ())),
        **{name: row[name] for name in _COUNTS},
    )


def _shard(state: ShardState, tables: Tables) -> dict[str, Any]:
    cells, series = state.cells, state.series
    marks = [
        alarms.with_columns(pl.lit(at, dtype=pl.Int64).alias(_AT))
        for at, alarms in state.marks
    ]
    named = {
        **{kind: getattr(cells, kind) for kind in KINDS},
        "series": series.table,
        "rivals": series.rivals,
        "births": series.births,
        "pending": state.late,
        "now": state.now,
        "then": state.then,
        "marks": pl.concat([pl.DataFrame(schema=STATE | {_AT: pl.Int64}), *marks]),
    }
    return {name: tables.add(table) for name, table in named.items()} | {
        "judged": state.judged,
        "settled": state.settled,
        "limited": sorted(series.limited),
        "retired": sorted(series.retired),
        "since": list(series.since.items()),
        "marked": [at for at, _ in state.marks],
    }


def _to_shard(row: Mapping[str, Any], tables: list[pl.DataFrame]) -> ShardState:
    def table(name: str) -> pl.DataFrame:
        number: int = row[name]
        return tables[number]

    marks = table("marks")
    return ShardState(
        cells=Cells(*(table(kind) for kind in KINDS if kind in row)),
        series=SeriesTable(
            table("series"),
            table("births"),
            frozenset(row["limited"]),
            dict(row.get("since", ())),
            table("rivals") if "rivals" in row else SeriesTable().rivals,
            frozenset(row.get("retired", ())),
        ),
        late=table("pending"),
        judged=row["judged"],
        settled=row["settled"],
        now=table("now"),
        then=table("then"),
        marks=tuple(
            (a, marks.filter(pl.col(_AT) == a).drop(_AT)) for a in row["marked"]
        ),
    )


def _ledger(ledger: Ledger) -> dict[str, Any]:
    places = [
        [*place, [row_of(i) for i in group]] for place, group in ledger.recent.items()
    ]
    return {"next_id": ledger.next_id, "recent": places}


def _to_ledger(row: Mapping[str, Any]) -> Ledger:
    recent = {
        (alarm, key): tuple(incident_of(incident) for incident in group)
        for alarm, key, group in row["recent"]
    }
    return Ledger(row["next_id"], recent)


def _report(report: ReportState) -> dict[str, Any]:
    return {"recent": list(report.recent.items()), "busy": report.busy}


def _to_report(row: Mapping[str, Any]) -> ReportState:
    return ReportState(dict(row["recent"]), row["busy"])


def _consumers(state: EngineState) -> tuple[list[Any], dict[str, str]]:
    """Return the partials of consumers, and the failures of those that cannot be kept."""
    kept: list[Any] = []
    failures: dict[str, str] = {}
    for source, held in state.consumers.items():
        for (name, start), partial in held.items():
            if is_json(partial):
                kept.append([source, name, start, partial])
            else:
                failures[name] = (
                    "save: what it observed is not JSON with texts for keys"
                )
    return kept, failures


def is_json(partial: Any) -> bool:  # noqa: ANN401
    """Whether a partial comes back from JSON as it went."""
    try:
        return bool(json.loads(json.dumps(partial)) == partial)
    except (TypeError, ValueError):
        return False


def _to_consumers(rows: list[Any]) -> dict[str, dict[tuple[str, int], Any]]:
    found: dict[str, dict[tuple[str, int], Any]] = {}
    for source, name, start, partial in rows:
        found.setdefault(source, {})[name, start] = partial
    return found
