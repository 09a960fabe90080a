"""What `bestroute init` asks at a terminal; what flags have told already is not asked."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

import click

from bestroute.cli.answers import Answers, built
from bestroute.cli.calibrate import Share

if TYPE_CHECKING:
    from bestroute.policy.arms import Price


def ask_models(answers: Answers) -> None:
    """Ask for two or more models, their prices and endpoints."""
    click.echo("Models, in any order, with prices in US$ per million tokens; two at least.")
    while name := _name(answers):
        _ask_prices(answers, name)
        if answers.endpoint(name) is None:
            _ask_endpoint(answers, name)


def ask_classes(answers: Answers, guesses: dict[str, str], classes: tuple[str, ...]) -> None:
    """Ask for the class of each model of which none was told."""
    click.echo(f"How able is each, of the classes that the router has learned ({', '.join(classes)})?")
    for name in answers.prices:
        if name not in answers.classes:
            kind = click.Choice(classes)
            answers.classes[name] = click.prompt(f"  {name}", default=guesses[name], type=kind)


def ask_reference(answers: Answers, dearest: str) -> str:
    """Ask for the model whose quality must be matched."""
    kind = click.Choice(list(answers.prices))
    return str(click.prompt("Whose quality must be matched?", default=dearest, type=kind))


def ask_share(default: float) -> float:
    """Ask for the share of queries that the reference may answer."""
    question = "What share of queries may it answer?"
    return float(click.prompt(question, default=f"{100 * default:g}%", type=Share()))


def _name(answers: Answers) -> str:
    enough = len(answers.prices) >= 2

    def new(text: str) -> str:
        if text in answers.prices:
            raise click.UsageError(f"{text} is there already")
        if not text and not enough:
            raise click.UsageError("a policy chooses between models; name two at least")
        return text

    question = "Name of a further model (none: Enter)" if enough else "Name of a model"
    return str(click.prompt(question, default="", value_proc=new, show_default=False))


def _ask_prices(answers: Answers, name: str) -> None:
    """Ask for its price; the one that is listed, if any, is proposed."""
    from bestroute.policy.arms import Price

    listed = _listed(name)
    answers.prices[name] = built(
        Price,
        input=click.prompt("  its price for prompts", default=listed and listed.input, value_proc=_amount),
        output=click.prompt(
            "  its price for responses", default=listed and listed.output, value_proc=_amount
        ),
    )
    if answers.prices[name] == listed:
        answers.listed.add(name)


def _amount(given: str | float) -> float:
    try:
        amount = float(given)
    except ValueError:
        amount = -1
    if not 0 <= amount < inf:
        raise click.UsageError(f"{given!r} is not one price: US$ per million tokens, such as 0.18")
    return amount


def _listed(name: str) -> Price | None:
    from bestroute.errors import MissingExtra
    from bestroute.policy.listed import Unlisted, listed_price

    try:
        return listed_price(name)
    except (Unlisted, MissingExtra):
        return None


def _ask_endpoint(answers: Answers, name: str) -> None:
    from bestroute.policy.arms import Endpoint

    def address(text: str) -> str:
        return str(built(Endpoint, base_url=text).base_url) if text else ""

    def variable(text: str) -> str:
        return text and str(built(Endpoint, base_url=url, api_key_env=text).api_key_env)

    question = "  its OpenAI-compatible address, up to and with /v1 (none: Enter)"
    url = click.prompt(question, default="", value_proc=address, show_default=False)
    if not url:
        return
    answers.endpoints[name] = url
    if answers.key(name) is None:
        question = "  environment variable that holds its key (none: Enter)"
        key = click.prompt(question, default="", value_proc=variable, show_default=False)
        answers.keys.update({name: key} if key else {})
