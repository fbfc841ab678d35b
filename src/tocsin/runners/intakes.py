"""Streams that take their lines in by themselves: opened, and how far they are saved."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tocsin.config.intake_values import CommandConfig
from tocsin.sources import FollowReader

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tocsin.config.intake_values import IntakeConfig
    from tocsin.runners.clock import Clock
    from tocsin.runners.keeping import Keeper
    from tocsin.runners.stream import Stream
    from tocsin.sources import Intake

_VERSION = 1
_KIND = "count"


def open_intake(config: IntakeConfig, clock: Clock, *, at: int = 0) -> Intake:
    """Return what takes lines in; its positions go on from `at`.

    Raises:
        SourceError: A port cannot be had.
    """
    if isinstance(config, CommandConfig):
        from tocsin.runners.commanding import Commanding  # noqa: PLC0415 - if needed

        return Commanding(config, clock, at=at)
    if config.pushed:
        from tocsin.runners.pushing import Pushing  # noqa: PLC0415 - if needed

        return Pushing(config, at=at)
    from tocsin.runners.listening import Listening  # noqa: PLC0415 - if needed

    return Listening(config, clock, at=at)


def standing(stream: Stream) -> str:
    """Return where a stream's reader stands, as JSON; "" if nothing is kept of it."""
    if isinstance(stream.live, FollowReader):
        return stream.live.bookmark.to_json()
    if stream.intake is not None:
        at = stream.intake.at
        return json.dumps({"version": _VERSION, "kind": _KIND, "at": at})
    return ""


def counted(bookmark: Mapping[str, Any]) -> int | None:
    """Return the position of a stream that is only counted; None of a file's."""
    return int(bookmark["at"]) if bookmark.get("kind") == _KIND else None


def confirm(stream: Stream, keeper: Keeper | None) -> None:
    """Tell who takes lines in how much of them is saved: what is absorbed, without a store."""
    if stream.intake is None:
        return
    mark = stream.mark if keeper is None else keeper.confirmed(stream.name)
    if mark:
        stream.intake.confirm(int(json.loads(mark)["at"]))
