"""Heads that start from a ridge on the pretrained encoder's frozen features, not from nothing."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bestroute.artefacts.session import TokenRow
from bestroute.train.labels import Floats
from bestroute.train.sentence.data import Items
from bestroute.train.sentence.encoder import FEATURES
from bestroute.train.sentence.net import Head, SentenceNet, read_all

_STRENGTH = 0.6  # of a ridge, for each query
_LEVEL = (0.03, 0.97)
_LEAST_SPREAD = 0.02  # a unit that is silent on nearly all queries must not shout on the others


def start_from_ridge(model: SentenceNet, rows: list[TokenRow], items: Items) -> None:
    """Standardise the features, then set every head to the ridge of its targets; classes' levels are kept."""
    encoder = model.encoder
    with torch.autocast(str(encoder.centre.device), dtype=torch.bfloat16):  # as in training
        features = read_all(encoder, rows)[:, :FEATURES]
    spread = np.maximum(features.std(0), _LEAST_SPREAD)
    encoder.centre.copy_(torch.from_numpy(features.mean(0)))
    encoder.spread.copy_(torch.from_numpy(spread))
    known = torch.from_numpy((features - features.mean(0)) / spread)
    weights = torch.tensor(items.weights / items.weights.mean(), dtype=torch.float32)
    classes = model.classes
    targets = items.targets
    worth = np.concatenate([targets.quality[:, :, 0], targets.match[:, :, 0]], 1)
    with torch.no_grad():
        slopes, level = _logits(known, worth, weights)
        model.curves.linear.weight[: 2 * classes, :FEATURES] = slopes
        model.curves.linear.bias[: 2 * classes] = level
        _set(model.extra, *_logits(known, targets.extra, weights))
        _set(model.tokens, *_ridge(known, np.log(np.maximum(targets.output_tokens, 1.0)) - 5.0, weights))
        _set(model.pooled, *_ridge(known, items.pooled, weights))


def _set(head: Head, slopes: Tensor, level: Tensor) -> None:
    head.weight[:, :FEATURES] = slopes
    head.bias.copy_(level)


def _logits(known: Tensor, targets: Floats, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Slopes and levels of log-odds whose probabilities are the ridge's, near the mean."""
    slopes, level = _ridge(known, targets, weights)
    level = level.clamp(*_LEVEL)
    steep = 1 / (level * (1 - level))
    return slopes * steep[:, None], torch.log(level / (1 - level))


def _ridge(known: Tensor, targets: Floats, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Slopes (columns, FEATURES) and level (columns,) of every column on the queries where it is known.

    Columns that are known of the same queries are solved together.
    """
    there = ~np.isnan(targets)
    slopes, level = torch.zeros(targets.shape[1], FEATURES), torch.zeros(targets.shape[1])
    for columns in _alike(there):
        at = np.flatnonzero(there[:, columns[0]])
        if not len(at):
            continue
        x, y, w = known[at], torch.tensor(targets[at][:, columns], dtype=torch.float32), weights[at]
        mean = (y * w[:, None]).sum(0) / w.sum()
        scaled = x * w.sqrt()[:, None]
        gram = scaled.T @ scaled + _STRENGTH * w.sum() * torch.eye(FEATURES)
        slopes[columns] = torch.linalg.solve(gram, x.T @ (w[:, None] * (y - mean))).T
        level[columns] = mean
    return slopes, level


def _alike(there: NDArray[np.bool_]) -> list[list[int]]:
    groups: dict[bytes, list[int]] = {}
    for column in range(there.shape[1]):
        groups.setdefault(there[:, column].tobytes(), []).append(column)
    return list(groups.values())
