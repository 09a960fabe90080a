"""The head of the reward model as a network, and what it learns from groups of responses."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid

from bestroute.artefacts.facts import FACTS, facts_of
from bestroute.artefacts.reward import BUCKETS, Buckets, Head
from bestroute.text import clean
from bestroute.train.readings import Readings
from bestroute.train.sentence.encoder import FEATURES

_LEVEL = 0.2  # weight of a response's own score beside the order within its query
_PACE = 2.0  # of what is learnt of single pieces, beside the rate of all else: most are met seldom


@dataclass(frozen=True)
class Group:
    """Responses to one query with their scores; `calibrated` where a score says how likely right it is."""

    family: str
    query: str
    responses: tuple[str, ...]
    scores: tuple[float, ...]
    calibrated: bool


class HeadNet(nn.Module):
    """bestroute.artefacts.reward.Head in torch, with dropout on what it reads and on its hidden layer."""

    def __init__(self, width: int, hidden: int, dropout: float, facts: NDArray[np.float32]) -> None:
        super().__init__()
        self.query, self.response = nn.Linear(FEATURES, width), nn.Linear(FEATURES, width)
        self.mixed, self.out = nn.Linear(3 * width + len(FACTS), hidden), nn.Linear(hidden, 1, bias=False)
        self.plain, self.facts = nn.Linear(FEATURES, 1, bias=False), nn.Linear(len(FACTS), 1, bias=False)
        nn.init.zeros_(self.plain.weight)
        nn.init.zeros_(self.facts.weight)
        self.wide = nn.EmbeddingBag(BUCKETS, 1, mode="sum")
        nn.init.zeros_(self.wide.weight)
        self.dropout = nn.Dropout(dropout)
        self.centre: Tensor
        self.spread: Tensor
        self.register_buffer("centre", torch.from_numpy(facts.mean(0)))
        self.register_buffer("spread", torch.from_numpy(facts.std(0) + 1e-3))

    def forward(self, asked: Tensor, read: Tensor, facts: Tensor, buckets: Sequence[Buckets]) -> Tensor:
        """Logits (rows,) of features of queries and responses, (rows, FEATURES), facts, (rows, FACTS), and
        the buckets of responses."""
        read, known = self.dropout(read), (facts - self.centre) / self.spread
        ours, theirs = self.response(read), self.query(self.dropout(asked))
        mixed = self.dropout(self.mixed(torch.cat([ours, theirs, ours * theirs, known], 1)).relu())
        logits: Tensor = (self.out(mixed) + self.plain(read) + self.facts(known) + self._wide(buckets))[:, 0]
        return logits

    def _wide(self, buckets: Sequence[Buckets]) -> Tensor:
        sizes = torch.tensor([len(own) for own in buckets])
        starts = sizes.cumsum(0) - sizes
        weights = (_PACE * sizes**-0.5).repeat_interleave(sizes)
        summed: Tensor = self.wide(torch.from_numpy(np.concatenate(buckets)), starts, weights)
        return summed

    def head(self, scale: float, shift: float) -> Head:
        """The head that serves."""
        weights = {name: value.detach().float().numpy() for name, value in self.state_dict().items()}
        return Head(
            query=weights["query.weight"].T,
            query_bias=weights["query.bias"],
            response=weights["response.weight"].T,
            response_bias=weights["response.bias"],
            mixed=weights["mixed.weight"].T,
            mixed_bias=weights["mixed.bias"],
            out=weights["out.weight"][0],
            plain=weights["plain.weight"][0],
            facts=weights["facts.weight"][0],
            wide=_PACE * weights["wide.weight"][:, 0],
            centre=weights["centre"],
            spread=weights["spread"],
            scale=np.array([scale], np.float32),
            shift=np.array([shift], np.float32),
        )


class RewardTask:
    """Within a query -log sigmoid of the differences, by how much the scores differ, plus cross entropy of
    each score; a family of m queries weighs m ** 0.5 together, so that a large set does not drown the small.

    Order and level are apart, so a response wins nothing by being to a query that is easy.
    """

    def __init__(self, model: HeadNet, readings: Readings, groups: Sequence[Group]) -> None:
        self._model, self._readings, self._groups = model, readings, groups
        self.lengths = [len(group.responses) for group in groups]
        self._facts = [facts_of_group(group) for group in groups]
        sizes = Counter(group.family for group in groups)
        weights = np.array([sizes[group.family] ** -0.5 for group in groups])
        self._weights = torch.tensor(weights / weights.mean(), dtype=torch.float32)

    @property
    def digest(self) -> str:
        """SHA-256 of the groups."""
        return hashlib.sha256(repr(self._groups).encode("utf-8", "replace")).hexdigest()

    def loss(self, indices: Sequence[int]) -> Tensor:
        """Weighted mean loss of these groups."""
        groups = [self._groups[index] for index in indices]
        sizes = [len(group.responses) for group in groups]
        asked = torch.from_numpy(np.repeat(self._readings.of([group.query for group in groups]), sizes, 0))
        texts = [text for group in groups for text in group.responses]
        read = torch.from_numpy(self._readings.of(texts))
        facts = torch.from_numpy(np.concatenate([self._facts[index] for index in indices]))
        parts = torch.split(self._model(asked, read, facts, self._readings.buckets(texts)).float(), sizes)
        losses = [group_loss(part, group) for part, group in zip(parts, groups, strict=True)]
        return (torch.stack(losses) * self._weights[list(indices)]).mean()


def facts_of_group(group: Group) -> NDArray[np.float32]:
    """The facts of its responses."""
    return facts_of(group.query, [clean(response) for response in group.responses])


def group_loss(logits: Tensor, group: Group) -> Tensor:
    """The loss of one group's logits."""
    scores = torch.tensor(group.scores, dtype=torch.float32)
    difference = scores[:, None] - scores[None, :]
    better = difference > 0
    loss = logits.sum() * 0.0
    if bool(better.any()):
        margins = logsigmoid(logits[:, None] - logits[None, :])
        loss = loss - (margins * difference)[better].sum() / difference[better].sum()
    if group.calibrated:
        loss = loss + _LEVEL * binary_cross_entropy_with_logits(logits, scores)
    return loss
