"""Metrics and calculated metrics, and what they say about each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tocsin.config.durations import as_text
from tocsin.config.fields import Fields, UnknownFieldError, kind
from tocsin.config.filters import filters_text, read_filters
from tocsin.config.keys import conditions, listed_node, read_keys
from tocsin.config.problems import did_you_mean
from tocsin.config.types import AGGREGATES, percentile
from tocsin.config.values import MetricConfig
from tocsin.model.errors import UsageError
from tocsin.model.expression import Call, Column, Expression
from tocsin.model.message import FieldType

if TYPE_CHECKING:
    from pathlib import Path as FilePath

    from tocsin.config.build_sources import Sources
    from tocsin.config.document import Path
    from tocsin.config.metric_models import MetricPart
    from tocsin.config.problems import Problems
    from tocsin.config.sections import Sections

_WITHOUT_FIELD = ("COUNT", "RATE")


def build_metrics(
    sections: Sections,
    sources: Sources,
    problems: Problems,
    base: FilePath | None = None,
) -> tuple[MetricConfig, ...]:
    """Return the measured metrics, less those that could only be read in part."""
    reading = _Metrics(sources, problems, base)
    found = [(path, reading.one(part, path)) for path, part in sections.metrics.parts]
    return tuple(metric for path, metric in found if path not in problems.flawed)


def source_of(
    name: str | None, path: Path, sources: Sources, problems: Problems
) -> str | None:
    """Return the source a part is about: the one named, else the only one there is."""
    known = [s.name for s in sources.configs]
    if name is None:
        if len(known) == 1 and not sources.broken:
            return known[0]
        if not sources.broken:
            names = ", ".join(known)
            message = "'source' is missing: there are several"
            problems.add(path, message, f"add source: with one of {names}")
        return None
    if name not in known and name not in sources.broken:
        hint = did_you_mean(name, known, what="sources")
        problems.expected((*path, "source"), "the name of a source", name, hint)
    return name


def check_every(every: int, period: int, path: Path, problems: Problems) -> None:
    """Note an `every` that does not divide the period."""
    if every > period or period % every:
        message = (
            f"expected a part of the period ({as_text(period)}) that divides it, "
            f"got {as_text(every)}"
        )
        problems.add((*path, "every"), message, "windows are made of whole steps")


def _found(fields: Fields, name: str) -> Column | None:
    try:
        return fields.find(name)
    except UnknownFieldError:
        return None


class _Metrics:
    def __init__(
        self, sources: Sources, problems: Problems, base: FilePath | None
    ) -> None:
        self.sources = sources
        self.problems = problems
        self.base = base

    def one(self, part: MetricPart, path: Path) -> MetricConfig:
        every = part.every or part.period
        check_every(every, part.period, path, self.problems)
        source = source_of(part.source, path, self.sources, self.problems)
        fields = self.sources.fields.get(source or "", Fields())
        self._check_plugin(part, path)
        return MetricConfig(
            name=part.name,
            type=part.type,
            source=source or "",
            field=self._field(part, path, fields),
            period=part.period,
            every=every,
            where=self._where(part, path, fields),
            group_by=self._group_by(part, path, fields),
            limit=part.limit,
            offset=self._offset(part, every, path),
            expected=self._expected(part, path, fields),
            unseen_for=self._unseen_for(part, path),
        )

    def _check_plugin(self, part: MetricPart, path: Path) -> None:
        """Note an aggregate of a plugin that cannot work: better now than in a run."""
        if part.type in AGGREGATES or percentile(part.type) is not None:
            return
        from tocsin.model.aggregate import compile_aggregate  # noqa: PLC0415 (Polars)

        try:
            compile_aggregate(part.type, None)
        except UsageError as error:
            hint = "an aggregate has prepare(value) and result(window)"
            self.problems.add((*path, "type"), str(error), hint)

    def _field(self, part: MetricPart, path: Path, fields: Fields) -> str | None:
        way = (*path, "field")
        if part.type in _WITHOUT_FIELD:
            if part.field is not None:
                hint = f'to count some events only, write where: "{part.field} IS NOT NULL"'
                self.problems.add(way, f"means nothing to the type {part.type}", hint)
            return None
        if part.field is None:
            text = f"'field' is missing: {part.type} is taken over a field"
            self.problems.add(path, text, "add field: ...")
            return None
        return self._measured(part, part.field, way, fields)

    def _measured(
        self, part: MetricPart, name: str, way: Path, fields: Fields
    ) -> str | None:
        column = self._column(name, way, fields)
        if column is None:
            return None
        if part.type != "DISTINCT" and kind(column.type) not in ("number", "unknown"):
            text = f"expected a field that holds numbers, '{name}' is a {column.type}"
            self.problems.add(
                way, text, f"{part.type} needs numbers; DISTINCT does not"
            )
        return str(column.name)

    def _column(self, name: str, way: Path, fields: Fields) -> Any:  # noqa: ANN401
        try:
            return fields.find(name)
        except UnknownFieldError as error:
            self.problems.add(way, f"expected {error}", error.hint)
            return None

    def _group_by(
        self, part: MetricPart, path: Path, fields: Fields
    ) -> tuple[str, ...]:
        found: list[str] = []
        for i, name in enumerate(part.group_by):
            key = getattr(part, "grouped", "group_by")
            column = self._column(name, (*path, key, i), fields)
            if column is None:
                continue
            if column.name in found:
                text = f"'{column.name}' is there twice"
                self.problems.add((*path, key, i), text)
            found.append(column.name)
        return tuple(found)

    def _offset(self, part: MetricPart, every: int, path: Path) -> int:
        offset = part.offset or 0
        if offset % every:
            message = (
                f"expected a whole number of steps ({as_text(every)}), "
                f"got {as_text(offset)}"
            )
            self.problems.add((*path, "offset"), message)
        return offset

    def _unseen_for(self, part: MetricPart, path: Path) -> int:
        if part.unseen_for is not None and not part.group_by:
            hint = "it is about keys: add group_by with what is to be new"
            self.problems.add((*path, "unseen_for"), "means nothing here", hint)
        return part.unseen_for or 0

    def _expected(
        self, part: MetricPart, path: Path, fields: Fields
    ) -> tuple[str, ...]:
        if part.expected is None:
            return ()
        way = (*path, "expected")
        names = [str(c.name) for n in part.group_by if (c := _found(fields, n))]
        keys = read_keys(part.expected, names, way, self.problems, self.base)
        if len(keys) > part.limit:
            hint = f"limit: {part.limit} is how many keys there may be"
            self.problems.add(way, f"expects {len(keys)} keys", hint)
        return keys

    def _where(self, part: MetricPart, path: Path, fields: Fields) -> Expression | None:
        both = []
        for key, text in conditions(part):
            from tocsin.config.expressions import compile_at  # noqa: PLC0415

            way = (*path, key)
            written = compile_at(text, fields, FieldType.BOOL, way, self.problems)
            both += [(written.root, written.text)] if written else []
        listed = getattr(part, "listed", None)
        if listed is not None:
            column = self._column(listed.field, (*path, "field"), fields)
            tree = listed_node(listed, column, path, self.problems)
            both += [] if tree is None else [tree]
        if part.filters is not None:
            way = (*path, "filters")
            node = read_filters(part.filters, way, fields, self.problems)
            both += [(node, filters_text(part.filters))] if node else []
        if not both:
            return None
        nodes = tuple(node for node, _ in both)
        root = nodes[0] if len(nodes) == 1 else Call("and", nodes)
        return Expression(root, FieldType.BOOL, " and ".join(text for _, text in both))
