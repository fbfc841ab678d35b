"""The section `masking`: what is masked, its patterns looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tocsin.config.regex import RegexError, check_regex
from tocsin.config.values import MaskingConfig

if TYPE_CHECKING:
    from tocsin.config.document import Path
    from tocsin.config.masking_models import MaskingPart
    from tocsin.config.problems import Problems


def build_masking(
    part: MaskingPart | None, path: Path, problems: Problems
) -> MaskingConfig:
    """Return what is masked, with patterns that match in linear time."""
    if part is None:
        return MaskingConfig()
    for n, rule in enumerate(part.rules):
        try:
            check_regex(rule.pattern)
        except RegexError as error:
            way = (*path, "rules", n, "pattern")
            problems.expected(way, str(error), rule.pattern, error.hint)
    return MaskingConfig(
        addresses=part.addresses,
        emails=part.emails,
        tokens=part.tokens,
        rules=tuple((rule.pattern, rule.replace) for rule in part.rules),
    )
