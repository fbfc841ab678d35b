"""A real Alertmanager takes our alerts, by its API and by what it posts itself."""

import json
import os
import shutil
import socket
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.channels.servers import HERE, answer, web

from tocsin.channels.alertmanager import Alertmanager, labels_of, webhook_payload
from tocsin.model import samples
from tocsin.model.notification import Fate, Kind
from tocsin.model.secret import Secret

pytestmark = pytest.mark.integration

PROGRAM = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
PATIENCE = 60
CONFIG = """
route: {{receiver: hook, group_wait: 0s, group_interval: 1s, group_by: [alertname]}}
receivers: [{{name: hook, webhook_configs: [{{url: "{url}"}}]}}]
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture
def hook() -> Iterator[Any]:
    with web(answer(200)) as server:
        yield server


@pytest.fixture
def site(tmp_path: Path, hook: Any) -> Iterator[str]:  # noqa: ANN401
    """The address of an Alertmanager that posts to `hook`."""
    if PROGRAM is None:
        reason = "there is no Alertmanager (Debian: prometheus-alertmanager)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    (tmp_path / "config.yml").write_text(CONFIG.format(url=hook.url))
    port = free_port()
    arguments = [
        f"--config.file={tmp_path / 'config.yml'}",
        f"--storage.path={tmp_path / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    with subprocess.Popen(
        [PROGRAM, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            assert until(lambda: get(f"{url}/-/ready") is not None)
            yield url
        finally:
            process.terminate()


def until(true: Any) -> bool:  # noqa: ANN401
    waiting = threading.Event()
    for _ in range(PATIENCE * 10):
        if true():
            return True
        waiting.wait(0.1)
    return False


def get(url: str) -> Any:  # noqa: ANN401
    try:
        with urllib.request.urlopen(url, timeout=5) as answered:  # noqa: S310
            text = answered.read()
    except OSError:
        return None
    return json.loads(text) if text.startswith((b"[", b"{")) else text


def test_it_fires_there_once_and_recovers(site: str, hook: Any) -> None:  # noqa: ANN401
    at = int(subprocess.run(["date", "+%s"], capture_output=True, check=True).stdout)  # noqa: S607
    firing = replace(samples.firing(at), labels={"team name": "web", "1st": "x"})
    resolved = replace(firing, status="resolved", closed=at - 1)
    channel = Alertmanager("am", HERE, Secret(site))
    for _ in range(2):
        made = samples.notification(Kind.FIRING, firing, at=at)
        (found,) = channel.send(made, ("x",))
        assert found.fate is Fate.DELIVERED, found.detail

    (there,) = get(f"{site}/api/v2/alerts")
    assert there["status"]["state"] == "active"
    assert there["labels"] == labels_of(firing)
    assert there["annotations"]["summary"] == firing.text
    assert until(lambda: hook.requests)

    channel.send(samples.notification(Kind.RESOLVED, resolved, at=at), ("x",))
    assert until(lambda: get(f"{site}/api/v2/alerts") == [])
    assert until(lambda: json.loads(hook.requests[-1].body)["status"] == "resolved")

    # What it posts has the shape of what we post in its place.
    theirs = json.loads(hook.requests[0].body)
    ours = webhook_payload(samples.notification(Kind.FIRING, firing, at=at), "hook")
    assert theirs.keys() == ours.keys()
    assert theirs["alerts"][0].keys() == ours["alerts"][0].keys()
    assert theirs["alerts"][0]["labels"] == ours["alerts"][0]["labels"]
    assert theirs["commonLabels"] == ours["commonLabels"]
    assert theirs["version"] == ours["version"]


def test_it_takes_every_kind(site: str) -> None:
    channel = Alertmanager("am", HERE, Secret(site))
    for made in samples.all_kinds().values():
        (found,) = channel.send(made, ("x",))
        assert found.fate is Fate.DELIVERED, found.detail
