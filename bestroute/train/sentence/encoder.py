"""The encoder in torch: embeddings and n-grams of 2, 3 and 5 tokens, averaged, then two dense layers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import layer_norm, pad, relu

from bestroute.train.sentence.package import Weights, load_weights

ORDERS = ((2, 0), (3, 1), (5, 2))  # tokens of an n-gram, and how many of them stand before its own
BRANCH, HEADS = 256, 4
TOKEN = 512 + BRANCH * len(ORDERS)  # width of what is known of a token
FIRST, SECOND = 320, 512  # widths of the dense layers
FEATURES = TOKEN + FIRST + SECOND + 1
WIDTH = FEATURES + TOKEN
_EPSILON = 1e-6


class SentenceEncoder(nn.Module):
    """Token ids and mask, (batch, tokens), to features, (batch, FEATURES), and what heads read, (batch,
    WIDTH).

    `features`: mean over the tokens, both dense layers, log of the length, standardised by `centre` and
    `spread`. Heads read besides a mean weighted by attention, 320 numbers for each of four heads. The table
    of pieces is not trained: frozen and trained came to the same, and it is nine tenths of the weights.
    """

    def __init__(self, kept: NDArray[np.int64]) -> None:
        super().__init__()
        table, weights = load_weights()
        self.table: Tensor
        self.register_buffer("table", torch.from_numpy(table[kept]), persistent=False)
        self.project = _parameters(weights, "proj", 1)
        self.project_bias = _parameters(weights, "proj_b", 0)
        self.norm = _norm(*(_beside(weights, f"ln_{part}", 0) for part in "gb"))
        self.first = _layer(weights, 1)
        self.second = _layer(weights, 2)
        self.last_norm = _norm(weights["ln_g"], weights["ln_b"])
        self.dense = nn.ParameterDict(
            {
                ours: _parameter(weights[theirs])
                for ours, theirs in (
                    ("summed", "cnn_W"), ("summed_bias", "cnn_b"), ("zero", "d0"), ("one", "d1"),
                    ("past", "p1"), ("two", "d2"),
                )
            }
        )  # fmt: skip
        self.attention = nn.Linear(TOKEN, HEADS)
        nn.init.zeros_(self.attention.weight)
        nn.init.zeros_(self.attention.bias)
        self.centre: Tensor
        self.spread: Tensor
        self.register_buffer("centre", torch.zeros(FEATURES))
        self.register_buffer("spread", torch.ones(FEATURES))
        self.width = WIDTH

    def tokens(self, ids: Tensor, mask: Tensor) -> Tensor:
        """What is known of each token, (batch, tokens, TOKEN); zero where the mask is."""
        branches = self.second(self.convolved(ids, mask)[1]).float()
        joined = torch.cat([self.table[ids], branches], -1)
        return _normed(joined, self.last_norm) * mask.unsqueeze(-1).float()

    def convolved(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """The inputs of both convolutions, (batch, tokens, 768)."""
        projected = self.table[ids] @ self.project
        there = mask.unsqueeze(-1).to(projected.dtype)  # under autocast all is bfloat16 from here on
        normed = _normed((projected + self.project_bias).float(), self.norm)
        first = normed.to(projected.dtype) * there
        return first, self.first(first) * there

    def layers(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """`features`, and what the heads read."""
        tokens = self.tokens(ids, mask)
        length = mask.sum(1, keepdim=True).float()
        total = tokens.sum(1)
        dense = self.dense
        mean = (total @ dense["summed"] + length * dense["summed_bias"]) * torch.rsqrt(length)
        one = relu(mean @ dense["past"] + relu(mean @ dense["zero"]) @ dense["one"])
        two = relu(one @ dense["two"])
        raw = torch.cat([total / length, one, two, torch.log(length)], 1)
        features = (raw - self.centre) / self.spread
        attended = (self._attended(tokens, mask) - self.centre[:TOKEN]) / self.spread[:TOKEN]
        return features, torch.cat([features, attended], 1)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """What the heads read."""
        return self.layers(ids, mask)[1]

    def _attended(self, tokens: Tensor, mask: Tensor) -> Tensor:
        scores = self.attention(tokens).float() + (mask.unsqueeze(-1).float() - 1) * 1e4
        batch, count, _ = tokens.shape
        parts = tokens.view(batch, count, HEADS, TOKEN // HEADS)
        return torch.einsum("bth,bthd->bhd", scores.softmax(1), parts).reshape(batch, TOKEN)


class _Ngrams(nn.Module):
    """A convolution for each order over its own 256 numbers, added to them."""

    def __init__(self, weights: Sequence[nn.Parameter], biases: Sequence[nn.Parameter]) -> None:
        super().__init__()
        self.weights, self.biases = nn.ParameterList(weights), nn.ParameterList(biases)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, tokens, 768) to the same shape."""
        parts = torch.split(x, BRANCH, -1)
        grams = [
            relu(_windows(part, *order) @ weight + bias.to(x.dtype))
            for part, order, weight, bias in zip(parts, ORDERS, self.weights, self.biases, strict=True)
        ]
        return torch.cat(grams, -1) + x


def _normed(x: Tensor, norm: nn.ParameterList) -> Tensor:
    gain, shift = norm
    return layer_norm(x, (x.shape[-1],), gain, shift, _EPSILON)


def _windows(x: Tensor, size: int, before: int) -> Tensor:
    """Every token with its neighbours side by side, zeros beyond the ends: (batch, tokens, size * width)."""
    count = x.shape[1]
    padded = pad(x, (0, 0, before, size - 1 - before))
    return torch.cat([padded[:, at : at + count] for at in range(size)], -1)


def _layer(weights: Weights, number: int) -> _Ngrams:
    return _Ngrams(
        [_parameter(weights[f"w{number}_{size}"]) for size, _ in ORDERS],
        [_parameter(weights[f"b{number}_{size}"]) for size, _ in ORDERS],
    )


def _norm(gain: NDArray[np.float32], shift: NDArray[np.float32]) -> nn.ParameterList:
    return nn.ParameterList([_parameter(gain), _parameter(shift)])


def _parameters(weights: Weights, name: str, axis: int) -> nn.Parameter:
    return _parameter(_beside(weights, name, axis))


def _beside(weights: Weights, name: str, axis: int) -> NDArray[np.float32]:
    return np.concatenate([weights[f"{name}{size}"] for size, _ in ORDERS], axis)


def _parameter(values: NDArray[np.float32]) -> nn.Parameter:
    return nn.Parameter(torch.tensor(values))
