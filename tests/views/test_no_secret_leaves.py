"""X10: what is secret in a configuration stands in nothing that a daemon writes or says."""

from __future__ import annotations

import json
import select
import signal
import urllib.request
from typing import TYPE_CHECKING, Any

from tests.channels.servers import answer, web
from tests.channels.test_payloads import CANARY, MINIMAL
from tests.channels.test_posts import PATHS
from tests.program import PATIENCE, ran, started
from tests.runners.world import T0, append, line

from tocsin.model.instant import SECOND
from tocsin.runners.clock import SystemClock
from tocsin.state.opening import open_folder
from tocsin.views.door import Door

if TYPE_CHECKING:
    from pathlib import Path

    from tests.channels.servers import Told

LOOKS = 2400


def rules(folder: Path, port: int) -> dict[str, object]:
    """Return a configuration whose channels all have secrets, and all fail."""
    here = {"url": f"http://127.0.0.1:{port}/{CANARY}", "allow": ["127.0.0.1"]}
    smtp = {"host": "127.0.0.1", "port": 9, "user": "me", "password": CANARY}
    more: dict[str, dict[str, Any]] = {
        **dict.fromkeys(PATHS, here),
        "email": {"smtp": smtp},
        "command": {"argv": ["false"]},
        "apprise": {"urls": [f"json://me:{CANARY}@127.0.0.1:{port}/{CANARY}"]},
    }
    channels = [
        {"name": type_, "type": type_, **MINIMAL[type_], **options}
        for type_, options in more.items()
    ]
    return {
        "sources": [{"name": "web", "path": f"{folder}/*.log", "format": "common"}],
        "metrics": [{"name": "hits", "type": "COUNT", "period": "10m", "every": "1s"}],
        "alarms": [{"name": "busy", "metric": "hits", "threshold": 5}],
        "channels": channels,
        "routes": [{"channels": [*more], "group_wait": "0s"}],
    }


def test_nothing_that_is_said_or_saved_holds_a_secret(tmp_path: Path) -> None:
    echo = f"no: {CANARY} Bearer {CANARY}".encode()
    with web(answer(500, echo)) as server:
        config, state = tmp_path / "tocsin.json", tmp_path / "state"
        config.write_text(json.dumps(rules(tmp_path, server.port)))
        now = SystemClock().now() / SECOND - T0
        append(tmp_path / "web.log", line(now) * 9)
        with started(
            "run", "-c", config, "--state", state, "--listen", "127.0.0.1:0",
            "--workers", "1", "--verbose",
        ) as process:  # fmt: skip
            wait_for(server, len(PATHS) + 1)
            door = Door.of(state)
            url = door.url + "/readyz"
            with urllib.request.urlopen(url, timeout=PATIENCE) as ready:  # noqa: S310
                said = (
                    ready.read()
                    + json.dumps(door.ask("GET", "/api/incidents/1")).encode()
                )
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=PATIENCE)

    assert process.returncode == 0, err
    attempted = tried(state)
    assert set(attempted) == {*PATHS, "email", "command", "apprise"}
    assert all(attempted.values())
    shown = [ran("check", config), ran("state", "show", "--state", state)]
    assert [done.returncode for done in shown] == [0, 0]
    said += out + err + "".join(d.stdout + d.stderr for d in shown).encode()
    said += b"".join(file.read_bytes() for file in state.iterdir())
    assert b"busy" in said
    assert CANARY.encode() not in said


def wait_for(server: Told, requests: int) -> None:
    for _ in range(LOOKS):
        if len(server.requests) >= requests:
            return
        select.select([], [], [], 0.05)
    raise AssertionError(f"only {len(server.requests)} requests came")


def tried(state: Path) -> dict[str, bool]:
    """Return for each channel whether what became of its message is saved."""
    store = open_folder(state, program="test", now=0, make=False)
    try:
        return {r.channel: bool(r.attempts) for r in store.outbox() if r.incident}
    finally:
        store.close()
