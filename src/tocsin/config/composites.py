"""Alarms over alarms, made into thresholds in the order in which they need each other.

The state of each alarm becomes a metric, 1 while it rings; the alarm is on their sum, or
on what an expression makes of them.
"""

from __future__ import annotations

import json
from math import lcm
from typing import TYPE_CHECKING, TypeAlias, TypeGuard

from msgspec import Struct, field
from msgspec.structs import replace

from tocsin.config.graph import CycleError, in_order
from tocsin.config.problems import did_you_mean
from tocsin.config.values import CalculatedMetricConfig, Config
from tocsin.model.expression import Call, Column, Expression, Literal, Node
from tocsin.model.message import FieldType

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tocsin.config.alarm_models import AlarmPart
    from tocsin.config.document import Path
    from tocsin.config.kinds.composite import CompositePart
    from tocsin.config.problems import Problems
    from tocsin.config.sections import Sections
    from tocsin.config.values import MetricConfig

Placed: TypeAlias = "tuple[Path, AlarmPart]"


class Site(Struct):
    """Where alarms are made: the metrics there are by name, and the alarms made so far.

    What they need is added to `calculated`. Alarms are parts of a threshold on a metric
    that is there, by name.
    """

    problems: Problems
    metrics: dict[str, MetricConfig | CalculatedMetricConfig]
    keys: dict[str, tuple[str, ...]]
    """The key fields of every metric."""
    names: frozenset[str]
    """The names of all alarms that are written."""
    alarms: dict[str, AlarmPart] = field(default_factory=dict)
    calculated: list[CalculatedMetricConfig] = field(default_factory=list)

    def calculate(self, metric: CalculatedMetricConfig, path: Path) -> None:
        """Add a metric that is calculated from others."""
        if metric.name in self.metrics:
            message = f"the name '{metric.name}' is needed for a metric of this alarm"
            self.problems.add(path, message, "call the metric of that name otherwise")
        self.metrics[metric.name] = metric
        self.keys[metric.name] = max(
            (self.keys[name] for name in metric.input_metrics), key=len
        )
        self.calculated.append(metric)


def with_composites(
    sections: Sections,
    metrics: tuple[MetricConfig, ...],
    calculated: tuple[CalculatedMetricConfig, ...],
    problems: Problems,
) -> tuple[Sections, tuple[CalculatedMetricConfig, ...]]:
    """Return all with alarms over alarms as thresholds, on metrics that are there."""
    parts = sections.alarms.parts
    if not any(_is_composite(part) for _, part in parts):
        return sections, calculated
    keys = Config(metrics=metrics, calculated_metrics=calculated).keys()
    site = Site(problems, {}, keys, sections.alarms.names)
    site.metrics |= {m.name: m for m in metrics}
    site.metrics |= {c.name: c for c in calculated}
    alarms = replace(sections.alarms, parts=_made(parts, site))
    section = sections.calculated_metrics
    more = frozenset(c.name for c in site.calculated)
    named = replace(section, names=section.names | more)
    sections = replace(sections, alarms=alarms, calculated_metrics=named)
    return sections, (*calculated, *site.calculated)


def _is_composite(part: AlarmPart) -> TypeGuard[CompositePart]:
    return part.kind == "composite"


def _made(parts: Sequence[Placed], site: Site) -> tuple[Placed, ...]:
    """Return all alarms as thresholds, as they are written."""
    placed = {part.name: (path, part) for path, part in reversed(parts)}
    needs = {
        name: _needs(part, site) if _is_composite(part) else ()
        for name, (_, part) in placed.items()
    }
    for name in _ordered(needs, placed, site.problems):
        path, part = placed[name]
        found: AlarmPart | None = part
        if _is_composite(part):
            found = _composite(part, path, site)
        if found is not None:
            site.alarms[name] = found
    return tuple(
        (path, site.alarms[part.name])
        for path, part in parts
        if part.name in site.alarms
    )


def _ordered(
    needs: Mapping[str, Sequence[str]], placed: Mapping[str, Placed], problems: Problems
) -> list[str]:
    left = dict(needs)
    while True:
        try:
            return in_order(left)
        except CycleError as error:
            path, _ = placed[error.path[0]]
            problems.add(
                path, f"needs itself: {error}", "take one of them out of the circle"
            )
            left = {n: i for n, i in left.items() if n not in error.path}


def _needs(part: CompositePart, site: Site) -> tuple[str, ...]:
    """Return the alarms that an alarm is over."""
    if part.condition is None:
        return part.alarms
    found = _condition(part.condition, sorted(site.names))
    return () if isinstance(found, str) else tuple(sorted(found.columns()))


def _composite(part: CompositePart, path: Path, site: Site) -> AlarmPart | None:
    """Return the threshold that an alarm over alarms comes to."""
    if not _sound(part, path, site):
        return None
    names = list(dict.fromkeys(_needs(part, site)))
    if not names or any(name not in site.alarms for name in names):
        return None
    states = {name: _state(name, path, site) for name in names}
    if not _alike(states, path, site):
        return None
    text, root = _formula(part, states)
    steps = [site.metrics[name].every for name in states.values()]
    metric = CalculatedMetricConfig(
        name=f"{part.name} (alarms that ring)",
        input_metrics=tuple(sorted(states.values())),
        period=lcm(*steps),
        every=lcm(*steps),
        formula=Expression(root, FieldType.FLOAT, text),
        hidden=True,
    )
    site.calculate(metric, path)
    needed = {"all": len(names), "any": 1}.get(str(part.of), part.of)
    limit = 1 if part.condition is not None else int(needed)
    condition = {"metric": metric.name, "operator": ">=", "threshold": float(limit)}
    return part.model_copy(update=condition)


def _sound(part: CompositePart, path: Path, site: Site) -> bool:
    problems, before = site.problems, len(site.problems)
    for key in sorted(part.refused & part.model_fields_set):
        problems.add((*path, key), "means nothing for alarms over alarms")
    if (part.condition is None) is (not part.alarms):
        hint = "such as alarms: [a, b], of: any; or condition: a and not b"
        problems.add(path, "needs either 'alarms' or 'condition'", hint)
    if part.condition is not None and "of" in part.model_fields_set:
        problems.add((*path, "of"), "cannot stand beside 'condition'")
    if part.condition is not None:
        from tocsin.config.expressions import compile_states  # noqa: PLC0415

        compile_states(part.condition, site.names, (*path, "condition"), problems)
    for name in part.alarms:
        if name not in site.names:
            hint = did_you_mean(name, site.names, what="alarms")
            problems.expected((*path, "alarms"), "names of alarms", name, hint)
    if isinstance(part.of, int) and part.alarms and part.of > len(part.alarms):
        problems.expected((*path, "of"), f"at most {len(part.alarms)}", part.of)
    return len(problems) == before


def _condition(text: str, names: Sequence[str]) -> Expression | str:
    from tocsin.config.expressions import states_of  # noqa: PLC0415

    return states_of(text, names)


def _state(name: str, path: Path, site: Site) -> str:
    """Return the name of the metric that is the state of an alarm; make it, if new."""
    found = f"{name} (state)"
    watched = site.alarms[name].metric
    if found not in site.metrics and watched in site.metrics:
        every = site.metrics[watched].every
        state = CalculatedMetricConfig(
            name=found,
            input_metrics=(watched,),
            period=every,
            every=every,
            alarm=name,
            hidden=True,
        )
        site.calculate(state, path)
    return found


def _alike(states: Mapping[str, str], path: Path, site: Site) -> bool:
    """Whether the keys of one of the alarms hold those of each other."""
    keys = {name: site.keys.get(state) for name, state in states.items()}
    known = {name: key for name, key in keys.items() if key is not None}
    if len(known) < len(keys):
        return False  # its metric has problems of its own
    widest = max(known, key=lambda name: len(known[name]))
    fine = True
    for name, key in known.items():
        if not set(key) <= set(known[widest]):
            message = f"'{widest}' is by {', '.join(known[widest])}, '{name}' by "
            hint = "the groups of one alarm must contain those of the others"
            site.problems.add(path, message + ", ".join(key), hint)
            fine = False
    return fine


def _formula(part: CompositePart, states: Mapping[str, str]) -> tuple[str, Node]:
    """Return what is counted, as text and as a tree."""
    if part.condition is None:
        root: Node = Literal(0.0)
        for state in states.values():
            root = Call("add", (root, Column(state, FieldType.FLOAT)))
        return " + ".join(map(json.dumps, states.values())), root
    found = _condition(part.condition, list(states))
    assert isinstance(found, Expression)
    one, none = Literal(1.0), Literal(0.0)
    return part.condition, Call("case", (_over(found.root, states), one, none))


def _over(node: Node, states: Mapping[str, str]) -> Node:
    """Return a condition on alarms as one on their states."""
    if isinstance(node, Column):
        state = Column(states[node.name], FieldType.FLOAT)
        return Call("gt", (state, Literal(0.0)))
    if isinstance(node, Call):
        return Call(node.function, tuple(_over(arg, states) for arg in node.args))
    return node
