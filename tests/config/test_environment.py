"""`${NAME}` in values, and secrets that are never shown."""

import copy
import json
from pathlib import Path

import pytest

from tocsin.config import Secret, load, parse
from tocsin.config.document import Document, Spot
from tocsin.config.environment import substitute
from tocsin.config.problems import Problems
from tocsin.model.errors import ConfigError

ENVIRON = {"HOST": "web-1", "EMPTY": "", "LIMIT": "25", "PERIOD": "2m"}
CASES = {
    "a name": ("${HOST}", "web-1"),
    "a name inside": ("/var/${HOST}/x", "/var/web-1/x"),
    "two names": ("${HOST}${LIMIT}", "web-125"),
    "a default that is not needed": ("${HOST:-x}", "web-1"),
    "a default": ("${NOPE:-x y}", "x y"),
    "an empty default": ("${NOPE:-}", ""),
    "a default stands in for nothing": ("${EMPTY:-x}", "x"),
    "an empty name": ("a${EMPTY}b", "ab"),
    "an escape": ("$${HOST}", "${HOST}"),
    "a dollar": ("^a$", "^a$"),
    "a count in a pattern": ("a${2}", "a${2}"),
    "no braces": ("$HOST", "$HOST"),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_substitution(text: str, expected: str) -> None:
    problems = Problems(Document("f", {}, Spot(1, 1)))

    assert substitute({"a": [text]}, ENVIRON, problems) == {"a": [expected]}
    assert len(problems) == 0


def test_numbers_and_durations_may_come_from_the_environment() -> None:
    config = parse(
        "metrics: [{name: m, type: COUNT, period: '${PERIOD}', limit: '${LIMIT}'}]\n"
        "alarms: [{name: a, metric: m, threshold: '${LIMIT}.5'}]",
        environ=ENVIRON,
    )

    assert (config.metrics[0].period, config.metrics[0].limit) == (120_000_000, 25)
    assert config.alarms[0].threshold == 25.5


def test_keys_and_sections_of_the_user_are_left_alone() -> None:
    assert parse("x-mine: '${NO_SUCH_NAME}'", environ={}) == parse("")


def test_a_value_from_the_environment_is_never_shown() -> None:
    with pytest.raises(ConfigError) as caught:
        parse("report: {every: '${WORD}'}", environ={"WORD": "hunter2"})

    assert "hunter2" not in str(caught.value)
    assert "${WORD}" in str(caught.value)


def test_a_secret_shows_itself_to_nobody() -> None:
    secret = Secret("hunter2")

    shown = [str(secret), repr(secret), f"{secret}", f"{[secret]}"]
    shown.append(json.dumps({"a": secret}, default=str))

    assert not any("hunter2" in text for text in shown)
    assert secret.reveal() == "hunter2"
    assert copy.deepcopy(secret) == secret != Secret("other")


def test_a_secret_in_a_file_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("hunter2\n", encoding="utf-8")
    written = tmp_path / "tocsin.yaml"
    written.write_text(
        "rawLogConsumers:\n"
        "- name: a\n  type: tests.config.takers.Taker\n  period: 10s\n"
        "  options: {token: 'file:token', n: 5}\n",
        encoding="utf-8",
    )

    config = load(written)

    assert config.raw_log_consumers[0].options == {"token": Secret("hunter2"), "n": 5}
    assert "hunter2" not in repr(config)


def test_bytes_of_the_environment_that_are_no_text_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"messages.alarm: expected text in UTF-8"):
        parse("messages: {alarm: 'a ${RAW}'}", environ={"RAW": "\udc80"})
