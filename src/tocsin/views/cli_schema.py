"""`tocsin schema`: the JSON Schema of the configuration or of the output."""

from __future__ import annotations

import json

import click


@click.command("schema", short_help="Print a JSON Schema: config or output.")
@click.argument("what", type=click.Choice(["config", "output"]), default="config")
def command(what: str) -> int:
    """Print the JSON Schema of the configuration (for editors) or of the JSON lines."""
    if what == "output":
        from tocsin.views.schema import output_schema  # noqa: PLC0415 - see Lazy

        schema = output_schema()
    else:
        from tocsin.config import json_schema  # noqa: PLC0415

        schema = json_schema()
    click.echo(json.dumps(schema, indent=2))
    return 0
