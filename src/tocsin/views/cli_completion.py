"""`tocsin completion`: the script that lets a shell complete our commands."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

_HOW = {
    "bash": 'eval "$(tocsin completion bash)"',
    "zsh": 'eval "$(tocsin completion zsh)"',
    "fish": "tocsin completion fish | source",
}


@click.command("completion", short_help="Print a script for the shell's completion.")
@click.argument("shell", type=click.Choice(list(_HOW)))
@click.pass_context
def command(ctx: click.Context, shell: str) -> int:
    """Print a script that lets your shell complete commands, options and files.

    \b
    bash, in ~/.bashrc:   eval "$(tocsin completion bash)"
    zsh, in ~/.zshrc:     eval "$(tocsin completion zsh)"
    fish, in config.fish: tocsin completion fish | source
    """  # noqa: D301 - click takes this letter for "leave my lines alone"
    kind = get_completion_class(shell)
    assert kind is not None
    script = kind(ctx.find_root().command, {}, "tocsin", "_TOCSIN_COMPLETE")
    click.echo(f"# {_HOW[shell]}")
    click.echo(script.source())
    return 0
