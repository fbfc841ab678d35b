"""Real logs come to what others counted in them."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tocsin import formats
from tocsin.model.batch import Tally
from tocsin.model.message import FieldType
from tocsin.model.protocols import Codec

BLOCK = 100_000
FIELDS = ["remote_addr", "method", "path", "section", "status", "bytes", "user_agent"]


def blocks(path: Path) -> Iterator[bytes]:
    """Whole lines, about `BLOCK` bytes at a time."""
    data = path.read_bytes()
    start = 0
    while start < len(data):
        end = data.find(b"\n", start + BLOCK) + 1 or len(data)
        yield data[start:end]
        start = end


def read(codec: Codec, path: Path, fields: dict[str, FieldType | None]) -> pl.DataFrame:
    batches = [codec.parse(block, fields) for block in blocks(path)]
    tally = sum((batch.tally for batch in batches), Tally())
    assert tally.parse_errors == 0
    return pl.concat([batch.frame for batch in batches])


def counts(frame: pl.DataFrame, name: str) -> dict[str, int]:
    return {
        str(value): count for value, count in frame[name].value_counts().iter_rows()
    }


@pytest.mark.parametrize(
    ("folder", "file", "format_name"),
    [
        ("elastic_apache", "apache_logs", "combined"),
        ("sample_csv", "sample_csv.txt", "csv"),
    ],
)
def test_an_access_log(
    shared_data: Path, folder: str, file: str, format_name: str
) -> None:
    path = shared_data / folder / file
    facts: dict[str, Any] = json.loads(
        (shared_data / folder / "facts.json").read_text()
    )
    found = formats.detect(path.read_bytes()[:300_000])
    assert found.format == format_name
    assert found.matched == found.total
    frame = read(found.codec, path, dict.fromkeys(FIELDS))
    assert frame.height == facts["parsed"]
    assert frame["bytes"].sum() == facts["total_bytes"]
    assert frame["remote_addr"].n_unique() == facts["distinct_hosts"]
    assert frame["section"].n_unique() == facts["distinct_sections"]
    assert counts(frame, "status") == facts["status"]
    assert counts(frame, "method") == facts["methods"]
    sections, hosts = counts(frame, "section"), counts(frame, "remote_addr")
    assert all(sections[name] == count for name, count in facts["top_sections"])
    assert all(hosts[name] == count for name, count in facts["top_hosts"])
    paths = counts(frame, "path")
    assert all(paths[name] == count for name, count in facts["top_paths_with_query"])
    for name, moment in (
        ("min_time", frame["time"].min()),
        ("max_time", frame["time"].max()),
    ):
        assert moment == datetime.fromisoformat(facts[name])
    assert frame["time"][0] == datetime.fromisoformat(facts["first_time_in_file"])
    late = (frame["time"] < frame["time"].cum_max()).sum()
    assert late == facts["lines_older_than_a_previous_line"]


def test_status_documents_of_nginx_plus(shared_data: Path) -> None:
    folder = shared_data / "elastic_nginxplus_json"
    facts: dict[str, Any] = json.loads((folder / "facts.json").read_text())
    path = folder / "nginxplus_json_logs"
    made = formats.get("json", time_field="timestamp", time_format="ms")
    fields = {
        "requests.total": FieldType.INT, "connections.active": FieldType.INT,
        "server_zones.hg.nginx.org.responses.5xx": FieldType.INT, "address": None,
    }  # fmt: skip
    frame = read(made.open(path.read_bytes()[:100_000]), path, dict(fields))
    assert frame.height == facts["documents"]
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    times = ((frame["time"][at] - epoch) // timedelta(milliseconds=1) for at in (0, -1))
    assert list(times) == [facts["min_timestamp_ms"], facts["max_timestamp_ms"]]
    assert frame["time"].n_unique() == facts["distinct_timestamps"]
    first_last = [frame["requests.total"][at] for at in (0, -1)]
    assert first_last == facts["requests.total first,last"]
    zone = frame["server_zones.hg.nginx.org.responses.5xx"]
    assert [zone[at] for at in (0, -1)] == facts[
        "server_zones.hg.nginx.org.responses.5xx first,last"
    ]
    assert frame["connections.active"].max() == facts["connections.active max"]


def test_a_log_of_another_kind_is_not_recognised(shared_data: Path) -> None:
    head = (shared_data / "elastic_auth" / "auth.log").read_bytes()[:300_000]
    assert formats.detect(head).format == ""
