"""`bestroute schema`: the JSON Schema of a policy."""

from __future__ import annotations

from pathlib import Path

import click

from bestroute.cli.options import FILE


@click.command(epilog="Example: bestroute schema --out policy.schema.json")
@click.option("--out", type=FILE, metavar="FILE", help="Write it there; a file that is there is replaced.")
def command(out: Path | None) -> None:
    """Print the JSON Schema of a policy, by which an editor completes and checks one.

    For editors with the YAML language server a comment in the policy names the schema, relative to it:

    # yaml-language-server: $schema=policy.schema.json

    `bestroute check` sees more: names that must agree, tiers out of order, patterns that RE2 does not read.
    """
    from bestroute.files import atomic_write
    from bestroute.policy.json_schema import schema_text

    text = schema_text()
    if out is None:
        click.echo(text, nl=False)
        return
    with atomic_write(out) as file:
        file.write(text.encode())
