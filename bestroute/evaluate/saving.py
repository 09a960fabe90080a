"""Saving at a drop, the dial chosen on one half of the queries and judged on the other.

A dial that is chosen where it is judged flatters: of sixty settings one is lucky. So every random split is
used twice: each half chooses once, and the other one judges.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from bestroute.evaluate.replay import Floats
from bestroute.records.quality import interval

DROPS = (0.0, 0.01, 0.02, 0.05)
SPLITS = 20
Places = NDArray[np.intp]
_ROUNDING = 1e-9  # so that a drop of one in a hundred is within 1 %, as it is on paper


class Saving(TypedDict):
    """Mean saving over the judged halves, their 2.5 and 97.5 percentiles, and the mean drop on them: shares
    of the reference's own cost and quality, 0.1 is 10 %. `calls`: mean sequential rounds of asking a query.
    """

    mean: float
    low: float
    high: float
    drop: float
    calls: float


def savings(
    quality: Floats,
    cost: Floats,
    reference_quality: Floats,
    reference_cost: Floats,
    calls: Floats,
    drops: Sequence[float] = DROPS,
) -> dict[str, Saving]:
    """Savings by drop, keyed as in the report ("0.01").

    `quality`, `cost` and `calls` are (halves, dials), `reference_*` (halves,); the first halves come first,
    then the second ones in the same order. Chosen is the setting with the largest saving whose drop is
    allowed on its half; always asking the reference is allowed too, with saving 0. NaN where a half has no
    queries, or the reference's quality or cost is 0 on one.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        saved = 1 - cost / reference_cost[:, None]
        dropped = 1 - quality / reference_quality[:, None]
    nothing = np.zeros((len(saved), 1))
    saved, dropped = np.hstack([nothing, saved]), np.hstack([nothing, dropped])
    asked = np.hstack([nothing + 1, calls])
    return {str(float(drop)): _judged(saved, dropped, asked, drop) for drop in drops}


def _judged(saved: Floats, dropped: Floats, asked: Floats, allowed: float) -> Saving:
    if not (np.isfinite(saved).all() and np.isfinite(dropped).all()):
        return Saving(mean=np.nan, low=np.nan, high=np.nan, drop=np.nan, calls=np.nan)
    judges, chosen = held_out(saved, dropped, allowed)
    values = saved[judges, chosen]
    low, high = interval(values)
    drop, calls = (float(of[judges, chosen].mean()) for of in (dropped, asked))
    return Saving(mean=float(values.mean()), low=low, high=high, drop=drop, calls=calls)


def held_out(saved: Floats, dropped: Floats, allowed: float) -> tuple[Places, Places]:
    """The half that judges each half's choice, and the setting that it chose: each (halves,).

    Both are (halves, settings): chosen is the largest saving whose drop is allowed.
    """
    rows = np.arange(len(saved))
    chosen = np.argmax(np.where(dropped <= allowed + _ROUNDING, saved, -np.inf), axis=1)
    return np.roll(rows, len(rows) // 2), chosen
