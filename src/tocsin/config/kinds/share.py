"""share: how many percent of the lines match."""

from __future__ import annotations

from typing import ClassVar

from tocsin.config.kind import NUMBER, Ground, Made, MeasuredPart, formula, quoted
from tocsin.config.types import Text


class SharePart(MeasuredPart):
    """Rings on the share, in percent, of the lines that match among all."""

    sentences: ClassVar[tuple[str, str]] = (
        f"{{{{ alarm }}}} rings - {NUMBER} % of {{{{ count }}}}, triggered at {{{{ time }}}}",
        f"{{{{ alarm }}}} recovered - {NUMBER} % of {{{{ count }}}}, recovered at {{{{ time }}}}",
    )

    matching: Text

    def made(self, ground: Ground) -> Made:  # noqa: ARG002
        """Count all lines and those that match."""
        whole, part, share = (
            f"{self.name}: {what}" for what in ("all", "matching", "share")
        )
        ratio = f"100.0 * {quoted(part)} / nullif({quoted(whole)}, 0)"
        return Made(
            alarm=self.row(share),
            metrics=(
                self.measured(whole),
                self.measured(part, conditions=(("matching", self.matching),)),
            ),
            calculated=(formula(share, ratio),),
            hidden=frozenset({whole, part}),
        )


KIND = SharePart
