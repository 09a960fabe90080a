"""What the network learns from a list of queries, as a task for bestroute.train.fit."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, mse_loss, smooth_l1_loss

from bestroute.artefacts.session import TokenRow
from bestroute.train.sentence.data import Items
from bestroute.train.sentence.net import SentenceNet

_MATCH, _TOKENS, _EXTRA, _POOLED = 0.5, 0.1, 0.5, 1.0
_OTHERWISE = 0.35  # share of the queries of a training step that are read in other words


class SentenceTask:
    """Soft-label cross entropy of both curves and of the extra LLMs, squared errors of the gap, which is to
    the last class, and of a teacher's vector, and the log of the output tokens.

    `views` are the rows in other words, lists as long as `rows`, which training reads now and then in place.
    """

    def __init__(
        self,
        model: SentenceNet,
        rows: Sequence[TokenRow],
        items: Items,
        device: str,
        views: Sequence[Sequence[TokenRow]] = (),
    ) -> None:
        targets = items.targets
        self._views = views
        self._model, self._device, self.rows = model, device, rows
        self.lengths = [len(row.ids) for row in rows]
        self._quality, self._match = _tensor(targets.quality), _tensor(targets.match)
        self._gap = self._quality[:, -1:, :1] - self._quality[:, :-1]
        self._tokens = _tensor(np.log(np.maximum(targets.output_tokens, 1.0)))
        self._extra, self._pooled = _tensor(targets.extra), _tensor(items.pooled)
        self._weights, self._gap_weights = _tensor(items.weights / items.weights.mean()), _tensor(items.gaps)

    @property
    def digest(self) -> str:
        """SHA-256 of the rows, targets and weights."""
        parts = (self._quality, self._match, self._tokens, self._extra, self._pooled)
        read = [row.ids for rows in (self.rows, *self._views) for row in rows]
        digest = hashlib.sha256(repr(read).encode())
        for values in (*parts, self._weights, self._gap_weights):
            digest.update(values.numpy().tobytes())
        return digest.hexdigest()

    def loss(self, indices: Sequence[int]) -> Tensor:
        """Mean loss of these queries."""
        at = torch.as_tensor(list(indices))
        said = self._model.heads(self._read(indices), self._device)
        quality = torch.sigmoid(said.curves[:, 0])
        gaps = quality[:, -1:, :1] - quality[:, :-1]
        entropy, weights = binary_cross_entropy_with_logits, self._weights[at]
        return (
            _mean(entropy, said.curves[:, 0], self._quality[at], weights)
            + _MATCH * _mean(entropy, said.curves[:, 1], self._match[at], weights)
            + _mean(mse_loss, gaps, self._gap[at], weights * self._gap_weights[at])
            + _EXTRA * _mean(entropy, said.extra, self._extra[at], weights)
            + _TOKENS * _mean(smooth_l1_loss, said.tokens, self._tokens[at], weights)
            + _POOLED * _mean(mse_loss, said.pooled, self._pooled[at], weights)
        )

    def _read(self, indices: Sequence[int]) -> list[TokenRow]:
        """The rows, some of them in other words while the network learns."""
        if not (self._views and self._model.training):
            return [self.rows[index] for index in indices]
        draws = torch.rand(len(indices)).tolist()
        count = len(self._views)
        return [
            self._views[int(draw / _OTHERWISE * count)][index] if draw < _OTHERWISE else self.rows[index]
            for index, draw in zip(indices, draws, strict=True)
        ]


def _mean(loss: Any, predicted: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    """The weighted mean over queries of a query's mean loss over its known targets."""
    predicted, target = predicted.flatten(1), target.to(predicted.device).flatten(1)
    known = ~torch.isnan(target)
    losses = loss(predicted, torch.nan_to_num(target), reduction="none") * known
    each = losses.sum(1) / known.sum(1).clamp(min=1)
    result: Tensor = (each * weights.to(each.device)).mean()
    return result


def _tensor(values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float32)
