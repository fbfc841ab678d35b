"""Write app.log: two hours of three applications, and errors that no clock minute holds.

`billing` fails once in 100 seconds from 08:40 to 09:30: 31 times, but 12 of them before
nine o'clock. At 10:00 there is a burst: 5 errors in the seconds before it, 6 after.

    python examples/errors-by-mail/generate.py
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

START = datetime(2026, 3, 14, 8, 30, tzinfo=UTC)
SECONDS = 2 * 3600
APPS = ("shop", "billing", "search")
TEN = 5400
"""The second at which it is ten o'clock."""

FAILING = range(600, 3601, 100)
BURST = {
    TEN - 10: "shop",
    TEN - 8: "search",
    TEN - 7: "shop",
    TEN - 4: "shop",
    TEN - 1: "search",
    TEN: "shop",
    TEN + 2: "search",
    TEN + 3: "shop",
    TEN + 5: "shop",
    TEN + 8: "search",
    TEN + 9: "shop",
}


def line(second: int, level: str, app: str, message: str) -> str:
    """Return one line of the log."""
    at = (START + timedelta(seconds=second)).isoformat().replace("+00:00", "Z")
    return f"{at} {level} {app}: {message}\n"


def log() -> Iterator[str]:
    """Return all lines, in order."""
    for second in range(SECONDS):
        if second % 20 == 0:
            yield line(second, "INFO", APPS[second // 20 % 3], "all is well")
        if second in FAILING:
            yield line(second, "ERROR", "billing", "the bank did not answer")
        if second in BURST:
            yield line(second, "ERROR", BURST[second], "the database is away")


def main() -> None:
    """Write the log beside this script."""
    target = Path(__file__).with_name("app.log")
    with target.open("w", encoding="utf-8", newline="\n") as out:
        out.writelines(log())


if __name__ == "__main__":
    main()
