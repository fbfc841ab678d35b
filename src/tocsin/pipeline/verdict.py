"""A verdict: what one judgement says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from tocsin.alarms import threshold

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import polars as pl

    from tocsin.pipeline.amend import Amended
    from tocsin.pipeline.witnesses import Known, Place, Support, Witnesses

_EVER = 2**62


class Verdict(Struct, frozen=True):
    """What one judgement says: datapoints, and transitions made or withdrawn.

    `tick` is when it took effect; `amended` that late rows made it; `partial` that
    its windows had not ended when the input did. `support` is what its transitions
    come from.
    """

    tick: int
    runs: pl.DataFrame
    transitions: pl.DataFrame
    withdrawn: pl.DataFrame = field(default_factory=lambda: threshold.NOTHING_SAID)
    amended: bool = False
    partial: bool = False
    support: Mapping[Place, Support] = field(default_factory=dict)

    def supported(self, witnesses: Witnesses, known: Known) -> Verdict:
        """Return the verdict with what supports its transitions."""
        tick = self.tick if self.amended else None
        tick = _EVER if self.partial else tick
        found = witnesses.support(known, self.transitions, tick)
        return replace(self, support=found)


def corrections(said: Amended) -> Iterator[Verdict]:
    """Yield what is said again at each tick at which anything is."""
    tables = (said.changed, said.made, said.withdrawn)
    parts = [t.partition_by("tick", as_dict=True, include_key=False) for t in tables]
    nothing = [t.clear().drop("tick") for t in tables]
    for key in sorted(set().union(*parts)):
        found = (
            part.get(key, empty) for part, empty in zip(parts, nothing, strict=True)
        )
        changed, made, gone = found
        yield Verdict(int(key[0]), changed, made, gone, amended=True)
