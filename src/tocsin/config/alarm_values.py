"""What the alarms of a configuration come to: frozen values, durations in microseconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from tocsin.config.known import Known

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tocsin.model.matchers import Matchers


class MessagesConfig(Struct, frozen=True, kw_only=True):
    """Templates (minijinja) of the printed messages; None is the built-in sentence."""

    alarm: str | None = None
    recovery: str | None = None


class RuleConfig(Struct, frozen=True, kw_only=True):
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


class OverrideConfig(Struct, frozen=True, kw_only=True):
    """The rules for the keys that match; none, if there is to be no alarm for them."""

    match: Matchers
    rules: tuple[RuleConfig, ...]


class SupportConfig(Struct, frozen=True, kw_only=True):
    """What the transitions of an alarm are supported by: so many lines of the log.

    `contributors` are the fields by which it is said whose events made a difference.
    """

    evidence: int = 0
    contributors: tuple[str, ...] = ()


class AlarmConfig(Known, frozen=True, kw_only=True):
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

    aside = frozenset(
        {
            "rules", "overrides", "new_key_delay", "expire",
            "no_data", "no_data_for", "no_data_level", "support",
        }
    )  # fmt: skip

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
    rules: tuple[RuleConfig, ...] = ()
    overrides: tuple[OverrideConfig, ...] = ()
    new_key_delay: int = 0
    expire: int = 0
    no_data: str = "keep"
    no_data_for: int = 0
    no_data_level: str = ""
    support: SupportConfig = SupportConfig()

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
        """Return what is given of the keys that the repr does not show, by name.

        Its support may change while it stands: it is not known by it.
        """
        return self.given(self.aside - {"support"})
