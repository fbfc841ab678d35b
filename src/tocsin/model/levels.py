"""The levels of alarms, and which is the graver."""

LEVELS = ("info", "warning", "error", "critical")
"""In rising order."""


def gravity(level: str) -> int:
    """Return the place of a level in their order; unknown ones are the least."""
    return LEVELS.index(level) if level in LEVELS else -1
