"""Train the router model: records in, artefact folder out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, smooth_l1_loss

from bestroute.artefact import Manifest
from bestroute.errors import TrainingError
from bestroute.inference import clip_characters
from bestroute.predictor import OnnxPredictor, single_row
from bestroute.records import Record, split_of
from bestroute.train.encoder import encoder_name, load_tokenizer, pad
from bestroute.train.export import export, write_manifest
from bestroute.train.fit import FitSettings, Report, fit, seed_everything
from bestroute.train.labels import RouterTargets, classes_of, prompt_text, router_targets
from bestroute.train.metrics import router_metrics
from bestroute.train.models import RouterNet


@dataclass(frozen=True)
class RouterSettings:
    """What the router model shall predict, and how it is trained.

    `margin`: quality points by which an answer may miss the reference's and still match it. `max_n`: largest
    number of samples predicted. `max_tokens`: ids of a query that are read, head and tail.
    """

    reference: str = "large"
    max_n: int = 10
    margin: float = 0.0
    max_tokens: int = 256
    fit: FitSettings = field(default_factory=FitSettings)


class _RouterTask:
    """Soft-label cross entropy of both curves, plus the log of the output tokens."""

    def __init__(self, model: RouterNet, targets: RouterTargets, settings: RouterSettings) -> None:
        self._model, self._device = model, settings.fit.device
        self.rows = _tokenize(targets.texts, settings.max_tokens)
        self.lengths = [len(row.ids) for row in self.rows]
        self._quality, self._match = _tensor(targets.quality), _tensor(targets.match)
        self._tokens = _tensor(np.log(np.maximum(targets.output_tokens, 1.0)))

    @property
    def digest(self) -> str:
        """SHA-256 of the rows and targets."""
        targets = [values.numpy().tobytes() for values in (self._quality, self._match, self._tokens)]
        return hashlib.sha256(repr([row.ids for row in self.rows]).encode() + b"".join(targets)).hexdigest()

    def loss(self, indices: Sequence[int]) -> Tensor:
        ids, mask, _ = pad([self.rows[index] for index in indices], self._device)
        quality, match, tokens = self._model.logits(ids, mask)
        chosen = list(indices)
        return (
            _masked(binary_cross_entropy_with_logits, quality, self._quality[chosen])
            + 0.5 * _masked(binary_cross_entropy_with_logits, match, self._match[chosen])
            + 0.1 * _masked(smooth_l1_loss, tokens, self._tokens[chosen])
        )


def _tensor(values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float32)


def _masked(loss: Any, predicted: Tensor, target: Tensor) -> Tensor:
    target = target.to(predicted.device)
    known = ~torch.isnan(target)
    if not bool(known.any()):
        return predicted.sum() * 0.0
    result: Tensor = loss(predicted[known], target[known])
    return result


def _tokenize(texts: Sequence[str], limit: int) -> list[Any]:
    clipped = [clip_characters(text, limit) for text in texts]
    return [single_row(encoding.ids, limit) for encoding in load_tokenizer().encode_batch(clipped)]


def train_router(
    records: Sequence[Record], out: Path, settings: RouterSettings, recipe: dict[str, Any], report: Report
) -> Manifest:
    """Train on the records of the train split, choose the epoch on validation, measure on test, write `out`.

    The split is by a hash of the query (records.split_of), the same for every command. Responses should carry
    out-of-fold proxy rewards (`bestroute train reward --label`); without them the labels know no gain from n.
    `recipe` (command, data digests) goes into the manifest. Raises TrainingError when a split is empty or the
    reference is absent.
    """
    parts: dict[str, list[Record]] = {name: [] for name in _SPLITS}
    for record in records:
        parts[split_of(prompt_text(record))].append(record)
    for name, part in parts.items():
        if not part:
            raise TrainingError(f"no query falls into the {name} split; {len(records)} records are too few")
    classes = classes_of(parts["train"], settings.reference)
    targets = {
        name: router_targets(part, classes, settings.reference, settings.max_n, settings.margin)
        for name, part in parts.items()
    }
    seed_everything(settings.fit.seed)
    model = RouterNet(len(classes), settings.max_n).to(settings.fit.device)
    train = _RouterTask(model, targets["train"], settings)
    validation = _RouterTask(model, targets["validation"], settings)
    checkpoint = out.parent / f".{out.name}.checkpoint.pt"
    history = fit(model, train, validation, settings.fit, checkpoint, report)
    manifest = Manifest(
        kind="router",
        max_tokens=settings.max_tokens,
        files={},
        classes=tuple(classes),
        max_n=settings.max_n,
        reference=settings.reference,
        margin=settings.margin,
        mean_output_tokens=_mean_tokens(targets["train"]),
        recipe={
            "encoder": encoder_name(),
            "settings": asdict(settings),
            "queries": {name: len(part) for name, part in parts.items()},
            "history": history,
            **recipe,
        },
    )
    manifest = export(model, ("quality", "match", "output_tokens"), manifest, validation.rows[:200], out)
    metrics = {
        **manifest.metrics,
        "test": router_metrics(OnnxPredictor(out), targets["test"], targets["train"]),
    }
    finished = write_manifest(out, replace(manifest, metrics=metrics))
    checkpoint.unlink(missing_ok=True)
    return finished


_SPLITS = ("train", "validation", "test")


def _mean_tokens(targets: RouterTargets) -> tuple[float, ...]:
    known = ~np.isnan(targets.output_tokens)
    means = [
        float(column[mask].mean()) if mask.any() else 256.0
        for column, mask in zip(targets.output_tokens.T, known.T, strict=True)
    ]
    return tuple(round(mean, 1) for mean in means)
