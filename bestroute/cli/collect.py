"""`bestroute collect`: responses of every model to every prompt, as records."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bestroute.cli.options import FILE, POLICY, QUERIES, json_option, refuse_to_overwrite
from bestroute.cli.output import print_json, print_table, print_thinking
from bestroute.table import dollars, number

if TYPE_CHECKING:
    from bestroute.records.collect import Collection, Outcome, Progress

_LISTED = 20
_TERMINAL_EVERY_S, _LOG_EVERY_S = 0.2, 10.0


@click.command(epilog="Example: bestroute collect policy.yaml prompts.jsonl --out records.jsonl --max-cost 5")
@click.argument("policy", type=POLICY)
@click.argument("prompts", type=QUERIES)
@click.option(
    "--out",
    type=FILE,
    required=True,
    help="Records to write (.jsonl or .jsonl.gz); those that it has are added to.",
)
@click.option(
    "--samples", "-n", type=click.IntRange(1), default=10, show_default=True, help="Responses each."
)
@click.option(
    "--choose",
    type=click.IntRange(1),
    metavar="N",
    help="Only N of the prompts, a sample of all; more later keep these.",
)
@click.option("--model", "models", multiple=True, metavar="NAME", help="Only this model; repeatable.")
@click.option(
    "--concurrency",
    type=click.IntRange(1),
    default=8,
    show_default=True,
    help="Calls at once to an endpoint address.",
)
@click.option(
    "--max-cost",
    type=click.FloatRange(0),
    metavar="US$",
    help="Start no call that is expected to pass this; what interrupted runs spent counts too.",
)
@json_option
def command(
    policy: Path,
    prompts: Path,
    out: Path,
    samples: int,
    choose: int | None,
    models: tuple[str, ...],
    concurrency: int,
    max_cost: float | None,
    as_json: bool,
) -> None:
    """Ask every model of POLICY for responses to every prompt, and write them as records without scores.

    PROMPTS is .txt (a query a line) or .jsonl ({"query" or "messages", "id"?, "source"?, "answer"?,
    "metadata"?} a line); records, as a log has them, serve too. Every reply is put on disk in
    OUT.partial.jsonl as it comes: a command that was stopped or killed goes on where it was when it is
    given again, and asks for no response twice. Exits 1 when responses are missing at the end, 130 or 143
    where Ctrl-C or SIGTERM ended it before. Needs the client extra and endpoints in POLICY.
    """
    from bestroute.policy import load_policy
    from bestroute.records.collect import Collection, Plan, choose_models

    refuse_to_overwrite(out, policy, prompts)
    checked = load_policy(policy)
    plan = Plan(choose_models(checked, models), checked.sampling, prompts, out, samples, choose)
    show = _Show()
    outcome, ended_by = asyncio.run(
        _run(Collection(plan, concurrency=concurrency, max_cost=max_cost, report=show.update), show)
    )
    show.close()
    _explain(outcome, plan.journal)
    if as_json:
        print_json(_as_json(outcome, out))
    else:
        _print(outcome, out)
    if not outcome.complete:
        sys.exit(1 if ended_by is None else 128 + ended_by)  # as shells have it


async def _run(collection: Collection, show: _Show) -> tuple[Outcome, signal.Signals | None]:
    """Run it so that the first Ctrl-C waits for the calls under way, and the second does not; the signal that
    ended it too soon."""
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)
    came: list[signal.Signals] = []

    def stop(which: signal.Signals) -> None:
        came.append(which)
        for name in signals:
            loop.remove_signal_handler(name)
        calls = collection.stop()
        show.say(f"stopping; waiting for {calls} calls under way (again to drop their replies)")

    with suppress(
        NotImplementedError
    ):  # on Windows Ctrl-C ends it at once; the journal is there all the same
        for name in signals:
            loop.add_signal_handler(name, stop, name)
    outcome = await collection.run()
    return outcome, came[0] if came and outcome.stopped_by == "interrupt" else None


class _Show:
    """A line on stderr: in place a few times a second on a terminal, else a new one every ten seconds."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._shown = time.monotonic()
        self._width = 0
        self._paused = False

    def update(self, progress: Progress) -> None:
        """Show how far it is, if that was not just done; the beginning of a long pause at once."""
        now = time.monotonic()
        paused = progress.paused_s >= _LOG_EVERY_S
        news, self._paused = paused and not self._paused, paused
        if not news and now - self._shown < (_TERMINAL_EVERY_S if self._terminal else _LOG_EVERY_S):
            return
        self._shown = now
        line = _line(progress)
        if self._terminal:
            click.echo(f"\r{line:<{self._width}}", err=True, nl=False)
            self._width = len(line)
        else:
            click.echo(line, err=True)

    def say(self, text: str) -> None:
        """Print a line of its own."""
        self.close()
        click.echo(text, err=True)

    def close(self) -> None:
        """Clear the line."""
        if self._width:
            click.echo("\r" + " " * self._width + "\r", err=True, nl=False)
            self._width = 0


def _line(progress: Progress) -> str:
    parts = [
        f"{progress.done:,} of {progress.wanted:,} responses ({progress.done / progress.wanted:.1%})",
        f"${dollars(progress.spent)}",
    ]
    if progress.failed:
        parts.append(f"{progress.failed:,} failed")
    if progress.paused_s >= 1:
        parts.append(f"an endpoint asks to wait {_duration(progress.paused_s)}")
    if progress.remaining_s is not None:
        parts.append(f"about {_duration(progress.remaining_s)} left")
    return ", ".join(parts)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _explain(outcome: Outcome, journal: Path) -> None:
    """Say on stderr what was passed over, what failed, and how to go on."""
    if outcome.repeats:
        click.echo(f"{outcome.repeats:,} lines repeat an earlier prompt; each prompt counts once", err=True)
    for failure in outcome.failed[:_LISTED]:
        click.echo(f"failed: {failure.model} on {failure.id}: {failure.error}", err=True)
    if len(outcome.failed) > _LISTED:
        click.echo(f"failed: {len(outcome.failed) - _LISTED:,} more", err=True)
    for name, model in outcome.models.items():
        if model.given_up:
            click.echo(f"gave up {name}, its endpoint does not answer: {model.given_up}", err=True)
        if model.blank:
            click.echo(
                f"warning: {model.blank:,} blank responses of {name}; they were paid for and stay recorded",
                err=True,
            )
    if outcome.complete:
        return
    advice = {
        None: "give the command again to try only those",
        "interrupt": f"give the command again to go on; {journal} has what came",
        "max_cost": f"${dollars(outcome.spent)} spent and --max-cost leaves no room; raise it to go on",
    }
    click.echo(f"{outcome.missing:,} responses are missing; {advice[outcome.stopped_by]}", err=True)


def _as_json(outcome: Outcome, out: Path) -> dict[str, Any]:
    return {"out": str(out), "complete": outcome.complete, "missing": outcome.missing, **asdict(outcome)}


def _print(outcome: Outcome, out: Path) -> None:
    rows = [
        [name, f"{model.wanted}", f"{model.done}", f"{model.collected}", number(model.mean_output_tokens, 1)]
        for name, model in outcome.models.items()
    ]
    print_table(["model", "wanted", "there", "new", "mean tokens"], rows)
    print_thinking({name: model.mean_thinking_tokens for name, model in outcome.models.items()})
    click.echo()
    place = f"{out}: {outcome.prompts:,} prompts" if outcome.written else f"{out}: not written"
    earlier = f", ${dollars(outcome.spent)} with earlier runs" if outcome.spent > outcome.cost else ""
    click.echo(f"{place}; ${dollars(outcome.cost)} spent{earlier}")
