"""The command line: `tocsin`. Commands are loaded when they are called."""

from __future__ import annotations

import errno
import os
import sys
from importlib import import_module
from typing import Any

import click

from tocsin import __version__
from tocsin.views.commands import Commands

COMMANDS = {
    "watch": ("tocsin.views.cli_watch", "Live statistics and a high-traffic alarm."),
    "run": ("tocsin.views.cli_run", "The daemon: every source, alarms, durable state."),
    "replay": ("tocsin.views.cli_replay", "The rules over past logs, at full speed."),
    "check": ("tocsin.views.cli_check", "Say whether a configuration is right."),
    "formats": ("tocsin.views.cli_formats", "List the formats that can be read."),
    "explain": ("tocsin.views.cli_explain", "Say what became of lines, and why."),
    "schema": ("tocsin.views.cli_schema", "Print a JSON Schema: config, output, ..."),
    "state": ("tocsin.views.cli_state", "Look at, back up or restore a saved state."),
    "incidents": ("tocsin.views.cli_incidents", "List incidents, or show one."),
    "ack": ("tocsin.views.cli_ack", "Say that you work on an incident."),
    "silence": ("tocsin.views.cli_silence", "Keep alerts quiet for a while."),
    "notify-test": (
        "tocsin.views.cli_notify",
        "Send samples through a channel, now.",
    ),
    "notifier": (
        "tocsin.views.cli_notifier",
        "Send what waits at RabbitMQ; run several.",
    ),
    "completion": (
        "tocsin.views.cli_completion",
        "Print a script that completes them.",
    ),
}


_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
"""What the world does to those who write files."""


class _Lazy(Commands):
    """A group that knows its commands by name, and loads the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names, in the order in which a user meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Load a command; None when there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(COMMANDS[cmd_name][0])
        command: click.Command = module.command
        return command

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401
        """Run the command that is called.

        Whoever read us may go: that ends the work, and is no mistake. click would
        answer it with 1, so it must not hear of it.
        """
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            _let_go()
            return 0

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002
        formatter: click.HelpFormatter,
    ) -> None:
        """List the commands without loading any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in COMMANDS.items()])


def _tell_version(context: click.Context, _: click.Parameter, asked: bool) -> None:  # noqa: FBT001 - click's
    if asked:
        from tocsin.native.library import library  # noqa: PLC0415 - rarely asked

        how = "without" if library() is None else "with"
        click.echo(f"tocsin, version {__version__} ({how} the compiled library)")
        context.exit()


@click.group(
    cls=_Lazy,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 90},
    epilog="Start with:  tocsin watch access.log",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_tell_version,
    help="Show the version and exit.",
)
def cli() -> None:
    """Watch logs, and ring when something is wrong."""


def main() -> None:
    """Run the command line, and leave by the exit codes of docs/cli.md."""
    os.environ.setdefault("_RJEM_MALLOC_CONF", _thrift(sys.argv[1:]))
    sys.exit(run(sys.argv[1:]))


def _thrift(arguments: list[str]) -> str:
    """Return how Polars' allocator is to keep what is freed, in its own words.

    It goes back to the system within a moment: untold, it would keep it for ten, and
    longer still on systems that are not short of memory. Who reads past files needs it
    again at once, for the next piece of them.
    """
    past = arguments[:1] == ["replay"] or "--no-follow" in arguments
    kept = "dirty_decay_ms:3000,narenas:1" if past else "dirty_decay_ms:100"
    return f"{kept},muzzy_decay_ms:0"


def run(arguments: list[str]) -> int:
    """Run a command; return its exit code. A person's mistake shows no traceback."""
    from tocsin.model.errors import TocsinError  # noqa: PLC0415 - it costs little

    try:
        outcome: Any = cli.main(arguments, prog_name="tocsin", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return 2
    except TocsinError as error:
        click.echo(_told(error), err=True)
        return _code(error)
    except (click.exceptions.Abort, KeyboardInterrupt):
        click.echo("tocsin: interrupted", err=True)
        return 130
    except OSError as error:
        if error.errno not in _FULL:
            raise
        _let_go()
        click.echo(f"tocsin: the output cannot be written: {error.strerror}", err=True)
        return 5
    return outcome if isinstance(outcome, int) else 0


def _told(error: Exception) -> str:
    """Return an error in words: in files it begins with its place, else with our name.

    That is how compilers say it, and where editors look for it.
    """
    problems = getattr(error, "problems", ())
    placed = problems and problems[0].place.rpartition(":")[2].isdigit()
    return f"{error}" if placed else f"tocsin: {error}"


def _code(error: Exception) -> int:
    """Return the exit code that stands for an error."""
    from tocsin.model import errors  # noqa: PLC0415

    codes = {
        errors.StateLocked: 4,
        errors.StateUnwritable: 5,
        errors.StateError: 3,
        errors.SourceError: 5,
    }
    return next((code for kind, code in codes.items() if isinstance(error, kind)), 2)


def _let_go() -> None:
    """Give up standard output, so that Python does not stumble over it at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
