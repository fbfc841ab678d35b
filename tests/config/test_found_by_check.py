"""What only a trial shows, and `check` tries: large patterns, plugins with options."""

from pathlib import Path

import pytest

from tocsin.config import load
from tocsin.config.regex import RegexError, check_regex
from tocsin.model.errors import ConfigError
from tocsin.views.check import message_of

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
    "fields that are a text": ("type: odd_consumers.Texted", r"fields = \('path',\)"),
    "a method of other arguments": (
        "type: odd_consumers.Deaf",
        r"Deaf.report\(\) cannot be called with 3 arguments: too many positional",
    ),
    "a constructor that ends us": ("type: odd_consumers.Leaving", "SystemExit: 3"),
    "a name that is near": ("type: odd_consumers.Hal", "did you mean 'Half'"),
    "its line": (
        "type: odd_consumers.Failing",
        r"no luck \(odd_consumers.py, line 11\)",
    ),
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

class Texted(Bare):
    fields = "path"

class Leaving(Bare):
    def __init__(self): raise SystemExit(3)

class Deaf(Bare):
    fields = ()
    def report(self): ...

class Wide(Bare):
    fields = ("path", "bytez")
"""


@pytest.mark.parametrize(("written", "said"), CONSUMERS.values(), ids=CONSUMERS)
def test_a_consumer_that_cannot_be_made_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str, said: str
) -> None:
    (tmp_path / "odd_consumers.py").write_text(ODD)
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "a.yaml"
    path.write_text(f"raw_log_consumers:\n- name: c\n  period: 10s\n  {written}\n")
    with pytest.raises(ConfigError, match=rf"a\.yaml:[24]: .*{said}"):
        load(path)


def test_a_consumer_that_wants_a_field_that_lines_lack_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "odd_consumers.py").write_text(ODD)
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "a.yaml"
    path.write_text(
        "sources: [{name: web, path: x, format: common}]\n"
        "raw_log_consumers:\n- {name: c, period: 10s, type: odd_consumers.Wide}\n"
    )
    said = r"a\.yaml:3: .*type: .*fields: expected a field of common, got 'bytez'"
    with pytest.raises(ConfigError, match=rf"(?s){said}.*did you mean 'bytes'"):
        load(path, message_types=message_of)


ODD_AGGREGATES = """\
import polars as pl

class Fine:
    def prepare(self, value): return value.sqrt()
    def result(self, window): return window.total / window.events

class Counted(Fine):
    def result(self, window): return 5

class Summed(Fine):
    def prepare(self, value): return value - value.mean()

class Filtered(Fine):
    def prepare(self, value): return value.filter(value > 1)

class Worded(Fine):
    def prepare(self, value): return value.cast(pl.String)

class Raising(Fine):
    def result(self, window): return window.totel

class Leaving(Fine):
    def __init__(self): raise SystemExit(3)

class Half:
    def prepare(self, value): return value
"""
AGGREGATES = {
    "a number for an expression": ("Counted", "returned 5, not an expression"),
    "values that are not taken alone": ("Summed", "each value by itself"),
    "values that are left out": ("Filtered", "cannot work: ShapeError"),
    "texts": ("Worded", "has to give numbers, and gives String"),
    "a column that there is not": (
        "Raising",
        r"'totel' \(odd_aggregates.py, line 20\)",
    ),
    "a constructor that ends us": ("Leaving", "SystemExit: 3"),
    "no result": ("Half", "no attribute 'result'"),
    "a class that there is not": ("Fin", "cannot be loaded.*did you mean 'Fine'"),
}


@pytest.mark.parametrize(("kind", "said"), AGGREGATES.values(), ids=AGGREGATES)
def test_an_aggregate_that_cannot_work_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, said: str
) -> None:
    (tmp_path / "odd_aggregates.py").write_text(ODD_AGGREGATES)
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "a.yaml"
    text = "metrics:\n- {{name: m, period: 10s, field: x, type: odd_aggregates.{}}}\n"
    path.write_text(text.format("Fine"))
    load(path)
    path.write_text(text.format(kind))
    with pytest.raises(ConfigError, match=rf"(?s)a\.yaml:2: .*type: .*{said}"):
        load(path)


ODD_CHANNELS = """\
class Fine:
    def __init__(self, name): self.name = name
    def recipients(self, notification): ...
    def preview(self, notification): ...
    def send(self, notification, recipients): ...

class Mute(Fine):
    send = property()

class Deaf(Fine):
    def send(self, notification): ...

class Nameless(Fine):
    def __init__(self): ...

class Leaving(Fine):
    def __init__(self, name): raise SystemExit(3)

class Half:
    def __init__(self, name): ...
"""
CHANNELS = {
    "no methods": ("Half", r"has no recipients\(\)"),
    "a method of other arguments": ("Deaf", "send.* cannot be called with 2 arguments"),
    "no name": ("Nameless", "unexpected keyword argument 'name'"),
    "a constructor that ends us": ("Leaving", "SystemExit: 3"),
}


@pytest.mark.parametrize(("kind", "said"), CHANNELS.values(), ids=CHANNELS)
def test_a_channel_that_cannot_be_made_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, said: str
) -> None:
    (tmp_path / "odd_channels.py").write_text(ODD_CHANNELS)
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "a.yaml"
    text = (
        "metrics: [{{name: m, type: COUNT, period: 10s}}]\n"
        "channels: [{{name: c, type: odd_channels.{}}}]\n"
    )
    path.write_text(text.format("Fine"))
    load(path)
    path.write_text(text.format(kind))
    with pytest.raises(ConfigError, match=rf"a\.yaml:2: .*{said}"):
        load(path)


ODD_KINDS = """\
from tocsin.config.kind import Made, MeasuredPart

class Fine(MeasuredPart):
    def made(self, ground):
        name = f"{self.name}: lines"
        return Made(self.row(name, threshold=5), metrics=(self.measured(name),))

class Raising(MeasuredPart):
    def made(self, ground): raise RuntimeError("no luck")

class Leaving(MeasuredPart):
    def made(self, ground): raise SystemExit(3)

class Empty(MeasuredPart):
    def made(self, ground): ...

class Unmade(MeasuredPart): ...

class Deaf(MeasuredPart):
    def made(self): ...

class Crooked(Fine):
    def made(self, ground):
        made = super().made(ground)
        return Made(made.alarm.model_copy(update={"operator": "=>"}), made.metrics)

class Stranger:
    def made(self, ground): ...
"""
KINDS = {
    "one that raises": ("Raising", r"RuntimeError: no luck \(odd_kinds.py, line 9\)"),
    "one that ends us": ("Leaving", "SystemExit: 3"),
    "one that makes nothing": ("Empty", "returned a NoneType, not a Made"),
    "one without the method": ("Unmade", "NotImplementedError"),
    "one of other arguments": ("Deaf", "takes 1 positional argument but 2 were given"),
    "one with an odd operator": ("Crooked", "the operator '=>'"),
    "one that is none": ("Stranger", "no class made of KindPart or MeasuredPart"),
}


@pytest.mark.parametrize(("kind", "said"), KINDS.values(), ids=KINDS)
def test_a_kind_of_alarm_that_cannot_be_made_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, said: str
) -> None:
    (tmp_path / "odd_kinds.py").write_text(ODD_KINDS)
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "a.yaml"
    text = "alarms:\n- {{name: m, kind: odd_kinds.{}}}\n"
    path.write_text(text.format("Fine"))
    load(path)
    path.write_text(text.format(kind))
    with pytest.raises(ConfigError, match=rf"(?s)a\.yaml:2: .*kind: .*{said}"):
        load(path)
