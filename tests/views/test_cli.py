"""What a person types, and what the program answers: with a letter, never a traceback."""

import json
import os
import re
import signal
import socket
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.runners.world import lines

from tocsin.model.errors import StateError
from tocsin.native.library import library
from tocsin.views import cli
from tocsin.views.cli import COMMANDS, run
from tocsin.views.cli_options import stopping

RULES = (
    '{"metrics": [{"name": "hits", "period": "PT10S", "type": "COUNT"}],\n'
    ' "alarms": [{"name": "busy", "metric": "hits", "threshold": 5}]}\n'
)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a quiet log, a busy one, rules, and all that can be wrong."""
    monkeypatch.chdir(tmp_path)
    Path("quiet.log").write_bytes(lines(range(60)))
    Path("busy.log").write_bytes(lines(n / 50 for n in range(2000)))
    Path("rules.json").write_text(RULES)
    Path("two.json").write_text(
        '{"sources": [{"name": "a", "path": "quiet.log"},'
        ' {"name": "b", "path": "busy.log"}],'
        ' "metrics": [{"name": "hits", "source": "a", "type": "COUNT", "period": "10s"}]}'
    )
    Path("own.json").write_text(
        '{"sources": [{"name": "a", "path": "busy.log"}],'
        ' "metrics": [{"name": "hits", "source": "a", "type": "COUNT", "period": "10s"}],'
        ' "alarms": [{"name": "busy", "metric": "hits", "threshold": 5}]}'
    )
    Path("wrong.json").write_text(
        '{"metrics": [{"name": "hits", "perod": "PT1M", "type": "CUONT"}],\n'
        ' "alarms": [{"name": "busy", "metric": "hist", "threshold": "x"}]}\n'
    )
    Path("broken.json").write_text('{"metrics": [\n')
    Path("where.yaml").write_text(
        "sources: [{name: a, path: busy.log, format: common}]\n"
        "metrics: [{name: e, source: a, type: COUNT, period: 10s, where: stats >= 500}]\n"
    )
    Path("binary").write_bytes(bytes(range(256)) * 10)
    Path("packed").write_bytes(b"\x1f\x8b\x08\0" + bytes(range(256)))
    Path("old.log.zip").write_bytes(b"PK")
    Path("prose.txt").write_text("It was a dark and stormy night.\n" * 3)
    Path("folder").mkdir()
    with socket.socket(socket.AF_UNIX) as door:
        door.bind("socket")
    return tmp_path


MISTAKES = {
    "a file that is missing": ("watch --no-follow gone.log", 5, ["gone.log: there is no"]),
    "one of several files is missing": (
        "watch --no-follow busy.log gone.log", 5, ["gone.log: there is no such file"]),
    "an empty folder": ("watch folder", 5, ["folder: there is no file in this folder"]),
    "an empty folder, not followed": ("watch --no-follow folder", 5, ["no file in"]),
    "a pattern that matches nothing": ("watch *.nothing", 5, ["no file matches"]),
    "a zip file": ("watch --no-follow old.log.zip", 5, ["old.log.zip", "uncompress"]),
    "a binary file": ("watch --no-follow binary", 5, ["binary: this is no text"]),
    "a binary file that is followed": ("watch binary", 5, ["binary: this is no text"]),
    "a file that is compressed, by its bytes": (
        "watch --no-follow packed", 5, ["compressed, by gzip", "gzip -dc FILE | tocsin"]),
    "a file that is no log": (
        "watch --no-follow prose.txt", 5,
        ["prose.txt: no line matched any of", "hint: say which it is"]),
    "a file that is no log, followed": ("watch prose.txt", 5, ["no line matched any of"]),
    "a command that there is not": ("wach", 2, ["no command 'wach'", "'watch'"]),
    "a command like no other": ("frobnicate", 2, ["no command 'frobnicate'"]),
    "an option that there is not": ("watch --folow", 2, ["--folow", "--follow"]),
    "an option without its value": ("watch --every", 2, ["--every", "requires"]),
    "a threshold that is no number": (
        "watch --alert-threshold ten", 2, ["--alert-threshold", "'ten'"]),
    "a threshold below zero": ("watch --alert-threshold -1", 2, ["from 0 on, got -1"]),
    "a threshold that is not a number": (
        "watch --alert-threshold nan", 2, ["--alert-threshold: expected", "got nan"]),
    "a window that is no duration": (
        "watch --alert-window long", 2,
        ["--alert-window: expected", "got 'long'", "hint", "such as 2m"]),
    "a window of half a second": (
        "watch --alert-window 500ms", 2, ["whole seconds, got '500ms'"]),
    "a report every zero seconds": ("watch --every 0s", 2, ["--every: expected", "'0s'"]),
    "a lateness beyond amending": (
        "watch --lateness 10m", 2, ["--amend-for: expected", "try --lateness"]),
    "no sections at all": ("watch --top 0", 2, ["--top", "x>=1"]),
    "a format that there is not": (
        "watch --format combind busy.log", 2,
        ["--format: there is no format 'combind'", "did you mean 'combined'?"]),
    "a zone that there is not": (
        "watch --timezone Mars/Base", 2, ["--timezone", "'Mars/Base'", "Europe/Paris"]),
    "a start that means nothing": (
        "watch --from noon busy.log", 2, ["--from: expected start, end, -10m", "'noon'"]),
    "a start of standard input": ("watch --from -5m -", 2, ["--from: standard input"]),
    "a speed of standard input": ("watch --speed 2 -", 2, ["--speed: standard input"]),
    "a speed of nothing": ("watch --speed 0 busy.log", 2, ["--speed", "x>0"]),
    "an output that there is not": ("watch --output html", 2, ["--output", "'html'"]),
    "quiet and verbose": ("watch -q -v busy.log", 2, ["choose one"]),
    "a field that there is not": (
        "watch --no-follow --where stats>=500 busy.log", 2,
        ["busy.log: common lines have no field 'stats'", "did you mean 'status'?"]),
    "half an expression": (
        "watch --where status>= busy.log", 2, ["--where: expected something after '>='"]),
    "an aggregate of one event": (
        "watch --where count(*)>1 busy.log", 2, ["--where", "more than one event"]),
    "a replay without rules": ("replay busy.log", 2, ["--config"]),
    "rules that are missing": ("replay -c gone.yaml busy.log", 2, ["gone.yaml", "No such"]),
    "rules that are a folder": ("check folder", 2, ["folder", "no configuration"]),
    "rules that are not text": ("check binary", 2, ["binary:", "not UTF-8"]),
    "rules with mistakes": (
        "replay -c wrong.json busy.log", 2,
        ["wrong.json:1: metrics[0]", "period", "COUNT", "wrong.json:2: alarms[0]",
         "did you mean 'hits'"]),
    "rules that end too early": ("check broken.json", 2, ["broken.json:"]),
    "a field that the format of a source has not": (
        "check where.yaml", 2, ["where.yaml:2: metrics[0].where", "stats", "status"]),
    "a replay without logs": ("replay -c rules.json", 2, ["which logs?", "hint"]),
    "logs of several sources": (
        "replay -c two.json busy.log", 2, ["several sources (a, b)", "--source"]),
    "a source that there is not": (
        "replay -c two.json --source c busy.log", 2, ["no source 'c'", "a, b"]),
    "a missing log of a replay": ("replay -c rules.json gone.log", 5, ["gone.log"]),
    "a check of nothing": ("check", 2, ["tocsin check FILE"]),
    "a schema that there is not": ("schema input", 2, ["'input'", "output"]),
    "a shell that we do not know": ("completion tcsh", 2, ["'tcsh'", "fish"]),
}  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "code", "words"), MISTAKES.values(), ids=MISTAKES.keys()
)
@pytest.mark.usefixtures("here")
def test_a_mistake_is_answered_by_a_letter(
    typed: str, code: int, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(typed.split()) == code
    said = capsys.readouterr()
    assert said.out == "" or said.out.startswith("\nsummary  no events\n")
    assert "Traceback" not in said.err
    assert [word for word in words if word not in said.err] == []
    assert max(map(len, said.err.splitlines())) < 400


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_named(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "busy.log").chmod(0)
    assert run(["watch", "--no-follow", "busy.log"]) == 5
    assert "busy.log: may not be read" in capsys.readouterr().err


def test_damaged_state_has_a_code_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def damaged(*_: object, **__: object) -> None:
        raise StateError("state.db: cannot be read")

    monkeypatch.setattr(cli.cli, "main", damaged)
    assert run([]) == 3
    assert capsys.readouterr().err == "tocsin: state.db: cannot be read\n"


def test_the_second_ctrl_c_ends_at_once_and_the_first_does_not() -> None:
    before = signal.getsignal(signal.SIGINT)
    heard: list[str] = []
    with stopping(lambda: heard.append("stop")):
        signal.raise_signal(signal.SIGINT)
        assert heard == ["stop"]
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL
    assert signal.getsignal(signal.SIGINT) is before


def kinds(said: str) -> set[str]:
    return {json.loads(line)["type"] for line in said.splitlines()}


WELL = {
    "a quiet log": ("watch --no-follow quiet.log", 0),
    "a busy log": ("watch --no-follow --alert-window 10s busy.log", 0),
    "a busy log that must not be": (
        "watch --no-follow --alert-window 10s --fail-on-alarm busy.log", 1),
    "a quiet log that must be": (
        "watch --no-follow --alert-window 10s --fail-on-alarm quiet.log", 0),
    "the other name of the threshold": (
        "watch --no-follow --alert-total-requests 100 --fail-on-alarm busy.log", 0),
    "the other name of a file": ("watch --no-follow --log-file busy.log", 0),
    "several files": ("watch --no-follow quiet.log busy.log", 0),
    "files by a pattern": ("watch --no-follow *.log", 0),
    "some of the events": ("watch --no-follow --where status>=500 busy.log", 0),
    "a start by time": ("watch --no-follow --from 2023-11-14T22:13:30Z busy.log", 0),
    "a format by name": ("watch --no-follow --format common busy.log", 0),
    "a replay": ("replay -c rules.json busy.log", 0),
    "a replay of what must not ring": (
        "replay -c rules.json --fail-on-alarm busy.log", 1),
    "a replay of the sources of its rules": ("replay -c own.json --fail-on-alarm", 1),
    "a replay of one source of several": ("replay -c two.json --source a quiet.log", 0),
    "a replay of all sources": ("replay -c two.json", 0),
    "a replay from a time on": ("replay -c rules.json --from -10s busy.log", 0),
    "a replay with reports": ("replay -c rules.json --report busy.log", 0),
    "a log at speed": ("watch --speed 1e6 busy.log", 0),
}  # fmt: skip


@pytest.mark.parametrize(("typed", "code"), WELL.values(), ids=WELL.keys())
@pytest.mark.usefixtures("here")
def test_a_run_ends_with_its_answer(
    typed: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*typed.split(), "--output", "jsonl"]) == code
    said = capsys.readouterr()
    assert said.err == ""
    last = json.loads(said.out.splitlines()[-1])
    assert last["type"] == "summary"
    assert 0 < last["lines"] == last["counted"]


@pytest.mark.usefixtures("here")
def test_the_parts_of_a_run_are_said_when_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    base = ["replay", "-c", "rules.json", "busy.log", "--output", "jsonl"]
    always = {"notice", "transition", "incident", "summary"}
    for more, extra in (
        ([], set()), (["--datapoints"], {"datapoint"}), (["--report"], {"stats"}),
    ):  # fmt: skip
        assert run([*base, *more]) == 0
        assert kinds(capsys.readouterr().out) == always | extra


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("more", "expected"),
    [
        pytest.param([], ["common, 60 of the first 60 lines matched"], id="a word"),
        pytest.param(["--quiet"], [], id="quiet: no word"),
        pytest.param(
            ["-v", "--workers", "2"],
            ["common, 60 of the first 60 lines matched", "reading with 2 processes"],
            id="verbose: more words",
        ),
    ],
)
def test_words_about_the_run_go_to_standard_error(
    more: list[str], expected: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["watch", "--no-follow", "quiet.log", *more]) == 0
    said = capsys.readouterr()
    assert [line.split(": ")[-1] for line in said.err.splitlines()] == expected
    assert "summary" in said.out


@pytest.mark.usefixtures("here")
def test_quiet_still_tells_errors(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["watch", "-q", "--no-follow", "prose.txt"]) == 5
    assert "no line matched" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_fits_a_terminal_and_names_every_option(name: str) -> None:
    asked = [name, "--help"] if name else ["--help"]
    shown = CliRunner().invoke(cli.cli, asked, terminal_width=80, prog_name="tocsin")
    assert shown.exit_code == 0
    assert max(map(len, shown.output.splitlines())) <= 80
    command = cli.cli.get_command(None, name) if name else cli.cli  # type: ignore[arg-type]
    assert command is not None
    options = {o for p in command.params for o in p.opts if o.startswith("--")}
    assert {o for o in options if o not in shown.output} == set()
    assert all(getattr(p, "help", "") or p.param_type_name == "argument"
               for p in command.params)  # fmt: skip


def test_help_lists_every_command() -> None:
    shown = CliRunner().invoke(cli.cli, ["--help"], terminal_width=80)
    listed = re.findall(r"^  (\w[\w-]*)  ", shown.output, re.MULTILINE)
    assert listed == list(COMMANDS)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_given_its_completion(
    shell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert "_TOCSIN_COMPLETE" in script
    assert f"tocsin completion {shell}" in script


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("tocsin wa", {"watch"}),
        ("tocsin re", {"replay"}),
        ("tocsin watch --format c", {"combined", "common", "cri", "csv"}),
        ("tocsin watch --output j", {"jsonl"}),
        ("tocsin watch --alert-", {
            "--alert-threshold", "--alert-total-requests", "--alert-window"}),
        ("tocsin completion b", {"bash"}),
    ],
)  # fmt: skip
def test_what_is_half_typed_is_completed(typed: str, expected: set[str]) -> None:
    words = typed.split()
    environment = {
        "_TOCSIN_COMPLETE": "bash_complete",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(words) - 1),
    }
    shown = CliRunner().invoke(cli.cli, [], env=environment, prog_name="tocsin")
    assert {line.split(",")[1] for line in shown.output.splitlines()} == expected


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    how = "without" if library() is None else "with"
    assert run(["--version"]) == 0
    told = rf"tocsin, version \d+\.\d+\S* \({how} the compiled library\)\n"
    assert re.fullmatch(told, capsys.readouterr().out)


def test_a_socket_in_the_folder_is_no_log(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert stat.S_ISSOCK((here / "socket").stat().st_mode)
    assert run(["watch", "--no-follow", "socket"]) == 5
    assert "socket" in capsys.readouterr().err


ORIGINAL = {
    "json": """\
{"metrics": [{"name": "hits", "period": "PT1M", "type": "COUNT",
              "filters": [{"operand": "request", "operator": "=~", "value": ".*/api/.*"}]}],
 "calculatedMetrics": [{"name": "avgHits", "period": "PT5M", "aggregate": "AVG", "inputMetrics": ["hits"]}],
 "alarms": [{"name": "busy", "metric": "avgHits", "threshold": 10.0, "dataPointsAlarm": 2, "dataPointsRecovery": 3}],
 "rawLogConsumers": [{"name": "sections", "type": "tocsin.plugins.SectionLoad", "period": "PT10S"}]}
""",  # noqa: E501 - it is the document as it was given
    "yaml": """\
metrics:
  - name: hits
    period: PT1M
    type: COUNT
    filters: [{operand: request, operator: "=~", value: ".*/api/.*"}]
calculated_metrics:
  - {name: avgHits, period: PT5M, aggregate: AVG, input_metrics: [hits]}
alarms:
  - {name: busy, metric: avgHits, threshold: 10.0, data_points_alarm: 2, data_points_recovery: 3}
raw_log_consumers:
  - {name: sections, type: tocsin.plugins.SectionLoad, period: PT10S}
""",
    "toml": """\
[[metrics]]
name = "hits"
period = "PT1M"
type = "COUNT"
filters = [{operand = "request", operator = "=~", value = ".*/api/.*"}]
[[calculatedMetrics]]
name = "avgHits"
period = "PT5M"
aggregate = "AVG"
inputMetrics = ["hits"]
[[alarms]]
name = "busy"
metric = "avgHits"
threshold = 10.0
dataPointsAlarm = 2
dataPointsRecovery = 3
[[rawLogConsumers]]
name = "sections"
type = "tocsin.plugins.SectionLoad"
period = "PT10S"
""",
}  # fmt: skip


@pytest.mark.parametrize("kind", ORIGINAL)
def test_the_original_document_is_fine_and_runs_in_every_syntax(
    kind: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = here / f"original.{kind}"
    path.write_text(ORIGINAL[kind])
    assert run(["check", str(path)]) == 0
    told = "1 metric, 1 calculated metric, 1 alarm, 1 raw log consumer"
    assert told in capsys.readouterr().out
    log = here / "api.log"
    log.write_bytes(lines(n / 5 for n in range(3600)))
    assert run(["replay", "-c", str(path), str(log), "--output", "jsonl"]) == 0
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    rang = [(row["to"], row["value"]) for row in said if row["type"] == "transition"]
    assert rang[0][0] == "firing"
    assert {row["consumer"] for row in said if row["type"] == "report"} == {"sections"}
