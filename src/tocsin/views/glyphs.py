"""The signs of the faces that show text, with plain ASCII where nothing else prints."""

from typing import TextIO

from msgspec import Struct


class Glyphs(Struct, frozen=True):
    """One set of signs. A sign never stands without a word beside it."""

    ascii_only: bool
    firing: str
    resolved: str
    changed: str
    withdrawn: str
    arrow: str
    dot: str
    bar: str
    mark: str
    over: str
    track: str
    steps: str
    """A sparkline's heights, lowest first."""

    def event(self, event: str) -> str:
        """Return the sign of an event of an incident."""
        signs = {
            "opened": self.firing,
            "reopened": self.firing,
            "escalated": self.firing,
            "resolved": self.resolved,
            "withdrawn": self.withdrawn,
        }
        return signs.get(event, self.changed)


UNICODE = Glyphs(
    ascii_only=False,
    firing="▲",
    resolved="✓",
    changed="≈",
    withdrawn="✗",
    arrow="→",
    dot="·",
    bar="█",
    mark="┃",
    over="▶",
    track="·",
    steps="▁▂▃▄▅▆▇█",
)

ASCII = Glyphs(
    ascii_only=True,
    firing="!",
    resolved="+",
    changed="~",
    withdrawn="x",
    arrow="-",
    dot="|",
    bar="#",
    mark="|",
    over=">",
    track=".",
    steps="_.:-=+*#",
)


def glyphs_for(stream: TextIO) -> Glyphs:
    """Return the signs that the encoding of `stream` can say."""
    encoding = (getattr(stream, "encoding", None) or "utf-8").lower()
    return UNICODE if encoding.replace("-", "").startswith("utf") else ASCII


def chart(values: list[int], rows: int, glyphs: Glyphs) -> list[str]:
    """Return a column of signs for each value, in lines from the top down.

    The highest value is the tallest; zero is the lowest sign, anything more is higher.
    """
    top, levels = max(values, default=0), len(glyphs.steps)
    heights = [
        -(-max(v, 0) * (rows * levels - 1) // top) if top > 0 else 0 for v in values
    ]
    return [
        "".join(_cell(height - row * levels, row, glyphs.steps) for height in heights)
        for row in range(rows - 1, -1, -1)
    ]


def _cell(height: int, row: int, steps: str) -> str:
    return " " if height < 0 and row else steps[min(max(height, 0), len(steps) - 1)]
