"""Baselines that classify arms and predict no quality: N-class and N-label (BEST-Route, appendix A.2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bestroute.errors import require
from bestroute.evaluate.baselines.decide import by_margin, by_threshold
from bestroute.evaluate.baselines.examples import Examples, Floats, Vectors, brier
from bestroute.evaluate.baselines.predict import SOLVER, STRENGTHS, logistic
from bestroute.evaluate.curve import Strategy
from bestroute.evaluate.replay import Replay

_ROUNDING = 1e-9  # qualities are sums of weights: what is equal on paper counts as equal


def n_class(train: Replay, known: Vectors, asked: Vectors, folds: NDArray[np.int64]) -> Strategy:
    """N-class: a classifier names the one best arm: highest quality, the cheapest of those that tie.

    The paper has one point and no dial; that is dial 0 here. Another dial is added to the reference's
    probability before the largest is taken: at 1 every query keeps the reference, at -1 none does.
    """
    arms = train.quality.shape[1]
    examples = Examples(known, np.eye(arms)[_best_arm(train)], folds)
    errors = brier(examples, lambda part, vectors: _multinomial(part, vectors, STRENGTHS), len(STRENGTHS))
    best = STRENGTHS[int(errors.mean(axis=1).argmin())]
    return by_margin("n_class", _multinomial(examples, asked, (best,))[0])


def n_label(train: Replay, known: Vectors, asked: Vectors, folds: NDArray[np.int64], seed: int) -> Strategy:
    """N-label (Srivatsa et al. 2024): of the arms that are capable, the cheapest.

    Capable is an arm whose quality is at least the reference's; a classifier for each arm gives its
    probability. The dial is the largest chance of not being capable that is accepted: 0.5 is the paper's.
    """
    capable = (train.quality >= train.quality[:, -1:] - _ROUNDING).astype(np.float64)
    chances = logistic(Examples(known, capable, folds), asked, seed)
    return by_threshold("n_label", 1 - chances, np.argsort(train.cost.mean(axis=0), kind="stable"))


def _best_arm(train: Replay) -> NDArray[np.int64]:
    best = train.quality.max(axis=1, keepdims=True)
    cost = np.where(train.quality >= best - _ROUNDING, train.cost, np.inf)
    chosen: NDArray[np.int64] = cost.argmin(axis=1)
    return chosen


def _multinomial(examples: Examples, asked: Vectors, strengths: tuple[float, ...]) -> Floats:
    """Probability of every class at each strength: (settings, asked, classes); 0 for one never seen."""
    labels = examples.targets.argmax(axis=1)
    seen = np.unique(labels)
    chances = np.zeros((len(strengths), len(asked), examples.targets.shape[1]))
    if len(seen) == 1:
        chances[:, :, seen] = 1.0
        return chances
    linear = require("sklearn.linear_model", "evaluate")
    model = linear.LogisticRegression(**SOLVER)
    for row, strength in enumerate(strengths):
        model.set_params(C=strength).fit(examples.vectors, labels)
        chances[row][:, seen] = model.predict_proba(asked)
    return chances
