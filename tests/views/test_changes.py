"""What is said again and what only once; what is kept where there is little room."""

from io import StringIO

import pytest
from msgspec.structs import replace
from rich.console import Console

from tocsin.model.records import IncidentEvent, Stats
from tocsin.model.status import AlarmStatus, LiveStatus
from tocsin.views.dashboard import Dashboard
from tocsin.views.glyphs import UNICODE
from tocsin.views.lines import Lines
from tocsin.views.model import Screen
from tocsin.views.plain import PlainView

TEN = 10_000_000
STATS = Stats(0, TEN, 5, 0.5, None, None, None, None, (), {}, {})
OPENED = IncidentEvent(1, "opened", "High traffic", {}, TEN, "High traffic rang")


def test_a_pipe_is_told_of_changes_and_else_how_many_fire() -> None:
    out = StringIO()
    view = PlainView(out, StringIO())
    view.show(OPENED)
    for n in range(3):
        view.show(replace(STATS, start=n * TEN, end=(n + 1) * TEN))
    said = out.getvalue()
    assert said.count("unfinished alarms (1)") == 1
    assert said.count("#1 High traffic") == 2  # as it rang, and in the list
    assert said.count("  alarms    1 firing (#1)\n") == 2
    view.show(replace(OPENED, event="resolved", at=3 * TEN))
    view.show(replace(STATS, start=3 * TEN, end=4 * TEN))
    assert out.getvalue().count("firing") == 2


@pytest.mark.parametrize("width", [40, 50, 60, 80, 200])
def test_the_name_of_an_alarm_is_seen_at_any_width(width: int) -> None:
    screen = Screen()
    screen.step(OPENED)
    alarm = AlarmStatus("High traffic", 1234.5, 9, 1000.0, firing=True)
    screen.status = LiveStatus(now=TEN, lines=9, alarms=(alarm,))
    out = StringIO()
    console = Console(file=out, width=width, height=15, force_terminal=True)
    console.print(Dashboard(screen, Lines(UNICODE)))
    assert "High traffic" in out.getvalue()


def test_before_the_first_line_the_screen_says_that_it_reads() -> None:
    out = StringIO()
    Console(file=out, width=80, height=24).print(Dashboard(Screen(), Lines(UNICODE)))
    assert "reading ..." in out.getvalue()
