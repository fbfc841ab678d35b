"""Durations as people write them, `2m`, `1h30m` or ISO 8601 `PT2M`, to microseconds."""

import re
from fractions import Fraction

UNITS = {
    "w": 604_800_000_000,
    "d": 86_400_000_000,
    "h": 3_600_000_000,
    "m": 60_000_000,
    "s": 1_000_000,
    "ms": 1_000,
    "us": 1,
}
"""Microseconds of each unit, longest first: the order in which they are written."""

LONGEST = 366 * UNITS["d"]
_FINE = 60
"""Into how many steps a window is divided where nobody says."""

_SHORT = re.compile(
    "".join(rf"(?:(?P<{unit}>\d{{1,15}}){unit}(?![a-z]))?" for unit in UNITS),
    re.ASCII,
)
_AMOUNT = r"\d{1,15}(?:[.,]\d{1,6})?"
_ISO = re.compile(
    rf"P(?:(?P<years>{_AMOUNT})Y)?(?:(?P<months>{_AMOUNT})M)?(?:(?P<w>{_AMOUNT})W)?"
    rf"(?:(?P<d>{_AMOUNT})D)?"
    rf"(?:T(?=\d)(?:(?P<h>{_AMOUNT})H)?(?:(?P<m>{_AMOUNT})M)?(?:(?P<s>{_AMOUNT})S)?)?",
    re.ASCII,
)
_CALENDAR = "months and years differ in length; write days, such as P30D or 30d"
HINT = 'write a whole number and one of ms, s, m, h, d, such as "5m", or "PT5M"'


class DurationError(ValueError):
    """The text is no duration; `hint` says how to mend it."""

    def __init__(self, wanted: str, hint: str) -> None:
        self.wanted = wanted
        self.hint = hint
        super().__init__(wanted)


def duration(text: str, *, zero: bool = False) -> int:
    """Return the microseconds that `text` stands for.

    More than zero, unless `zero` is allowed; at most 366 days.

    Raises:
        DurationError: It is no duration, or not one of that range.
    """
    micros = _iso(text) if text.startswith("P") else _short(text)
    if micros == 0 and not zero:
        raise DurationError("a duration longer than zero", HINT)
    if micros > LONGEST:
        raise DurationError("a duration of at most 366 days", HINT)
    return micros


def as_text(micros: int) -> str:
    """Return the duration as it would be written: `1h30m`; zero is `0s`."""
    parts = []
    for unit, size in UNITS.items():
        amount, micros = divmod(micros, size)
        if amount:
            parts.append(f"{amount}{unit}")
    return "".join(parts) or "0s"


def step_of(period: int) -> int:
    """Return the longest whole number of seconds that makes enough steps of a period."""
    seconds = period // UNITS["s"]
    fits = (n for n in range(max(seconds // _FINE, 1), 0, -1) if seconds % n == 0)
    return next(fits) * UNITS["s"]


def _short(text: str) -> int:
    match = _SHORT.fullmatch(text)
    if match is None or not any(match.groups()):
        raise DurationError("a duration", _remedy(text))
    return sum(int(n) * UNITS[unit] for unit, n in match.groupdict().items() if n)


def _remedy(text: str) -> str:
    if re.fullmatch(r"\d+", text):
        return f'say the unit: "{text}s" or "{text}m"'
    if re.fullmatch(r"\d*[.,]\d+\s*(w|d|h|m|s|ms|us)", text):
        return 'write whole numbers, in smaller units: "500ms" for half a second'
    if re.fullmatch(r"\d+(mo|months?|y|years?|M|Y)", text):
        return _CALENDAR + ('; "m" is minutes' if text.endswith("M") else "")
    return HINT


def _iso(text: str) -> int:
    match = _ISO.fullmatch(text)
    if match is None or not any(match.groups()):
        raise DurationError("a duration", HINT)
    amounts = {unit: n for unit, n in match.groupdict().items() if n}
    if "years" in amounts or "months" in amounts:
        raise DurationError("a duration of fixed length", _CALENDAR)
    if any("." in n or "," in n for n in list(amounts.values())[:-1]):
        raise DurationError("a duration with a fraction in its last part only", HINT)
    total = sum(Fraction(n.replace(",", ".")) * UNITS[u] for u, n in amounts.items())
    if total != int(total):
        raise DurationError("a duration of whole microseconds", HINT)
    return int(total)
