"""The section `state`: where a run is remembered, and for how long."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tocsin.config.durations import DurationError, as_text, duration
from tocsin.config.state_values import RetentionConfig, StateConfig

if TYPE_CHECKING:
    from tocsin.config.document import Path as Way
    from tocsin.config.problems import Problems
    from tocsin.config.state_models import StatePart


def build_state(
    part: StatePart | None, way: Way, problems: Problems, base: Path | None
) -> StateConfig:
    """Return the values of the section; a relative folder starts from `base`."""
    if part is None:
        return StateConfig()
    kept = part.retention
    points = _datapoints(kept.datapoints, (*way, "retention", "datapoints"), problems)
    folder = None if part.folder is None else (base or Path()) / part.folder
    return StateConfig(
        folder=folder,
        retention=RetentionConfig(
            incidents=kept.incidents,
            notifications=kept.notifications,
            datapoints=points,
        ),
    )


def _datapoints(given: dict[str, int], way: Way, problems: Problems) -> dict[int, int]:
    """Return how long datapoints are kept at each resolution, from fine to coarse."""
    found: dict[int, tuple[str, int]] = {}
    for text, keep in given.items():
        step = _step(text, (*way, text), problems)
        if step is not None:
            found[step] = (text, keep)
    steps = sorted(found)
    for finer, step in pairwise(steps):
        text, keep = found[step]
        if step % finer:
            hint = f"such as {as_text(2 * finer)}"
            problems.expected(
                (*way, text), f"a multiple of {as_text(finer)}", text, hint
            )
        if keep <= found[finer][1]:
            wanted = f"longer than {as_text(found[finer][1])}, which is finer"
            problems.expected((*way, text), wanted, as_text(keep))
    return {step: found[step][1] for step in steps}


def _step(text: str, way: Way, problems: Problems) -> int | None:
    try:
        step: Any = duration(text)
    except DurationError as error:
        problems.expected(way, error.wanted, text, error.hint)
        return None
    if step % 1_000_000:
        problems.expected(way, "a resolution of whole seconds", text)
        return None
    return int(step)
