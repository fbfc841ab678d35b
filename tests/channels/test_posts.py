"""Channels and a real web server: what arrives, and that no secret comes back."""

import base64
import hashlib
import hmac
import json

import pytest
from tests.channels.servers import Told, answer, web
from tests.channels.test_payloads import CANARY, MINIMAL

from tocsin.channels.registry import make
from tocsin.config import from_data
from tocsin.model import samples, wire
from tocsin.model.errors import UsageError
from tocsin.model.notification import Fate, Kind
from tocsin.model.protocols import Channel

FIRING = samples.notification(Kind.FIRING, samples.firing())
RESOLVED = samples.notification(Kind.RESOLVED, samples.resolved())
NOW = 1_795_323_799.5
PATHS = {
    "alertmanager": "/canary-0123456789/api/v2/alerts",
    "opsgenie": "/canary-0123456789/v2/alerts",
    "pagerduty": "/canary-0123456789/v2/enqueue",
    "slack": "/canary-0123456789",
    "teams": "/canary-0123456789",
    "telegram": f"/canary-0123456789/bot{CANARY}/sendMessage",
    "webhook": "/canary-0123456789",
}


def to(server: Told, type_: str, **more: object) -> Channel:
    options = {
        **MINIMAL[type_],
        "url": f"http://127.0.0.1:{server.port}/{CANARY}",
        "allow": ["127.0.0.1"],
        **more,
    }
    (made,) = from_data(
        {"channels": [{"name": "c", "type": type_, **options}]}
    ).channels
    return make(made.name, made.type, made.options, lambda: NOW)


@pytest.mark.parametrize("type_", PATHS)
def test_it_arrives_where_it_should(type_: str) -> None:
    with web() as server:
        channel = to(server, type_)
        found = channel.send(FIRING, channel.recipients(FIRING))

    assert {one.fate for one in found} == {Fate.DELIVERED}
    assert server.requests[0].path == PATHS[type_]
    json.loads(server.requests[0].body)


@pytest.mark.parametrize("type_", PATHS)
def test_an_answer_that_repeats_the_request_shows_no_secret(type_: str) -> None:
    echo = f"no: {PATHS[type_]} {CANARY} Bearer {CANARY}".encode()
    with web(answer(500, echo)) as server:
        channel = to(server, type_)
        found = channel.send(FIRING, channel.recipients(FIRING))

    assert {one.fate for one in found} == {Fate.RETRY}
    assert found[0].detail.startswith("500 Internal Server Error: no:")
    assert CANARY not in repr(found)


def test_a_webhook_is_signed_by_the_standard() -> None:
    with web() as server:
        to(server, "webhook").send(FIRING, ("x",))
    (request,) = server.requests
    sent = {name.lower(): value for name, value in request.headers.items()}
    signed = f"{FIRING.key}.1795323799.".encode() + request.body
    made = hmac.new(CANARY.encode(), signed, hashlib.sha256).digest()

    assert sent["webhook-id"] == sent["idempotency-key"] == FIRING.key
    assert sent["webhook-timestamp"] == "1795323799"
    assert sent["webhook-signature"] == f"v1,{base64.b64encode(made).decode()}"
    assert sent["authorization"] == f"Bearer {CANARY}"
    assert wire.from_json(json.loads(request.body)) == FIRING


def test_a_secret_of_the_standard_is_base64() -> None:
    with web() as server:
        to(server, "webhook", secret="whsec_Y2FuYXJ5").send(FIRING, ("x",))  # noqa: S106
    (request,) = server.requests
    signed = f"{FIRING.key}.1795323799.".encode() + request.body
    made = hmac.new(b"canary", signed, hashlib.sha256).digest()

    said = {name.lower(): value for name, value in request.headers.items()}
    assert said["webhook-signature"] == f"v1,{base64.b64encode(made).decode()}"


def test_a_webhook_says_what_its_template_says() -> None:
    template = '{"text": {{ title }}, "n": {{ alert.count }}}'
    with web() as server:
        to(server, "webhook", templates={"json": template}).send(FIRING, ("x",))

    assert json.loads(server.requests[0].body) == {
        "text": "[CRITICAL] High traffic (section=/section)", "n": 1206,
    }  # fmt: skip


def test_telegram_tells_each_chat_and_says_when_to_come_again() -> None:
    later = b'{"ok": false, "parameters": {"retry_after": 14}}'
    with web(answer(200), answer(429, later)) as server:
        channel = to(server, "telegram")
        one, two = channel.send(FIRING, channel.recipients(FIRING))

    assert (one.recipient, one.fate) == ("-1001", Fate.DELIVERED)
    assert (two.recipient, two.fate, two.after) == ("@ops", Fate.RETRY, 14.0)


@pytest.mark.parametrize("type_", ["pagerduty", "opsgenie"])
def test_a_recovery_ends_what_its_alarm_began(type_: str) -> None:
    with web() as server:
        channel = to(server, type_)
        channel.send(FIRING, ("x",))
        channel.send(RESOLVED, ("x",))
    first, second = (json.loads(request.body) for request in server.requests)

    if type_ == "pagerduty":
        assert (first["event_action"], second["event_action"]) == ("trigger", "resolve")
        assert first["dedup_key"] == second["dedup_key"]
    else:
        way = f"/{CANARY}/v2/alerts/{first['alias']}/close?identifierType=alias"
        assert server.requests[1].path == way


# It asks for a module of the standard library that goes.
apprise_works = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@apprise_works
def test_apprise_sends_by_its_own_means() -> None:
    with web() as server:
        url = f"json://127.0.0.1:{server.port}/{CANARY}"
        (made,) = from_data(
            {"channels": [{"name": "a", "type": "apprise", "urls": [url]}]}
        ).channels
        channel = make(made.name, made.type, made.options, lambda: NOW)
        (found,) = channel.send(FIRING, channel.recipients(FIRING))

    assert (found.recipient, found.fate) == ("1 (json)", Fate.DELIVERED)
    assert json.loads(server.requests[0].body)["title"].startswith("[CRITICAL]")


@apprise_works
def test_what_apprise_does_not_know_is_refused(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    config = from_data(
        {"channels": [{"name": "a", "type": "apprise", "urls": [f"nosuch://{CANARY}"]}]}
    )
    (made,) = config.channels
    channel = make(made.name, made.type, made.options, lambda: NOW)
    (found,) = channel.send(FIRING, channel.recipients(FIRING))
    assert found.fate is Fate.REFUSED
    assert CANARY not in repr(found) + caplog.text

    monkeypatch.setitem(__import__("sys").modules, "apprise", None)
    (found,) = channel.send(FIRING, channel.recipients(FIRING))
    assert found.detail == "the library is not installed: pip install 'tocsin[notify]'"


class Halfway:
    """What a plugin must not be: it offers only half of a channel."""

    def recipients(self, _notification: object) -> tuple[str, ...]:
        return ()


@pytest.mark.parametrize(
    ("type_", "said"),
    [
        ("no-such", "cannot be loaded"),
        ("tests.channels.test_posts.Halfway", "has no preview"),
        ("webhook", "cannot be made: TypeError"),
    ],
)
def test_what_is_no_channel_is_a_letter(type_: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        make("c", type_, {"nonsense": 1}, lambda: NOW)
