"""Kinds of alarms: what they come to, and what is wrong with them in words."""

from __future__ import annotations

from typing import Any

import pytest

from tocsin.config import from_data
from tocsin.model.errors import ConfigError

METRICS = [
    {"name": "hits", "type": "COUNT", "period": "10s", "group_by": "section"},
    {"name": "load", "type": "COUNT", "period": "15s"},
    {"name": "hosts", "type": "COUNT", "period": "10s", "group_by": "host"},
]
PLAIN = [
    {"name": "Busy {section}", "metric": "hits", "threshold": 1},
    {"name": "Load", "metric": "load", "threshold": 1},
    {"name": "Host", "metric": "hosts", "threshold": 1},
]


def made(**keys: Any) -> Any:  # noqa: ANN401
    """Return a configuration with an alarm over others."""
    alarm = {"name": "over", "kind": "composite", **keys}
    return from_data({"metrics": METRICS, "alarms": [alarm, *PLAIN]})


LIMITS = {
    "all": ({"alarms": ["Busy {section}", "Load"]}, 2.0),
    "any": ({"alarms": ["Busy {section}", "Load"], "of": "any"}, 1.0),
    "a number": ({"alarms": ["Busy {section}", "Load"], "of": 2}, 2.0),
    "a condition": ({"condition": '"Busy {section}" or Load'}, 1.0),
}


@pytest.mark.parametrize(("keys", "limit"), LIMITS.values(), ids=LIMITS)
def test_an_alarm_over_alarms_is_a_threshold(
    keys: dict[str, Any], limit: float
) -> None:
    config = made(**keys)
    alarm = config.alarms[0]
    counted = config.metric(alarm.metric)
    assert (alarm.operator, alarm.threshold) == (">=", limit)
    assert counted.input_metrics == ("Busy {section} (state)", "Load (state)")
    assert (counted.every, counted.hidden) == (30_000_000, True)
    assert config.key_fields(counted.name) == ("section",)


BUSY = "Busy {section}"
WRONG = {
    "an unknown kind": (
        {"kind": "wizard", "metric": "hits", "threshold": 1},
        "a kind of",
    ),
    "nothing to be over": ({}, "needs either 'alarms' or 'condition'"),
    "both": ({"alarms": [BUSY], "condition": "Load"}, "needs either"),
    "an unknown alarm": ({"alarms": ["Lode"]}, "did you mean 'Load'"),
    "an unknown alarm in a condition": ({"condition": "Lode"}, "did you mean 'Load'"),
    "no condition": ({"condition": "Load +"}, "condition"),
    "a condition on nothing": ({"condition": "1 = 1"}, "a condition on alarms"),
    "more than there are": ({"alarms": [BUSY], "of": 2}, "at most 1"),
    "none of them": ({"alarms": [BUSY], "of": 0}, "how many of them"),
    "a threshold": ({"alarms": [BUSY], "threshold": 1}, "means nothing"),
    "itself": ({"alarms": ["over"]}, "needs itself: over -> over"),
    "keys that do not meet": ({"alarms": [BUSY, "Host"]}, "must contain those"),
}


@pytest.mark.parametrize(("keys", "words"), WRONG.values(), ids=WRONG)
def test_what_is_wrong(keys: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        made(**keys)
    assert len(caught.value.problems) == 1
