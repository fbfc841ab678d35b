"""The live face: what it draws in which size, and what it leaves behind."""

from __future__ import annotations

import io
import re
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.console import Console
from rich.screen import Screen as Frame

from tocsin.model.errors import UsageError
from tocsin.model.records import (
    ConsumerReport,
    Contributor,
    IncidentEvent,
    Notice,
    Record,
    Stats,
    Transition,
)
from tocsin.model.status import AlarmStatus, LiveStatus, StreamStatus
from tocsin.views.dashboard import Dashboard
from tocsin.views.glyphs import ASCII, UNICODE, Glyphs
from tocsin.views.jsonl import JsonlView
from tocsin.views.lines import Lines
from tocsin.views.model import Screen
from tocsin.views.plain import PlainView
from tocsin.views.protocol import choose
from tocsin.views.safe import cells
from tocsin.views.terminal import TerminalView

if TYPE_CHECKING:
    from tests.views.conftest import Feed

RANG = 1549573957 * 1_000_000
STATUS = LiveStatus(
    now=RANG + 43_000_000,
    streams=(StreamStatus("sample.csv", format="csv"),),
    lines=4832,
    parse_errors=1,
    alarms=(
        AlarmStatus("p95", None, 0, 250),
        AlarmStatus("High traffic", 10.05, 1206, 10, firing=True),
    ),
    lines_per_s=213.4,
)


class Tty(io.StringIO):
    """A terminal that keeps what is written."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)


def drawn(
    screen: Screen, width: int, height: int, glyphs: Glyphs = UNICODE
) -> list[str]:
    """The lines of one drawing, without the space at their ends."""
    out = io.StringIO()
    console = Console(file=out, width=width, height=height, color_system=None)
    console.print(Frame(Dashboard(screen, Lines(glyphs))), end="")
    return [line.rstrip() for line in out.getvalue().split("\n")]


def screen_of(*records: Record, status: LiveStatus = STATUS) -> Screen:
    screen = Screen(status=status)
    for record in records:
        screen.step(record)
    return screen


def test_a_ringing_alarm_on_a_small_screen(feed: Feed) -> None:
    shown = drawn(screen_of(*feed.all()[:12]), 80, 24)
    assert (
        shown
        == dedent("""\
         tocsin  sample.csv · csv                               2019-02-07 21:13:20 UTC
         4,832 lines · 213 lines/s · 1 unparsed · caught up               Ctrl-C to end
        ╭─ 21:13:50 → 21:14:00 ────────────────╮╭─ sections ───────────────────────────╮
        │ hits           80  12.0 a second     ││ /api    85 ████████████████████████  │
        │ bytes    142.1 kB  clients 5         ││ /report 35 ██████████                │
        │ success       105                    ││                                      │
        │ errors         15  12.5 %            ││                                      │
        │ 2xx 100  3xx 5  4xx 10  5xx 5        ││                                      │
        │ GET 100  POST 20                     ││                                      │
        │ █▂▃▃▄▄▅▆▆                            ││                                      │
        ╰──────────────────────────────────────╯╰──────────────────────────────────────╯
        ╭─ alarms · 1 firing ──────────────────────────────────────────────────────────╮
        │ ▲ FIRING  #1  High traffic           10.05 > 10   ███████┃··  since 21:12:37 │
        │ ✓ ok          p95                  no data > 250  ·······┃··                 │
        ╰──────────────────────────────────────────────────────────────────────────────╯
        ╭─ history ────────────────────────────────────────────────────────────────────╮
        │ ▲ #1 High traffic generated an alert - hits = 1206, triggered at             │
        │      2019-02-07T21:12:37Z                                                    │
        │                                                                              │
        │                                                                              │
        │                                                                              │
        │                                                                              │
        ╰──────────────────────────────────────────────────────────────────────────────╯
         sample.csv: csv, 100 % of 500 lines matched
        """).splitlines()
    )


def supported(feed: Feed) -> list[Record]:
    """The same run, whose alarm says what it comes from."""
    who = Contributor("section", "/api", 900.0, 300.0)
    lines = ("GET /first 200", "GET /\x1b[31mlast 500" + "x" * 300)
    rings = replace(feed.rings, evidence=lines, contributors=(who,))
    return [rings if record is feed.rings else record for record in feed.all()]


def test_what_rings_shows_who_made_the_difference_and_the_last_line(feed: Feed) -> None:
    shown = drawn(screen_of(*supported(feed)[:12]), 120, 24)
    (at,) = (i for i, line in enumerate(shown) if feed.opened.message in line)
    assert shown[at + 1].startswith("│      section /api: 900, 300 before  ")
    assert shown[at + 2].startswith(r"│      | GET /\x1b[31mlast 500xxx")
    assert not any("GET /first" in line for line in shown)
    assert len(shown) == 24


def test_what_is_over_shows_no_lines(feed: Feed) -> None:
    shown = drawn(screen_of(*supported(feed)), 120, 24)
    assert any(feed.resolved.message in line for line in shown)
    assert not any("| GET" in line for line in shown)


def test_an_alarm_that_recovers_says_so(feed: Feed) -> None:
    alarms = (
        AlarmStatus("High traffic", 9.0, 3, 10.0, firing=True, state="recovering"),
    )
    shown = drawn(screen_of(feed.opened, status=LiveStatus(alarms=alarms)), 80, 24)
    assert any("▲ recovering  #1  High traffic" in line for line in shown)


def test_no_period_is_waited_for_where_none_is_told_of() -> None:
    for size in ((120, 36), (80, 24), (40, 10)):
        text = "\n".join(drawn(Screen(periods=False), *size))
        assert "period" not in text
        assert "alarms" in text


def test_a_word_of_several_lines_is_several_lines() -> None:
    notice = Notice("not taken up\nf.yaml:3: wrong\n  hint: mend it", "error", "f.yaml")
    shown = drawn(screen_of(notice), 80, 36)
    at = next(
        i for i, line in enumerate(shown) if "error: f.yaml: not taken up" in line
    )
    assert [line.strip() for line in shown[at + 1 : at + 3]] == [
        "f.yaml:3: wrong",
        "hint: mend it",
    ]


def test_a_quiet_start(feed: Feed) -> None:
    shown = drawn(screen_of(status=LiveStatus()), 80, 24)
    text = "\n".join(shown)
    assert "the first period has not ended yet" in text
    assert "all quiet so far" in text
    assert "none yet" in text
    assert len(shown) == 24
    assert "no period" not in "\n".join(drawn(screen_of(feed.stats), 80, 24))


def test_a_tall_screen_gives_the_hits_a_panel(feed: Feed) -> None:
    shown = drawn(screen_of(*feed.all()[:12]), 120, 40)
    text = "\n".join(shown)
    assert "hits in each 10s, 9 periods, highest 120" in text
    assert feed.opened.message in text  # on one line: it can be copied
    assert len(shown) == 40


def test_where_only_ascii_prints_only_ascii_is_drawn(feed: Feed) -> None:
    stats = replace(feed.stats, sections=(("/café" * 30, 9), ("/界", 1)))
    shown = drawn(screen_of(stats, feed.opened), 80, 24, ASCII)
    assert "".join(shown).isascii()
    assert any("! FIRING" in line for line in shown)
    assert any("/caf\\xe9" in line for line in shown)


def test_more_alarms_than_fit_are_counted(feed: Feed) -> None:
    events = [
        IncidentEvent(n, "opened", "busy", {"section": f"/{n}"}, RANG, "m")
        for n in range(1, 41)
    ]
    text = "\n".join(drawn(screen_of(feed.stats, *events), 80, 24))
    assert "alarms · 41 firing" in text
    assert "and 39 more, 38 of them firing" in text


def test_streams_in_trouble_say_so(feed: Feed) -> None:
    streams = (
        StreamStatus("/var/log/a.log", waiting=True, format="combined"),
        StreamStatus("/var/log/b.log", lag=1500, trouble="permission denied"),
    )
    text = "\n".join(
        drawn(screen_of(feed.stats, status=LiveStatus(streams=streams)), 80, 24)
    )
    assert "2 streams · combined · a.log, b.log" in text
    assert "1.5 kB behind" in text
    assert " /var/log/a.log: not there yet, waiting for it\n" in text
    assert " /var/log/b.log: permission denied" in text


def test_on_a_low_screen_what_rings_stands_above_the_figures(feed: Feed) -> None:
    shown = drawn(screen_of(feed.stats, feed.opened), 80, 12)
    assert len(shown) == 12
    assert "▲ FIRING" in shown[3]


HOSTILE = st.text(
    st.one_of(
        st.characters(codec=None), st.sampled_from("\x1b\x00\x07\r\n\u202e\u200b界[]m")
    ),
    max_size=40,
)


@settings(deadline=None)  # it draws whole screens, beside other work
@given(
    text=HOSTILE, width=st.integers(20, 200), height=st.integers(1, 60),
    glyphs=st.sampled_from([ASCII, UNICODE]),
)  # fmt: skip
def test_every_size_is_filled_and_nothing_hostile_is_drawn(
    text: str, width: int, height: int, glyphs: Glyphs
) -> None:
    screen = screen_of(
        *hostile(text),
        status=replace(
            STATUS, streams=(StreamStatus(text, trouble=text, format=text),)
        ),
    )
    lines = drawn(screen, width, height, glyphs)
    assert len(lines) == height
    assert all(line.isprintable() for line in lines)
    assert all(cells(line) <= width for line in lines)
    assert "".join(lines).isascii() or glyphs is UNICODE


def hostile(text: str) -> list[Record]:
    """Records that carry a text from a log wherever one can stand."""
    key = {text: text}
    return [
        Stats(
            0, 10**7, 3, 0.3, 7, 2, 1, 1, ((text, 2), ("/a", 1)), {text: 3}, {text: 3}
        ),
        IncidentEvent(1, "opened", text, key, 5, text),
        IncidentEvent(2, text, text, {}, 5, text),
        Transition(
            "i",
            text,
            key,
            text,
            "ok",
            "firing",
            5,
            2.0,
            3,
            1.0,
            text,
            evidence=(text,),
            contributors=(Contributor(text, text, 2, 1),),
        ),
        Notice(text, "warning", text),
        ConsumerReport(text, 0, 10**7, text),
    ]


def test_what_consumers_reported_last_is_shown(feed: Feed) -> None:
    words = replace(feed.report, text="/api: 85 hits\nand more")
    data = replace(feed.report, consumer="Mine", text="")
    text = "\n".join(drawn(screen_of(feed.stats, words, data), 80, 24))
    assert "─ reports ─" in text
    assert "│ sections  21:12:30 → 21:12:40  /api: 85 hits  " in text
    assert '│ Mine  21:12:30 → 21:12:40  {"section":"/api"}  ' in text


def test_markup_is_only_text(feed: Feed) -> None:
    stats = replace(feed.stats, sections=(("[bold]x[/bold]:smile:", 9),))
    assert any(
        "[bold]x[/bold]:smile:" in line for line in drawn(screen_of(stats), 120, 24)
    )


def lived(feed: Feed, out: io.StringIO, err: io.StringIO) -> str:
    """What a whole live run writes to the terminal."""
    view = TerminalView(out, err)
    for record in feed.all():
        view.refresh(lambda: STATUS)
        view.show(record)
    view.close()
    view.close()
    view.refresh(lambda: STATUS)
    return out.getvalue()


def test_the_live_screen_is_given_back_and_the_last_word_stays(feed: Feed) -> None:
    out, err = Tty(), Tty()
    text = lived(feed, out, err)
    live, last = text.split("\x1b[?1049l")
    assert live.startswith("\x1b[?1049h")
    assert "Ctrl-C to end" in live
    assert last.index("hits 90") < last.index(feed.opened.message)
    assert last.index(feed.opened.message) < last.index(feed.resolved.message)
    assert "lines     4832 = 4830 events" in last
    assert "sections: /api 85" in last
    assert err.getvalue() == "tocsin: sample.csv: csv, 100 % of 500 lines matched\n"


def test_without_colour_the_signs_and_words_remain(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    coloured = re.compile(r"\x1b\[(?:\d+;)*[349]\d[;m]")
    assert coloured.search(lived(feed, Tty(), Tty()))
    monkeypatch.setenv("NO_COLOR", "1")
    text = lived(feed, Tty(), Tty())
    assert not coloured.search(text)
    assert "▲ FIRING" in text


def test_a_replay_leaves_the_last_word_and_draws_no_screen(feed: Feed) -> None:
    out, err = Tty(), io.StringIO()
    view = TerminalView(out, err)
    for record in feed.all():
        view.show(record)
    view.close()
    assert "\x1b[?1049h" not in out.getvalue()
    assert feed.opened.message in out.getvalue()
    assert "summary" in out.getvalue()


def test_asked_for_on_a_pipe_it_writes_text_without_escapes(feed: Feed) -> None:
    out, err = io.StringIO(), io.StringIO()
    text = lived(feed, out, err)
    assert "\x1b" not in text
    assert feed.opened.message in text


def test_what_the_history_forgot_is_counted() -> None:
    out = io.StringIO()
    view = TerminalView(out, io.StringIO())
    for n in range(1, 151):
        view.show(IncidentEvent(n, "opened", "a", {}, RANG, f"rang {n}"))
    view.close()
    assert "50 earlier events of incidents" in out.getvalue()
    assert "rang 50\n" not in out.getvalue()
    assert "rang 51\n" in out.getvalue()


FACES = {
    "auto on a terminal": ("auto", Tty, "xterm", TerminalView),
    "auto on a dumb terminal": ("auto", Tty, "dumb", PlainView),
    "auto on a pipe": ("auto", io.StringIO, "xterm", PlainView),
    "plain on a terminal": ("plain", Tty, "xterm", PlainView),
    "jsonl": ("jsonl", Tty, "xterm", JsonlView),
    "terminal on a pipe": ("terminal", io.StringIO, "xterm", TerminalView),
}


@pytest.mark.parametrize(
    ("output", "stream", "term", "face"), FACES.values(), ids=FACES
)
def test_the_face_fits_what_it_is_shown_on(
    output: str,
    stream: type[io.StringIO],
    term: str,
    face: type,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", term)
    assert type(choose(output, stream(), io.StringIO())) is face


def test_a_face_that_does_not_exist_is_the_users_error() -> None:
    with pytest.raises(UsageError, match="got 'html'"):
        choose("html", io.StringIO(), io.StringIO())
