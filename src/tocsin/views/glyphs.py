"""The signs of the faces that show text, with plain ASCII where nothing else prints."""

from dataclasses import dataclass
from typing import TextIO


@dataclass(frozen=True, slots=True)
class Glyphs:
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


def sparkline(values: list[int], glyphs: Glyphs) -> str:
    """Return one sign a value, the highest value the tallest, zero the lowest."""
    top = max(values, default=0)
    last = len(glyphs.steps) - 1
    if top <= 0:
        return glyphs.steps[0] * len(values)
    return "".join(glyphs.steps[-(-max(v, 0) * last // top)] for v in values)
