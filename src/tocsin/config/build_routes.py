"""The tree of routes: what each has from its parent, and an id that stays."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from msgspec.structs import replace

from tocsin.config.notify_labels import check_match, check_names
from tocsin.config.notify_values import RouteConfig
from tocsin.model.matchers import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tocsin.config.document import Path
    from tocsin.config.notify_labels import Known
    from tocsin.config.notify_models import RoutePart
    from tocsin.config.problems import Problems

_ROOT = RouteConfig(id="")
_EVERY_LABEL = "..."
_INHERITED = {
    "channels", "group_by", "group_wait", "group_interval", "repeat_interval",
    "repeat_backoff", "repeat_cap", "active", "mute",
}  # fmt: skip


def build_routes(
    parts: Sequence[tuple[Path, RoutePart]], known: Known, problems: Problems
) -> tuple[RouteConfig, ...]:
    """Return the routes of a list, with their children."""
    return _Tree(known, problems).siblings(parts, _ROOT)


class _Tree:
    def __init__(self, known: Known, problems: Problems) -> None:
        self.known = known
        self.problems = problems

    def siblings(
        self, parts: Sequence[tuple[Path, RoutePart]], parent: RouteConfig
    ) -> tuple[RouteConfig, ...]:
        found: list[RouteConfig] = []
        taken: Counter[str] = Counter()
        takes_all: Path | None = None
        for path, part in parts:
            if takes_all is not None:
                self._unreachable(path, takes_all)
            elif not part.match and not part.continue_:
                takes_all = path
            name = f"{parent.id}/{part.name or shown(part.match)}"
            taken[name] += 1
            again = f"#{taken[name]}" if taken[name] > 1 else ""
            found.append(self._route(part, path, f"{name}{again}", parent))
        return tuple(found)

    def _unreachable(self, path: Path, takes_all: Path) -> None:
        by = self.problems.document.shown(takes_all)
        hint = f"add continue: true to {by}, or put that last"
        self.problems.add(path, f"no alarm gets here: {by} takes all", hint)

    def _route(
        self, part: RoutePart, path: Path, id_: str, parent: RouteConfig
    ) -> RouteConfig:
        self._check(part, path)
        if part.channels is None and parent is _ROOT:
            hint = "add channels: [...], or channels: [] to tell nobody"
            self.problems.miss(path, "channels", hint)
        own = part.model_dump(include=_INHERITED, exclude_none=True)
        mine = replace(
            parent, id=id_, match=part.match, goes_on=part.continue_, routes=(), **own
        )
        children = [((*path, "routes", n), one) for n, one in enumerate(part.routes)]
        return replace(mine, routes=self.siblings(children, mine))

    def _check(self, part: RoutePart, path: Path) -> None:
        known, problems = self.known, self.problems
        check_match(part.match, (*path, "match"), known.labels, problems)
        labels = [name for name in part.group_by or () if name != _EVERY_LABEL]
        check_names(labels, (*path, "group_by"), known.labels, "labels", problems)
        for key, names, there, what in (
            ("channels", part.channels, known.channels, "channels"),
            ("active", part.active, known.schedules, "schedules"),
            ("mute", part.mute, known.schedules, "schedules"),
        ):
            check_names(names or (), (*path, key), there, what, problems)
