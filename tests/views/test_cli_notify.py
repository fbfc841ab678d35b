"""`tocsin notify-test`: what somebody sees who tries out a channel."""

import json
from pathlib import Path

import pytest
from tests.program import ran

RULES = """
metrics: [{name: hits, type: COUNT, period: 1m, group_by: [section]}]
alarms:
  - {name: busy, metric: hits, threshold: 1, labels: {team: web}}
  - {name: idle, metric: hits, operator: "<", threshold: 1, labels: {team: base, site: b}}
channels:
  - {name: audit, type: file, path: told.jsonl}
  - name: mail
    type: email
    from: tocsin@example.org
    to: ["{{ labels.team }}@example.org", "{{ labels.site }}@example.org"]
    to_allow: ["*@example.org"]
    smtp: {host: 127.0.0.1, port: 1, tls: none, user: me, password: canary-password}
  - {name: hook, type: webhook, url: "http://127.0.0.1:1/canary-path?token=canary-token",
     allow: [127.0.0.1], secret: canary-secret, headers: {X-Key: canary-header}}
  - {name: inside, type: webhook, url: "http://2130706433/"}
masking: {rules: [{pattern: "help", replace: "[hidden]"}]}
"""


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    (tmp_path / "tocsin.yaml").write_text(RULES)
    return tmp_path / "tocsin.yaml"


def test_both_samples_arrive(rules: Path) -> None:
    told = ran("notify-test", "audit", "-c", rules)
    assert told.returncode == 0
    said = [line.split()[2] for line in told.stdout.splitlines()]
    assert said == ["delivered:", "delivered:"]
    lines = rules.with_name("told.jsonl").read_text().splitlines()
    first, second = map(json.loads, lines)
    assert (first["kind"], second["kind"]) == ("firing", "resolved")
    assert second["answers"] == first["key"]
    assert first["alerts"][0]["labels"]["team"] == "web"
    assert "/api/[hidden]" in lines[0], "masked by the rules of the configuration"


def test_a_dry_run_sends_nothing(rules: Path) -> None:
    told = ran("notify-test", "audit", "--dry-run", "-c", rules)
    assert told.returncode == 0
    assert "--- firing" in told.stdout
    assert "--- resolved" in told.stdout
    assert not rules.with_name("told.jsonl").exists()


def test_addresses_that_labels_make_are_made_of_the_labels_of_alarms(
    rules: Path,
) -> None:
    told = ran("notify-test", "mail", "-c", rules)
    assert told.returncode == 1
    assert {line.split()[1] for line in told.stdout.splitlines()} == {
        "web@example.org:", "b@example.org:",
    }  # fmt: skip


@pytest.mark.parametrize("channel", ["mail", "hook"])
@pytest.mark.parametrize("more", [[], ["--dry-run"]], ids=["sent", "dry"])
def test_no_secret_is_ever_shown(rules: Path, channel: str, more: list[str]) -> None:
    told = ran("notify-test", channel, "-c", rules, *more)
    assert told.stdout
    assert "canary" not in told.stdout + told.stderr


def test_an_address_of_our_own_network_is_refused_however_it_is_written(
    rules: Path,
) -> None:
    told = ran("notify-test", "inside", "-c", rules)
    assert told.returncode == 1
    assert (
        "refused: 2130706433 is at 127.0.0.1, which is no public address" in told.stdout
    )


def test_a_channel_that_is_not_there_is_asked_for_by_a_better_name(rules: Path) -> None:
    told = ran("notify-test", "audits", "-c", rules)
    assert told.returncode == 2
    assert "did you mean 'audit'?" in told.stderr
