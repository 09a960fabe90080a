"""Routing by match probability, as BEST-Route and HybridLLM publish it, on a router's own predictions."""

from __future__ import annotations

import numpy as np

from bestroute.evaluate.curve import Strategy
from bestroute.evaluate.replay import Floats
from bestroute.evaluate.routed import QUANTILES, Routed


def by_match(routed: Routed) -> Strategy:
    """The first arm, in file order, whose predicted match probability reaches the dial, else the reference.

    The rule of BEST-Route (Algorithm 1) and, where the router model knows n = 1 alone, of HybridLLM
    (arXiv 2404.14618, section 3), with arms in order of cost. Rules and abstaining play no part. The dial
    takes quantiles of the predictions and the extremes 0 and 1.
    """
    match = routed.match[:, :-1]
    known = match[np.isfinite(match)]
    cuts = known
    if known.size:
        cuts = np.quantile(known, np.linspace(0, 1, QUANTILES), method="lower")
    dials = np.unique(np.concatenate([cuts, [0.0, 1.0]]))
    shares = np.stack([_shares(match, dial) for dial in dials])
    return Strategy(f"{routed.strategy.name}:match", dials, shares)


def _shares(match: Floats, dial: float) -> Floats:
    """1 for the chosen arm of every query, (queries, arms)."""
    reached = np.column_stack([match >= dial, np.ones(len(match), bool)])
    shares: Floats = np.eye(reached.shape[1])[reached.argmax(axis=1)]
    return shares
