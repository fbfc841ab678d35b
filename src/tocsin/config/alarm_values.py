"""What the alarms of a configuration come to: frozen values, durations in microseconds."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tocsin.model.matchers import Matchers


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagesConfig:
    """Templates (minijinja) of the printed messages; None is the built-in sentence."""

    alarm: str | None = None
    recovery: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleConfig:
    """When an alarm is at one level.

    It is from the point at which the condition has held at `data_points_alarm` points
    in a row, and for `for_`; until that of recovery has held at `data_points_recovery`,
    and for `keep_firing_for`. Points of fewer than `min_samples` events have no value.
    """

    level: str
    threshold: float
    recovery_threshold: float
    data_points_alarm: int = 1
    data_points_recovery: int = 1
    for_: int = 0
    keep_firing_for: int = 0
    min_samples: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideConfig:
    """The rules for the keys that match; none, if there is to be no alarm for them."""

    match: Matchers
    rules: tuple[RuleConfig, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SupportConfig:
    """What the transitions of an alarm are supported by: so many lines of the log.

    `contributors` are the fields by which it is said whose events made a difference.
    """

    evidence: int = 0
    contributors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmConfig:
    """A threshold with memory.

    In alarm after `data_points_alarm` consecutive points where `value operator
    threshold` holds; recovered after `data_points_recovery` consecutive points where
    `value recovery_operator recovery_threshold` holds. Both can never hold at once.

    With `rules`, these say so for each level, and the former is that of the worst.
    `overrides` have other rules for some keys: the first that matches. A key that is
    new is not judged for `new_key_delay`, one without events for `expire` is over.
    `no_data` says what points without a value mean that come for `no_data_for`: keep
    (nothing), ok (it is over), show (a state), alarm (a state that is an incident, of
    `no_data_level`).
    """

    name: str
    metric: str
    threshold: float
    operator: str = ">"
    recovery_operator: str = "<="
    recovery_threshold: float
    data_points_alarm: int = 1
    data_points_recovery: int = 1
    level: str = "critical"
    messages: MessagesConfig = MessagesConfig()
    labels: Mapping[str, str] = field(default_factory=dict)
    runbook: str = ""
    # What follows is told by `added`, so that the prints of plain alarms, which saved
    # states are known by, stay what they were.
    rules: tuple[RuleConfig, ...] = field(default=(), repr=False)
    overrides: tuple[OverrideConfig, ...] = field(default=(), repr=False)
    new_key_delay: int = field(default=0, repr=False)
    expire: int = field(default=0, repr=False)
    no_data: str = field(default="keep", repr=False)
    no_data_for: int = field(default=0, repr=False)
    no_data_level: str = field(default="", repr=False)
    # By its factory it is no default: so `added` leaves out what is no part of what an
    # alarm is known by, and may change while it stands.
    support: SupportConfig = field(default_factory=SupportConfig, repr=False)

    @property
    def levels(self) -> tuple[RuleConfig, ...]:
        """When the alarm is at each of its levels, from the least to the worst."""
        return self.rules or (
            RuleConfig(
                level=self.level,
                threshold=self.threshold,
                recovery_threshold=self.recovery_threshold,
                data_points_alarm=self.data_points_alarm,
                data_points_recovery=self.data_points_recovery,
            ),
        )

    def added(self) -> tuple[tuple[str, object], ...]:
        """Return what is given of the keys that the repr does not show, by name."""
        hidden = [f for f in fields(self) if not f.repr and f.default is not MISSING]
        given = ((f.name, getattr(self, f.name), f.default) for f in hidden)
        return tuple((name, value) for name, value, plain in given if value != plain)
