"""What only a trial shows, and `check` tries: large patterns, plugins with options."""

from pathlib import Path

import pytest

from tocsin.config import load
from tocsin.config.regex import RegexError, check_regex
from tocsin.model.errors import ConfigError

PATTERNS = {
    "counts in counts": ("((a{200}){200}){200}", "size limit"),
    "classes counted": (r"(\pL{99}){99}", "size limit"),
    "no Unicode class": (r"\p{Klingonish}", "Unicode property"),
}


@pytest.mark.parametrize(("pattern", "reason"), PATTERNS.values(), ids=PATTERNS)
def test_what_only_the_engine_knows_is_asked_of_it(pattern: str, reason: str) -> None:
    with pytest.raises(RegexError, match=reason):
        check_regex(pattern)


@pytest.mark.parametrize("pattern", ["a{3}", "[0-9]{1,3}(x{2,}y){9}", r"\p{Greek}+"])
def test_what_the_engine_takes_is_fine(pattern: str) -> None:
    check_regex(pattern)


def test_a_pattern_that_is_too_large_is_told_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(
        "metrics:\n- name: m\n  type: COUNT\n  period: 1m\n  filters:\n"
        "  - {operand: path, operator: =~, value: '((a{200}){200}){200}'}\n"
    )
    with pytest.raises(ConfigError, match=r"a\.yaml:6: .*value: .*size limit"):
        load(path)


CONSUMERS = {
    "options it does not take": (
        "type: tocsin.plugins.SectionLoad\n  options: {n: 5}",
        "n",
    ),
    "a constructor that fails": ("type: odd_consumers.Failing", "ValueError: no luck"),
    "a method that is missing": ("type: odd_consumers.Half", r"has no merge\(\)"),
    "no fields": ("type: odd_consumers.Bare", "fields"),
}
ODD = """\
class Half:
    fields = ()
    def observe(self, events): ...

class Bare(Half):
    def merge(self, left, right): ...
    def report(self, partial, start, end): ...
    fields = property(lambda self: self.missing_fields)

class Failing(Bare):
    def __init__(self): raise ValueError("no luck")
"""


@pytest.mark.parametrize(("written", "said"), CONSUMERS.values(), ids=CONSUMERS)
def test_a_consumer_that_cannot_be_made_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str, said: str
) -> None:
    (tmp_path / "odd_consumers.py").write_text(ODD)
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "a.yaml"
    path.write_text(f"raw_log_consumers:\n- name: c\n  period: 10s\n  {written}\n")
    with pytest.raises(ConfigError, match=rf"a\.yaml:2: .*{said}"):
        load(path)
