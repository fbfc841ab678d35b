"""Formats and sources: what each source's lines are, and the message type they give."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from tocsin.config.build_enrich import build_enrich
from tocsin.config.build_formats import BUILT_IN, WRITTEN, build_format, with_derived
from tocsin.config.build_intakes import build_intake, check_places
from tocsin.config.durations import as_text
from tocsin.config.fields import Fields
from tocsin.config.problems import did_you_mean
from tocsin.config.values import SECOND, FormatConfig, SourceConfig
from tocsin.config.wording import read_part
from tocsin.model.errors import UsageError
from tocsin.model.message import FieldType, MessageType

if TYPE_CHECKING:
    from tocsin.config.document import Path
    from tocsin.config.format_models import FormatPart
    from tocsin.config.intake_values import IntakeConfig
    from tocsin.config.problems import Problems
    from tocsin.config.sections import Sections
    from tocsin.config.source_models import SourcePart

MessageTypes: TypeAlias = Callable[[FormatConfig], MessageType | None]
"""Finds the message type of a format; None when only the lines will tell.

Raises LookupError for a type of format there is not, ValueError or UsageError (with a
sentence for the user) for settings that cannot work.
"""


class Sources(Struct, frozen=True):
    """The sources, and the fields of each; `broken` names those that cannot be read."""

    configs: tuple[SourceConfig, ...]
    fields: dict[str, Fields]
    formats: tuple[FormatConfig, ...] = ()
    broken: frozenset[str] = frozenset()


def build_sources(
    sections: Sections,
    problems: Problems,
    message_types: MessageTypes | None,
    base: FilePath | None = None,
) -> Sources:
    """Return the sources; one named `default` where the document has none."""
    reading = _Reading(problems, message_types)
    formats = reading.declared(sections)
    configs: list[SourceConfig] = []
    intakes: list[tuple[Path, IntakeConfig]] = []
    fields: dict[str, Fields] = {}
    for path, part in sections.sources.parts:
        found, known = reading.format_of(part, path)
        way = (*path, "enrich")
        enrich, fields[part.name] = build_enrich(
            part.enrich, way, known, problems, base or FilePath()
        )
        intake = build_intake(part, path, problems, base)
        intakes += [] if intake is None else [(path, intake)]
        made = _source(part, path, found, problems, intake)
        configs.append(replace(made, enrich=enrich))
    check_places(intakes, problems)
    if not sections.sources.names and not configs:
        configs, fields = [SourceConfig()], {"default": Fields()}
    broken = sections.sources.names - set(fields)
    return Sources(tuple(configs), fields, formats, frozenset(broken))


def _source(
    part: SourcePart,
    path: Path,
    found: FormatConfig,
    problems: Problems,
    intake: IntakeConfig | None,
) -> SourceConfig:
    _check_delays(part, path, problems)
    if not part.path:
        problems.expected((*path, "path"), "at least one path", [])
    values = part.model_dump(include=_PLAIN)
    in_files = part.command is None and part.listen is None
    where = part.path if in_files else ()
    return SourceConfig(format=found, path=where, intake=intake, **values)


def _check_delays(part: SourcePart, path: Path, problems: Problems) -> None:
    for name in ("lateness", "future_skew"):
        least = getattr(part, name)
        if part.amend_for < least:
            message = (
                f"expected at least {name} ({as_text(least)}), "
                f"got {as_text(part.amend_for)}"
            )
            problems.add((*path, "amend_for"), message)
    if (part.amend_for - part.lateness) % SECOND:
        message = "expected a whole number of seconds between lateness and amend_for"
        problems.add((*path, "amend_for"), message)


_PLAIN = {"name", "timezone", "lateness", "amend_for", "future_skew"}


class _Reading:
    def __init__(self, problems: Problems, message_types: MessageTypes | None) -> None:
        self.problems = problems
        self.message_types = message_types
        self.formats: dict[str, FormatConfig] = {}
        self.broken: frozenset[str] = frozenset()
        self._fields: dict[str, Fields] = {}

    def declared(self, sections: Sections) -> tuple[FormatConfig, ...]:
        self.broken = sections.formats.names
        for path, part in sections.formats.parts:
            if part.name is None:
                self.problems.add(path, "'name' is missing", "add name: ...")
            elif part.name in BUILT_IN:
                message = f"'{part.name}' is the name of a built-in format"
                self.problems.add((*path, "name"), message, "choose another name")
            elif part.name not in self.formats:
                found, fields = self._made(part, path, part.name)
                self.formats[part.name], self._fields[part.name] = found, fields
        return tuple(self.formats.values())

    def format_of(self, part: SourcePart, path: Path) -> tuple[FormatConfig, Fields]:
        """Return the format of a source, and its fields."""
        way = (*path, "format")
        if part.by_syslog and "format" not in part.model_fields_set:
            # Whoever comes first must not choose how all others are read.
            found = FormatConfig(name="syslog", type="syslog")
            return found, self._asked(found, way)
        if isinstance(part.format, dict):
            from tocsin.config.format_models import FormatPart  # noqa: PLC0415 - if any

            inline = read_part(FormatPart, part.format, way, self.problems)
            if inline is None:
                return FormatConfig(), Fields()
            return self._made(inline, way, inline.name or part.name)
        if not isinstance(part.format, str) or not part.format:
            wanted = "the name of a format, or a mapping that describes one"
            self.problems.expected(way, wanted, part.format)
            return FormatConfig(), Fields()
        name = str(part.format)
        if name in self.broken:
            return self.formats.get(name, FormatConfig()), self._fields.get(
                name, Fields()
            )
        found = FormatConfig(name=name, type=name)
        return found, self._asked(found, way)

    def _made(
        self, part: FormatPart, path: Path, name: str
    ) -> tuple[FormatConfig, Fields]:
        """Return the format that a part describes, its fields asked for once."""
        found = build_format(part, path, name, self.problems)
        if found is None:
            return FormatConfig(), Fields()
        fields = self._asked(found, path)
        found, fields = with_derived(found, fields, part, path, self.problems)
        return found, fields

    def _asked(self, found: FormatConfig, path: Path) -> Fields:
        if self.message_types is None or found.type == "auto":
            return Fields()
        try:
            message = self.message_types(found)
        except LookupError as error:
            hint = did_you_mean(found.type, self.formats)
            hint = hint or getattr(error, "hint", "")
            known = (*BUILT_IN, *self.formats)
            hint = hint or did_you_mean(found.type, known, what="formats")
            self.problems.expected(path, "a format", found.type, hint)
        except (ValueError, UsageError) as error:
            # An error of a pattern knows its key, and the remedy.
            key = getattr(error, "key", "")
            way = (*path, key) if key in WRITTEN else path
            self.problems.add(way, str(error), getattr(error, "hint", ""))
        else:
            return Fields(message, _untyped(found, message))
        return Fields()


def _untyped(found: FormatConfig, message: MessageType | None) -> frozenset[str]:
    """Return the fields that the user gave a name and no type."""
    if message is None or found.type not in ("csv", *WRITTEN):
        return frozenset()
    declared = {message.canonical(name) for name in found.fields}
    columns = {message.canonical(name) for name in found.columns or ()}
    texts = {f.name for f in message if f.type is FieldType.STRING}
    if found.type in WRITTEN:
        columns = {f.name for f in message if not f.about}
    return frozenset((columns & texts) - declared)
