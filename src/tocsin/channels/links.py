"""Addresses that may become links."""

from __future__ import annotations

import re

_WEB = re.compile(
    r"https?://[A-Za-z0-9.\-:\[\]]{1,255}(?:[/?#][!#$%&'()*+,\-./0-9:;=?@A-Z_a-z~]*)?"
)
_LONGEST = 1_000


def web(text: str) -> str:
    """Return the address if it is one of the web that needs no quoting; else nothing.

    No `javascript:`, no blanks, quotes, angles or bars: it may stand in an attribute
    of HTML (once escaped) and in the markup of chats as it is.
    """
    return text if len(text) <= _LONGEST and _WEB.fullmatch(text) else ""
