"""What a dial gives on queries that had no part in choosing it: values with 95 % bootstrap intervals."""

from __future__ import annotations

from typing import Any

from bestroute.calibrate.choose import reference_share
from bestroute.calibrate.trials import Outcome, Trials
from bestroute.evaluate.replay import Floats
from bestroute.evaluate.weights import interval, resamples

DRAWS = 500


def figures(outcome: Outcome, trials: Trials, seed: int = 0, draws: int = DRAWS) -> dict[str, Any]:
    """JSON values. `saving` and `drop` are shares of the reference's own cost and quality, 0.1 is 10 %, costs
    US$ a query. `quality`, `reference_quality` and `drop` are None where nothing is known of quality. Every
    query counts alike.
    """
    weighting = resamples(["all"] * len(trials), draws, seed)

    def drawn(values: Floats) -> Floats:
        return weighting.of(values[:, None])[0, :, 0]

    def ratio(part: Floats, whole: Floats) -> dict[str, float] | None:
        if not whole.mean() > 0:
            return None
        return _with_interval(1 - part.mean() / whole.mean(), 1 - drawn(part) / drawn(whole))

    quality, best = outcome.quality, trials.reference_quality
    known = quality is not None and best is not None
    return {
        "dial": outcome.dial,
        "queries": len(trials),
        "saving": ratio(outcome.cost, trials.reference_cost),
        "drop": ratio(quality, best) if quality is not None and best is not None else None,
        "quality": _with_interval(quality.mean(), drawn(quality)) if quality is not None else None,
        "reference_quality": float(best.mean()) if known and best is not None else None,
        "cost": float(outcome.cost.mean()),
        "reference_cost": float(trials.reference_cost.mean()),
        "calls": float(outcome.calls.mean()),
        "reference_share": reference_share(outcome, trials),
        "arms": {
            arm.label: float(share)
            for arm, share in zip(trials.arms, outcome.shares.mean(axis=0), strict=True)
        },
    }


def _with_interval(value: float, draws: Floats) -> dict[str, float]:
    low, high = interval(draws)
    return {"value": float(value), "low": low, "high": high}
