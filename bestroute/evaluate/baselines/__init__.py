"""Learned baselines: what a router must beat to be worth having.

Each is fitted on the training queries alone, every query weighted alike (as the router model is trained),
and reads nothing but the texts of the queries that judge. `knn`, `logistic`, `random_forest` and `ridge`
predict every arm's quality from a frozen encoder (`predict`, `embedding`) and take the arm of highest
quality - dial * cost (`decide`, `costs`); `n_class`, `n_label` and `clustering` are BEST-Route's own
baselines (arXiv 2506.22716, appendix A.2; `classify`, `cluster`), with a dial where the paper has none.
`examples` are what they are fitted on. scikit-learn comes with the extra `evaluate`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from bestroute.errors import InputError, require
from bestroute.evaluate.baselines.classify import n_class, n_label
from bestroute.evaluate.baselines.cluster import clustering
from bestroute.evaluate.baselines.costs import expected_cost
from bestroute.evaluate.baselines.decide import by_utility
from bestroute.evaluate.baselines.embedding import Embed, principal
from bestroute.evaluate.baselines.examples import Examples, Vectors, fold_of
from bestroute.evaluate.baselines.predict import PREDICTORS
from bestroute.evaluate.curve import Strategy
from bestroute.evaluate.processes import in_processes
from bestroute.evaluate.replay import Replay


def learned(train: Replay, judged: Replay, embed: Embed, seed: int = 0, processes: int = 1) -> list[Strategy]:
    """Every learned baseline, fitted on `train`, for the queries of `judged`; the same for the same seed.

    `embed` turns texts into vectors of shape (texts, width). They are fitted in so many processes, on one
    core each. Raises InputError where `train` is empty, ValueError where the two have other arms,
    MissingExtra where scikit-learn is absent.
    """
    if not train.texts:
        raise InputError("no query is left to fit the learned baselines on; give more records with --fit")
    if train.arms != judged.arms:
        raise ValueError("the queries to fit on and those that judge must be replayed with the same arms")
    require("sklearn", "evaluate")
    one_core = require("threadpoolctl", "evaluate").threadpool_limits
    known, asked = principal(embed(train.texts), embed(judged.texts))
    folds = fold_of(train.texts, seed)
    fits: dict[str, Callable[[], Strategy]] = {
        **_by_quality(train, judged.texts, known, asked, folds, seed),
        "n_class": lambda: n_class(train, known, asked, folds),
        "n_label": lambda: n_label(train, known, asked, folds, seed),
        "clustering": lambda: clustering(train, judged.texts, seed),
    }

    def fitted(name: str) -> Strategy:
        with one_core(1):  # a process that forked may start no threads of OpenMP
            return fits[name]()

    return list(in_processes(fitted, list(fits), processes))


def _by_quality(
    train: Replay, texts: Sequence[str], known: Vectors, asked: Vectors, folds: NDArray[np.int64], seed: int
) -> dict[str, Callable[[], Strategy]]:
    """The baselines that predict quality: of every arm to decide, of one response to be measured."""
    both = np.hstack([train.quality, train.single])
    targets, place = np.unique(both, axis=1, return_inverse=True)  # model@1 is both an arm and a response
    examples = Examples(known, targets, folds)
    cost = expected_cost(train, texts)

    def fitted(name: str) -> Strategy:
        predicted = PREDICTORS[name](examples, asked, seed)[:, place.reshape(-1)]
        quality, single = np.hsplit(predicted, 2)
        return by_utility(name, quality, cost, single)

    return {name: partial(fitted, name) for name in PREDICTORS}
