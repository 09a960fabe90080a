"""What a manifest says of its artefact: measures on test queries, beside trivial baselines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np

from bestroute.artefacts.predictor import OnnxPredictor, Prediction
from bestroute.artefacts.reward import OnnxRewardModel, RewardModel
from bestroute.records.quality import auc, best_of_n_quality, bootstrap_interval, calibration_error
from bestroute.records.record import Preference, Record, family_of, scores_of
from bestroute.train.labels import RouterTargets, prompt_text

T = TypeVar("T", Record, Preference)


def router_metrics(
    predictor: OnnxPredictor, test: RouterTargets, train: RouterTargets
) -> dict[str, dict[str, Any]]:
    """AUC and calibration of quality(class, 1) and match(class, 1) on test queries, a source family each.

    `prior` is the baseline that knows only each class's mean on the training queries of that source family:
    its AUC is 0.5 within a source by construction. `queries` of a class are those that tell of it, and
    `mean_quality` is what it reached on them; where that is 0 or 1 its AUC is None. Intervals are 95 %
    bootstrap intervals over queries.
    """
    prediction = predictor.predict(predictor.tokenize(test.texts))
    families = np.array([family_of(source) for source in test.sources])
    priors = _priors(train, families)
    report: dict[str, dict[str, Any]] = {}
    for family in [*sorted(set(families)), "overall"]:
        chosen = np.flatnonzero((families == family) | (family == "overall"))
        report[str(family)] = {
            "queries": len(chosen),
            "classes": {
                name: _class_metrics(prediction, test, priors[chosen, column], column, chosen)
                for column, name in enumerate(predictor.manifest.classes)
            },
        }
    return report


def _priors(train: RouterTargets, families: Any) -> Any:
    """For each test query, every class's mean quality on the training queries of its source family."""
    known = np.array([family_of(source) for source in train.sources])
    single = np.ma.masked_invalid(train.quality[:, :, 0])
    everywhere = single.mean(axis=0).filled(np.nan)
    means = {name: single[known == name].mean(axis=0).filled(np.nan) for name in set(known)}
    found = np.array([means.get(name, everywhere) for name in families])
    return np.where(np.isnan(found), everywhere, found)


def _class_metrics(
    prediction: Prediction, test: RouterTargets, prior: Any, column: int, chosen: Any
) -> dict[str, Any]:
    quality, predicted = test.quality[chosen, column, 0], prediction.quality[chosen, column, 0]
    known = ~np.isnan(quality)
    if not known.any():
        return {"queries": 0}
    quality, predicted, prior = quality[known], predicted[known], prior[known]
    match, matched = test.match[chosen, column, 0][known], prediction.match[chosen, column, 0][known]
    generator = np.random.default_rng(0)
    low, high = bootstrap_interval(lambda at: auc(predicted[at], quality[at]), len(quality), generator)
    return {
        "queries": len(quality),
        "mean_quality": _rounded(float(quality.mean())),
        "auc": _rounded(auc(predicted, quality)),
        "auc_interval": [_rounded(low), _rounded(high)],
        "brier": _rounded(float(np.mean((predicted - quality) ** 2))),
        "brier_of_prior": _rounded(float(np.mean((prior - quality) ** 2))),
        "ece_quality": _rounded(calibration_error(predicted, quality)),
        "ece_match": _rounded(calibration_error(matched, match)),
    }


def _rounded(value: float) -> float | None:
    """Four digits; None, which JSON has, for NaN."""
    return None if np.isnan(value) else round(value, 4)


def reward_metrics(
    model: OnnxRewardModel, records: Sequence[Record], preferences: Sequence[Preference]
) -> dict[str, Any]:
    """How much of the best-of-n gain the model's choice takes, and its accuracy on preference pairs."""
    return {
        "best_of_n": best_of_n(model, records),
        "pairwise_accuracy": _pairwise_accuracy(model, preferences),
    }


def best_of_n(model: RewardModel, records: Sequence[Record]) -> dict[str, Any]:
    """What the model's choice among recorded responses is worth, a source family each.

    `gains`, for n = 2, 3, 4, over queries with at least n responses of one class: mean score of a random
    pick, of the kept one, of the oracle's best of n, and the share of its gain with a 95 % interval.
    `ece`: expected calibration error of a reward as the response's expected score.
    """
    return {name: _best_of_n_report(model, part) for name, part in _by_family(records)}


def _by_family(items: Sequence[T]) -> list[tuple[str, list[T]]]:
    """The items of each source family, in alphabetical order."""
    families: dict[str, list[T]] = {}
    for item in items:
        families.setdefault(family_of(item.source), []).append(item)
    return sorted(families.items())


def _best_of_n_report(model: RewardModel, records: Sequence[Record]) -> dict[str, Any]:
    queries, kept, oracle, all_rewards, all_scores = [], [], [], [], []
    for query, record in enumerate(records):
        for items in record.responses.values():
            if len(items) < 2:
                continue
            texts, scores = [item.text or "" for item in items], scores_of(items)
            known = model.rewards(prompt_text(record), texts)
            rewards = [float(known[at]) if text.strip() else 0.0 for at, text in enumerate(texts)]
            queries.append(query)
            kept.append(best_of_n_quality(rewards, scores, 4))
            oracle.append(best_of_n_quality(scores, scores, 4))
            all_rewards += rewards
            all_scores += scores
    if not kept:
        return {"gains": {}, "ece": None}
    rows = (np.array(queries), np.array(kept), np.array(oracle))
    gains = {f"n={n}": _gain(*rows, n) for n in (2, 3, 4) if not np.isnan(rows[1][:, n - 1]).all()}
    return {"gains": gains, "ece": _rounded(calibration_error(all_rewards, all_scores))}


def _gain(queries: Any, kept: Any, oracle: Any, n: int) -> dict[str, Any]:
    """The gain over pairs of query and class; the interval resamples queries, whose classes go together."""
    known = ~np.isnan(kept[:, n - 1])
    first, mine, best = kept[known, 0], kept[known, n - 1], oracle[known, n - 1]
    _, group = np.unique(queries[known], return_inverse=True)
    taken, possible = np.bincount(group, mine - first), np.bincount(group, best - first)

    def share(at: Any) -> float:
        total = float(possible[at].sum())
        return float(taken[at].sum()) / total if total else float("nan")

    low, high = bootstrap_interval(share, len(taken), np.random.default_rng(0))
    return {
        "random": round(float(first.mean()), 4),
        "kept": round(float(mine.mean()), 4),
        "oracle": round(float(best.mean()), 4),
        "share_of_gain": _rounded(share(np.arange(len(taken)))),
        "interval": [_rounded(low), _rounded(high)],
    }


def _pairwise_accuracy(model: OnnxRewardModel, preferences: Sequence[Preference]) -> dict[str, Any]:
    report = {}
    for name, pairs in _by_family(preferences):
        rewards = model.rewards_of_pairs([(p.prompt, text) for p in pairs for text in (p.chosen, p.rejected)])
        right = (rewards[0::2] > rewards[1::2]).astype(float)
        low, high = _interval_of_mean(right)
        report[name] = {
            "pairs": len(pairs),
            "accuracy": round(float(right.mean()), 4),
            "interval": [_rounded(low), _rounded(high)],
        }
    return report


def _interval_of_mean(values: Any) -> tuple[float, float]:
    return bootstrap_interval(lambda at: float(values[at].mean()), len(values), np.random.default_rng(0))
