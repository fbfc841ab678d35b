"""Formats of a configuration: what their parts come to."""

from collections.abc import Mapping
from typing import Any

import pytest

from tocsin import formats
from tocsin.config import from_data
from tocsin.config.build_formats import BUILT_IN, WRITTEN
from tocsin.config.values import Config, MultilineConfig
from tocsin.model.errors import ConfigError
from tocsin.model.message import FieldType
from tocsin.views.check import message_of

PATTERN = (
    "{remote_addr} [{time:%d/%b/%Y:%H:%M:%S %z}] {status:int} {took:duration:ms} {rest}"
)


def read(form: Mapping[str, Any], **metric: Any) -> Config:  # noqa: ANN401
    document = {
        "sources": [{"name": "web", "path": "a.log", "format": dict(form)}],
        "metrics": [{"name": "m", "type": "COUNT", "period": "1m", **metric}],
    }
    return from_data(document, message_types=message_of)


def test_the_names_that_are_taken_are_those_of_the_formats() -> None:
    assert set(BUILT_IN) == set(formats.names())
    assert set(WRITTEN) == set(formats.WRITTEN)


def test_a_pattern_declares_its_fields() -> None:
    config = read({"pattern": PATTERN}, where="took > 1 AND status = 500")
    found = config.sources[0].format
    assert (found.name, found.type, found.text) == ("web", "pattern", PATTERN)
    where = config.metrics[0].where
    assert where is not None
    types = {column.name: column.type for column in where.column_nodes()}
    assert types == {"took": FieldType.DURATION, "status": FieldType.INT}


def test_a_field_without_a_type_is_what_it_is_used_as() -> None:
    config = read({"pattern": PATTERN}, type="AVG", field="rest")
    assert config.metrics[0].field == "rest"
    with pytest.raises(ConfigError, match=r"a field of pattern, got 'reest'"):
        read({"pattern": PATTERN}, type="AVG", field="reest")


def test_derived_fields_see_those_before_them() -> None:
    derive = {"failed": "status >= 500", "bad": "failed AND took > 1"}
    config = read({"pattern": PATTERN, "derive": derive}, where="bad")
    found = config.sources[0].format.derive
    assert {name: made.type for name, made in found.items()} == {
        "failed": FieldType.BOOL,
        "bad": FieldType.BOOL,
    }
    with pytest.raises(ConfigError, match="a field of pattern, got 'failed'"):
        read({"pattern": PATTERN, "derive": dict(reversed(derive.items()))})


@pytest.mark.parametrize(
    ("key", "text"),
    [
        pytest.param("regex", r"^(?P<time>\S+) (?P<level>[A-Z]+)$", id="a regex"),
        pytest.param("grok", "%{HTTPDATE:time} %{LOGLEVEL:level}", id="grok"),
        pytest.param("log_format", "$time_iso8601 $level", id="of nginx"),
        pytest.param("logFormat", "%t %{Level}i", id="of Apache, in camelCase"),
    ],
)
def test_every_way_of_writing_a_format(key: str, text: str) -> None:
    config = read({key: text}, where="level = 'ERROR'")
    assert config.sources[0].format.text == text


def test_lines_are_joined_as_is_said() -> None:
    config = read(
        {"pattern": PATTERN, "multiline": {"startsWith": "^[0-9]", "wait": "2s"}}
    )
    said = MultilineConfig(starts_with="^[0-9]", wait=2_000_000)
    assert config.sources[0].format.multiline == said
