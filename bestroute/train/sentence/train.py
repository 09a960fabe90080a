"""Train the fast router model: records in, artefact folder out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import binary_cross_entropy_with_logits

from bestroute.artefacts.manifest import Manifest, sha256
from bestroute.artefacts.predictor import OnnxPredictor
from bestroute.records.record import Record
from bestroute.train.export import Parity, write
from bestroute.train.finish import fit_platt
from bestroute.train.fit import Report, fit, seed_everything
from bestroute.train.folder import write_manifest
from bestroute.train.metrics import router_metrics
from bestroute.train.router import mean_tokens
from bestroute.train.sentence.encoder import FEATURES
from bestroute.train.sentence.graph import graph_of
from bestroute.train.sentence.lessons import Lessons, SentenceSettings, beside, learn_from
from bestroute.train.sentence.net import SentenceNet, curves_of
from bestroute.train.sentence.novelty import fit_strange
from bestroute.train.sentence.package import encoder_name
from bestroute.train.sentence.start import start_from_ridge
from bestroute.train.sentence.task import SentenceTask
from bestroute.train.sentence.wide import fit_wide, wide_of

_RANGING = 200  # training queries that the fixed ranges are taken from
_COMPARED = 200  # validation queries on which the graph is compared with torch


def train_sentence_router(
    records: Sequence[Record],
    out: Path,
    settings: SentenceSettings,
    recipe: dict[str, Any],
    report: Report,
    extra: Sequence[Record] = (),
    teacher: Path | None = None,
) -> Manifest:
    """Train on the train split, choose the epoch and calibrate on validation, measure on test, write `out`.

    As train_router does; `teacher` is the folder of a router model of MiniLM whose word counts beside the
    truth on the queries that it was trained on, and alone on variants of them. Raises TrainingError when a
    split is empty, the reference is absent or the teacher cannot teach.
    """
    lessons = learn_from(records, extra, settings, teacher, out)
    model, history = fit_network(lessons, settings, out, report)
    add_wide(model, lessons)
    with torch.no_grad():
        fit_platt(model.calibration, curves_of(model, lessons.rows["validation"]), lessons.validation.targets)
    manifest = Manifest(
        kind="router",
        max_tokens=settings.max_tokens,
        files={},
        classes=lessons.classes,
        max_n=settings.max_n,
        reference=settings.reference,
        margin=settings.margin,
        mean_output_tokens=mean_tokens(lessons.train.targets),
        max_novelty=fit_strange(model, lessons, settings.max_tokens),
        features=FEATURES,
        taught_n=lessons.taught_n,
        recipe=_recipe(lessons, settings, teacher, history) | recipe,
        metrics={"novelty": {"validation_queries": len(lessons.rows["validation"])}},
    )
    return _written(model, lessons, manifest, out)


def fit_network(
    lessons: Lessons, settings: SentenceSettings, out: Path, report: Report
) -> tuple[SentenceNet, dict[str, Any]]:
    """The network after its best epoch, and the history of the training."""
    seed_everything(settings.fit.seed)
    width = lessons.train.pooled.shape[1]
    heads = (len(lessons.classes), settings.max_n, len(lessons.llms), width)
    model = SentenceNet(lessons.kept, *heads, settings.dropout)
    start_from_ridge(model, lessons.rows["train"], lessons.train)
    model.to(settings.fit.device)
    device = settings.fit.device
    task = SentenceTask(model, lessons.rows["train"], lessons.train, device, lessons.views)
    judge = SentenceTask(model, lessons.rows["validation"], lessons.validation, device)
    checkpoint = beside(out, f"{settings.fit.seed}.checkpoint.pt")
    history = fit(model, task, judge, settings.fit, checkpoint, report)
    return model.cpu(), history


def add_wide(model: SentenceNet, lessons: Lessons) -> None:
    """Fit the wide table on what the network leaves unexplained of quality at n = 1."""
    train, validation = lessons.train, lessons.validation
    judged = lessons.rows["validation"]
    said = curves_of(model, judged)[:, 0, :, 0]
    true = torch.tensor(validation.targets.quality[:, :, 0], dtype=torch.float32)
    counted = torch.tensor(validation.weights, dtype=torch.float32)[:, None] * ~torch.isnan(true)

    def loss(table: NDArray[np.float32]) -> float:
        added = said + wide_of(judged, table)
        entropy = binary_cross_entropy_with_logits(added, torch.nan_to_num(true), counted, reduction="sum")
        return float(entropy)

    # In other words once more: a piece that politeness brings shall add nothing.
    rows = [*lessons.rows["train"], *lessons.views[0]]
    logits = curves_of(model, rows)[:, 0, :, 0]
    targets, weights = np.tile(train.targets.quality[:, :, 0], (2, 1)), np.tile(train.weights, 2) / 2
    table = fit_wide(rows, logits, targets, weights, len(lessons.kept), loss)
    model.wide.copy_(torch.from_numpy(table))


def _written(model: SentenceNet, lessons: Lessons, manifest: Manifest, out: Path) -> Manifest:
    """The artefact folder, with what it is worth on the test queries."""
    generator = np.random.default_rng(0)
    known = lessons.rows["train"]
    ranging = [known[at] for at in generator.choice(len(known), min(_RANGING, len(known)), replace=False)]
    rows = lessons.rows["validation"][:_COMPARED]
    expected = torch.sigmoid(model.calibration(curves_of(model, rows)))[:, 0].numpy()
    parity = Parity("quality", rows, expected)
    seen = [*lessons.train.targets.texts, *lessons.validation.targets.texts]
    manifest = write(graph_of(model, ranging), lessons.tokenizer, manifest, parity, out, seen)
    tested = router_metrics(OnnxPredictor(out), lessons.test, lessons.train.targets)
    finished = write_manifest(out, replace(manifest, metrics={**manifest.metrics, "test": tested}))
    for file in out.parent.glob(f".{out.name}.*.checkpoint.pt"):
        file.unlink()
    return finished


def _recipe(
    lessons: Lessons, settings: SentenceSettings, teacher: Path | None, history: dict[str, Any]
) -> dict[str, Any]:
    return {
        "encoder": encoder_name(),
        "settings": asdict(settings),
        "teacher": None if teacher is None else sha256(teacher / "model.onnx"),
        "queries": {
            "train": len(lessons.train.targets.texts),
            "validation": len(lessons.validation.targets.texts),
            "test": len(lessons.test.texts),
        },
        "extra": list(lessons.llms),
        "history": history,
    }
