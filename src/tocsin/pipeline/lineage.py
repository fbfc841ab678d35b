"""Which series live wherever another one does, and when their datapoints begin."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from tocsin.metrics.series import Heir, SeriesPlan
from tocsin.pipeline.plan import EVENTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tocsin.metrics.spec import CalculatedSpec, MetricSpec

_NO_LIMIT = 10**9

Root: TypeAlias = "tuple[int, str | None]"
"""What a series is born with: the series of a metric of the same key, or of this one."""
Ways: TypeAlias = "dict[Root, frozenset[tuple[int, int]]]"
"""For each root the grains and waits of `Heir`; the earliest counts."""


def series_plan(
    metrics: Mapping[int, MetricSpec],
    calculated: Mapping[int, CalculatedSpec],
    names: Mapping[str, int],
) -> SeriesPlan:
    """Return what the series of a shard must know; `names` maps them to numbers."""
    everything: dict[int, MetricSpec | CalculatedSpec] = {**metrics, **calculated}
    roots = {
        number: _born_with(number, spec, metrics) for number, spec in metrics.items()
    }
    for number, derived in calculated.items():
        inputs = {names[name]: everything[names[name]] for name in derived.inputs}
        whole = {i: s for i, s in inputs.items() if s.group_by == derived.group_by}
        more = _whole_after(derived, whole)
        roots[number] = _together([roots[i] for i in whole], more)
    heirs: dict[int, list[Heir]] = {n: [] for n in metrics}
    for number, ways in roots.items():
        for (root, key), found in sorted(ways.items(), key=repr):
            if root != number:
                heirs[root] += [Heir(number, key, *way) for way in sorted(found)]
    return SeriesPlan(
        heirs=heirs,
        limits={n: s.limit for n, s in metrics.items()}
        | dict.fromkeys(calculated, _NO_LIMIT),
        fields={n: s.group_by for n, s in everything.items()},
        waits={n: m.wait for n, m in metrics.items() if m.offset},
        stretches={
            n: max((s.period + s.history) // 2, 1)
            for n, s in metrics.items()
            if s.group_by
        },
    )


def _born_with(
    number: int, spec: MetricSpec, metrics: Mapping[int, MetricSpec]
) -> Ways:
    """Return what a measured metric is born with: without a key, with all events."""
    events = next(
        (n for n, m in metrics.items() if m.name == EVENTS and m.source == spec.source),
        number,
    )
    late = (spec.grain, spec.offset + spec.wait) if spec.offset else (1, 0)
    if number == events:
        return {(number, None): frozenset({(1, 0)})}
    if not spec.group_by:
        return {(events, None): frozenset({late})}
    expected: Ways = {(events, key): frozenset({late}) for key in spec.expected}
    return expected | {(number, None): frozenset({(1, 0)})}


def _whole_after(
    spec: CalculatedSpec, inputs: Mapping[int, MetricSpec | CalculatedSpec]
) -> int:
    """Return how much later than its inputs an aggregate of a past is whole (s)."""
    if spec.formula is not None or not spec.past:
        return 0
    return max((spec.period - s.every for s in inputs.values()), default=0)


def _together(parts: list[Ways], more: int) -> Ways:
    found: Ways = {}
    for ways in parts:
        for root, some in ways.items():
            later = frozenset((grain, wait + more) for grain, wait in some)
            found[root] = found.get(root, frozenset()) | later
    return found
