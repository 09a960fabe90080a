"""Train the router model: records in, artefact folder out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from bestroute.artefacts.manifest import Manifest
from bestroute.artefacts.predictor import OnnxPredictor
from bestroute.errors import TrainingError
from bestroute.records.record import Record, split_of
from bestroute.train.encoder import encoder_name
from bestroute.train.export import export
from bestroute.train.finish import fit_calibration, fit_novelty
from bestroute.train.fit import FitSettings, Report, fit, seed_everything
from bestroute.train.folder import write_manifest
from bestroute.train.labels import (
    Labels,
    RouterTargets,
    classes_of,
    extra_names,
    prompt_text,
    router_targets,
    taught_n,
    telling,
    transformed_margin,
    with_extra,
    without_gain_where_unknown,
)
from bestroute.train.limits import expected_novel
from bestroute.train.metrics import router_metrics
from bestroute.train.models import Heads, RouterNet
from bestroute.train.router_task import RouterTask

_SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class RouterSettings:
    """What the router model shall predict, and how it is trained.

    `margin`: quality points by which an answer may miss the reference's and still match it. `max_n`: largest
    number of samples predicted. `max_tokens`: ids of a query that are read, head and tail. `heads`:
    `monotone` in n, or the paper's `independent` ones. `labels` of a match: HybridLLM's `det`, `prob`
    (BEST-Route's too) or `trans`, which finds its own margin. `balance`: from 0, every query counts alike, to
    1, every source does. `seeds`: how many trainings, of which the best on validation queries is kept.
    """

    reference: str = "large"
    max_n: int = 10
    margin: float = 0.0
    max_tokens: int = 256
    heads: Heads = "monotone"
    labels: Labels = "prob"
    balance: float = 0.5
    seeds: int = 1
    fit: FitSettings = field(default_factory=FitSettings)


def train_router(
    records: Sequence[Record],
    out: Path,
    settings: RouterSettings,
    recipe: dict[str, Any],
    report: Report,
    extra: Sequence[Record] = (),
) -> Manifest:
    """Train on the records of the train split, choose the epoch on validation, measure on test, write `out`.

    The split is by a hash of the query (records.record.split_of), the same for every command. Responses
    should carry out-of-fold proxy rewards (`bestroute train reward --label`): those without tell nothing of n
    > 1. `extra` holds scores of further LLMs, on the same or other queries, that help to train the encoder.
    `recipe` (command, data digests) goes into the manifest, whose metrics say how many training queries tell
    of each class and n, and what share of queries like those of training is expected to count as novel.
    Raises TrainingError when a split is empty or the reference is absent.
    """
    parts = _split(records)
    for name, part in parts.items():
        if not part:
            raise TrainingError(f"no query falls into the {name} split; {len(records)} records are too few")
    classes = classes_of(parts["train"], settings.reference)
    if settings.labels == "trans":
        margin = transformed_margin(parts["train"], classes, settings.reference)
        settings = replace(settings, margin=margin)
    targets = {
        name: router_targets(
            part, classes, settings.reference, settings.max_n, settings.margin, settings.labels
        )
        for name, part in parts.items()
    }
    told, taught = telling(targets["train"]), taught_n(targets["train"])
    targets["train"] = without_gain_where_unknown(targets["train"])
    further = _split(extra)["train"]
    llms = extra_names(further)
    learnt = with_extra(targets["train"], further, llms)
    model, history = _fit_best(learnt, targets["validation"], classes, len(llms), settings, out, report)
    known, validation = (
        RouterTask(model, targets[name], settings.max_tokens, settings.fit.device, settings.balance)
        for name in ("train", "validation")
    )
    fit_calibration(model, validation.rows, targets["validation"])
    max_novelty = fit_novelty(model, known, validation, settings.fit.seed)
    manifest = Manifest(
        kind="router",
        max_tokens=settings.max_tokens,
        files={},
        classes=tuple(classes),
        max_n=settings.max_n,
        reference=settings.reference,
        margin=settings.margin,
        mean_output_tokens=mean_tokens(targets["train"]),
        max_novelty=max_novelty,
        taught_n=taught,
        recipe={
            "encoder": encoder_name(),
            "settings": asdict(settings),
            "queries": {name: len(part) for name, part in parts.items()} | {"extra": len(further)},
            "extra": llms,
            "history": history,
            **recipe,
        },
        metrics={
            "queries_telling_of_n": dict(zip(classes, told.tolist(), strict=True)),
            "novelty": {
                "validation_queries": len(validation.rows),
                "expected_share": None if max_novelty is None else expected_novel(len(validation.rows)),
            },
        },
    )
    seen = [*learnt.texts, *targets["validation"].texts]
    outputs = ("quality", "match", "output_tokens", "novelty")
    manifest = export(model, outputs, manifest, validation.rows[:200], out, seen)
    tested = router_metrics(OnnxPredictor(out), targets["test"], targets["train"])
    finished = write_manifest(out, replace(manifest, metrics={**manifest.metrics, "test": tested}))
    for seed in range(settings.seeds):
        _checkpoint(out, settings.fit.seed + seed).unlink(missing_ok=True)
    return finished


def _fit_best(
    train: RouterTargets,
    validation: RouterTargets,
    classes: Sequence[str],
    extra: int,
    settings: RouterSettings,
    out: Path,
    report: Report,
) -> tuple[RouterNet, dict[str, Any]]:
    """Train once a seed; the model of the best validation loss, and the history of every seed."""
    best: RouterNet | None = None
    histories: dict[str, dict[str, Any]] = {}
    for seed in range(settings.fit.seed, settings.fit.seed + settings.seeds):
        seed_everything(seed)
        fitting = replace(settings.fit, seed=seed)
        model = RouterNet(len(classes), settings.max_n, extra, settings.heads).to(fitting.device)
        task = RouterTask(model, train, settings.max_tokens, fitting.device, settings.balance)
        judge = RouterTask(model, validation, settings.max_tokens, fitting.device, settings.balance)
        histories[str(seed)] = fit(model, task, judge, fitting, _checkpoint(out, seed), report)
        losses = {name: min(history["validation_loss"]) for name, history in histories.items()}
        if best is None or min(losses, key=losses.__getitem__) == str(seed):
            best = model
    assert best is not None, "seeds is at least 1"
    return best, histories


def _split(records: Iterable[Record]) -> dict[str, list[Record]]:
    parts: dict[str, list[Record]] = {name: [] for name in _SPLITS}
    for record in records:
        parts[split_of(prompt_text(record))].append(record)
    return parts


def _checkpoint(out: Path, seed: int) -> Path:
    return out.parent / f".{out.name}.{seed}.checkpoint.pt"


def mean_tokens(targets: RouterTargets) -> tuple[float, ...]:
    """Mean output tokens of each class, 256 where none is known."""
    known = ~np.isnan(targets.output_tokens)
    means = [
        float(column[mask].mean()) if mask.any() else 256.0
        for column, mask in zip(targets.output_tokens.T, known.T, strict=True)
    ]
    return tuple(round(mean, 1) for mean in means)
