"""The MiniLM router model, with everything that serving needs inside the graph."""

from __future__ import annotations

from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn

from bestroute.records.quality import expected_max_normal
from bestroute.train.encoder import MIDDLE, TextEncoder

Heads: TypeAlias = Literal["monotone", "independent"]


class RouterNet(nn.Module):
    """Predicts quality and match of every (class, n), the output tokens of every class, and novelty.

    With `monotone` heads both curves are sigmoid(a + b h(n)), b = softplus(...) >= 0 and h(n) the expected
    maximum of n standard normals, so they never fall as n grows, whatever the weights: the best of n draws
    from a normal with mean a and deviation b, squashed to 0..1. `independent` heads are the paper's: one for
    every (class, n) by itself (BEST-Route, eq. 5). `extra` further heads predict the quality of LLMs that
    are in no class; they only help to train the encoder and are not exported.
    """

    def __init__(self, classes: int, max_n: int, extra: int = 0, heads: Heads = "monotone") -> None:
        super().__init__()
        self.encoder = TextEncoder()
        self.dropout = nn.Dropout(0.1)
        self.classes, self.max_n = classes, max_n
        self.curves: nn.Module = {"monotone": Monotone, "independent": _Independent}[heads](
            self.encoder.width, classes, max_n
        )
        self.tokens = nn.Linear(self.encoder.width, classes)
        self.extra = nn.Linear(self.encoder.width, extra) if extra else None
        self.calibration = Calibration(classes)
        self.novelty = Novelty(len(MIDDLE) * self.encoder.width)

    def logits(self, pooled: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits of quality and match, (batch, 2, classes, n), log output tokens and extra logits."""
        extra = pooled[:, :0] if self.extra is None else self.extra(pooled)
        return self.curves(pooled), self.tokens(pooled) + 5.0, extra

    def embed(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """What the heads read, (batch, width)."""
        pooled: Tensor = self.dropout(self.encoder(input_ids, attention_mask)).float()
        return pooled

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The graph that is exported: quality, match, output_tokens, novelty."""
        middle, pooled = self.encoder.layers(input_ids, attention_mask)
        curves, tokens, _ = self.logits(pooled)
        curves = torch.sigmoid(self.calibration(curves))
        return curves[:, 0], curves[:, 1], torch.exp(tokens), self.novelty(middle)


class Monotone(nn.Module):
    """Curves sigmoid(a + b h(n)) that never fall with n, as logits, before calibration."""

    def __init__(self, width: int, classes: int, max_n: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, 4 * classes)
        self.classes = classes
        self.gain: Tensor
        self.register_buffer("gain", torch.tensor(expected_max_normal(max_n), dtype=torch.float32))

    def forward(self, pooled: Tensor) -> Tensor:
        """Logits of quality and match, (batch, 2, classes, n)."""
        heads = self.linear(pooled).view(-1, 2, 2, self.classes, 1)
        curves: Tensor = heads[:, 0] + nn.functional.softplus(heads[:, 1] - 1.0) * self.gain
        return curves


class _Independent(nn.Module):
    def __init__(self, width: int, classes: int, max_n: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, 2 * classes * max_n)
        self.shape = (-1, 2, classes, max_n)

    def forward(self, pooled: Tensor) -> Tensor:
        curves: Tensor = self.linear(pooled).view(self.shape)
        return curves


class Calibration(nn.Module):
    """Platt scaling of each class's two curves: scale (positive) and shift, none until they are fitted."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.scale: Tensor
        self.shift: Tensor
        self.register_buffer("scale", torch.ones(2, classes, 1))
        self.register_buffer("shift", torch.zeros(2, classes, 1))

    def forward(self, curves: Tensor) -> Tensor:
        """Logits of shape (batch, 2, classes, n), scaled and shifted."""
        return curves * self.scale + self.shift


class Novelty(nn.Module):
    """Distance of an embedding to the nearest of several clusters of training queries.

    Mahalanobis distance with one covariance for all clusters (Lee et al., arXiv 1807.03888), divided by the
    root of the width, so that about 1 is usual. Zero until it is fitted.
    """

    CLUSTERS = 32

    def __init__(self, width: int) -> None:
        super().__init__()
        self.whiten: Tensor
        self.centres: Tensor
        self.register_buffer("whiten", torch.zeros(width, width))
        self.register_buffer("centres", torch.zeros(self.CLUSTERS, width))

    def forward(self, embedding: Tensor) -> Tensor:
        """Distances, shape (batch,)."""
        white = embedding @ self.whiten
        squares = (white**2).sum(1, keepdim=True) - 2 * white @ self.centres.T + (self.centres**2).sum(1)
        return torch.sqrt(torch.clamp(squares.min(1).values, min=0.0) / embedding.shape[1])
