"""How alarms stand, as a screen is shown it: each state in its turn."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from msgspec.structs import replace
from tests.runners.world import World, lines, rules

from tocsin.config.alarm_values import RuleConfig
from tocsin.model.instant import SECOND
from tocsin.model.records import Transition

if TYPE_CHECKING:
    from pathlib import Path

    from tocsin.config.values import Config


def patient() -> Config:
    """Return an alarm that rings and recovers only after five seconds."""
    config = rules(threshold=1.0, window=2)
    (alarm,) = config.alarms
    slow = RuleConfig(
        level="critical",
        threshold=1.0,
        recovery_threshold=1.0,
        for_=5 * SECOND,
        keep_firing_for=5 * SECOND,
    )
    return replace(config, alarms=(replace(alarm, rules=(slow,)),))


def stood(world: World) -> list[str]:
    """Return the states that were shown, each once for as long as it lasted."""
    shown = [a.state for status in world.view.statuses for a in status.alarms]
    return [state for state, _ in groupby(shown)]


def test_an_alarm_goes_through_all_states_and_only_some_are_said(
    tmp_path: Path,
) -> None:
    log = tmp_path / "access.log"
    log.write_bytes(lines([0]))
    world = World(patient(), began=1).files(log)
    for second in range(10, 20):
        world.write(second, log, lines([second] * 5))
    world.until(45)
    assert stood(world) == ["ok", "pending", "firing", "recovering", "ok"]
    assert [t.to_state for t in world.view.of(Transition)] == ["firing", "ok"]


def test_a_breach_that_is_short_was_pending_and_nothing_is_said(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_bytes(lines([0]))
    world = World(patient(), began=1).files(log)
    world.write(10, log, lines([10] * 5))
    world.until(30)
    assert stood(world) == ["ok", "pending", "ok"]
    assert world.view.of(Transition) == []


def test_what_fires_is_shown_with_the_threshold_of_its_level(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_bytes(lines([0]))
    config = rules(threshold=1.0, window=2)
    (alarm,) = config.alarms
    mild = RuleConfig(level="warning", threshold=1.0, recovery_threshold=1.0)
    grave = RuleConfig(level="critical", threshold=90.0, recovery_threshold=90.0)
    levelled = replace(alarm, rules=(mild, grave))
    world = World(replace(config, alarms=(levelled,)), began=1).files(log)
    for second in range(10, 20):
        world.write(second, log, lines([second] * 5))
    world.until(45)
    shown = [a for status in world.view.statuses for a in status.alarms]
    assert {a.threshold for a in shown if a.level == "warning"} == {1.0}


def test_an_alarm_is_in_error_while_its_source_cannot_be_read(tmp_path: Path) -> None:
    """A folder has taken the place of the file; then the file is back."""
    log, away = tmp_path / "access.log", tmp_path / "away"
    log.write_bytes(lines([0]))
    world = World(patient(), began=1).files(log)

    def lose() -> None:
        log.rename(away)
        log.mkdir()

    def find() -> None:
        log.rmdir()
        away.rename(log)

    world.clock.at(10, lose)
    world.clock.at(20, find)
    world.until(40)
    assert stood(world) == ["ok", "error", "ok"]
    assert world.view.of(Transition) == []
