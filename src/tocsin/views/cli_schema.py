"""`tocsin schema`: the JSON Schema of the configuration, the output or a notification."""

from __future__ import annotations

import json

import click


@click.command("schema", short_help="Print a JSON Schema: config, output, ...")
@click.argument(
    "what", type=click.Choice(["config", "output", "notification"]), default="config"
)
def command(what: str) -> int:
    """Print a JSON Schema.

    Of the configuration (for editors), of the JSON lines, or of the notifications that
    webhooks and programs are sent.
    """
    if what == "output":
        from tocsin.views.schema import output_schema  # noqa: PLC0415 - see Lazy

        schema = output_schema()
    elif what == "notification":
        from tocsin.views.notification_schema import notification_schema  # noqa: PLC0415

        schema = notification_schema()
    else:
        from tocsin.config import json_schema  # noqa: PLC0415

        schema = json_schema()
    click.echo(json.dumps(schema, indent=2))
    return 0
