"""A command that has commands, and says which one was meant."""

from __future__ import annotations

import click


class Commands(click.Group):
    """A group that answers a command which there is not with the nearest, or all."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one was meant."""
        known = self.list_commands(ctx)
        if args and args[0] not in known and not args[0].startswith("-"):
            from difflib import get_close_matches  # noqa: PLC0415 - a rare need

            close = get_close_matches(args[0], known, n=1)
            hint = f"Did you mean {close[0]!r}?" if close else ""
            hint = hint or f"There are {', '.join(known)}."
            ctx.fail(f"there is no command {args[0]!r}. {hint}")
        return super().resolve_command(ctx, args)
