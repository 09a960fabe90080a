"""Novelty of the fast router model: how far a query is on the side of texts that are like nothing."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from bestroute.train.finish import quantile
from bestroute.train.sentence.encoder import FEATURES
from bestroute.train.sentence.lessons import Lessons, tokenize
from bestroute.train.sentence.net import SentenceNet, read_all
from bestroute.train.strange import strange

_QUERIES = 2000
_KNOWN, _CAUGHT = 0.98, 0.05
_MOST = 1.0  # adapters divide by it
_PULL = 1e-3  # toward no slopes: few features shall not decide alone


def fit_strange(model: SentenceNet, lessons: Lessons, max_tokens: int) -> float:
    """Fit what tells strange texts from training queries, a logistic on the features; return `max_novelty`.

    No more than 2 % of the validation queries' weight pass it, and no more than 5 % of strange texts made of
    them pass below it unless the former asks for that: a query of a kind that was not trained on, which is
    usual by its features, is not novel.
    """
    generator = np.random.default_rng(0)
    items = lessons.train
    count = min(_QUERIES, len(items.weights))
    chosen = generator.choice(len(items.weights), count, replace=False, p=items.weights / items.weights.sum())
    usual = lessons.rows["train"], *lessons.views  # in other words a query is as usual
    known = read_all(model.encoder, [usual[row % len(usual)][at] for row, at in enumerate(chosen)])
    odd = _read_strange(model, lessons, [items.targets.texts[at] for at in chosen], max_tokens)
    slopes, shift = _logistic(known[:, :FEATURES], odd)
    model.strange.copy_(slopes)
    model.strange_shift.copy_(shift)
    model.strange_shift += _MOST - _limit(model, lessons, max_tokens)
    return _MOST


def _logistic(known: np.ndarray, odd: np.ndarray) -> tuple[Tensor, Tensor]:
    """Slopes and shift of the log-odds that features are those of a strange text."""
    features = torch.from_numpy(np.concatenate([known, odd]))
    is_odd = torch.cat([torch.zeros(len(known)), torch.ones(len(odd))])
    slopes, shift = torch.zeros(features.shape[1], requires_grad=True), torch.zeros((), requires_grad=True)
    optimizer = torch.optim.LBFGS([slopes, shift], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        entropy = binary_cross_entropy_with_logits(features @ slopes + shift, is_odd)
        loss: Tensor = entropy + _PULL * (slopes**2).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    return slopes.detach(), shift.detach()


def _limit(model: SentenceNet, lessons: Lessons, max_tokens: int) -> float:
    validation = lessons.validation
    slopes, shift = model.strange.numpy(), float(model.strange_shift)
    usual = read_all(model.encoder, lessons.rows["validation"])[:, :FEATURES] @ slopes + shift
    odd = _read_strange(model, lessons, validation.targets.texts, max_tokens) @ slopes + shift
    return max(quantile(usual, validation.weights, _KNOWN), float(np.quantile(odd, _CAUGHT)))


def _read_strange(model: SentenceNet, lessons: Lessons, texts: list[str], max_tokens: int) -> np.ndarray:
    rows = tokenize(lessons.tokenizer, strange(texts), max_tokens)
    return read_all(model.encoder, rows)[:, :FEATURES]
