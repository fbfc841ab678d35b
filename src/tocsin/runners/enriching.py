"""Fields that are found out about others, added to what a format reads.

Each distinct value of a block is looked at once, however many rows have it, and only
when a rule asks for the field.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from tocsin.model.message import Field, FieldType
from tocsin.runners.around import Around

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import polars as pl

    from tocsin.config.enrich_values import EnrichConfig
    from tocsin.model.batch import EventBatch
    from tocsin.model.protocols import Codec


@dataclass(frozen=True, slots=True)
class Found:
    """How a field comes about: out of distinct texts of another, in their order."""

    origin: str
    type: FieldType
    look: Callable[[pl.Series], pl.Series]


def enriching(codec: Codec, config: EnrichConfig | None) -> Codec:
    """Return a codec whose events have the fields that are found out, too.

    Raises:
        UsageError: A library is not installed, or a database cannot be read.
    """
    return codec if config is None else Enriching(codec, found_by(config))


@lru_cache(16)
def found_by(config: EnrichConfig) -> Mapping[str, Found]:
    """Return how the fields of a configuration come about; its files are opened once.

    Raises:
        UsageError: A library is not installed, or a database cannot be read.
    """
    from tocsin.runners.lookups import looks  # noqa: PLC0415 - loads Polars

    how = looks(config)
    return {
        name: Found(origin, kind, how[name])
        for name, (origin, kind) in config.fields.items()
    }


@dataclass(frozen=True, slots=True)
class Enriching(Around):
    """A codec with fields that are found out."""

    codec: Codec
    found: Mapping[str, Found]

    def parse(self, block: bytes, fields: Mapping[str, FieldType | None]) -> EventBatch:
        """Return the events of the block, as the protocol says."""
        wanted = {name: self.found[name] for name in fields if name in self.found}
        if not wanted:
            return self.codec.parse(block, fields)
        kinds = {n: k for n, k in fields.items() if n not in wanted}
        for one in wanted.values():
            own = self.codec.message.canonical(one.origin)
            # As two types: it is read as text, which is both.
            kinds[own] = None if own in kinds else FieldType.STRING
        batch = self.codec.parse(block, kinds)
        frame = batch.frame
        columns = [self._column(frame, one).alias(name) for name, one in wanted.items()]
        frame = frame.with_columns(columns)
        names = (name for name in fields if name != "time")
        return batch.reframed(frame.select("time", *names), wanted)

    def _column(self, frame: pl.DataFrame, one: Found) -> pl.Series:
        import polars as pl  # noqa: PLC0415 - loaded by the codec

        texts = frame.get_column(self.codec.message.canonical(one.origin))
        texts = texts.cast(pl.String).rename("text")
        distinct = texts.unique().drop_nulls()
        found = pl.DataFrame({"text": distinct, "found": one.look(distinct)})
        joined = texts.to_frame().join(
            found, on="text", how="left", maintain_order="left"
        )
        return joined.get_column("found")

    def _added(self) -> Iterator[Field]:
        known = self.codec.message
        for name, one in self.found.items():
            if known.open or known.find(one.origin) is not None:
                yield Field(name, one.type, f"found out of {one.origin}")
