"""Raw log consumers: plugins by name or dotted path, and their options."""

from __future__ import annotations

import re
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from tocsin.config.build_metrics import source_of
from tocsin.config.fields import Fields, UnknownFieldError
from tocsin.config.secret import read_secret
from tocsin.config.values import ConsumerConfig
from tocsin.model.discovery import CONSUMERS, find, look_in, make_consumer
from tocsin.model.errors import UsageError

if TYPE_CHECKING:
    from tocsin.config.build_sources import Sources
    from tocsin.config.consumer_models import ConsumerPart
    from tocsin.config.document import Path
    from tocsin.config.problems import Problems
    from tocsin.config.sections import Sections

_OFFERED = (
    "a raw log consumer is made with its options, and has fields, observe(events), "
    "merge(left, right) and report(partial, start, end)"
)
_TYPE = re.compile(r"[^\W\d][\w-]*(\.[^\W\d]\w*)*(:[^\W\d]\w*)?")


def build_consumers(
    sections: Sections, sources: Sources, problems: Problems, base: FilePath | None
) -> tuple[ConsumerConfig, ...]:
    """Return the consumers, with secrets of their options read from their files."""
    reading = _Consumers(sources, problems, base or FilePath())
    return tuple(reading.one(p, path) for path, p in sections.raw_log_consumers.parts)


class _Consumers:
    def __init__(self, sources: Sources, problems: Problems, base: FilePath) -> None:
        self.sources = sources
        self.problems = problems
        self.base = base

    def one(self, part: ConsumerPart, path: Path) -> ConsumerConfig:
        source = source_of(part.source, path, self.sources, self.problems)
        before = len(self.problems)
        type_ = self._type(part, path)
        options = self._revealed(part.options, (*path, "options"))
        if type_ and len(self.problems) == before:
            self._make(part.name, type_, options, path, source or "")
        return ConsumerConfig(
            name=part.name,
            type=type_,
            period=part.period,
            source=source or "",
            options=options,
        )

    def _type(self, part: ConsumerPart, path: Path) -> str:
        if part.type is not None and part.class_ is not None:
            self.problems.add((*path, "class"), "given beside 'type'", "remove one")
        found = part.type or part.class_
        if found is None:
            hint = "add type: with a plugin's name or dotted path"
            self.problems.add(path, "'type' is missing", hint)
        elif not _TYPE.fullmatch(found):
            key = "type" if part.type else "class"
            wanted = "a plugin's name, or a dotted path such as my.module.Consumer"
            self.problems.expected((*path, key), wanted, found)
        else:
            self._load(found, (*path, "type" if part.type else "class"))
        return found or ""

    def _load(self, name: str, path: Path) -> None:
        """Note a plugin that cannot be imported: better now than when lines come."""
        look_in(self.base)
        try:
            find(CONSUMERS, name)
        except UsageError as error:
            hint = "it is looked for where Python looks, and beside the configuration"
            self.problems.add(path, str(error), hint)

    def _make(
        self,
        name: str,
        type_: str,
        options: Any,  # noqa: ANN401
        path: Path,
        source: str,
    ) -> None:
        """Note a plugin that cannot be made with its options, or wants other fields."""
        known = self.sources.fields.get(source, Fields())
        try:
            for field in make_consumer(name, type_, options).fields:
                known.find(field)
        except UnknownFieldError as error:
            text = f"{type_}.fields: expected {error}"
            self.problems.add((*path, "type"), text, error.hint)
        except UsageError as error:
            self.problems.add(path, str(error), _OFFERED)

    def _revealed(self, value: Any, path: Path) -> Any:  # noqa: ANN401
        if isinstance(value, dict):
            return {k: self._revealed(v, (*path, k)) for k, v in value.items()}
        if isinstance(value, list):
            return [self._revealed(v, (*path, i)) for i, v in enumerate(value)]
        if isinstance(value, str):
            return self._text(value, path)
        return value

    def _text(self, value: str, path: Path) -> Any:  # noqa: ANN401
        if not value.startswith("file:"):
            return str(value)
        try:
            return read_secret(value, self.base)
        except (OSError, ValueError) as error:
            said = getattr(error, "strerror", None) or "it is not short UTF-8 text"
            self.problems.expected(path, f"a file that can be read ({said})", value)
            return None
