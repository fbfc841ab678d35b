"""What can go wrong, by whose hand it is mended.

    TocsinError
    ├── ConfigError     the user's: one or more `Problem`s of a configuration (exit 2)
    ├── UsageError      the user's: a command called in a way that cannot work (exit 2)
    ├── SourceError     the world's: an input cannot be read (exit 5)
    ├── StateError      the world's: what was saved cannot be read again (exit 3)
    │   ├── StateDamaged     it was read, and is not what was written
    │   ├── StateMissing     it is not where it has been
    │   ├── StateLocked      another process has it open (exit 4)
    │   └── StateUnwritable  a commit did not happen; it may be tried again (exit 5)
    │       └── StateFull    ... because there is no room
    └── DeliveryError   the world's: a channel did not take a notification

Anything else is ours: it crashes, with a traceback.
"""

from collections.abc import Sequence
from dataclasses import dataclass


class TocsinError(Exception):
    """An error that is a letter to the user: its text is shown without a traceback."""


@dataclass(frozen=True, slots=True)  # a struct would have --help load msgspec
class Problem:
    """One problem of a configuration: place, wish, found, remedy.

    `place` is `file:line` (or `file`), `path` the key as the user writes it, such as
    `alarms[2].for`; `message` says what was expected and what was found.
    """

    place: str
    path: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        where = f"{self.place}: {self.path}: " if self.path else f"{self.place}: "
        hint = f"\n  hint: {self.hint}" if self.hint else ""
        return f"{where}{self.message}{hint}"


class ConfigError(TocsinError):
    """All the problems of one configuration, reported together."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class UsageError(TocsinError):
    """A command was asked for something that cannot work."""


class SourceError(TocsinError):
    """An input cannot be read."""


class StateError(TocsinError):
    """What was saved cannot be read again."""


class StateDamaged(StateError):  # noqa: N818 - it says what happened
    """What was saved has changed since: a disk, a copy or a hand has damaged it."""


class StateMissing(StateError):  # noqa: N818 - it says what happened
    """There is no state where there has been one."""


class StateLocked(StateError):  # noqa: N818 - it says what happened
    """Another process holds the state: `pid`, if it could be read."""

    def __init__(self, message: str, pid: int | None = None) -> None:
        self.pid = pid
        super().__init__(message)


class StateUnwritable(StateError):  # noqa: N818 - it says what happened
    """A commit did not happen, and nothing of it was saved: it may be tried again."""


class StateFull(StateUnwritable):
    """A commit did not happen, because there is no room for it."""


class DeliveryError(TocsinError):
    """A channel did not take a notification; `retry_after` (seconds) if it may later."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(message)
