"""What is fitted after training, into the router model's graph: calibration and novelty."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, softplus

from bestroute.inference import TokenRow
from bestroute.train.encoder import pad
from bestroute.train.labels import Floats, RouterTargets
from bestroute.train.models import RouterNet

_BATCH = 16
_KEPT = 0.99  # share of the validation queries that are not novel
_PULL = 10.0  # pseudo-queries that say "no scaling": keeps a small validation split from overfitting
_SHRINKAGE = 0.1


def fit_calibration(model: RouterNet, rows: Sequence[TokenRow], targets: RouterTargets) -> None:
    """Fit each class's Platt scaling of both curves on validation queries, at every n that is known."""
    logits = torch.from_numpy(_run(model, rows)[1])
    target = torch.tensor(np.stack([targets.quality, targets.match], axis=1), dtype=torch.float32)
    scale = torch.full(model.calibration.scale.shape, float(np.log(np.e - 1)), requires_grad=True)
    shift = torch.zeros(model.calibration.shift.shape, requires_grad=True)
    known = ~torch.isnan(target)
    optimizer = torch.optim.LBFGS([scale, shift], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        scaled = logits * softplus(scale) + shift
        losses = binary_cross_entropy_with_logits(scaled, torch.nan_to_num(target), reduction="none")
        counts = known.sum((0, 3)).clamp(min=1)
        entropy = ((losses * known).sum((0, 3)) / counts).sum()
        pull = _PULL / len(rows) * (((softplus(scale) - 1) ** 2).sum() + (shift**2).sum())
        loss: Tensor = entropy + pull
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    device = model.calibration.scale.device
    model.calibration.scale.copy_(softplus(scale.detach()).to(device))
    model.calibration.shift.copy_(shift.detach().to(device))


def fit_novelty(
    model: RouterNet, train: Sequence[TokenRow], validation: Sequence[TokenRow], seed: int
) -> float:
    """Fit the clusters of the training queries; return `max_novelty`, from validation queries."""
    embeddings = _run(model, train)[0].astype(np.float64)
    novelty = model.novelty
    centres, nearest = _clusters(embeddings, novelty.CLUSTERS, np.random.default_rng(seed))
    spread = np.cov((embeddings - centres[nearest]).T)
    spread += _SHRINKAGE * np.trace(spread) / len(spread) * np.eye(len(spread))
    whiten = np.linalg.cholesky(np.linalg.inv(spread))
    novelty.whiten.copy_(torch.tensor(whiten, dtype=torch.float32))
    novelty.centres.copy_(torch.tensor(centres @ whiten, dtype=torch.float32))
    with torch.no_grad():
        known = torch.from_numpy(_run(model, validation)[0]).to(novelty.whiten.device)
        return float(np.quantile(novelty(known).cpu().numpy(), _KEPT))


def _clusters(points: Floats, count: int, generator: np.random.Generator) -> tuple[Floats, np.ndarray]:
    """k-means: centres (count, width) and each point's nearest; fewer points than clusters repeat some."""
    centres = points[generator.choice(len(points), count, replace=len(points) < count)]
    nearest = np.zeros(len(points), int)
    for _ in range(25):
        squares = (centres**2).sum(1) - 2 * points @ centres.T
        nearest = squares.argmin(1)
        for index in set(nearest.tolist()):
            centres[index] = points[nearest == index].mean(0)
    return centres, nearest


def _run(model: RouterNet, rows: Sequence[TokenRow]) -> tuple[np.ndarray, np.ndarray]:
    """Shallow embeddings (rows, width) and uncalibrated curve logits (rows, 2, classes, n)."""
    model.eval()
    device = str(model.novelty.whiten.device)
    order = sorted(range(len(rows)), key=lambda index: len(rows[index].ids))
    embeddings = np.empty((len(rows), model.encoder.width), np.float32)
    logits = np.empty((len(rows), 2, model.classes, model.max_n), np.float32)
    with torch.no_grad():
        for start in range(0, len(order), _BATCH):
            chosen = order[start : start + _BATCH]
            ids, mask, _ = pad([rows[index] for index in chosen], device)
            shallow, deep = model.encoder.layers(ids, mask)
            embeddings[chosen] = shallow.cpu().numpy()
            logits[chosen] = model.logits(deep)[0].cpu().numpy()
    return embeddings, logits
