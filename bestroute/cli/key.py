"""`bestroute key`: keys of callers of a gateway."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bestroute.cli.options import FILE, json_option, metadata_option, parse_metadata
from bestroute.cli.output import print_json
from bestroute.errors import InputError

_OPTIONS = {"metadata": "--metadata", "models": "--model", "name": "NAME"}  # others by their last word


@click.group()
def command() -> None:
    """Keys of those who may ask a gateway."""


@command.command(epilog="Example: bestroute key new team-a --to keys.yaml -m team=a --requests 60 --day 5")
@click.argument("name")
@click.option("--to", type=FILE, metavar="FILE", help="Add it to this key file, which is made if absent.")
@metadata_option
@click.option("--requests", type=int, metavar="N", help="Requests that it may make in a minute.")
@click.option("--tokens", type=int, metavar="N", help="Tokens that it may use in a minute.")
@click.option("--minute", type=float, metavar="DOLLARS", help="US$ that it may spend in a minute.")
@click.option("--day", type=float, metavar="DOLLARS", help="US$ that it may spend in a day.")
@click.option(
    "--model", "models", multiple=True, help="What it may name as its model, all if absent; repeatable."
)
@click.option("--operator", is_flag=True, help="Let it see what concerns all callers, such as /metrics.")
@json_option
def new(
    name: str,
    to: Path | None,
    metadata: tuple[str, ...],
    requests: int | None,
    tokens: int | None,
    minute: float | None,
    day: float | None,
    models: tuple[str, ...],
    operator: bool,
    as_json: bool,
) -> None:
    """Make a key called NAME. It is shown this once; the file of keys has its hash alone.

    The key goes to standard output. Its line for the file goes there too with --json, else to standard
    error, unless --to adds it.
    """
    from bestroute.serve.keys.load import append, line_of, new_key

    settings: dict[str, Any] = {
        "metadata": parse_metadata(metadata) or {},
        "rate": {"requests": requests, "tokens": tokens},
        "budget": {"minute": minute, "day": day},
        "operator": operator,
    }
    if models:
        settings["models"] = models
    try:
        key, kept = new_key(name, **settings)
    except InputError as error:
        place = str(error.param).partition(".")[2] or str(error.param).partition(".")[0]
        hint = _OPTIONS.get(str(error.param).partition(".")[0], f"--{place}")
        raise click.BadParameter(str(error), param_hint=hint) from None
    if to is not None:
        append(kept, to)
    if as_json:
        print_json({"key": key, "line": line_of(kept).rstrip("\n"), "file": None if to is None else str(to)})
        return
    if to is None:
        click.echo("the line for the key file, under `keys:`", err=True)
        click.echo(line_of(kept), nl=False, err=True)
    click.echo(key)
