"""What is found out about addresses, user agents and paths: by columns, when asked for."""

import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.laws import law
from tests.program import ROOT, ran
from tests.runners.mmdb import write
from tests.runners.world import T0, lines

from tocsin import formats
from tocsin.config import load, parse
from tocsin.config.enrich_values import EnrichConfig
from tocsin.config.values import Config, FormatConfig, SourceConfig
from tocsin.formats.options import FormatOptions
from tocsin.model.errors import ConfigError, UsageError
from tocsin.model.message import FieldType
from tocsin.runners.enriching import enriching
from tocsin.runners.opening import check_fields, open_codec

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
PLACES: Mapping[str, Mapping[str, object]] = {
    "198.51.100.0/24": {"country": {"iso_code": "FR"}},
    "203.0.113.0/25": {"registered_country": {"iso_code": "DE"}},
    "203.0.113.128/25": {"country_code": "IT", "asn": "AS64501", "as_name": "Plain"},
}
NUMBERS: Mapping[str, Mapping[str, object]] = {
    "198.51.100.0/24": {
        "autonomous_system_number": 64500,
        "autonomous_system_organization": "An Example Carrier, Incorporated",
    },
}


def line(address: str = "10.0.0.1", path: str = "/", agent: str = FIREFOX) -> bytes:
    at = datetime.fromtimestamp(T0, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")
    request = f'"GET {path} HTTP/1.1" 200 5'
    return f'{address} - - [{at}] {request} "-" "{agent}"\n'.encode()


def found(config: EnrichConfig, block: bytes, *names: str) -> dict[str, list[Any]]:
    """Return columns of the events of a block."""
    codec = enriching(formats.get("combined").open(block), config)
    frame = codec.parse(block, dict.fromkeys(names)).frame
    assert frame.columns == ["time", *names]
    return {name: frame.get_column(name).to_list() for name in names}


NETWORKS = EnrichConfig(
    networks=(
        ("10.0.0.0/8", "inside"),
        ("10.1.0.0/16", "lab"),
        ("10.1.2.3/32", "printer"),
        ("2001:db8::/32", "six"),
    )
)
ADDRESSES = {
    "10.9.9.9": "inside",
    "10.1.9.9": "lab",
    "10.1.2.3": "printer",
    "11.0.0.1": None,
    "2001:db8::7": "six",
    "2001:db9::7": None,
    "::ffff:10.1.2.3": "printer",
    "shop.example.org": None,
    "10.1.2": None,
    "-": None,
}


@pytest.mark.parametrize(("address", "name"), ADDRESSES.items(), ids=ADDRESSES)
def test_the_narrowest_network_counts(address: str, name: str | None) -> None:
    told = found(NETWORKS, line(address), "network")
    assert told == {"network": [name]}


def test_a_country_and_a_carrier_are_found_in_any_of_the_databases(
    tmp_path: Path,
) -> None:
    files = (write(tmp_path / "a.mmdb", PLACES), write(tmp_path / "b.mmdb", NUMBERS))
    addresses = ["198.51.100.7", "203.0.113.7", "203.0.113.200", "10.0.0.1", "::1", "-"]
    block = b"".join(line(a) for a in addresses)
    told = found(EnrichConfig(databases=files), block, "country", "asn", "as_name")

    assert told == {
        "country": ["FR", "DE", "IT", None, None, None],
        "asn": [64500, None, 64501, None, None, None],
        "as_name": ["An Example Carrier, Incorporated", None, "Plain", None, None, None],
    }  # fmt: skip


AGENTS = {
    FIREFOX: ("Firefox", "Linux", False),
    "Googlebot/2.1 (+http://www.google.com/bot.html)": ("Googlebot", "Other", True),
    "curl/7.68.0": ("curl", "Other", False),
    "what is this": ("Other", "Other", False),
    "-": (None, None, None),
    "x" * 100_000: ("Other", "Other", False),
}


@pytest.mark.parametrize(("agent", "told"), AGENTS.items(), ids=range(len(AGENTS)))
def test_a_client_is_known_by_what_it_says(
    agent: str, told: tuple[str | None, str | None, bool | None]
) -> None:
    config = EnrichConfig(user_agent=True)
    columns = found(config, line(agent=agent), "browser", "os", "bot")
    assert tuple(column[0] for column in columns.values()) == told


ROUTES = {
    "/user/42": "/user/{id}",
    "/user/42?tab=1#top": "/user/{id}",
    "/user/42/43/44": "/user/{id}/{id}/{id}",
    "/user/anna": "/user/anna",
    "/user/": "/user/",
    "/": "/",
    "/orders/3fa85f64-5717-4562-b3fc-2c963f66afa6/pay": "/orders/{uuid}/pay",
    "/commit/dead1beef": "/commit/{hash}",
    "/word/deadbeef": "/word/deadbeef",
    "/day/2024-05-01": "/day/{date}",
    "/t/abcdEFGH1234567890xyz": "/t/{token}",
    "/files/42.json": "/files/{id}.json",
    "/v1.2.3/x": "/v1.2.3/x",
    "/shop/tea/pots": "/shop/{kind}/{item}",
    "/shop/tea/pots/7": "/shop/tea/pots/{id}",
    "/static/a/42.js": "/static/*",
    "/a+b/7": "/a+b/{n}",
    "*": None,
    "http://host/7": None,
}
OWN = EnrichConfig(routes=("/shop/{kind}/{item}", "/static/*", "/a+b/{n}"))


@pytest.mark.parametrize(("path", "route"), ROUTES.items(), ids=ROUTES)
def test_the_route_of_a_path(path: str, route: str | None) -> None:
    assert found(OWN, line(path=path), "route") == {"route": [route]}


all_at_once = st.lists(
    st.tuples(
        st.sampled_from([*ADDRESSES]),
        st.sampled_from([*ROUTES]) | st.from_regex(r"\A(/[a-f0-9.]{0,9}){1,4}\Z"),
    ),
    max_size=12,
)


@given(all_at_once, st.integers(0, 12))
@law(60)
def test_a_line_comes_to_the_same_in_any_block(
    rows: list[tuple[str, str]], cut: int
) -> None:
    config = EnrichConfig(networks=NETWORKS.networks, routes=OWN.routes)
    block = [line(address, path) for address, path in rows]
    names = ("network", "path", "route", "remote_addr")
    codec = enriching(formats.get("combined").open(line()), config)
    halves = [codec.parse(b"".join(half), dict.fromkeys(names)).frame.rows()
              for half in (block[:cut], block[cut:])]  # fmt: skip

    whole = codec.parse(b"".join(block), dict.fromkeys(names)).frame.rows()
    assert whole == [*halves[0], *halves[1]]


def test_nothing_is_looked_up_that_nobody_asks_for() -> None:
    asked: list[str] = []
    codec = enriching(formats.get("combined").open(line()), NETWORKS)
    look = codec.found["network"].look  # type: ignore[attr-defined]

    def watched(texts: Any) -> Any:  # noqa: ANN401 - a column
        asked.extend(texts.to_list())
        return look(texts)

    object.__setattr__(codec.found["network"], "look", watched)  # type: ignore[attr-defined]
    codec.parse(line() * 5, {"status": FieldType.INT})
    assert asked == []
    codec.parse(line() * 5, {"network": None})
    assert asked == ["10.0.0.1"], "once, in however many rows it stands"


def test_the_field_it_is_made_of_may_have_another_name() -> None:
    config = EnrichConfig(networks=NETWORKS.networks, address="client.ip")
    codec = enriching(formats.get("json").open(b""), config)
    block = b'{"time":"2024-05-01T00:00:00Z","client":{"ip":"10.1.2.3"}}\n'
    assert (
        codec.parse(block, {"network": None}).frame.get_column("network")[0]
        == "printer"
    )


def test_a_log_without_that_field_says_so() -> None:
    options = FormatOptions(text="{time} {word}")
    codec = enriching(formats.get_with("pattern", options).open(b""), NETWORKS)
    with pytest.raises(UsageError, match="no field 'network'"):
        check_fields(codec, "app.log", ["network"])


def test_a_database_that_is_none_says_so(tmp_path: Path) -> None:
    (tmp_path / "bad.mmdb").write_bytes(b"what is this")
    with pytest.raises(UsageError, match="no database"):
        found(EnrichConfig(databases=(tmp_path / "bad.mmdb",)), line(), "country")


@pytest.mark.parametrize(("missing", "config"), [
    ("maxminddb", EnrichConfig(databases=(Path("no.mmdb"),))),
    ("ua_parser", EnrichConfig(user_agent=True)),
])  # fmt: skip
def test_without_the_library_one_line_says_what_to_install(
    missing: str, config: EnrichConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tocsin.runners.enriching import found_by  # noqa: PLC0415 - to forget

    found_by.cache_clear()
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(UsageError, match=r"pip install 'tocsin\[enrich\]'") as caught:
        found(config, line())
    assert "\n" not in str(caught.value)


RULES = """
sources:
  - name: web
    path: "access.log"
    format: combined
    enrich:
      networks: networks.txt
      databases: places.mmdb
      user_agent: true
      routes: ["/shop/{item}"]
metrics:
  - {name: hits, type: COUNT, period: 1m, group_by: [route, country],
     where: "NOT bot AND network <> 'lab' AND asn IS NULL"}
"""


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    write(tmp_path / "places.mmdb", PLACES)
    text = (
        "# ours\n10.0.0.0/8 inside\n198.51.100.0/24  the shop's own\n10.1.0.0/16, lab\n"
    )
    (tmp_path / "networks.txt").write_text(text)
    (tmp_path / "tocsin.yaml").write_text(RULES)
    rows = [line("198.51.100.7", "/shop/tea"), line("198.51.100.8", "/shop/pots"),
            line("10.1.0.1", "/user/7"), line("10.2.0.1", "/user/8"),
            line("10.2.0.2", "/user/9", "Googlebot/2.1")]  # fmt: skip
    (tmp_path / "access.log").write_bytes(b"".join(rows))
    return tmp_path / "tocsin.yaml"


def test_rules_use_what_is_found_out_from_the_command_line(rules: Path) -> None:
    assert ran("check", rules).returncode == 0
    told = ran("replay", "-c", rules, "--datapoints", cwd=rules.parent).stdout
    assert "route=/shop/{item}, country=FR} = 2" in told
    assert "route=/user/{id}" in told
    assert told.count(" = 1 ") == 1
    log = rules.parent / "access.log"
    shown = ran("explain", log, "-c", rules, "--format", "web").stdout
    for field in (
        "network      the shop's own",
        "country      FR",
        "route        /shop/{item}",
    ):
        assert field in shown


def test_the_fields_have_types(rules: Path) -> None:
    wrong = RULES.replace("NOT bot", "bot > 5")
    rules.write_text(wrong)
    assert ran("check", rules).returncode == 2
    rules.write_text(RULES)
    (source,) = load(rules).sources
    assert source.enrich is not None
    assert source.enrich.networks[1] == ("198.51.100.0/24", "the shop's own")


BAD_LISTS = {
    "a network without a name": (
        "10.0.0.0/8\n",
        "networks.txt:1: expected a network and its name",
    ),
    "no network": ("\n# x\nwhat is this\n", "networks.txt:3: expected a network"),
    "nothing": ("# nothing\n", "1 to 100000 networks"),
}


@pytest.mark.parametrize(("text", "said"), BAD_LISTS.values(), ids=BAD_LISTS)
def test_a_list_of_networks_is_checked(rules: Path, text: str, said: str) -> None:
    rules.with_name("networks.txt").write_text(text)
    with pytest.raises(ConfigError, match=said):
        load(rules)


def test_a_source_of_any_format_opens_with_it() -> None:
    source = SourceConfig(format=FormatConfig(), enrich=OWN)
    codec, _ = open_codec(source, "x.log", lines([1, 2]))
    assert codec is not None
    assert codec.message.find("route") is not None


def test_without_enrichment_nothing_is_different() -> None:
    config: Config = parse("sources: [{name: a, path: b}]", "tocsin.yaml")
    assert config.sources[0].enrich is None


def test_the_example_on_the_page_is_sound(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "enrichment.md").read_text(encoding="utf-8")
    (rules_,) = re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (names,) = re.findall(r"^```text\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    for database in ("GeoLite2-Country.mmdb", "GeoLite2-ASN.mmdb"):
        write(tmp_path / database, PLACES)
    (tmp_path / "networks.txt").write_text(names)
    (tmp_path / "tocsin.yaml").write_text(rules_)
    told = ran("check", tmp_path / "tocsin.yaml")
    assert told.returncode == 0, told.stdout + told.stderr
