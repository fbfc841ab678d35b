"""Reads the sections of a document into parts, each with its place.

A part that cannot be read is left out, but its name is remembered: what refers to it is
not blamed a second time. The module of a shape is imported where a document has such a
section: it costs longer to load than most sections to be read.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from msgspec import Struct, field
from pydantic.alias_generators import to_camel

from tocsin.config import kinds
from tocsin.config.document import Path, snake
from tocsin.config.part import Part
from tocsin.config.wording import read_part, unknown_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from tocsin.config.alarm_models import AlarmPart, MessagesPart
    from tocsin.config.channel_models import ChannelPart, PluginPart
    from tocsin.config.consumer_models import ConsumerPart
    from tocsin.config.format_models import FormatPart
    from tocsin.config.masking_models import MaskingPart
    from tocsin.config.metric_models import CalculatedPart, MetricPart
    from tocsin.config.notify_models import (
        DowntimePart,
        InhibitPart,
        NotificationsPart,
        RoutePart,
        SchedulePart,
        SilencePart,
    )
    from tocsin.config.problems import Problems
    from tocsin.config.rabbit_models import RabbitmqPart
    from tocsin.config.report_models import ReportPart
    from tocsin.config.source_models import SourcePart
    from tocsin.config.state_models import StatePart

P = TypeVar("P", bound=Part)
VERSION = 1
_NOT_WRITTEN = {"paths", "hidden"}
SHAPES = {
    "sources": ("source_models", "SourcePart"),
    "formats": ("format_models", "FormatPart"),
    "metrics": ("metric_models", "MetricPart"),
    "calculated_metrics": ("metric_models", "CalculatedPart"),
    "raw_log_consumers": ("consumer_models", "ConsumerPart"),
    "masking": ("masking_models", "MaskingPart"),
    "rabbitmq": ("rabbit_models", "RabbitmqPart"),
    "routes": ("notify_models", "RoutePart"),
    "inhibit": ("notify_models", "InhibitPart"),
    "silences": ("notify_models", "SilencePart"),
    "schedules": ("notify_models", "SchedulePart"),
    "downtimes": ("notify_models", "DowntimePart"),
    "notifications": ("notify_models", "NotificationsPart"),
    "report": ("report_models", "ReportPart"),
    "state": ("state_models", "StatePart"),
    "messages": ("alarm_models", "MessagesPart"),
}
"""Where the shape of each section is; those of alarms and channels differ by the item."""


class Section(Struct, Generic[P], frozen=True):
    """The parts of a list, with their paths, and every name that was given."""

    parts: tuple[tuple[Path, P], ...]
    names: frozenset[str]


class Sections(Struct, frozen=True):
    """A whole document in parts; None is a section that it does not have."""

    sources: Section[SourcePart]
    formats: Section[FormatPart]
    metrics: Section[MetricPart]
    calculated_metrics: Section[CalculatedPart]
    alarms: Section[AlarmPart]
    raw_log_consumers: Section[ConsumerPart]
    channels: Section[ChannelPart | PluginPart]
    masking: MaskingPart | None
    rabbitmq: RabbitmqPart | None
    routes: Section[RoutePart]
    inhibit: Section[InhibitPart]
    silences: Section[SilencePart]
    schedules: Section[SchedulePart]
    downtimes: Section[DowntimePart]
    notifications: NotificationsPart | None
    report: ReportPart | None
    state: StatePart | None
    messages: MessagesPart | None
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

    def many(name: str) -> Section[Any]:
        key, value = top.get(name, (name, []))
        return _section(lambda _: _shape(name), value, (key,), problems)

    def one(name: str) -> Any:  # noqa: ANN401
        if name not in top:
            return None
        key, value = top[name]
        return read_part(_shape(name), value, (key,), problems)

    return Sections(
        many("sources"),
        many("formats"),
        many("metrics"),
        many("calculated_metrics"),
        _alarms(top, problems),
        many("raw_log_consumers"),
        _channels(top, problems),
        one("masking"),
        one("rabbitmq"),
        many("routes"),
        many("inhibit"),
        many("silences"),
        many("schedules"),
        many("downtimes"),
        one("notifications"),
        one("report"),
        one("state"),
        one("messages"),
        top.get("builtin_alarms", ("", True))[1],
        {name: (key,) for name, (key, _) in top.items()},
    )


def _shape(name: str) -> type[Any]:
    """Return the shape of a section, or of its items."""
    module, part = SHAPES[name]
    found: type[Any] = getattr(import_module(f"tocsin.config.{module}"), part)
    return found


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
    return _section(_channel, value, (key,), problems)


def _channel(item: Any) -> type[ChannelPart | PluginPart]:  # noqa: ANN401
    from tocsin.config.channel_models import part_of  # noqa: PLC0415 - as all shapes

    return part_of(item)


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
