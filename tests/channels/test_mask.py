"""Personal data in lines of the log, before they leave."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.laws import law

from tocsin.channels.mask import LONGEST, Masking
from tocsin.model import samples
from tocsin.model.notification import Kind

CASES = {
    "an address": ("203.0.113.77 - -", "203.0.113.x - -"),
    "an address of IPv6": ("2001:db8:1:2::3 GET", "2001:db8:1:x GET"),
    "a short one of IPv6": ("from ::1", "from 0:0:0:x"),
    "an address with a port": ("10.1.2.3:8080", "10.1.2.x:8080"),
    "a time of day is none": ("21:12:37 12:30", "21:12:37 12:30"),
    "a date is none": ("[07/Feb/2019:21:12:30 +0000]", "[07/Feb/2019:21:12:30 +0000]"),
    "a MAC address is none": ("00:1b:44:11:3a:b7", "00:1b:44:11:3a:b7"),
    "a mail address": ("user ada.l+x@mail.example.org in", "user [email] in"),
    "a mail address in a query": ("?to=ada%40example.org", "?to=[email]"),
    "a token": ("GET /a?token=abc123&b=1", "GET /a?token=***&b=1"),
    "several": ("?a=1&api_key=x&sessionId=y#z", "?a=1&api_key=***&sessionId=***#z"),
    "a word that holds another": ("?monkey=1&keyword=2", "?monkey=1&keyword=2"),
    "a password in JSON": (
        '{"password": "hunter2", "a": 1}',
        '{"password": "***", "a": 1}',
    ),
    "a header": ("Authorization: Bearer abc.def-123", "Authorization: Bearer ***"),
    "a login in an address": ("https://u:p4ss@h.example/", "https://***@h.example/"),
    "a JWT": ("jwt eyJhbGciOi.eyJzdWIiOiIx.c2ln", "jwt ***"),
    "nothing": ("GET /index.html 200 12", "GET /index.html 200 12"),
}


@pytest.mark.parametrize(("line", "expected"), CASES.values(), ids=CASES)
def test_masked_is(line: str, expected: str) -> None:
    assert Masking().lines((line,)) == (expected,)


@given(
    st.lists(
        st.sampled_from([case for case, _ in CASES.values()]) | st.text(max_size=9)
    )
)
@law(300)
def test_masking_twice_changes_nothing(parts: list[str]) -> None:
    once = Masking().lines((" ".join(parts),))

    assert Masking().lines(once) == once


@pytest.mark.parametrize(
    "line", ["1." * 5_000, "a@" * 5_000, "a" * 9_000 + "@", ":" * 9_000, "?" + "token" * 2_000,
             "&_key" * 2_000, "://" * 3_000, "eyJ" * 3_000, '"token' * 2_000]
)  # fmt: skip
def test_no_line_takes_long(line: str) -> None:
    # Would not end with patterns that try again and again.
    assert len(Masking().lines((line,))[0]) <= 2 * LONGEST


def test_rules_come_first_and_may_use_groups() -> None:
    masking = Masking(rules=((r"customer/(\d)\d+", "customer/$1…"), ("x+", "y")))

    assert masking.lines(("customer/123 xx \ud800",)) == ("customer/1… y ?",)


def test_what_is_off_stays() -> None:
    line = "1.2.3.4 a@b.org ?token=x"
    assert Masking(addresses=False, emails=False, tokens=False).lines((line,)) == (
        line,
    )


def test_only_evidence_is_masked() -> None:
    seen = replace(samples.firing(), key={"addr": "1.2.3.4"}, evidence=("1.2.3.4",))
    made = Masking().masked(samples.notification(Kind.FIRING, seen))

    assert made.alerts[0].key == {"addr": "1.2.3.4"}
    assert made.alerts[0].evidence == ("1.2.3.x",)
