"""A sweep of the dial: what its settings give, one after another, on the same queries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import nan

import numpy as np

from bestroute.evaluate.replay import Floats
from bestroute.policy import Policy
from bestroute.policy.objective import AnyObjective
from bestroute.retune.calibrate.trials import Outcome, Trials


@dataclass(frozen=True)
class Sweep:
    """Means over `queries` queries at each of the settings, from the safest to the loosest.

    `shares` (settings, arms): of whose response is kept, the reference last; `cost` (settings,): US$ a query.
    `quality` (settings,): as it was measured or, where `reference_quality` is None, as it is predicted to
    differ from the reference's, in quality points: over the `with_quality` queries where that can be told,
    NaN where there are none.
    """

    objective: AnyObjective
    arms: tuple[str, ...]
    queries: int
    settings: Floats
    shares: Floats
    cost: Floats
    reference_cost: float
    quality: Floats
    reference_quality: float | None
    with_quality: int

    def at(self, setting: float) -> int:
        """The index of a setting. Raises ValueError for one that was not tried."""
        return [*self.settings].index(setting)


def settings_for(policy: Policy, *further: float) -> tuple[float, ...]:
    """Settings to try, from the safest to the loosest: those of the dial's grid (every second where queries
    are planned, which takes longer), the policy's own, and further ones."""
    objective = policy.objective
    grid = objective.grid
    tried = {*grid[:: 2 if policy.sampling.plans else 1], grid[-1], objective.setting, *further}
    return tuple(sorted(tried, reverse=grid[0] > grid[-1]))


def sweep(trials: Trials, settings: Sequence[float], advance: Callable[[], None] = lambda: None) -> Sweep:
    """Try every setting; `advance` is called after each."""
    shares, cost, quality, known = [], [], [], []
    for setting in settings:
        outcome = trials.at(setting)
        shares.append(outcome.shares.mean(axis=0))
        cost.append(outcome.cost.mean())
        told = _quality(outcome)
        known.append(int(np.isfinite(told).sum()))
        quality.append(np.nanmean(told) if known[-1] else nan)
        advance()
    best = trials.reference_quality
    return Sweep(
        trials.objective,
        tuple(arm.label for arm in trials.arms),
        len(trials),
        np.array(settings, float),
        np.stack(shares),
        np.array(cost),
        float(trials.reference_cost.mean()),
        np.array(quality),
        None if best is None else float(best.mean()),
        min(known),
    )


def _quality(outcome: Outcome) -> Floats:
    """Measured, or what is predicted to be gained on the reference."""
    if outcome.quality is not None:
        return outcome.quality
    return np.full(len(outcome.cost), nan) if outcome.gap is None else -outcome.gap
