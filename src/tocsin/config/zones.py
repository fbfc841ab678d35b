"""Which time zone may have been meant, where there is none of a name."""

from __future__ import annotations

from difflib import get_close_matches

_ANY = 'write a name such as "UTC" or "Europe/Paris"'
_NEAR = 0.8
"""How much alike names are."""


def zone_hint(name: str) -> str:
    """Return a hint that names the zone of a city, or of a name misspelt; else any."""
    from zoneinfo import available_timezones  # noqa: PLC0415 - it looks at the disk

    # Places only: CEST is not EST, and the signs of Etc/GMT+2 are the other way round.
    known = sorted(z for z in available_timezones() if "/" in z and z[:4] != "Etc/")
    cities = {zone.rpartition("/")[2].lower(): zone for zone in reversed(known)}
    whole = cities | {zone.lower(): zone for zone in ("UTC", *known)}
    wanted = name.strip().replace(" ", "_").lower()
    near = get_close_matches(wanted, whole, n=1, cutoff=_NEAR)
    return f"did you mean '{whole[near[0]]}'?" if near else _ANY
