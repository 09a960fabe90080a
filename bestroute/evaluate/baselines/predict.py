"""Predictors of quality from a frozen embedding: neighbours, logistic and ridge regression, random forest.

Each is a function `(examples, asked vectors, seed) -> (asked, columns)` whose one setting is tuned on the
examples. A column that is constant is predicted as that constant.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from bestroute.errors import require
from bestroute.evaluate.baselines.examples import Examples, Floats, Vectors, brier

NEIGHBOURS = (200, 100, 50, 20, 10, 5)
STRENGTHS = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)  # scikit-learn's C: the inverse of the penalty
LEAVES = (50, 10)
TREES = 100
SOLVER = {"max_iter": 1000, "tol": 1e-5, "warm_start": True}
_ALPHAS = np.logspace(3, -2, 16)


def knn(examples: Examples, asked: Vectors, seed: int) -> Floats:
    """Mean quality of the k training queries of highest cosine; k by mean Brier score of five folds."""
    scores = brier(examples, _neighbour_means, len(NEIGHBOURS)).mean(axis=1)
    return np.asarray(_neighbour_means(examples, asked)[scores.argmin()])


def logistic(examples: Examples, asked: Vectors, seed: int) -> Floats:
    """A logistic regression a column (RouteLLM's kind, linear), its penalty by Brier score of five folds.

    A quality q counts as a right answer of weight q and a wrong one of weight 1 - q.
    """
    columns = []
    for target in examples.targets.T:
        column = Examples(examples.vectors, target[:, None], examples.folds)
        best = brier(column, _logistic_candidates, len(STRENGTHS))[:, 0].argmin()
        columns.append(_fit_logistic(column, asked, (STRENGTHS[best],))[0])
    return np.column_stack(columns)


def ridge(examples: Examples, asked: Vectors, seed: int) -> Floats:
    """Ridge regression, each column's penalty by leaving one query out; may pass 0 and 1 a little."""
    if len(examples.targets) < 2:
        return np.repeat(examples.targets, len(asked), axis=0)
    model = require("sklearn.linear_model", "evaluate").RidgeCV(alphas=_ALPHAS, alpha_per_target=True)
    model.fit(examples.vectors.astype(np.float64), examples.targets)
    return np.asarray(model.predict(asked.astype(np.float64))).reshape(len(asked), -1)


def random_forest(examples: Examples, asked: Vectors, seed: int) -> Floats:
    """One forest of regression trees for all columns (RoRF's kind), its leaf size by out-of-bag error."""
    if len(examples.targets) < 2:
        return np.repeat(examples.targets, len(asked), axis=0)
    forests = [_grow(examples, leaf, seed) for leaf in LEAVES]
    errors = [_out_of_bag_error(forest, examples.targets) for forest in forests]
    return np.asarray(forests[int(np.argmin(errors))].predict(asked)).reshape(len(asked), -1)


Predict = Callable[[Examples, Vectors, int], Floats]
PREDICTORS: Mapping[str, Predict] = {
    "knn": knn,
    "logistic": logistic,
    "random_forest": random_forest,
    "ridge": ridge,
}


def _neighbour_means(examples: Examples, asked: Vectors) -> Floats:
    """Mean target of the nearest k, of all where they are fewer: (settings, asked, columns)."""
    most = min(max(NEIGHBOURS), len(examples.targets))
    search = require("sklearn.neighbors", "evaluate").NearestNeighbors(
        n_neighbors=most, metric="cosine", algorithm="brute", n_jobs=1
    )
    nearest = search.fit(examples.vectors).kneighbors(asked, return_distance=False)
    means = np.empty((len(NEIGHBOURS), len(asked), examples.targets.shape[1]))
    for column, target in enumerate(examples.targets.T):  # one at a time: (asked, 200) is large enough
        near = target[nearest]
        for row, count in enumerate(NEIGHBOURS):
            means[row, :, column] = near[:, :count].mean(axis=1)
    return means


def _logistic_candidates(examples: Examples, asked: Vectors) -> Floats:
    return _fit_logistic(examples, asked, STRENGTHS)


def _fit_logistic(column: Examples, asked: Vectors, strengths: Sequence[float]) -> Floats:
    """Probability of a right answer at each strength, for one column: (settings, asked, 1)."""
    target = column.targets[:, 0]
    if target.max() == 0 or target.min() == 1:
        return np.full((len(strengths), len(asked), 1), target[0])
    right, wrong = np.flatnonzero(target > 0), np.flatnonzero(target < 1)
    vectors = column.vectors[np.concatenate([right, wrong])]
    labels = np.repeat([1, 0], [len(right), len(wrong)])
    weights = np.concatenate([target[right], 1 - target[wrong]])
    linear = require("sklearn.linear_model", "evaluate")
    model = linear.LogisticRegression(**SOLVER)
    chances = []
    for strength in strengths:
        model.set_params(C=strength).fit(vectors, labels, weights)
        chances.append(model.predict_proba(asked)[:, 1:])
    return np.array(chances, np.float64)


def _grow(examples: Examples, leaf: int, seed: int) -> Any:
    ensemble = require("sklearn.ensemble", "evaluate")
    forest = ensemble.RandomForestRegressor(
        TREES, min_samples_leaf=leaf, max_features="sqrt", random_state=seed, n_jobs=1, oob_score=True
    )
    targets = examples.targets
    return forest.fit(examples.vectors, targets if targets.shape[1] > 1 else targets[:, 0])


def _out_of_bag_error(forest: Any, targets: Floats) -> float:
    return float(((forest.oob_prediction_.reshape(targets.shape) - targets) ** 2).mean())
