"""The built-in alarms: of what befalls the lines of sources, and the sources themselves.

They are alarms as those of users are, on hidden metrics; so all that is said of alarms
holds for them. Their names begin as no other may.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from tocsin.config.build_alarms import build_alarms
from tocsin.config.builtin_metrics import (
    LIVE,
    OURS,
    Builtin,
    called,
    share,
    shared_keys,
    standing,
    twice_a_slice,
)
from tocsin.config.builtin_models import SHAPES, BuiltinPart, KeyLimitPart, MishapPart
from tocsin.config.document import Document, Spot, snake
from tocsin.config.problems import Problems, did_you_mean
from tocsin.config.sections import Section, Sections, read_sections
from tocsin.config.values import SELF, BuiltinConfig, Config, MetricConfig, SourceConfig
from tocsin.config.wording import read_part

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tocsin.config.alarm_models import AlarmPart
    from tocsin.config.document import Path
    from tocsin.config.metric_models import MetricPart
    from tocsin.config.values import AlarmConfig

_KEY = "builtin_alarms"
_SWITCHES = {"on": True, "off": False}
_CONDITION = frozenset({"threshold", "levels"})


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
    names_of = {part.name: name for name, part, _ in made}
    alarms = tuple(
        replace(a, labels={**a.labels, "builtin": names_of[a.name]}) for a in alarms
    )
    return Builtin(
        _those(found, alarms, live=False),
        replace(_those(found, alarms, live=True), sources=(OURS,)),
    )


def _those(
    metrics: tuple[MetricConfig, ...], alarms: tuple[AlarmConfig, ...], *, live: bool
) -> BuiltinConfig:
    mine = tuple(m for m in metrics if (m.source == SELF) is live)
    names = {m.name for m in mine}
    return BuiltinConfig(
        metrics=mine, alarms=tuple(a for a in alarms if a.metric in names)
    )


def _made(
    parts: Mapping[str, BuiltinPart],
    sources: tuple[SourceConfig, ...],
    metrics: tuple[MetricConfig, ...],
) -> Iterator[tuple[str, BuiltinPart, MetricConfig]]:
    """Yield each alarm: which it is, its part, and its metric."""
    for name, part in parts.items():
        for source in sources:
            if isinstance(part, MishapPart):
                metric = share(name, source.name, part.period)
                yield name, _named(part, called(name, source.name), metric), metric
            elif isinstance(part, KeyLimitPart):
                least = twice_a_slice(metrics, source.name)
                if least:
                    metric = shared_keys(source.name, _period(part, least))
                    yield name, _named(part, called(name, source.name), metric), metric
        if name in LIVE:
            metric = standing(name, part.period)
            yield name, _named(part, called(name), metric), metric


def _period(part: BuiltinPart, least: int) -> int:
    given = "period" in part.model_fields_set
    return part.period if given else max(part.period, least)


def _named(part: BuiltinPart, name: str, metric: MetricConfig) -> BuiltinPart:
    return part.model_copy(update={"name": name, "metric": metric.name})


def standard(config: Config) -> Config:
    """Return a configuration that is in no document with its built-in alarms."""
    problems = Problems(Document("built-in alarms", {}, Spot(0, 0)))
    sections = read_sections({}, problems)
    made = build_builtin(sections, config.sources, config.metrics, problems)
    return replace(config, builtin=made.always, live=made.live)
