"""`bestroute init`: a first policy, from flags or a few answers."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Set
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bestroute.cli import answers as told
from bestroute.cli import questions
from bestroute.cli.options import POLICY

if TYPE_CHECKING:
    from bestroute.policy import Policy


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
    help="Quality points, of 1, that a query may be expected to lose; 0.03 if absent.",
)
@click.option("--force", is_flag=True, help="Overwrite FILE, and the schema beside it.")
def command(
    file: Path,
    models: tuple[str, ...],
    classes: tuple[str, ...],
    endpoints: tuple[str, ...],
    keys: tuple[str, ...],
    reference: str | None,
    max_gap: float | None,
    force: bool,
) -> None:
    """Write a first policy to FILE (policy.yaml), and beside it the JSON Schema that editors check it by.

    Without --model a few questions are asked, where this is a terminal. Each cheaper model gets a tier that
    asks it once and one that asks it three times, in order of expected cost; the reference comes last.
    """
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
    _write(policy, file, force, answers.listed)
    _say_what_next(policy, file)


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
    if max_gap is None:
        max_gap = questions.ask_max_gap(first.MAX_GAP) if asking else first.MAX_GAP
    models = answers.models(guesses)
    return told.built(first.first_policy, models=models, reference=reference, max_gap=max_gap)


def _write(policy: Policy, file: Path, force: bool, listed: Set[str]) -> None:
    from bestroute.files import atomic_write
    from bestroute.policy import parse_policy
    from bestroute.policy.json_schema import FILE_NAME, schema_text
    from bestroute.policy.layout import write_policy
    from bestroute.policy.listed import edition

    text = write_policy(policy, FILE_NAME, dict.fromkeys(listed, edition()) if listed else {})
    parse_policy(text, file)
    beside, schema = file.parent / FILE_NAME, schema_text().encode()
    if force or not os.path.lexists(beside):
        with atomic_write(beside) as out:
            out.write(schema)
    elif not _holds(beside, schema):
        click.echo(f"warning: {beside} is there already and differs; left as it is (--force)", err=True)
    with atomic_write(file) as out:
        out.write(text.encode())


def _holds(path: Path, content: bytes) -> bool:
    try:
        return path.is_file() and path.read_bytes() == content
    except OSError:
        return False


def _say_what_next(policy: Policy, file: Path) -> None:
    from bestroute.policy.json_schema import FILE_NAME, schema_text

    path = shlex.quote(str(file))
    click.echo(f"{file}: written; its tiers: {', '.join(tier.label for tier in policy.tiers)}.")
    if _holds(file.parent / FILE_NAME, schema_text().encode()):
        click.echo(f"Editors check it by the {FILE_NAME} beside it.")
    click.echo("Next:")
    for name in sorted({model.name for model in policy.models}.difference(*(t.models for t in policy.tiers))):
        click.echo(f"warning: {name} has no tier: it is expected to cost more than the reference", err=True)
    click.echo(f"  bestroute check {path}")
    click.echo(f'  bestroute route {path} "Why is the sky blue?"')
    click.echo(f"  bestroute dry-run {path} queries.txt      # your queries, one a line: shares and costs")
    if not all(model.endpoint for model in policy.models):
        click.echo("To ask the models too (`bestroute ask`), give each an endpoint in the file.")
