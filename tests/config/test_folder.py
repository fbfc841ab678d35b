"""A configuration in a folder: several files are one document, with their own places."""

from pathlib import Path

import pytest

from tocsin.config import load
from tocsin.model.errors import ConfigError

SOURCE = "sources:\n  - name: web\n    path: web.log\n"
METRIC = """metrics:
  - name: {name}
    type: COUNT
    source: web
    period: 1m
"""


def folder(tmp_path: Path, **files: str) -> Path:
    made = tmp_path / "conf.d"
    made.mkdir()
    for name, text in files.items():
        (made / name.replace("_", ".")).write_text(text)
    return made


def told(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(path)
    return str(caught.value).replace(f"{path}/", "").splitlines()


def test_files_are_one_document_in_order_of_their_names(tmp_path: Path) -> None:
    path = folder(
        tmp_path,
        b_yaml=METRIC.format(name="second"),
        a_yaml=SOURCE + METRIC.format(name="first"),
        c_toml='[[alarms]]\nname = "x"\nmetric = "second"\nthreshold = 1\n',
        d_json='{"rawLogConsumers": [], "report": {"top": 3}}',
    )
    (path / "notes.txt").write_text("not a configuration")
    (path / ".hidden.yaml").write_text("neither")
    config = load(path)
    assert [m.name for m in config.metrics] == ["first", "second"]
    assert [a.metric for a in config.alarms] == ["second"]
    assert config.report.top == 3
    assert config.base == path


def test_a_name_given_twice_is_refused_with_both_places(tmp_path: Path) -> None:
    path = folder(
        tmp_path,
        a_yaml=SOURCE + METRIC.format(name="hits"),
        b_yaml="# a word\n" + METRIC.format(name="hits"),
    )
    assert told(path) == [
        "b.yaml:3: metrics[0].name: the name 'hits' is taken by metrics[0] at a.yaml:5"
    ]


PROBLEMS = {
    "a mapping that is given twice": (
        {"a_yaml": SOURCE + "report: {top: 3}\n", "b_yaml": "report: {top: 4}\n"},
        ["b.yaml:1: report: given twice: it is at a.yaml:4 already"],
    ),
    "a key that means nothing": (
        {"a_yaml": SOURCE, "b_toml": "\nmetrix = 1\n"},
        ["b.toml:2: metrix: unknown key", "  hint: did you mean 'metrics'?"],
    ),
    "a value that is wrong": (
        {"a_yaml": SOURCE, "b_yaml": METRIC.format(name="n").replace("1m", "soon")},
        ["b.yaml:5: metrics[0].period: expected a duration, got 'soon'"],
    ),
    "no files at all": ({}, None),
    "no mapping": ({"a_yaml": "- 1\n"}, None),
    "files that are no documents, each with its place": (
        {"a_yaml": "a: [\n", "b_json": "{"}, None,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("files", "said"), PROBLEMS.values(), ids=PROBLEMS)
def test_problems_name_the_file_and_the_line(
    tmp_path: Path, files: dict[str, str], said: list[str] | None
) -> None:
    found = told(folder(tmp_path, **files))
    if said is not None:
        assert [line[: len(said[0])] for line in found[:1]] == said[:1]
    else:
        assert len([line for line in found if "hint" not in line]) == max(len(files), 1)


def test_a_version_may_stand_in_every_file(tmp_path: Path) -> None:
    path = folder(
        tmp_path,
        a_yaml="version: 1\n" + SOURCE,
        b_yaml="version: 1\n" + METRIC.format(name="n"),
    )
    assert len(load(path).metrics) == 1
