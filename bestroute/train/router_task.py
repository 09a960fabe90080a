"""What the router model learns from a list of queries, as a task for bestroute.train.fit."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, smooth_l1_loss

from bestroute.records.record import family_of
from bestroute.train.encoder import padded, tokenize
from bestroute.train.labels import RouterTargets
from bestroute.train.models import RouterNet

_MATCH, _TOKENS, _EXTRA, _GAP = 0.5, 0.1, 0.5, 2.0


class RouterTask:
    """Soft-label cross entropy of both curves and of the extra LLMs, the squared error of the gap that the
    curves imply, and the log of the output tokens.

    `balance` 0 counts every query alike, 1 every source family alike: a query of a family with m queries has
    weight m ** -balance, and the mean weight is 1. The last class is the reference, which gaps are to.
    """

    def __init__(
        self,
        model: RouterNet,
        targets: RouterTargets,
        max_tokens: int,
        device: str,
        balance: float = 0.0,
    ) -> None:
        self._model, self._device = model, device
        self.rows = tokenize(targets.texts, max_tokens)
        self.lengths = [len(row.ids) for row in self.rows]
        self._curves = _tensor(np.stack([targets.quality, targets.match], axis=1))
        self._tokens = _tensor(np.log(np.maximum(targets.output_tokens, 1.0)))
        self._extra = _tensor(targets.extra)
        self._gaps = self._curves[:, 0, -1:, :1] - self._curves[:, 0, :-1]
        families = [family_of(source) for source in targets.sources]
        sizes = Counter(families)
        weights = np.array([sizes[family] ** -balance for family in families])
        self.weights = weights / weights.mean()

    @property
    def digest(self) -> str:
        """SHA-256 of the rows, targets and weights."""
        tensors = (self._curves, self._tokens, self._extra, _tensor(self.weights))
        content = b"".join(values.numpy().tobytes() for values in tensors)
        return hashlib.sha256(repr([row.ids for row in self.rows]).encode() + content).hexdigest()

    def loss(self, indices: Sequence[int]) -> Tensor:
        """Mean loss of these queries."""
        chosen = list(indices)
        ids, mask = padded([self.rows[index] for index in chosen], self._device)
        curves, tokens, extra = self._model.logits(self._model.embed(ids, mask))
        quality = torch.sigmoid(curves[:, 0])
        gaps = quality[:, -1:, :1] - quality[:, :-1]
        entropy = binary_cross_entropy_with_logits
        return (
            self._mean(entropy, curves[:, 0], self._curves[:, 0], chosen)
            + _MATCH * self._mean(entropy, curves[:, 1], self._curves[:, 1], chosen)
            + _GAP * self._mean(torch.nn.functional.mse_loss, gaps, self._gaps, chosen)
            + _EXTRA * self._mean(entropy, extra, self._extra, chosen)
            + _TOKENS * self._mean(smooth_l1_loss, tokens, self._tokens, chosen)
        )

    def _mean(self, loss: Any, predicted: Tensor, targets: Tensor, chosen: Sequence[int]) -> Tensor:
        """The weighted mean over queries of a query's mean loss over its known targets."""
        target = targets[chosen].to(predicted.device).flatten(1)
        predicted = predicted.flatten(1)
        known = ~torch.isnan(target)
        if not bool(known.any()):
            return predicted.sum() * 0.0
        losses = loss(predicted, torch.where(known, target, predicted.detach().sigmoid()), reduction="none")
        each = (losses * known).sum(1) / known.sum(1).clamp(min=1)
        result: Tensor = (each * _tensor(self.weights[chosen]).to(each.device)).mean()
        return result


def _tensor(values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float32)
