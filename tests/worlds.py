"""What laws are tried on: small configurations, and streams that are out of order.

Values stay near thresholds, times near the edges of seconds, windows and lateness.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from msgspec import Struct, field
from msgspec.structs import replace
from tests.plain import SECOND, Meaning, Row, Stream
from tests.runs import Piece

from tocsin.config.expressions import expression
from tocsin.config.values import (
    AlarmConfig,
    CalculatedMetricConfig,
    Config,
    MetricConfig,
    SourceConfig,
)
from tocsin.model.message import FieldType

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

WHERES: Mapping[str, Meaning] = {
    "v > 1": lambda row: row["v"] is not None and row["v"] > 1,
    "g = 'a' or h = 'x'": lambda row: row["g"] == "a" or row["h"] == "x",
    "g is null": lambda row: row["g"] is None,
}
FORMULAS: Mapping[str, Callable[[Sequence[Any]], Any]] = {
    "{0} + {1}": lambda a: None if None in a else a[0] + a[1],
    "100.0 * {0} / nullif({1}, 0)": lambda a: (
        None if None in a or a[1] == 0 else 100.0 * a[0] / a[1]
    ),
    "coalesce({0}, -1) - coalesce({1}, 2)": lambda a: (
        (-1 if a[0] is None else a[0]) - (2 if a[1] is None else a[1])
    ),
}
OPPOSITE = {">": "<=", ">=": "<", "<": ">=", "<=": ">", "==": "!=", "!=": "=="}
EXACT = {"COUNT", "SUM", "MIN", "MAX"}
"""Kinds whose values are the reference's to the last bit, whatever the input."""
PLAIN_EXACT = EXACT | {"AVG", "RATE"}
WINDOWS = [
    (1, 1), (2, 1), (5, 1), (10, 1), (10, 10), (5, 5), (10, 5), (4, 2), (3, 3),
    (6, 4), (7, 7), (20, 10),
]  # fmt: skip
GROUPS: list[tuple[str, ...]] = [(), (), ("g",), ("g", "h")]

EXPECTED: list[tuple[str, ...]] = [(), (), ('{"g":"a"}', '{"g":"never"}')]
MEMORIES = [0, 0, 0, 1, 7, 30]
"""How long a key must not have been seen to be new, in seconds."""


class World(Struct, frozen=True):
    """A configuration, its streams, and what its expressions mean."""

    config: Config
    streams: Sequence[Stream]
    meanings: Mapping[str, Meaning] = field(default_factory=dict)

    def patient(self) -> World:
        """Return the same world, in which nobody speaks before all is settled."""
        sources = tuple(replace(s, lateness=s.amend_for) for s in self.config.sources)
        return replace(self, config=replace(self.config, sources=sources))

    def close(self, name: str) -> float:
        """Return how near (relative) a metric's value must be to the reference's."""
        if name not in {m.name for m in self.config.metrics}:
            spec = self.config.metric(name)
            assert isinstance(spec, CalculatedMetricConfig)
            own = 0.01 if (spec.aggregate or "").startswith("P") else 1e-5
            return 2 * max(own, *(self.close(i) for i in spec.input_metrics))
        kind = self.config.metric(name).type  # type: ignore[union-attr]
        if kind.startswith("P"):
            return 0.01
        return {"DISTINCT": 0.02, "STDDEV": 1e-5}.get(kind, 1e-12)


def sources(count: int) -> st.SearchStrategy[tuple[SourceConfig, ...]]:
    """Sources that wait shorter or longer, and amend for nothing or for a while."""

    def made(i: int, lateness: float, more: int, skew: int) -> SourceConfig:
        late = int(lateness * SECOND)
        amend = late + more * SECOND
        name = "default" if i == 0 else f"source{i}"
        skew = min(skew * SECOND, amend)
        return SourceConfig(name=name, lateness=late, amend_for=amend, future_skew=skew)

    one = st.tuples(
        st.sampled_from([5, 2, 1, 0, 2.5]),
        st.sampled_from([25, 10, 3, 0, 60]),
        st.sampled_from([20, 20, 5, 100]),
    )
    return st.tuples(*[one] * count).map(
        lambda drawn: tuple(made(i, *d) for i, d in enumerate(drawn))
    )


@st.composite
def metrics(draw: st.DrawFn, names: Sequence[str], i: int) -> MetricConfig:
    """A measured metric."""
    kinds = [
        "COUNT", "COUNT", "RATE", "SUM", "AVG", "MIN", "MAX", "STDDEV", "P50",
        "P99.9", "DISTINCT",
    ]  # fmt: skip
    kind = draw(st.sampled_from(kinds))
    period, every = draw(st.sampled_from(WINDOWS))
    where = draw(st.sampled_from([None, None, *WHERES]))
    group_by = draw(st.sampled_from(GROUPS))
    every_s = math.gcd(period, every)
    return MetricConfig(
        name=f"m{i}",
        type=kind,
        source=draw(st.sampled_from(list(names))),
        field=None if kind in {"COUNT", "RATE"} else "v",
        period=period * SECOND,
        every=every * SECOND,
        where=None if where is None else expression(where),
        group_by=group_by,
        offset=draw(st.sampled_from([0, 0, 0, 1, 3, 30])) * every_s * SECOND,
        expected=draw(st.sampled_from(EXPECTED)) if group_by == ("g",) else (),
        unseen_for=draw(st.sampled_from(MEMORIES)) * SECOND if group_by else 0,
    )


def _exact(config: Config, name: str) -> bool:
    spec = config.metric(name)
    if isinstance(spec, MetricConfig):
        return spec.type in PLAIN_EXACT
    if spec.aggregate is None:
        return False
    inputs = [config.metric(i) for i in spec.input_metrics]
    whole = all(isinstance(i, MetricConfig) and i.type in EXACT for i in inputs)
    return whole and spec.aggregate in PLAIN_EXACT


def names_of(config: Config) -> list[str]:
    """Return the names of all metrics."""
    return [m.name for m in config.metrics] + [
        c.name for c in config.calculated_metrics
    ]


@st.composite
def calculated(
    draw: st.DrawFn, config: Config, i: int
) -> tuple[CalculatedMetricConfig, dict[str, Meaning]]:
    """A metric over earlier ones."""
    names = names_of(config)
    exact = [n for n in names if _exact(config, n)]
    if exact and draw(st.sampled_from([True, False])):
        inputs = [draw(st.sampled_from(exact)), draw(st.sampled_from(exact))]
        return _formula(draw, config, f"c{i}", inputs)
    inputs = draw(st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True))
    every = math.lcm(*(config.metric(n).every for n in inputs))
    every *= draw(st.sampled_from([1, 1, 2]))
    kinds = ["COUNT", "SUM", "AVG", "MIN", "MAX", "RATE", "STDDEV", "P50"]
    if set(inputs) <= set(exact):
        kinds += ["DISTINCT"]
    spec = CalculatedMetricConfig(
        name=f"c{i}",
        input_metrics=tuple(inputs),
        period=every * draw(st.sampled_from([1, 2, 3])),
        every=every,
        aggregate=draw(st.sampled_from(kinds)),
    )
    return spec, {}


def _formula(
    draw: st.DrawFn, config: Config, name: str, inputs: list[str]
) -> tuple[CalculatedMetricConfig, dict[str, Meaning]]:
    shape = draw(st.sampled_from(list(FORMULAS)))
    text = shape.format(*inputs)
    tree = expression(text, want=FieldType.FLOAT)
    every = math.lcm(*(config.metric(n).every for n in inputs))
    least = draw(st.sampled_from([{}, {}, {inputs[0]: 2}]))
    meaning = FORMULAS[shape]
    spec = CalculatedMetricConfig(
        name=name,
        input_metrics=tuple(sorted(set(inputs))),
        period=every,
        every=every,
        formula=tree,
        min_samples=least,
    )
    return spec, {text: lambda values: meaning([values[i] for i in inputs])}


@st.composite
def alarms(draw: st.DrawFn, config: Config, i: int) -> AlarmConfig:
    """An alarm whose thresholds are where the values are."""
    names = names_of(config)
    name = draw(st.sampled_from(names))
    near = [0.0, 1.0, 2.0, 3.0] if _exact(config, name) else [0.513, 1.117, 2.319]
    operator = draw(st.sampled_from([">", ">", ">=", "<", "<=", "==", "!="]))
    threshold = draw(st.sampled_from(near))
    slack = draw(st.sampled_from([0.0, 0.0, 1.0])) if operator[0] in "<>" else 0.0
    points = st.sampled_from([1, 1, 2, 3])
    return AlarmConfig(
        name=f"a{i}",
        metric=name,
        operator=operator,
        threshold=threshold,
        recovery_operator=OPPOSITE[operator],
        recovery_threshold=threshold + (slack if operator[0] == "<" else -slack),
        data_points_alarm=draw(points),
        data_points_recovery=draw(points),
    )


@st.composite
def configs(draw: st.DrawFn) -> tuple[Config, dict[str, Meaning]]:
    """A configuration, and the meanings of its formulas."""
    found = draw(sources(draw(st.sampled_from([1, 1, 1, 2]))))
    names = [s.name for s in found]
    count = draw(st.integers(1, 3))
    config = Config(
        sources=found, metrics=tuple(draw(metrics(names, i)) for i in range(count))
    )
    meanings: dict[str, Meaning] = dict(WHERES)
    for i in range(draw(st.sampled_from([0, 0, 1, 2]))):
        spec, more = draw(calculated(config, i))
        meanings |= more
        config = replace(config, calculated_metrics=(*config.calculated_metrics, spec))
    drawn = [draw(alarms(config, i)) for i in range(draw(st.integers(1, 2)))]
    return replace(config, alarms=tuple(drawn)), meanings


STEPS = [
    n * SECOND // 4 for n in (0, 0, 0, 1, 4, 4, 8, 12, 36)
] + [SECOND - 1]  # fmt: skip
BACKS = [n * SECOND for n in (0, 0, 0, 0, 0, 1, 2, 4, 6, 12, 20, 24, 28, 70)] + [1]
JUMPS = [0] * 15 + [6 * SECOND, 21 * SECOND, 45 * SECOND]
VALUES = [None, 0.0, 1.0, 1.0, 2.0, 3.0, 0.25, -1.0]


def rows(
    most: int = 30, *, jumps: Sequence[int] = JUMPS
) -> st.SearchStrategy[list[Row]]:
    """Rows in the order of a stream: disorder, duplicates, jumps ahead, silences."""
    one = st.tuples(
        st.sampled_from(STEPS),
        st.sampled_from(BACKS),
        st.sampled_from(jumps),
        st.sampled_from(VALUES),
        st.sampled_from(["a", "a", "b", None]),
        st.sampled_from(["x", "y"]),
    )
    drawn = st.lists(one, max_size=most)
    starts = st.sampled_from([1000, 1000, 0, -3, -5003])
    return st.builds(lambda start, found: _walk(start * SECOND, found), starts, drawn)


def _walk(now: int, drawn: Sequence[tuple[Any, ...]]) -> list[Row]:
    found = []
    for step, back, jump, v, g, h in drawn:
        now += step
        found.append(Row(now - back + jump, {"v": v, "g": g, "h": h}))
    return found


@st.composite
def worlds(draw: st.DrawFn, /, most: int = 30) -> World:
    """A configuration and one to three streams for its sources."""
    config, meanings = draw(configs())
    names = [s.name for s in config.sources]
    count = draw(st.sampled_from([1, 1, 2, 3]))
    start = draw(st.sampled_from([1000, 1000, 0, -3, -5003])) * SECOND
    streams = []
    for i in range(count):
        found = draw(rows(most // count))
        shift = start - found[0].time if found else 0
        moved = [Row(r.time + shift, r.fields) for r in found]
        streams.append(Stream(f"s{i}", names[i % len(names)], moved))
    return World(config, streams, meanings)


@st.composite
def pieces(draw: st.DrawFn, streams: Sequence[Stream]) -> list[Piece]:
    """Some way of cutting and interleaving streams, and of what is done between."""
    waiting = {s.name: list(s.rows) for s in streams if s.rows}
    found = []
    sizes, advances = draw(
        st.sampled_from([([1, 2, 3, 5, 8, 40], [True, False, False]), ([1], [True])])
    )
    kinds = st.tuples(
        st.integers(0, 2),
        st.sampled_from(sizes),
        st.booleans(),
        st.sampled_from(advances),
        st.sampled_from([False, False, False, True]),
    )
    while waiting:
        which, size, ranged, advance, save = draw(kinds)
        name = sorted(waiting)[which % len(waiting)]
        taken, left = waiting[name][:size], waiting[name][size:]
        found.append(Piece(name, taken, ranged, advance, save))
        if left:
            waiting[name] = left
        else:
            del waiting[name]
    return found
