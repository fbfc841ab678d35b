"""Plain text: sentences that can be grepped, and an account of every line."""

from __future__ import annotations

import io
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from tocsin.model.instant import SECOND
from tocsin.model.records import IncidentEvent, Notice, Record, StreamAccount, Summary
from tocsin.model.status import LiveStatus
from tocsin.views.plain import PlainView

if TYPE_CHECKING:
    from tests.views.conftest import Feed


def told(*records: Record, encoding: str = "utf-8") -> tuple[str, str]:
    """What the plain face writes to standard output and standard error."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in "oe")
    view = PlainView(out, err)
    view.refresh(lambda: LiveStatus(now=1))
    for record in records:
        view.show(record)
    view.close()
    view.close()
    err.flush()
    out.seek(0)
    err.seek(0)
    return out.read(), err.read()


def test_a_period_an_alarm_and_its_history(feed: Feed) -> None:
    quiet = replace(
        feed.stats,
        start=feed.stats.end,
        end=feed.stats.end + 10 * SECOND,
        hits=0,
        rate=0.0,
        bytes=None,
        success=None,
        errors=None,
        clients=None,
        sections=(),
        statuses={},
        methods={},
    )
    out, err = told(
        feed.stats, feed.rings, feed.opened, quiet, feed.resolved, quiet, quiet
    )
    assert err == ""
    assert out == dedent("""\

        2019-02-07 21:12:30 → 21:12:40 UTC  hits 120  12.0/s  142.1 kB  clients 5
          status    2xx 100  3xx 5  4xx 10  5xx 5  (success 105, errors 15)
          methods   GET 100  POST 20
          sections  /api 85  /report 35
        ▲ #1 High traffic generated an alert - hits = 1206, triggered at 2019-02-07T21:12:37Z

        2019-02-07 21:12:40 → 21:12:50 UTC  hits 0  0.0/s
          unfinished alarms (1)
            ▲ #1 High traffic  since 2019-02-07 21:12:37 UTC: 10.05 over 2m is above 10
        ✓ #1 High traffic recovered - hits = 1198, recovered at 2019-02-07T21:14:04Z

        2019-02-07 21:12:40 → 21:12:50 UTC  hits 0  0.0/s
          history
            ✓ #1 High traffic  2019-02-07 21:12:37 → 21:14:04 UTC (1m 27s)

        2019-02-07 21:12:40 → 21:12:50 UTC  hits 0  0.0/s
        """)


def test_the_summary_accounts_for_every_line(feed: Feed) -> None:
    out, _ = told(feed.summary)
    assert out == dedent("""\

        summary  2019-02-07 21:12:30 → 21:14:04 UTC
          lines     4832 = 4830 events + 0 joined + 1 skipped + 1 parse error
          events    4830 = 4829 counted + 1 late + 0 future
          amended   12 of the counted came late, and were added
          lost      1.5 kB could not be read
          alarms    1 incident, 0 unfinished
          stream    sample.csv (csv)
          lines that could not be parsed, for example
            nonsense
              expected 7 columns, found 1
          plugin Mine failed: KeyError: 'x'
        """)


def test_each_of_several_streams_has_its_account() -> None:
    one = StreamAccount("a", lines=3, events=2, counted=2, parse_errors=1)
    two = StreamAccount("b", lines=2, events=1, counted=1, skipped=1, format="csv")
    two = replace(two, known_lost_bytes=70, samples=(("x", "why"),))
    out, _ = told(Summary((one, two)))
    assert "summary  no events\n" in out
    assert "  lines     5 = 3 events + 0 joined + 1 skipped + 1 parse error\n" in out
    assert "  stream    a: 3 lines, 2 events, 1 parse error\n" in out
    assert "  stream    b (csv): 2 lines, 1 event, 1 skipped, 70 B lost\n" in out
    assert "    b: x\n      why\n" in out


def test_an_account_that_does_not_add_up_says_so() -> None:
    out, _ = told(Summary((StreamAccount("a", lines=9, events=7, counted=4),)))
    assert "0 parse errors (+2 unaccounted for)\n" in out
    assert "0 future (+3 unaccounted for)\n" in out


def test_reports_and_datapoints_stand_on_lines_of_their_own(feed: Feed) -> None:
    report = replace(feed.report, text="/api 85\n\n▲ #9 forged")
    wordless = replace(feed.report, text="")
    out, _ = told(report, wordless, feed.datapoint)
    assert out == dedent("""\
        2019-02-07 21:12:30 → 21:12:40 UTC  sections: /api 85
            ▲ #9 forged
        2019-02-07 21:12:30 → 21:12:40 UTC  sections: {"section":"/api"}
        2019-02-07 21:12:37 UTC  errors {section=/api} = 2.50  (85 events)  and the next 2 alike
        """)


def test_the_lines_of_a_word_are_lines_and_its_subject_is_not() -> None:
    text = "not taken up\nf.yaml:3: wrong\n  hint: mend it\n\x1b[2J"
    _, err = told(Notice(text, "error", "f\nyaml"))
    assert err == (
        "tocsin: error: f\\nyaml: not taken up\n  f.yaml:3: wrong\n  hint: mend it\n"
        "  \\x1b[2J\n"
    )


def test_a_word_about_the_run_is_no_data(feed: Feed) -> None:
    out, err = told(feed.notice, Notice("gone", "error"))
    assert out == ""
    assert err == (
        "tocsin: sample.csv: csv, 100 % of 500 lines matched\ntocsin: error: gone\n"
    )


EVENTS = {"opened": "▲", "resolved": "✓", "reopened": "▲", "corrected": "≈"}
EVENTS["withdrawn"] = "✗"


@pytest.mark.parametrize(("event", "sign"), EVENTS.items())
def test_an_event_is_said_in_a_sign_and_in_its_words(event: str, sign: str) -> None:
    plain = IncidentEvent(1, event, "a", {}, 0, "What it is")
    assert told(plain)[0] == f"{sign} #1 What it is\n"


def test_an_alarm_that_late_lines_made_says_so(feed: Feed) -> None:
    out, _ = told(replace(feed.opened, amended=True))
    assert out == f"▲ #1 {feed.opened.message}  (amended by late lines)\n"


HISTORIES = {
    "corrected": "≈ #1 m; ✓ #1 a  1970-01-01 00:00:00 → 00:00:08 UTC (8s), "
    "corrected by late lines",
    "withdrawn": "✗ #1 m; ✗ #1 a  withdrawn: late lines show that it did not happen",
}


@pytest.mark.parametrize(("event", "said"), HISTORIES.items())
def test_the_history_tells_what_late_lines_did(
    feed: Feed, event: str, said: str
) -> None:
    events = [
        IncidentEvent(1, what, "a", {}, at * SECOND, "m", amended=what == event)
        for what, at in (("opened", 0), ("resolved", 10), (event, 8))
    ]
    lines = [line.strip() for line in told(*events, feed.stats)[0].splitlines()]
    assert [lines[2], lines[-1]] == said.split("; ")


def test_an_alarm_named_for_its_key_is_one_alarm(feed: Feed) -> None:
    key = {"section": "/api"}
    rings = replace(feed.rings, alarm="Errors on {section}", key=key)
    opened = replace(feed.opened, alarm="Errors on /api", key=key)
    out, _ = told(rings, opened, feed.stats)
    expected = f"▲ #1 Errors on /api  since 2019-02-07 21:12:37 UTC: {rings.reason}\n"
    assert expected in out


def test_where_only_ascii_prints_only_ascii_is_written(feed: Feed) -> None:
    stats = replace(feed.stats, sections=(("/café", 1),))
    out, _ = told(stats, feed.opened, feed.resolved, feed.summary, encoding="ascii")
    assert "\n! #1 High traffic generated an alert - hits = 1206," in out
    assert "\n+ #1 High traffic recovered" in out
    assert "\n2019-02-07 21:12:30 - 21:12:40 UTC" in out
    assert "/caf\\xe9 1" in out


def test_of_many_streams_those_with_most_to_tell_are_named_and_the_rest_is_summed_up(
    feed: Feed,
) -> None:
    quiet = tuple(StreamAccount(f"{n}.log", n, n) for n in range(1, 10_001))
    torn = StreamAccount("torn.log", 1, 0, parse_errors=1)
    out, _ = told(replace(feed.summary, streams=(*quiet, torn)))
    streams = [s for s in out.splitlines() if s.startswith("  stream ")]
    assert streams[:2] == [
        "  stream    torn.log: 1 line, 0 events, 1 parse error",
        "  stream    10000.log: 10000 lines, 10000 events",
    ]
    rest = sum(range(1, 9_982))
    assert streams[20:] == [f"  stream    and 9981 others: {rest} lines, {rest} events"]


def test_what_a_log_says_cannot_write_lines_or_move_the_cursor(feed: Feed) -> None:
    evil = "\x1b[2J\n▲ #9 forged\u202e"
    account = replace(feed.summary.streams[0], samples=((evil, evil),))
    records: list[Record] = [
        replace(feed.stats, sections=((evil, 1),), methods={evil: 1}),
        replace(feed.rings, key={"k": evil}, reason=evil),
        replace(feed.opened, key={"k": evil}, message=evil),
        replace(feed.stats, statuses={evil: 1}),
        replace(feed.report, text=evil, consumer=evil),
        replace(feed.datapoint, key={evil: evil}),
        replace(feed.notice, text=evil, subject=evil),
        replace(feed.summary, streams=(account,), plugin_failures={evil: evil}),
    ]
    out, err = told(*records)
    assert "\x1b" not in out + err
    assert "\u202e" not in out + err
    assert "\n▲ #9" not in out + err
    assert out.count("\\x1b[2J") == 14
