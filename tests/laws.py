"""How hard a law is tried: by default half of its number, with
HYPOTHESIS_PROFILE=deep twenty times as many."""

import os

from hypothesis import HealthCheck, settings

_DEEP = 20
_FAST = 2


def law(examples: int) -> settings:
    """Return the settings of a law that is tried on so many examples by default."""
    deep = os.environ.get("HYPOTHESIS_PROFILE") == "deep"
    return settings(
        max_examples=examples * _DEEP if deep else max(examples // _FAST, 6),
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
