"""`bestroute ask`: route, sample, pick, answer."""

from __future__ import annotations

from pathlib import Path

import click

from bestroute.cli.dashes import TextCommand, free_text
from bestroute.cli.options import POLICY, json_option, metadata_option, parse_metadata, read_text
from bestroute.cli.output import print_json
from bestroute.table import dollars, number


@click.command(cls=TextCommand, epilog='Example: bestroute ask policies/local.yaml "What is 2 + 2?" --all')
@click.argument("policy", type=POLICY)
@click.argument("query", type=free_text)
@metadata_option
@click.option("--all", "show_all", is_flag=True, help="Show every response with its reward.")
@json_option
def command(policy: Path, query: str, metadata: tuple[str, ...], show_all: bool, as_json: bool) -> None:
    """Answer QUERY: decide what to ask, sample it from its endpoint, keep the best response.

    Where the policy escalates, a response that is not good enough sends the query on; every step is told.
    Needs the client extra and endpoints in POLICY. QUERY `-` is read from standard input. Exits 1 when no
    model answered.
    """
    from bestroute.router import Router

    router = Router.from_policy(policy)
    answer = router.complete(read_text(query), metadata=parse_metadata(metadata))
    if as_json:
        print_json(answer.as_dict())
        return
    if show_all:
        for index, (sample, reward) in enumerate(zip(answer.samples, answer.rewards, strict=True)):
            mark = ">" if index == answer.best else " "
            text = " ".join(sample.text.split())
            click.echo(f"{mark} {number(reward)}  {text}{' [cut off]' if sample.truncated else ''}")
        click.echo()
    click.echo(answer.text)
    for attempt in answer.attempts:
        click.echo(f"{attempt}", err=True)
    click.echo(f"decided {answer.decision.arm.label} ({answer.decision.cause})", err=True)
    for step in answer.steps:
        agreement = "-" if step.agreement is None else f"{step.agreement:.0%}"
        click.echo(f"  {step.arm}: {step.responses} more, agreement {agreement}, {step.why}", err=True)
    if answer.shortfall is not None:
        click.echo(f"ended too soon: {answer.shortfall}", err=True)
    saved = f"saved ${dollars(answer.saved)}" if answer.saved >= 0 else f"${dollars(-answer.saved)} more"
    reference = f"from the reference ${dollars(answer.reference_cost)}"
    click.echo(f"cost ${dollars(answer.cost)}, {reference}, {saved}", err=True)
    click.echo(answer.why, err=True)
