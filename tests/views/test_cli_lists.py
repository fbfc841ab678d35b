"""What the program can list: formats and schemas."""

import json

import pytest

from tocsin.views.cli import run


def test_every_format_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["formats"]) == 0
    lines = capsys.readouterr().out.splitlines()
    listed = {line.split()[0] for line in lines if line}
    assert listed >= {"auto", "combined", "common", "csv", "json", "logfmt"}


@pytest.mark.parametrize("what", [[], ["config"], ["output"]])
def test_a_schema_is_json(what: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema", *what]) == 0
    assert "$schema" in json.loads(capsys.readouterr().out)
