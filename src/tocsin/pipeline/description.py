"""What a saved state must know of the plan it was saved under, as plain data."""

from __future__ import annotations

import json
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field, to_builtins

from tocsin.pipeline.plan import SourcePrint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tocsin.pipeline.plan import Plan, Shard


class MetricNote(Struct, frozen=True):
    """A metric: `source` is empty, and `inputs` (numbers) are not, if calculated."""

    name: str
    print: str
    every: int
    source: str = ""
    inputs: tuple[int, ...] = ()
    hidden: bool = False


class AlarmNote(Struct, frozen=True):
    """An alarm on the metric of a number, and how many rules it has.

    Of one that is `builtin`, no word is said unless it changes.
    """

    name: str
    print: str
    metric: int
    rules: int = 1
    builtin: bool = False


class ShardNote(Struct, frozen=True):
    """A shard: its sources, its metrics by number (inputs first), its alarms."""

    sources: tuple[str, ...]
    metrics: Mapping[int, MetricNote]
    alarms: tuple[AlarmNote, ...]

    @property
    def steps(self) -> list[int]:
        """The seconds from datapoint to datapoint of each rule's metric."""
        return [
            self.metrics[a.metric].every for a in self.alarms for _ in range(a.rules)
        ]

    @property
    def first_rules(self) -> list[int]:
        """The number of the first rule of each alarm."""
        return list(accumulate((a.rules for a in self.alarms), initial=0))[:-1]


class Description(Struct, frozen=True):
    """A plan, as far as what is saved under it depends on it."""

    sources: Mapping[str, SourcePrint] = field(default_factory=dict)
    shards: tuple[ShardNote, ...] = ()
    consumers: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> bytes:
        """Return it as JSON."""
        return json.dumps(to_builtins(self), separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, body: bytes) -> Description:
        """Return what `to_json` made this of."""
        row = json.loads(body)
        sources = {
            name: SourcePrint(tuple(s["path"]), s["clock"], s["whole"])
            for name, s in row["sources"].items()
        }
        return cls(sources, tuple(map(_shard_of, row["shards"])), row["consumers"])


def describe(plan: Plan) -> Description:
    """Return the description of a plan."""
    return Description(
        sources=dict(plan.prints.sources),
        shards=tuple(_shard(plan, shard) for shard in plan.shards),
        consumers=dict(plan.prints.consumers),
    )


def _shard(plan: Plan, shard: Shard) -> ShardNote:
    prints, hidden = plan.prints, plan.hidden
    metrics = {
        number: MetricNote(
            s.name, prints.metrics[s.name], s.every, s.source, (), s.name in hidden
        )
        for number, s in shard.metrics.items()
    }
    numbers = {note.name: number for number, note in metrics.items()}
    for number, spec in shard.calculated.items():
        inputs = tuple(numbers[name] for name in prints.inputs[spec.name])
        own = prints.metrics[spec.name]
        metrics[number] = MetricNote(
            spec.name, own, spec.every, "", inputs, spec.name in hidden
        )
        numbers[spec.name] = number
    alarms = tuple(
        AlarmNote(
            a.name,
            prints.alarms[a.name],
            a.metric,
            len(a.rules),
            a.name in plan.builtin,
        )
        for a in shard.alarms
    )
    return ShardNote(shard.sources, metrics, alarms)


def _shard_of(row: Mapping[str, Any]) -> ShardNote:
    metrics = {
        int(number): MetricNote(**(m | {"inputs": tuple(m["inputs"])}))
        for number, m in row["metrics"].items()
    }
    alarms = tuple(AlarmNote(**a) for a in row["alarms"])
    return ShardNote(tuple(row["sources"]), metrics, alarms)
