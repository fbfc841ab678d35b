"""The built-in alarms: of what befalls the lines of sources, and the sources themselves.

They are alarms as those of users are, on hidden metrics; so all that is said of alarms
holds for them. Their names begin as no other may.
"""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from tocsin.config.build_alarms import build_alarms
from tocsin.config.builtin_models import SHAPES, BuiltinPart, KeyLimitPart, MishapPart
from tocsin.config.document import Document, Spot, snake
from tocsin.config.kind import step_of
from tocsin.config.problems import Problems, did_you_mean
from tocsin.config.sections import Section, Sections, read_sections
from tocsin.config.values import (
    SECOND,
    SELF,
    BuiltinConfig,
    Config,
    MetricConfig,
    SourceConfig,
)
from tocsin.config.wording import read_part

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tocsin.config.alarm_models import AlarmPart
    from tocsin.config.document import Path
    from tocsin.config.metric_models import MetricPart
    from tocsin.config.values import AlarmConfig

OWN = "tocsin: "
"""How the names of built-in alarms begin, and of all that they are made of."""
_OURS = SourceConfig(name=SELF, path=(), lateness=0, amend_for=0)
_KEY = "builtin_alarms"
_STEP = 10 * SECOND
_FIELDS = ("source", "metric", "stream", "path")
"""The fields of their keys."""
_SWITCHES = {"on": True, "off": False}
_CONDITION = frozenset({"threshold", "levels"})

_MISHAPS = {
    "parse_failures": ("unread", "parse failures", "percent of the lines not read"),
    "late_lines": ("late", "late lines", "percent of the lines late"),
    "future_lines": ("future", "future lines", "percent of the lines in the future"),
}
"""For each: what befell lines, what the alarm is called, and what its metric is."""
_LIVE = {
    "source_behind": ("behind", "{stream} is behind", "seconds behind"),
    "source_gone": ("gone", "{path} is gone", "seconds gone"),
}
"""For each: the field of an event of `SELF`, and the same."""


class Builtin(Struct, frozen=True):
    """What built-in alarms come to; `live` is what only a live run has."""

    always: BuiltinConfig
    live: BuiltinConfig

    @property
    def labels(self) -> frozenset[str]:
        """The labels that they have; or would have, were they on."""
        alarms = (*self.always.alarms, *self.live.alarms)
        own = {name for alarm in alarms for name in alarm.labels}
        return frozenset({"builtin", *own, *_FIELDS, *(f"key.{n}" for n in _FIELDS)})


def read_builtins(
    written: Any,  # noqa: ANN401
    path: Path,
    problems: Problems,
) -> dict[str, BuiltinPart]:
    """Return the built-in alarms that are on, by their names in the configuration."""
    given = _switched(written)
    if isinstance(given, bool):
        given = dict.fromkeys(SHAPES, given)
    if not isinstance(given, dict):
        hint = "write true, false, or {parse_failures: off}"
        problems.expected(path, "true, false, or a mapping", written, hint)
        given = {}
    keys = {snake(str(key)): key for key in given}
    for name in keys.keys() - SHAPES.keys():
        hint = did_you_mean(name, SHAPES, what="one of")
        problems.expected((*path, keys[name]), "a built-in alarm", name, hint)
    found: dict[str, BuiltinPart] = {}
    for name in SHAPES:
        way = (*path, keys.get(name, name))
        part = _read(name, given.get(keys.get(name), True), way, problems)
        if part is not None:
            found[name] = part
    return found


def _switched(value: Any) -> Any:  # noqa: ANN401
    return _SWITCHES.get(value, value) if isinstance(value, str) else value


def _read(
    name: str,
    written: Any,  # noqa: ANN401
    path: Path,
    problems: Problems,
) -> BuiltinPart | None:
    value = _switched(written)
    if value is False:
        return None
    shape = SHAPES[name]
    if not isinstance(value, dict | bool):
        hint = f"write {name}: {{threshold: 5, for: 5m}}"
        problems.expected(path, "on, off, or a mapping", written, hint)
        value = True
    own = {} if value is True else value
    keys = {snake(str(key)) for key in own}
    for key in own:
        if snake(str(key)) in shape.refused:
            hint = "a built-in alarm says this itself"
            problems.add((*path, key), "means nothing to a built-in alarm", hint)
    kept = {k: v for k, v in own.items() if snake(str(k)) not in shape.refused}
    return read_part(shape, {**_usual(shape, keys), **kept}, path, problems)


def _usual(shape: type[BuiltinPart], given: set[str]) -> dict[str, Any]:
    """Return what is so untold; who gives a condition gives all of it."""
    gone = set(given)
    if given & _CONDITION:
        gone |= {*_CONDITION, "recovery_threshold"}
    if "levels" in given:
        gone |= {"level"}
    return {key: value for key, value in shape.usual.items() if key not in gone}


def build_builtin(
    sections: Sections,
    sources: tuple[SourceConfig, ...],
    metrics: tuple[MetricConfig, ...],
    problems: Problems,
) -> Builtin:
    """Return what the built-in alarms of these sources and metrics are made of."""
    path = sections.path(_KEY)
    parts = read_builtins(sections.builtin_alarms, path, problems)
    made = list(_made(parts, sources, metrics))
    found = tuple(metric for _, _, metric in made)
    section: Section[AlarmPart] = Section(
        tuple(((*path, name), part) for name, part, _ in made),
        frozenset(part.name for _, part, _ in made),
    )
    names: Section[MetricPart] = Section((), frozenset(m.name for m in found))
    own = replace(sections, alarms=section, metrics=names, messages=None)
    alarms = build_alarms(own, {m.name: m.group_by for m in found}, problems)
    called = {part.name: name for name, part, _ in made}
    alarms = tuple(
        replace(a, labels={**a.labels, "builtin": called[a.name]}) for a in alarms
    )
    return Builtin(
        _those(found, alarms, live=False),
        replace(_those(found, alarms, live=True), sources=(_OURS,)),
    )


def _those(
    metrics: tuple[MetricConfig, ...], alarms: tuple[AlarmConfig, ...], *, live: bool
) -> BuiltinConfig:
    mine = tuple(m for m in metrics if (m.source == SELF) is live)
    names = {m.name for m in mine}
    return BuiltinConfig(
        metrics=mine, alarms=tuple(a for a in alarms if a.metric in names)
    )


def check_reserved(sections: Sections, problems: Problems) -> None:
    """Note names that only built-in alarms, and what they are made of, may have."""
    for section in (
        sections.sources,
        sections.metrics,
        sections.calculated_metrics,
        sections.alarms,
    ):
        for path, part in section.parts:
            if part.name.startswith(OWN.strip()):
                hint = "built-in alarms are called so: see builtin_alarms"
                wanted = f"a name that does not begin with '{OWN.strip()}'"
                problems.expected((*path, "name"), wanted, part.name, hint)


def _made(
    parts: Mapping[str, BuiltinPart],
    sources: tuple[SourceConfig, ...],
    metrics: tuple[MetricConfig, ...],
) -> Iterator[tuple[str, BuiltinPart, MetricConfig]]:
    """Yield each alarm: which it is, its part, and its metric."""
    for name, part in parts.items():
        for source in sources:
            if isinstance(part, MishapPart):
                yield name, *_share(name, part, source.name)
            elif isinstance(part, KeyLimitPart) and _slices(metrics, source.name):
                longest = max(_slices(metrics, source.name))
                yield name, *_key_limit(part, source.name, longest)
        if name in _LIVE:
            yield name, *_of_sources(name, part)


def _slices(metrics: tuple[MetricConfig, ...], source: str) -> list[int]:
    """Return how long the slices are that the metrics with keys of a source count in."""
    keyed = (m for m in metrics if m.source == source and m.group_by)
    return [gcd(m.period, m.every) for m in keyed]


def _share(
    name: str, part: BuiltinPart, source: str
) -> tuple[BuiltinPart, MetricConfig]:
    mishap, called, measured = _MISHAPS[name]
    metric = MetricConfig(
        name=f"{OWN}{measured}, in {source}",
        type="SHARE",
        source=source,
        period=part.period,
        every=_step(part.period),
        group_by=("source",),
        mishap=mishap,
    )
    return _named(part, f"{OWN}{called} in {_plain(source)}", metric), metric


def _key_limit(
    part: BuiltinPart, source: str, longest: int
) -> tuple[BuiltinPart, MetricConfig]:
    """Look at two slices at least: else it would be over between one and the next."""
    period = part.period
    if "period" not in part.model_fields_set:
        period = max(period, 2 * longest)
    metric = MetricConfig(
        name=f"{OWN}events that share a key, in {source}",
        type="COUNT",
        source=source,
        period=period,
        every=_step(period),
        group_by=("source", "metric"),
        mishap="shared",
    )
    name = f"{OWN}key limit of {{metric}} in {_plain(source)}"
    return _named(part, name, metric), metric


def _of_sources(name: str, part: BuiltinPart) -> tuple[BuiltinPart, MetricConfig]:
    field, called, measured = _LIVE[name]
    metric = MetricConfig(
        name=f"{OWN}{measured}",
        type="MAX",
        source=SELF,
        field=field,
        period=part.period,
        every=part.period,
        group_by=("source", "stream" if field == "behind" else "path"),
    )
    return _named(part, f"{OWN}{called}", metric), metric


def _named(part: BuiltinPart, name: str, metric: MetricConfig) -> BuiltinPart:
    return part.model_copy(update={"name": name, "metric": metric.name})


def _step(period: int) -> int:
    return _STEP if period % _STEP == 0 else step_of(period)


def _plain(name: str) -> str:
    """Return a name as a part of that of an alarm, where braces are about its key."""
    return name.replace("{", "(").replace("}", ")")


def standard(config: Config) -> Config:
    """Return a configuration that is in no document with its built-in alarms."""
    problems = Problems(Document("built-in alarms", {}, Spot(0, 0)))
    sections = read_sections({}, problems)
    made = build_builtin(sections, config.sources, config.metrics, problems)
    return replace(config, builtin=made.always, live=made.live)
