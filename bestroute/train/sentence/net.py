"""The network: the encoder, its heads, and what is fitted into the graph after training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import linear

from bestroute.artefacts.session import TokenRow, batches
from bestroute.train.encoder import padded
from bestroute.train.models import Calibration, Monotone
from bestroute.train.sentence.encoder import FEATURES, SentenceEncoder
from bestroute.train.sentence.wide import BUCKETS, wide_of

_BATCH_TOKENS = 6144


class SentenceNet(nn.Module):
    """Quality and match of every (class, n), output tokens of every class, novelty, and the features.

    The curves are those of RouterNet. `extra` heads predict the quality of LLMs that are in no class, and
    `pooled` ones what a teacher's heads read, of that width; both only help to train the encoder. `wide` is
    the table of bestroute.train.sentence.wide, which is added to the curves of quality.
    """

    def __init__(
        self, kept: NDArray[np.int64], classes: int, max_n: int, extra: int, pooled: int, dropout: float
    ) -> None:
        super().__init__()
        self.encoder = SentenceEncoder(kept)
        self.dropout = nn.Dropout(dropout)
        self.classes, self.max_n = classes, max_n
        width = self.encoder.width
        self.curves = Monotone(width, classes, max_n)
        self.tokens, self.extra, self.pooled = (Head(width, out) for out in (classes, extra, pooled))
        nn.init.zeros_(self.curves.linear.weight)
        nn.init.zeros_(self.curves.linear.bias)
        self.calibration = Calibration(classes)
        self.wide: Tensor
        self.register_buffer("wide", torch.zeros(len(kept) + BUCKETS, classes + 1), persistent=False)
        self.strange: Tensor
        self.strange_shift: Tensor
        self.register_buffer("strange", torch.zeros(FEATURES))
        self.register_buffer("strange_shift", torch.zeros(()))

    def heads(self, rows: Sequence[TokenRow], device: str) -> Heads:
        """What every head says of the rows, before calibration."""
        read = self.dropout(self.encoder(*padded(rows, device))).float()
        return Heads(self.curves(read), self.tokens(read) + 5.0, self.extra(read), self.pooled(read))


class Head(nn.Module):
    """A linear layer that starts at zero, and may have no outputs."""

    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(out, width))
        self.bias = nn.Parameter(torch.zeros(out))

    def forward(self, read: Tensor) -> Tensor:
        """(batch, width) to (batch, out)."""
        return linear(read, self.weight, self.bias)


@dataclass(frozen=True)
class Heads:
    """Curve logits (batch, 2, classes, n), log output tokens, logits of further LLMs, a teacher's vector."""

    curves: Tensor
    tokens: Tensor
    extra: Tensor
    pooled: Tensor


def read_all(encoder: SentenceEncoder, rows: Sequence[TokenRow]) -> NDArray[np.float32]:
    """What the heads read of every row, (rows, width); `features` are its first columns."""
    values = np.empty((len(rows), encoder.width), np.float32)
    device = str(encoder.centre.device)
    encoder.eval()
    with torch.no_grad():
        for chosen in batches([len(row.ids) for row in rows], _BATCH_TOKENS):
            values[chosen] = encoder(*padded([rows[at] for at in chosen], device)).float().cpu().numpy()
    return values


def curves_of(model: SentenceNet, rows: Sequence[TokenRow]) -> Tensor:
    """Curve logits of every row, (rows, 2, classes, n), before calibration, with what the wide table adds."""
    with torch.no_grad():
        curves: Tensor = model.curves(torch.from_numpy(read_all(model.encoder, rows)))
        curves[:, 0] += wide_of(rows, model.wide.numpy())[:, :, None]
    return curves
