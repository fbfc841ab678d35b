"""What a configuration wants masked before it leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tocsin.channels.mask import Masking

if TYPE_CHECKING:
    from tocsin.config.values import Config


def masking_of(config: Config) -> Masking:
    """Return what a configuration wants masked before it leaves."""
    given = config.masking
    return Masking(given.addresses, given.emails, given.tokens, given.rules)
