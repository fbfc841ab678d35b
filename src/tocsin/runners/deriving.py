"""Fields that a user computes from others, added to what a format reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tocsin.model.message import Field, FieldType
from tocsin.runners.around import Around

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import polars as pl

    from tocsin.model.batch import EventBatch
    from tocsin.model.expression import Expression
    from tocsin.model.protocols import Codec


def deriving(codec: Codec, derive: Mapping[str, Expression]) -> Codec:
    """Return a codec whose events have computed fields, too."""
    return Deriving(codec, derive) if derive else codec


@dataclass(frozen=True, slots=True)
class Deriving(Around):
    """A codec with computed fields, each over the fields before it."""

    codec: Codec
    derive: Mapping[str, Expression]

    def parse(self, block: bytes, fields: Mapping[str, FieldType | None]) -> EventBatch:
        """Return the events of the block, as the protocol says."""
        needed = set(fields)
        for name, made in reversed(list(self.derive.items())):
            if name in needed:
                needed |= made.columns()
        kinds = {n: k for n, k in fields.items() if n not in self.derive}
        for name, kind in self._columns(needed):
            if name not in kinds:
                kinds[name] = kind
            elif kinds[name] is not kind:
                kinds[name] = None  # as two types: it is read as text, which is both
        batch = self.codec.parse(block, kinds)
        return batch.reframed(self._with(batch, needed, fields), self.derive)

    def _added(self) -> Iterator[Field]:
        for name, made in self.derive.items():
            yield Field(name, made.type, made.text)

    def _columns(self, needed: set[str]) -> Iterator[tuple[str, FieldType | None]]:
        """Yield the fields of the format that are computed with, and as what."""
        message = self.codec.message
        for name in self.derive:
            if name not in needed:
                continue
            for column in self.derive[name].column_nodes():
                if column.name not in self.derive:
                    known = message.find(column.name)
                    text = known is None or known.type is FieldType.STRING
                    yield message.canonical(column.name), column.type if text else None

    def _with(
        self,
        batch: EventBatch,
        needed: set[str],
        fields: Mapping[str, FieldType | None],
    ) -> pl.DataFrame:
        from tocsin.pipeline.expressions import to_polars  # noqa: PLC0415 (Polars)

        frame, message = batch.frame, self.codec.message
        for name, made in self.derive.items():
            if name in needed:
                columns = made.columns() - set(self.derive)
                names = {n: message.canonical(n) for n in columns}
                value = to_polars(made, names)
                frame = frame.with_columns(value.alias(name))
        return frame.select("time", *(name for name in fields if name != "time"))
