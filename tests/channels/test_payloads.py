"""What each channel sends, word for word, for every kind of message.

`python -m tests.channels.test_payloads` writes the expected files anew, to be read
before they are committed.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tocsin.channels.registry import BUILT_IN, make
from tocsin.config import from_data
from tocsin.model import samples, wire
from tocsin.model.protocols import Channel
from tocsin.views.notification_schema import notification_schema

GOLDEN = Path(__file__).parent / "golden"
CANARY = "canary-0123456789"
MINIMAL: Mapping[str, dict[str, Any]] = {
    "alertmanager": {"url": "https://alerts.example.org/base/"},
    "apprise": {"urls": [f"ntfy://{CANARY}@example.org/topic"]},
    "command": {"argv": ["send-it", "--now"], "environment": {"TOKEN": CANARY}},
    "email": {
        "from": "Tocsin <tocsin@example.org>", "to": ["ops@example.org"], "charts": False,
        "smtp": {"host": "mail.example.org", "user": "tocsin", "password": CANARY},
    },
    "file": {"path": "told.jsonl"},
    "opsgenie": {"api_key": CANARY, "tags": ["logs"]},
    "pagerduty": {"routing_key": CANARY},
    "slack": {"url": f"https://hooks.slack.com/services/{CANARY}"},
    "syslog": {"host": "log.example.org"},
    "teams": {"url": f"https://example.webhook.office.com/{CANARY}"},
    "telegram": {"token": CANARY, "chats": [-1001, "@ops"]},
    "webhook": {
        "url": f"https://hooks.example.org/{CANARY}?t={CANARY}", "secret": CANARY,
        "headers": {"Authorization": f"Bearer {CANARY}"},
    },
}  # fmt: skip
VARIANTS = {
    **{name: (name, options) for name, options in MINIMAL.items()},
    "webhook_alertmanager": (
        "webhook", {**MINIMAL["webhook"], "payload": "alertmanager"},
    ),
    "syslog_here": ("syslog", {}),
}  # fmt: skip


def channel(name: str) -> Channel:
    type_, options = VARIANTS[name]
    config = from_data({"channels": [{"name": name, "type": type_, **options}]})
    (made,) = config.channels
    return make(made.name, made.type, made.options, lambda: samples.AT)


def told(name: str) -> str:
    """All that a channel would send, kind by kind."""
    parts = [
        f"=== {what}\n{channel(name).preview(sample)}"
        for what, sample in samples.all_kinds(channel=name).items()
    ]
    return "\n\n".join(part.rstrip() for part in parts) + "\n"


def test_every_type_is_here() -> None:
    assert MINIMAL.keys() == BUILT_IN.keys()


@pytest.mark.parametrize("name", VARIANTS)
def test_what_is_sent_by(name: str) -> None:
    expected = (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")

    # A relative path starts from where the tests run.
    assert told(name).replace(str(Path.cwd()), ".") == expected


@pytest.mark.parametrize("name", VARIANTS)
def test_no_secret_is_shown_by(name: str) -> None:
    made = channel(name)
    sample = samples.all_kinds()["an alarm"]
    shown = [told(name), repr(made), str(made), repr(made.recipients(sample))]

    assert CANARY not in "".join(shown)


@pytest.mark.parametrize("name", samples.all_kinds())
def test_a_notification_keeps_to_its_published_schema(name: str) -> None:
    schema = notification_schema()
    Draft202012Validator.check_schema(schema)
    data = json.loads(json.dumps(wire.to_json(samples.all_kinds()[name])))

    Draft202012Validator(schema).validate(data)
    assert data.keys() == schema["properties"].keys()


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for each in VARIANTS:
        (GOLDEN / f"{each}.txt").write_text(told(each), encoding="utf-8")
