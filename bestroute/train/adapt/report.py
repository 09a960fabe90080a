"""What an adapter found, as JSON values: of queries that fitted nothing, and of each model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bestroute.artefacts.manifest import Manifest, adapted_manifest, seen_queries
from bestroute.artefacts.reward import RewardModel
from bestroute.policy import Policy
from bestroute.records.record import Record
from bestroute.train.adapt.fit import Fitted
from bestroute.train.adapt.judge import (
    CrossFitted,
    Told,
    cross_fit,
    figures,
    grouped,
    learning_curve,
    told_of,
)
from bestroute.train.adapt.own import Floats, Indices, Own
from bestroute.train.adapt.worth import Rival, savings


class Judged(NamedTuple):
    """An adapter, and what it rests on: `base` is the router model's manifest, `manifest` the adapter's."""

    policy: Policy
    records: Sequence[Record]
    reward: RewardModel | None
    own: Own
    fitted: Fitted
    base: Manifest
    manifest: Manifest


def report_of(judged: Judged, advance: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """The report; `base` in it is the router model as it is, on the same queries."""
    policy, records, reward, own, fitted, base, manifest = judged
    columns, texts = fitted.columns, own.texts.tolist()
    said = cross_fit(own, columns, base, manifest, advance)
    told = told_of(own, said, fitted.adapter.reference, own.fold)
    as_base = told._replace(said=own.said.quality[:, columns, 0].astype(np.float64), fold=None)
    crossed = CrossFitted(texts, said, adapted_manifest(base, manifest, Path("adapter")))
    rivals = [
        Rival("adapter", policy, crossed),
        Rival("base", _by_class(policy, base, columns), CrossFitted(texts, own.said, base)),
    ]
    return {
        "records": len(own),
        "seen_by_router": _seen(policy.router, own),
        "features": base.features,
        "models": _models(manifest.classes, own, told, fitted, base),
        "cross_fitted": figures(told),
        "base": figures(as_base),
        "savings": savings(policy, records, reward, rivals),
        "sources": grouped(told, own.kinds),
        "languages": grouped(told, own.languages),
        "known": _share_known(said.novelty, manifest.max_novelty),
        "known_to_base": _share_known(own.said.novelty, base.max_novelty),
        "learning_curve": learning_curve(own, columns, base, manifest, advance),
    }


def _by_class(policy: Policy, manifest: Manifest, columns: Indices) -> Policy:
    """The policy with every model on the column that its adapter rests on, to replay the base."""
    models = tuple(
        model.model_copy(update={"class_": manifest.classes[column]})
        for model, column in zip(policy.models, columns, strict=True)
    )
    return Policy.model_validate(policy.model_copy(update={"models": models, "adapter": None}))


def _models(
    names: Sequence[str], own: Own, told: Told, fitted: Fitted, base: Manifest
) -> dict[str, dict[str, Any]]:
    """What is known of each model by how many records."""
    report = {}
    for place, name in enumerate(names):
        scores, weights = own.score[:, place], own.weights[:, place]
        known = ~np.isnan(scores)
        level, error = _level(scores[known], weights[known])
        report[name] = {
            "records": int(known.sum()),
            "covered": own.covered(place),
            "samples": int((~np.isnan(own.quality[:, place, 1:])).any(axis=1).sum()) if base.max_n > 1 else 0,
            "goes_as_far_as": fitted.chosen.steps[place],
            "rests_on": base.classes[fitted.columns[place]],
            "level": level,
            "level_interval": error,
            "predicted_level": float(told.said[known, place].mean()) if known.any() else None,
            "base_level": float(own.said.quality[:, fitted.columns[place], 0].mean()),
            "growth": float(fitted.adapter.growth[place]),
        }
    return report


def _level(scores: Floats, weights: Floats) -> tuple[float | None, float | None]:
    """Weighted mean score, and half the width of its 95 % interval; None where that cannot be told."""
    if not len(scores):
        return None, None
    mean = float(weights @ scores / weights.sum())
    if len(scores) < 2:
        return mean, None
    # A Bernoulli variance with one more response each way where all scores are alike, as then nothing varies.
    spread = max(float(np.average((scores - mean) ** 2, weights=weights)), 1 / (len(scores) + 2) ** 2)
    effective = weights.sum() ** 2 / (weights**2).sum()
    return mean, float(1.96 * np.sqrt(spread / max(effective - 1, 1)))


def _seen(router: Path, own: Own) -> int:
    """How many of the queries the router model was trained on, as far as its folder tells."""
    return int(np.isin(own.hashes, seen_queries(router)).sum())


def _share_known(novelty: Any, most: float | None) -> float | None:
    """The share of own queries that are not novel; None where novelty is not told."""
    return None if novelty is None or most is None else float((novelty <= most).mean())
