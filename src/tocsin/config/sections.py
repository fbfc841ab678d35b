"""Reads the sections of a document into parts, each with its place.

A part that cannot be read is left out, but its name is remembered: what refers to it is
not blamed a second time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from msgspec import Struct, field
from pydantic.alias_generators import to_camel

from tocsin.config import kinds
from tocsin.config.build_state import StatePart
from tocsin.config.channel_models import (
    ChannelPart,
    MaskingPart,
    PluginPart,
    RabbitmqPart,
    part_of,
)
from tocsin.config.document import Path, snake
from tocsin.config.models import (
    AlarmPart,
    CalculatedPart,
    ConsumerPart,
    FormatPart,
    MessagesPart,
    MetricPart,
    ReportPart,
    SourcePart,
)
from tocsin.config.notify_models import (
    DowntimePart,
    InhibitPart,
    NotificationsPart,
    RoutePart,
    SchedulePart,
    SilencePart,
)
from tocsin.config.part import Part
from tocsin.config.wording import read_part, unknown_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from tocsin.config.problems import Problems

P = TypeVar("P", bound=Part)
VERSION = 1
_NOT_WRITTEN = {"paths", "hidden"}


class Section(Struct, Generic[P], frozen=True):
    """The parts of a list, with their paths, and every name that was given."""

    parts: tuple[tuple[Path, P], ...]
    names: frozenset[str]


class Sections(Struct, frozen=True):
    """A whole document in parts."""

    sources: Section[SourcePart]
    formats: Section[FormatPart]
    metrics: Section[MetricPart]
    calculated_metrics: Section[CalculatedPart]
    alarms: Section[AlarmPart]
    raw_log_consumers: Section[ConsumerPart]
    channels: Section[ChannelPart | PluginPart]
    masking: MaskingPart
    rabbitmq: RabbitmqPart | None
    routes: Section[RoutePart]
    inhibit: Section[InhibitPart]
    silences: Section[SilencePart]
    schedules: Section[SchedulePart]
    downtimes: Section[DowntimePart]
    notifications: NotificationsPart
    report: ReportPart
    state: StatePart
    messages: MessagesPart
    builtin_alarms: Any = True
    """As it is written: it is read when it is known of what sources they are."""
    paths: dict[str, Path] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()
    """Metrics that alarms are made of, and that mean nothing alone."""

    def path(self, name: str) -> Path:
        """Return where a section is written, or would be."""
        return self.paths.get(name, (name,))


KEYS = ("version", *(n for n in Sections.__struct_fields__ if n not in _NOT_WRITTEN))
"""All keys of a document."""


def read_sections(data: Any, problems: Problems) -> Sections:  # noqa: ANN401
    """Return the parts of a document; what is wrong with them is noted."""
    top = _top(data, problems)

    def many(model: type[P], name: str) -> Section[P]:
        key, value = top.get(name, (name, []))
        return _section(lambda _: model, value, (key,), problems)

    def one(absent: P, name: str) -> P:
        return perhaps(type(absent), name) or absent

    def perhaps(model: type[P], name: str) -> P | None:
        key, value = top.get(name, (name, None))
        return read_part(model, value, (key,), problems) if name in top else None

    return Sections(
        many(SourcePart, "sources"),
        many(FormatPart, "formats"),
        many(MetricPart, "metrics"),
        many(CalculatedPart, "calculated_metrics"),
        _alarms(top, problems),
        many(ConsumerPart, "raw_log_consumers"),
        _channels(top, problems),
        one(MaskingPart.model_construct(), "masking"),
        perhaps(RabbitmqPart, "rabbitmq"),
        many(RoutePart, "routes"),
        many(InhibitPart, "inhibit"),
        many(SilencePart, "silences"),
        many(SchedulePart, "schedules"),
        many(DowntimePart, "downtimes"),
        one(NotificationsPart.model_construct(), "notifications"),
        one(ReportPart.model_construct(), "report"),
        one(StatePart.model_construct(), "state"),
        one(MessagesPart.model_construct(), "messages"),
        top.get("builtin_alarms", ("", True))[1],
        {name: (key,) for name, (key, _) in top.items()},
    )


def _top(data: Any, problems: Problems) -> dict[str, tuple[str, Any]]:  # noqa: ANN401
    """Return the sections by our names, each with its key as written."""
    if data is not None and not isinstance(data, dict):
        problems.expected((), "a mapping such as 'metrics: [...]'", data)
        return {}
    known = {name: to_camel(name) for name in KEYS}
    found: dict[str, tuple[str, Any]] = {}
    for key, value in (data or {}).items():
        name = snake(key)
        if key == "$schema" or key.startswith("x-"):
            continue
        if name in found:
            problems.add((key,), "given twice", f"'{found[name][0]}' is there already")
        elif name not in known:
            unknown_key((key,), known.values(), problems)
        else:
            found[name] = (key, value)
    _check_version(found, problems)
    return found


def _check_version(found: dict[str, tuple[str, Any]], problems: Problems) -> None:
    key, version = found.get("version", ("version", VERSION))
    if version != VERSION or isinstance(version, bool):
        problems.expected((key,), f"version {VERSION}", version)


def _channels(
    top: dict[str, tuple[str, Any]], problems: Problems
) -> Section[ChannelPart | PluginPart]:
    key, value = top.get("channels", ("channels", []))
    return _section(part_of, value, (key,), problems)


def _alarms(top: dict[str, tuple[str, Any]], problems: Problems) -> Section[AlarmPart]:
    key, value = top.get("alarms", ("alarms", []))
    for i, item in enumerate(value if isinstance(value, list) else ()):
        kinds.check_kind(item, (key, i), problems)
    return _section(kinds.shape, value, (key,), problems)


def _section(
    shape: Callable[[Any], type[P]],
    value: Any,  # noqa: ANN401
    path: Path,
    problems: Problems,
) -> Section[P]:
    """Return the parts of a list; `shape` tells by an item of what shape it is."""
    if not isinstance(value, list):
        hint = "begin each part with a dash: - name: ..." if value else ""
        problems.expected(path, "a list", value, hint)
        value = []
    parts: list[tuple[Path, P]] = []
    for i, item in enumerate(value):
        part = read_part(shape(item), item, (*path, i), problems)
        if part is not None:
            parts.append(((*path, i), part))
    names = (item.get("name") for item in value if isinstance(item, dict))
    return Section(tuple(parts), frozenset(n for n in names if isinstance(n, str)))


def check_unique(
    section: Section[Any], taken: dict[str, Path], problems: Problems
) -> None:
    """Note every part whose name another part has; `taken` grows by the names."""
    for path, part in section.parts:
        first = taken.setdefault(part.name, path)
        if first != path:
            shown, place = (
                problems.document.shown(first),
                problems.document.place(first),
            )
            message = f"the name '{part.name}' is taken by {shown} at {place}"
            problems.add((*path, "name"), message)
