"""`bestroute ask`: route, sample, pick, answer."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bestroute.cli.dashes import TextCommand, free_text
from bestroute.cli.options import INPUT, POLICY, json_option, metadata_option, parse_metadata, read_text
from bestroute.cli.output import print_json
from bestroute.errors import InputError, SamplingError
from bestroute.files import read_json
from bestroute.table import dollars, number

if TYPE_CHECKING:
    from bestroute.answering.answer import Answer
    from bestroute.router import Router


@click.command(cls=TextCommand, epilog='Example: bestroute ask policies/local.yaml "What is 2 + 2?" --all')
@click.argument("policy", type=POLICY)
@click.argument("query", type=free_text, required=False)
@click.option(
    "--request",
    "request_file",
    type=INPUT,
    help="A whole Chat Completions request (JSON) in place of QUERY: messages, tools, any field.",
)
@metadata_option
@click.option("--stream", "streams", is_flag=True, help="Print the answer as it comes.")
@click.option("--all", "show_all", is_flag=True, help="Show every response with its reward.")
@json_option
def command(
    policy: Path,
    query: str | None,
    request_file: Path | None,
    metadata: tuple[str, ...],
    streams: bool,
    show_all: bool,
    as_json: bool,
) -> None:
    """Answer QUERY: decide what to ask, sample it from its endpoint, keep the best response.

    Where the policy escalates, a response that is not good enough sends the query on; every step is told.
    Needs the client extra and endpoints in POLICY. QUERY `-` is read from standard input. Exits 1 when no
    model answered, or the answer broke off.
    """
    from bestroute.router import Router

    if streams and (as_json or show_all):
        raise click.UsageError(f"--stream goes without {'--json' if as_json else '--all'}")
    asked, given = _asked(query, request_file), parse_metadata(metadata)
    router = Router.from_policy(policy)
    if streams:
        _tell(_streamed(router, asked, given))
        return
    answer = router.complete(asked, metadata=given)
    if as_json:
        print_json(answer.as_dict())
        return
    if show_all:
        for index, (sample, reward) in enumerate(zip(answer.samples, answer.rewards, strict=True)):
            mark = ">" if index == answer.best else " "
            text = " ".join(sample.said.split())
            click.echo(f"{mark} {number(reward)}  {text}{' [cut off]' if sample.truncated else ''}")
        click.echo()
    click.echo(answer.sample.said)
    _tell(answer)


def _asked(query: str | None, file: Path | None) -> Any:
    """The text, or the request of a file. Raises UsageError unless exactly one is given."""
    if (query is None) == (file is None):
        raise click.UsageError("give a QUERY, or --request FILE" + ("" if file is None else ", not both"))
    if file is None:
        return read_text(query or "")
    request = read_json(file)
    if not isinstance(request, dict):
        raise InputError(f"{file}: {type(request).__name__}; give an object with messages")
    return request


def _streamed(router: Router, asked: Any, metadata: dict[str, Any] | None) -> Answer:
    """Print the answer as it comes, on stderr what is asked before. Raises SamplingError where it breaks
    off."""
    from bestroute.answering.answer import Ended
    from bestroute.answering.events import Broken, Chunk

    with closing(router.stream(asked, metadata=metadata)) as events:
        for event in events:
            if isinstance(event, Chunk):
                click.echo(event.text, nl=False)
            elif isinstance(event, Broken):
                click.echo()
                raise SamplingError(f"the answer broke off: {event.error}", event.attempts)
            elif isinstance(event, Ended):
                click.echo("".join(f"\n{call}" for call in event.answer.sample.calls))
                return event.answer
            elif event.step is None:
                click.echo(f"asking {event.arm}", err=True)
    raise AssertionError("a stream ends with an answer, or breaks off")


def _tell(answer: Answer) -> None:
    """How the answer came about, on stderr."""
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
