"""`bestroute completion`: the script that makes a shell complete commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command(epilog='Example: eval "$(bestroute completion bash)"')
@click.argument("shell", type=click.Choice(["bash", "fish", "zsh"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the completion script for SHELL."""
    kind = get_completion_class(shell)
    if kind is None:
        ctx.fail(f"click has no completion for {shell}")
    click.echo(kind(ctx.find_root().command, {}, "bestroute", "_BESTROUTE_COMPLETE").source())
