"""The shape of the section `masking` in a document."""

from __future__ import annotations

from pydantic import Field

from tocsin.config.part import Part
from tocsin.config.types import Flag, Text


class MaskRulePart(Part):
    """A rule of masking."""

    pattern: Text
    replace: Text = "***"


class MaskingPart(Part):
    """What of log lines is masked before they are sent."""

    optional = frozenset({"addresses", "emails", "tokens", "rules"})

    addresses: Flag = True
    emails: Flag = True
    tokens: Flag = True
    rules: list[MaskRulePart] = Field(default_factory=list)
