"""What an adapter finds on queries that fitted nothing: cross-fitted predictions, and how good they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bestroute.artefacts.manifest import Manifest
from bestroute.artefacts.predictor import Prediction
from bestroute.artefacts.session import TokenRow
from bestroute.records.quality import bootstrap_interval, calibration_error
from bestroute.train.adapt.fit import fit_adapter
from bestroute.train.adapt.own import Own, joined, taken

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
FEWEST = 20
"""Queries of a source or language that are told by themselves."""
_SIZES = (30, 100, 300, 1000)
_DRAWS = 3


class Told(NamedTuple):
    """Predicted quality of one response, (Q, M), the scores and the weights, (Q, M); NaN where not asked.

    `fold`, (Q,): which of several adapters predicted a query; None where one predicted all.
    """

    said: Floats
    score: Floats
    weights: Floats
    reference: int
    fold: Indices | None = None

    def at(self, places: Indices) -> Told:
        """Of some of the queries."""
        fold = None if self.fold is None else self.fold[places]
        return Told(self.said[places], self.score[places], self.weights[places], self.reference, fold)

    @property
    def levelled(self) -> Told:
        """With the predictions of every fold about the same mean.

        The level that an adapter learns is high where the fold that it has not seen is low: by that alone
        predictions that tell nothing would go against the truth.
        """
        if self.fold is None:
            return self
        said = self.said.copy()
        for fold in np.unique(self.fold):
            said[self.fold == fold] -= said[self.fold == fold].mean(axis=0)
        return self._replace(said=np.round(said, 9))  # what is level has no order


class CrossFitted:
    """A predictor that says of each own query what adapters say that did not see it."""

    def __init__(self, texts: Sequence[str], said: Prediction, manifest: Manifest) -> None:
        self.manifest = manifest
        self._places = {text: place for place, text in enumerate(texts)}
        self._said = said

    def tokenize(self, texts: Sequence[str]) -> list[TokenRow]:
        """Rows that hold the place of each text."""
        return [TokenRow([self._places[text]]) for text in texts]

    def predict(self, rows: Sequence[TokenRow], time_budget_s: float | None = None) -> Prediction:
        """What was said of the texts."""
        return taken(self._said, np.array([row.ids[0] for row in rows], np.intp))


def cross_fit(
    own: Own, columns: Indices, base: Manifest, adapter: Manifest, advance: Callable[[], None] = lambda: None
) -> Prediction:
    """What adapters say of each fold that were fitted on the others, in the order of the queries."""
    reference = adapter.classes.index(adapter.reference)
    parts, places = [], []
    for fold in np.unique(own.fold):
        inside, outside = np.flatnonzero(own.fold != fold), np.flatnonzero(own.fold == fold)
        fitted = fit_adapter(own.at(inside), columns, base, reference)
        parts.append(fitted.adapter.apply(taken(own.said, outside)))
        places.append(outside)
        advance()
    return taken(joined(parts), np.argsort(np.concatenate(places)))


def told_of(own: Own, said: Prediction, reference: int, fold: Indices | None = None) -> Told:
    """Predictions beside scores; `fold` where they are cross-fitted."""
    return Told(said.quality[:, :, 0].astype(np.float64), own.score, own.weights, reference, fold)


def figures(told: Told, draws: int = 200) -> dict[str, Any]:
    """JSON values. `gap_correlation`: of predicted and true gap to the reference, mean over the other models.
    `difficulty`: rank correlation of the models' mean predicted and true quality. Both with 95 % bootstrap
    intervals over queries. `level_error`: mean over models of |mean predicted - mean true|, weighted. `ece`:
    calibration error of quality, `error`: mean squared error. None where nothing can be told.
    """
    count = len(told.score)
    return {
        "queries": count,
        "gap_correlation": _with_interval(lambda at: gap_correlation(told.at(at)), count, draws),
        "difficulty": _with_interval(lambda at: difficulty(told.at(at)), count, draws),
        "level_error": _or_none(level_error(told)),
        "ece": _or_none(ece(told)),
        "error": _or_none(float(np.nanmean((told.said - told.score) ** 2))),
    }


def gap_correlation(told: Told) -> float:
    """Pearson's, of predicted and true gap; mean over the models with at least five common queries."""
    gaps, true = (of[:, [told.reference]] - of for of in (told.levelled.said, told.score))
    return _mean(
        [
            correlation(gaps[known, model], true[known, model])
            for model in range(true.shape[1])
            for known in [~np.isnan(true[:, model])]
            if model != told.reference and known.sum() >= 5
        ]
    )


def difficulty(told: Told) -> float:
    """Spearman's, of mean predicted and mean true quality of the models that were asked."""
    known = ~np.isnan(told.score)
    rows = known.sum(axis=1) == known.any(axis=0).sum()  # all models, so that queries compare
    if rows.sum() < 5:
        return float("nan")
    asked = known.any(axis=0)
    levelled = told.at(np.flatnonzero(rows)).levelled
    said, true = levelled.said[:, asked].mean(axis=1), levelled.score[:, asked].mean(axis=1)
    return correlation(ranks(said), ranks(true))


def level_error(told: Told) -> float:
    """Mean over models of |weighted mean predicted - weighted mean true|."""
    known = ~np.isnan(told.score)
    weights = np.where(known, told.weights, 0.0)
    off = np.abs((weights * np.where(known, told.said - told.score, 0.0)).sum(axis=0))
    total = weights.sum(axis=0)
    return _mean((off[total > 0] / total[total > 0]).tolist())


def ece(told: Told) -> float:
    """Mean over models of the calibration error."""
    known = ~np.isnan(told.score)
    return _mean(
        [
            calibration_error(told.said[rows, model], told.score[rows, model])
            for model, rows in enumerate(known.T)
            if rows.any()
        ]
    )


def grouped(told: Told, labels: NDArray[np.str_]) -> dict[str, dict[str, Any]]:
    """The figures of each label with enough queries, in alphabetical order; nothing for a blank label."""
    return {
        str(label): figures(told.at(places))
        for label in np.unique(labels)
        for places in [np.flatnonzero(labels == label)]
        if label and len(places) >= FEWEST
    }


def learning_curve(
    own: Own, columns: Indices, base: Manifest, adapter: Manifest, advance: Callable[[], None] = lambda: None
) -> list[dict[str, Any]]:
    """Figures of adapters on at most half of the queries, judged by the others: means over three draws."""
    reference = adapter.classes.index(adapter.reference)
    generator = np.random.default_rng(0)
    rungs = []
    for size in (size for size in _SIZES if 2 * size <= len(own)):
        drawn = []
        for _ in range(_DRAWS):
            order = generator.permutation(len(own))
            fitted, rest = fit_adapter(own.at(order[:size]), columns, base, reference), own.at(order[size:])
            told = told_of(rest, fitted.adapter.apply(rest.said), reference)
            drawn.append((gap_correlation(told), difficulty(told), level_error(told)))
            advance()
        names = ("gap_correlation", "difficulty", "level_error")
        means = [_or_none(_mean(list(column))) for column in zip(*drawn, strict=True)]
        rungs.append({"records": size, **dict(zip(names, means, strict=True))})
    return rungs


def correlation(one: Floats, other: Floats) -> float:
    """Pearson's; 0 where one of the two is constant, as it then tells nothing."""
    spread = float(one.std() * other.std())
    if len(one) < 2 or spread < 1e-12:
        return 0.0
    return float(((one - one.mean()) * (other - other.mean())).mean() / spread)


def ranks(values: Floats) -> Floats:
    """Mean ranks."""
    _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
    upto = np.cumsum(counts)
    means: Floats = (upto - (counts - 1) / 2)[group.ravel()]
    return means


def _with_interval(
    statistic: Callable[[NDArray[np.int64]], float], count: int, draws: int
) -> dict[str, float] | None:
    value = statistic(np.arange(count))
    if np.isnan(value):
        return None
    low, high = bootstrap_interval(statistic, count, np.random.default_rng(0), draws)
    return {"value": value, "low": low, "high": high}


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else value
