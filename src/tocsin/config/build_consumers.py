"""Raw log consumers: plugins by name or dotted path, and their options."""

from __future__ import annotations

import re
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from tocsin.config.build_metrics import source_of
from tocsin.config.secret import read_secret
from tocsin.config.values import ConsumerConfig
from tocsin.model.discovery import CONSUMERS, find, look_in, make_consumer
from tocsin.model.errors import UsageError

if TYPE_CHECKING:
    from tocsin.config.build_sources import Sources
    from tocsin.config.document import Path
    from tocsin.config.models import ConsumerPart
    from tocsin.config.problems import Problems
    from tocsin.config.sections import Sections

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
            self._make(part.name, type_, options, path)
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

    def _make(self, name: str, type_: str, options: Any, path: Path) -> None:  # noqa: ANN401
        """Note a plugin that cannot be made with its options."""
        try:
            make_consumer(name, type_, options)
        except UsageError as error:
            self.problems.add(path, str(error), "it is made as it will be in a run")

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
