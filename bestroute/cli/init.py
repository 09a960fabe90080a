"""`bestroute init`: a first policy, from flags or a few answers."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Set
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bestroute.cli import answers as told
from bestroute.cli import questions
from bestroute.cli.calibrate import Share
from bestroute.cli.options import INPUT, POLICY
from bestroute.cli.output import BadLines
from bestroute.cli.sides import of_queries

if TYPE_CHECKING:
    from bestroute.policy import Policy
    from bestroute.retune.calibrate.everyday import FirstDial


@click.command(
    epilog="Example: bestroute init --model llama-3.1-8b=0.18/0.18 --model gpt-4o=2.50/10.00 "
    "--endpoint llama-3.1-8b=http://localhost:8000/v1"
)
@click.argument("file", type=POLICY, default="policy.yaml")
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="NAME=IN/OUT",
    help="A model and its US$ per million prompt and response tokens, or NAME=auto for what genai-prices "
    "lists (extra: prices); repeatable, at least two.",
)
@click.option(
    "--class",
    "classes",
    multiple=True,
    metavar="NAME=CLASS",
    help="What the router has learned it as: small, medium, large, or an LLM of `bestroute models`. "
    "If absent, itself where it is known, else by price. Repeatable.",
)
@click.option(
    "--endpoint",
    "endpoints",
    multiple=True,
    metavar="[NAME=]URL",
    help="Where it is served, or with a bare URL where all are; needed by `ask`, not by `route`. Repeatable.",
)
@click.option(
    "--key-env",
    "keys",
    multiple=True,
    metavar="[NAME=]VARIABLE",
    help="Environment variable that holds the key of its endpoint, or of all. Repeatable.",
)
@click.option("--reference", metavar="NAME", help="Whose quality must be matched; the dearest if absent.")
@click.option(
    "--max-gap",
    type=click.FloatRange(-1, 1),
    help="Quality points, of 1, that a query may be expected to lose; by share if absent.",
)
@click.option(
    "--reference-share", type=Share(), help="Share of queries the reference may answer; 50% if absent."
)
@click.option("--queries", type=INPUT, help="Your queries to set it on, as for dry-run.")
@click.option("--force", is_flag=True, help="Overwrite FILE, and the schema beside it.")
def command(
    file: Path,
    models: tuple[str, ...],
    classes: tuple[str, ...],
    endpoints: tuple[str, ...],
    keys: tuple[str, ...],
    reference: str | None,
    max_gap: float | None,
    reference_share: float | None,
    queries: Path | None,
    force: bool,
) -> None:
    """Write a first policy to FILE (policy.yaml), and beside it the JSON Schema that editors check it by.

    Without --model a few questions are asked, where this is a terminal. Each cheaper model gets a tier that
    asks it once and one that asks it three times, in order of expected cost; the reference comes last. A tier
    expected to cost more than the reference is left out, which is said.

    The dial is set by share: of the everyday queries that come with bestroute, or of yours (--queries), the
    reference answers at most half (--reference-share), the hardest as predicted. What that loses is not known
    before there are records, from which `adapt` and `calibrate` learn it. --max-gap sets the dial itself.
    """
    if max_gap is not None and (reference_share is not None or queries is not None):
        raise click.UsageError(
            "--max-gap sets the dial itself; leave it out, or --reference-share and --queries"
        )
    if os.path.lexists(file) and not force:
        raise click.UsageError(f"{file} is there already; --force overwrites it")
    if not models and not _at_a_terminal():
        raise click.UsageError(
            "give two models or more, each with --model NAME=IN/OUT; there is no terminal to ask at"
        )
    answers = told.Answers(
        classes=told.read_pairs("--class", classes),
        endpoints=told.read_endpoints(endpoints),
        keys=told.read_keys(keys),
    )
    answers.read_prices(models)
    policy = _policy(answers, reference, max_gap, asking=not models)
    first = None
    if max_gap is None:
        first = _by_share(policy, reference_share, queries, asking=not models)
        policy = policy if first.dial is None else policy.at(first.dial)
    _write(_content(policy, file, answers.listed, first), file, force)
    _say_what_next(policy, file, first)


def _at_a_terminal() -> bool:
    return sys.stdin.isatty()


def _policy(answers: told.Answers, reference: str | None, max_gap: float | None, asking: bool) -> Policy:
    from bestroute.policy import first

    if asking:
        questions.ask_models(answers)
    answers.check((*first.learned_classes(), *first.llms_named(answers.classes.values())), reference)
    dearest = first.by_price(answers.prices)[-1]
    if reference is None:
        reference = questions.ask_reference(answers, dearest) if asking else dearest
    guesses = first.guess_classes(answers.prices, reference)
    if asking:
        questions.ask_classes(
            answers, guesses, tuple(dict.fromkeys((*first.learned_classes(), *guesses.values())))
        )
    models, dial = answers.models(guesses), first.MAX_GAP if max_gap is None else max_gap
    return told.built(first.first_policy, models=models, reference=reference, max_gap=dial)


def _by_share(policy: Policy, share: float | None, queries: Path | None, asking: bool) -> FirstDial:
    from bestroute.retune.calibrate.everyday import EVERYDAY, SHARE, first_dial

    if share is None:
        share = questions.ask_share(SHARE) if asking else SHARE
    sides = of_queries(policy, [queries or EVERYDAY], BadLines(skip_bad=False), seed=0, threads=1)
    return first_dial(sides, share)


def _write(content: bytes, file: Path, force: bool) -> None:
    from bestroute.files import atomic_write, check_kept

    check_kept(file)
    with atomic_write(
        file
    ) as out:  # around the schema's: where neither can be, the one that was asked for is told
        out.write(content)
        _write_schema(file.parent, force)


def _write_schema(folder: Path, force: bool) -> None:
    from bestroute.files import atomic_write
    from bestroute.policy.json_schema import FILE_NAME, schema_text

    beside, schema = folder / FILE_NAME, schema_text().encode()
    if force or not os.path.lexists(beside):
        with atomic_write(beside) as out:
            out.write(schema)
    elif not _holds(beside, schema):
        click.echo(f"warning: {beside} is there already and differs; left as it is (--force)", err=True)


def _content(policy: Policy, file: Path, listed: Set[str], first: FirstDial | None) -> bytes:
    """The policy's text; where the dial was to be set by share, with a line on what it rests on."""
    from bestroute.policy import parse_policy
    from bestroute.policy.json_schema import FILE_NAME
    from bestroute.policy.layout import write_policy
    from bestroute.policy.listed import edition
    from bestroute.retune.calibrate.write import with_dial

    content = write_policy(policy, FILE_NAME, dict.fromkeys(listed, edition()) if listed else {}).encode()
    if first is None:
        parse_policy(content, file)
        return content
    return with_dial(
        content, file, policy.objective.setting, f"{date.today().isoformat()} bestroute init: {first.words}"
    )


def _holds(path: Path, content: bytes) -> bool:
    try:
        return path.is_file() and path.read_bytes() == content
    except OSError:
        return False


def _too_dear(policy: Policy) -> dict[str, list[int]]:
    """By model, the numbers of samples that have no tier since the reference is expected to cost less."""
    from bestroute.policy.first import SAMPLES

    there = {tier.label for tier in policy.tiers}
    others = sorted({model.name for model in policy.models} - {policy.reference})
    found = {name: [n for n in SAMPLES if f"{name}@{n}" not in there] for name in others}
    return {name: dear for name, dear in found.items() if dear}


def _say_what_next(policy: Policy, file: Path, first: FirstDial | None) -> None:
    from bestroute.policy.json_schema import FILE_NAME, schema_text

    path = shlex.quote(str(file))
    click.echo(f"{file}: written; its tiers: {', '.join(tier.label for tier in policy.tiers)}.")
    if first is not None:
        click.echo(f"{policy.objective.key} {policy.objective.setting:g}, {first.words}.")
    if _holds(file.parent / FILE_NAME, schema_text().encode()):
        click.echo(f"Editors check it by the {FILE_NAME} beside it.")
    click.echo("Next:")
    for name, dear in _too_dear(policy).items():
        tier = "tier" if 1 in dear else f"tier of {dear[0]} responses"
        click.echo(f"warning: {name} has no {tier}: it is expected to cost more than the reference", err=True)
    click.echo(f"  bestroute check {path}")
    click.echo(f'  bestroute route {path} "Why is the sky blue?"')
    click.echo(f"  bestroute dry-run {path} queries.txt      # your queries, one a line: shares and costs")
    if not all(model.places for model in policy.models):
        click.echo("To ask the models too (`bestroute ask`), give each an endpoint in the file.")
