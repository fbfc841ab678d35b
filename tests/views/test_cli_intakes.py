"""What the commands say of sources that are no files."""

from pathlib import Path

import pytest

from tocsin.views.cli import run

SOURCES = """
sources:
  - {name: out, command: [no-such-program], format: syslog}
  - {name: hosts, listen: "udp://127.0.0.1:5514"}
metrics: [{name: hits, source: hosts, type: COUNT, period: 10s}]
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "tocsin.yaml"
    path.write_text(SOURCES, encoding="utf-8")
    return path


def test_check_warns_of_a_program_that_is_not_here(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["check", str(config)]) == 0
    said = capsys.readouterr()
    assert "fine (2 sources, 1 metric)" in said.out
    assert "source 'out': there is no program 'no-such-program'" in said.err


def test_replay_has_nothing_to_read_without_files(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["replay", "-c", str(config)]) == 2
    said = capsys.readouterr().err
    assert "which logs? no source of the configuration is in files" in said
    assert "tocsin replay -c FILE --source out LOG" in said


def test_replay_reads_a_log_as_one_of_them(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "hosts.log"
    log.write_bytes(b"<14>2026-01-01T00:00:00Z h app: hello\n" * 3)
    assert run(["replay", "-c", str(config), "--source", "hosts", str(log)]) == 0
    assert "lines     3 = 3 events" in capsys.readouterr().out
