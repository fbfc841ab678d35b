"""The live screen: panels laid out for whatever size the terminal has right now."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from msgspec import Struct
from rich import box
from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from tocsin.views import panels
from tocsin.views.gauge import standings
from tocsin.views.words import clock, counted, duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

    from tocsin.model.records import Stats
    from tocsin.views.lines import Lines
    from tocsin.views.model import Screen

_WIDE = 66
"""Columns from which two panels stand side by side."""
_TALL = 32
"""Rows from which the hits have a panel of their own."""
_FRAME = 2
"""Rows that a panel's frame takes."""
_SIDES = 4
"""Columns that a panel's frame takes, with a space at each side."""
_TOTALS = 6
"""Rows of the figures of a period."""
_CHART = 4
"""Rows of the hits where they have a panel of their own."""
_REPORTS = 5
"""Raw log consumers whose last word is shown."""
_NOTES = (2, 4)
"""Lines about the run below everything, on a low screen and on a tall one."""


class Block(Struct, frozen=True):
    """Something to draw, and how many rows it takes."""

    drawn: RenderableType
    rows: int


class Dashboard(Struct, frozen=True):
    """The run as it stands; laid out anew for each size it is drawn in."""

    screen: Screen
    lines: Lines

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> RenderResult:
        """Draw into the width and height that there are."""
        height = options.height or console.height
        yield Group(*self._layout(options.max_width, height))

    def _layout(self, width: int, height: int) -> list[RenderableType]:
        """Return the parts from the top down; what rings never falls off the end."""
        header = panels.header(self.screen, self.lines, width)
        notes = panels.notes(self.screen, _NOTES[height >= _TALL], width, self.lines)
        report = self._report(width, height)
        alarms = self._alarms(width, max(1, height // 6))
        left = height - len(header) - len(notes) - alarms.rows
        left -= sum(block.rows for block in report)
        blocks = [alarms, *report] if left < 0 else [*report, alarms]
        if self.screen.reports and left > 2 * _FRAME:
            blocks.append(self._reports(width, min(left // 3, _REPORTS)))
            left -= blocks[-1].rows
        if left > _FRAME:
            blocks.append(self._history(left - _FRAME))
        return [*header, *(block.drawn for block in blocks), *notes]

    def _report(self, width: int, height: int) -> list[Block]:
        stats = self.screen.stats
        if stats is None and not self.screen.periods:
            return []
        if stats is None:
            waiting = Text("the first period has not ended yet", panels.LABEL)
            return [self._frame("report", [waiting])]
        tall = height >= _TALL
        rows = max(_TOTALS, min(len(stats.sections), height // 4)) + (not tall)
        report = self._figures(stats, width, rows, tall=tall)
        return [*report, self._hits(stats, width)] if tall else report

    def _figures(
        self, stats: Stats, width: int, rows: int, *, tall: bool
    ) -> list[Block]:
        wide = width >= _WIDE
        room = (width // 2 if wide else width) - _SIDES
        figures = panels.totals(stats, room, self.lines.glyphs)
        if not tall:
            figures += panels.spark(self.screen, room, 1, self.lines.glyphs)
        left = self._frame(_period(stats, self.lines), figures, rows)
        right_room = width - width // 2 - _SIDES if wide else room
        top = panels.sections(stats, right_room, rows, self.lines)
        right = self._frame("sections", top, rows)
        if not wide:
            return [left, right]
        pair = Table.grid(expand=True)
        pair.add_column(width=width // 2)
        pair.add_column(width=width - width // 2)
        pair.add_row(left.drawn, right.drawn)
        return [Block(pair, rows + _FRAME)]

    def _hits(self, stats: Stats, width: int) -> Block:
        room = width - _SIDES
        drawn = panels.spark(self.screen, room, _CHART, self.lines.glyphs)
        shown = self.screen.hits()[-room:]
        every = duration(stats.end - stats.start)
        title = f"hits in each {every}, {counted(len(shown), 'period')}"
        return self._frame(f"{title}, highest {max(shown)}", drawn, _CHART)

    def _alarms(self, width: int, rows: int) -> Block:
        drawn = panels.alarms(self.screen, width - _SIDES, rows, self.lines)
        ringing = sum(row.firing for row in standings(self.screen))
        ringing += self.screen.forgotten
        if not ringing:
            return self._frame("alarms", drawn)
        title = f"alarms {self.lines.glyphs.dot} {ringing} firing"
        return self._frame(title, drawn, style=panels.FRAME_RINGING)

    def _reports(self, width: int, rows: int) -> Block:
        drawn = panels.reports(self.screen, rows, width - _SIDES, self.lines)
        return self._frame("reports", drawn)

    def _history(self, rows: int) -> Block:
        table = Table.grid()
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        told: set[int] = set()
        for event in islice(self.screen.history, rows):
            table.add_row(*panels.sentence(event, self.lines))
            if event.id not in told:  # what it comes from stands with its last word
                for line in panels.support(self.screen, event, self.lines):
                    table.add_row("", line)
            told.add(event.id)
        said = [table] if self.screen.history else [Text("all quiet so far", "dim")]
        return self._frame("history", said, rows)

    def _frame(
        self,
        title: str,
        inside: Sequence[RenderableType],
        rows: int | None = None,
        style: str = panels.LABEL,
    ) -> Block:
        for line in inside:
            if isinstance(line, Text):
                line.no_wrap, line.overflow = True, "crop"
        rows = len(inside) if rows is None else rows
        panel = Panel(
            Group(*inside),
            title=Text(title, "not dim"),
            title_align="left",
            box=box.ASCII if self.lines.glyphs.ascii_only else box.ROUNDED,
            border_style=style,
            padding=(0, 1),
            height=rows + _FRAME,
        )
        return Block(panel, rows + _FRAME)


def _period(stats: Stats, lines: Lines) -> str:
    marks = ["partial"] * stats.partial + ["amended"] * stats.amended
    marked = f" ({', '.join(marks)})" if marks else ""
    return f"{clock(stats.start)} {lines.glyphs.arrow} {clock(stats.end)}{marked}"
