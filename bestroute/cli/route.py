"""`bestroute route`: explain one decision."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from bestroute.cli.dashes import TextCommand, free_text
from bestroute.cli.options import POLICY, json_option, metadata_option, parse_metadata, read_text
from bestroute.cli.output import print_json
from bestroute.errors import InputError


@click.command(cls=TextCommand, epilog='Example: bestroute route policy.example.yaml "Why is the sky blue?"')
@click.argument("policy", type=POLICY)
@click.argument("query", type=free_text)
@metadata_option
@click.option("--messages", is_flag=True, help='QUERY is JSON: chat messages, or {"messages", "metadata"}.')
@click.option("--explain-all", is_flag=True, help="Ask the router model even where a rule decides.")
@json_option
def command(
    policy: Path, query: str, metadata: tuple[str, ...], messages: bool, explain_all: bool, as_json: bool
) -> None:
    """Route one QUERY by POLICY and show why. QUERY `-` is read from standard input."""
    from bestroute.router import Router

    router = Router.from_policy(policy)
    text = read_text(query)
    asked = parse_messages(text) if messages else text
    decision = router.route(asked, metadata=parse_metadata(metadata), explain_all=explain_all)
    if as_json:
        print_json(decision.as_dict())
    else:
        click.echo(decision.explain())


def parse_messages(text: str) -> Any:
    """Chat messages, or an object that holds them, from JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"QUERY is not JSON ({error}); --messages takes a list of chat messages") from error
