"""`bestroute train posterior`: what judges the kept response once responses are there."""

from __future__ import annotations

import os
from pathlib import Path

import click

from bestroute.artefacts.manifest import sha256
from bestroute.cli.options import FOLDER, artefact_option, json_option, records_argument, skip_bad_option
from bestroute.cli.output import Counter
from bestroute.cli.train.common import (
    print_result,
    read_all,
    recipe_of,
)
from bestroute.records.lines import read_records


@click.command(
    "posterior",
    epilog="Example: bestroute train posterior labelled/*.jsonl --router my/router --reward my/reward "
    "--out my/posterior",
)
@records_argument
@artefact_option("posterior")
@click.option("--router", type=FOLDER, help="The router model it goes with; the embedded one if absent.")
@click.option("--reward", type=FOLDER, help="The reward model it goes with; the embedded one if absent.")
@click.option("--from-nothing", is_flag=True, help="Do not start from the embedded posterior.")
@click.option(
    "--draws", type=click.IntRange(1), default=8, show_default=True, help="Walks through a query's responses."
)
@click.option("--seed", type=int, default=0, show_default=True)
@skip_bad_option
@json_option
def train_posterior_command(
    records: tuple[Path, ...], out: Path, router: Path | None, reward: Path | None, from_nothing: bool,
    draws: int, seed: int, skip_bad: bool, as_json: bool,
) -> None:  # fmt: skip
    """Train the posterior, which judges the kept response once responses are there.

    It learns from the validation queries, which taught neither model, and is measured on the test queries.
    Where there are few it stays near the embedded one, which knows no model by name.
    """
    from bestroute.artefacts.manifest import default_folder
    from bestroute.artefacts.posterior import Posterior
    from bestroute.artefacts.predictor import OnnxPredictor
    from bestroute.artefacts.reward import OnnxRewardModel
    from bestroute.train.posterior import PosteriorSettings, train_posterior
    from bestroute.train.walks import Ways

    loaded = read_all(read_records, records, skip_bad)
    folders = router or default_folder("router"), reward or default_folder("reward")
    cores = os.cpu_count() or 1
    models = OnnxPredictor(folders[0], cores), OnnxRewardModel(folders[1], cores)
    recipe = recipe_of(records) | {
        kind: sha256(folder / "model.onnx")
        for kind, folder in zip(("router", "reward"), folders, strict=True)
    }
    start = None if from_nothing else Posterior.load(default_folder("posterior"))
    counter = Counter("queries walked")
    settings = PosteriorSettings(ways=Ways(draws=draws, seed=seed))
    manifest = train_posterior(loaded, *models, out, settings, recipe, start, counter.advance)
    counter.close()
    print_result(out, manifest, as_json)
