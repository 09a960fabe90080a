"""What is fitted after training, into the router model's graph: calibration and novelty."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, softplus

from bestroute.artefacts.session import TokenRow
from bestroute.train.encoder import padded
from bestroute.train.labels import Floats, RouterTargets
from bestroute.train.limits import KEPT, LEAST_VALIDATION
from bestroute.train.models import Calibration, RouterNet
from bestroute.train.router_task import RouterTask

_BATCH = 16
_MIN_CLUSTER = 50
_MAX_QUERIES = 3000  # enough for the clusters; the time it takes stays bounded
_PULL = 10.0  # pseudo-queries that say "no scaling": keeps a small validation split from overfitting
_SHRINKAGE = 0.1


def fit_calibration(model: RouterNet, rows: Sequence[TokenRow], targets: RouterTargets) -> None:
    """Fit each class's Platt scaling of both curves on validation queries, at every n that is known."""
    fit_platt(model.calibration, torch.from_numpy(_run(model, rows)[1]), targets)


def fit_platt(calibration: Calibration, logits: Tensor, targets: RouterTargets) -> None:
    """Fit the scaling of both curves, whose logits have shape (queries, 2, classes, n)."""
    target = torch.tensor(np.stack([targets.quality, targets.match], axis=1), dtype=torch.float32)
    scale = torch.full(calibration.scale.shape, float(np.log(np.e - 1)), requires_grad=True)
    shift = torch.zeros(calibration.shift.shape, requires_grad=True)
    known = ~torch.isnan(target)
    optimizer = torch.optim.LBFGS([scale, shift], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        scaled = logits * softplus(scale) + shift
        losses = binary_cross_entropy_with_logits(scaled, torch.nan_to_num(target), reduction="none")
        counts = known.sum((0, 3)).clamp(min=1)
        entropy = ((losses * known).sum((0, 3)) / counts).sum()
        pull = _PULL / len(logits) * (((softplus(scale) - 1) ** 2).sum() + (shift**2).sum())
        loss: Tensor = entropy + pull
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    device = calibration.scale.device
    calibration.scale.copy_(softplus(scale.detach()).to(device))
    calibration.shift.copy_(shift.detach().to(device))


def fit_novelty(model: RouterNet, train: RouterTask, validation: RouterTask, seed: int) -> float | None:
    """Fit the clusters of the training queries; return `max_novelty`: 2 % of the validation queries pass it.

    Queries count by their weights in the tasks, so that a small source is known too. Of fewer than 50
    validation queries none passes it, and of further ones like them `limits.expected_novel` will. None, and
    nothing is fitted, with fewer than 10.
    """
    if len(validation.rows) < LEAST_VALIDATION:
        return None
    generator = np.random.default_rng(seed)
    count, chances = len(train.rows), train.weights / train.weights.sum()
    chosen = generator.choice(count, min(_MAX_QUERIES, count), replace=False, p=chances)
    embeddings = _run(model, [train.rows[index] for index in chosen])[0].astype(np.float64)
    novelty = model.novelty
    count = max(1, min(novelty.CLUSTERS, len(embeddings) // _MIN_CLUSTER))
    centres, nearest = _clusters(embeddings, count, generator)
    spread = np.cov((embeddings - centres[nearest]).T)
    width = len(spread)
    shrinkage = max(_SHRINKAGE, width / (width + len(embeddings)))
    spread += shrinkage * np.trace(spread) / width * np.eye(width)
    centres = np.resize(centres, (novelty.CLUSTERS, width))  # repeats them where there are fewer
    whiten = np.linalg.cholesky(np.linalg.inv(spread))
    novelty.whiten.copy_(torch.tensor(whiten, dtype=torch.float32))
    novelty.centres.copy_(torch.tensor(centres @ whiten, dtype=torch.float32))
    with torch.no_grad():
        known = torch.from_numpy(_run(model, validation.rows)[0]).to(novelty.whiten.device)
        return quantile(novelty(known).cpu().numpy(), validation.weights, KEPT)


def quantile(values: np.ndarray, weights: Floats, share: float) -> float:
    """The value that `share` of the weight does not pass."""
    order = np.argsort(values)
    place = np.searchsorted(np.cumsum(weights[order]), share * weights.sum())
    return float(values[order][min(int(place), len(values) - 1)])


def _clusters(points: Floats, count: int, generator: np.random.Generator) -> tuple[Floats, np.ndarray]:
    """k-means: centres (count, width) and each point's nearest."""
    centres = points[generator.choice(len(points), count, replace=False)]
    nearest = np.zeros(len(points), int)
    for _ in range(25):
        squares = (centres**2).sum(1) - 2 * points @ centres.T
        nearest = squares.argmin(1)
        for index in set(nearest.tolist()):
            centres[index] = points[nearest == index].mean(0)
    return centres, nearest


def _run(model: RouterNet, rows: Sequence[TokenRow]) -> tuple[np.ndarray, np.ndarray]:
    """Middle embeddings (rows, width) and uncalibrated curve logits (rows, 2, classes, n)."""
    model.eval()
    device = str(model.novelty.whiten.device)
    order = sorted(range(len(rows)), key=lambda index: len(rows[index].ids))
    embeddings = np.empty((len(rows), model.novelty.whiten.shape[0]), np.float32)
    logits = np.empty((len(rows), 2, model.classes, model.max_n), np.float32)
    with torch.no_grad():
        for start in range(0, len(order), _BATCH):
            chosen = order[start : start + _BATCH]
            ids, mask = padded([rows[index] for index in chosen], device)
            with torch.autocast(model.novelty.whiten.device.type, dtype=torch.bfloat16):  # as in training
                middle, last = (layer.float() for layer in model.encoder.layers(ids, mask))
            embeddings[chosen] = middle.cpu().numpy()
            logits[chosen] = model.logits(last)[0].cpu().numpy()
    return embeddings, logits
