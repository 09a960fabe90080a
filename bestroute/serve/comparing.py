"""What a canary did, by the log: each figure of either side, and the difference, with an interval.

Callers are drawn, not requests: a policy is a caller's, and the requests of one are alike. Intervals are
percentiles of a bootstrap over callers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from bestroute.errors import InputError
from bestroute.serve.reading import Line
from bestroute.serve.refusals import CUT_OFF

Floats: TypeAlias = NDArray[np.float64]
SIDES = ("base", "canary")
_DRAWS = 1000
_LEVEL = 0.95


@dataclass
class _Side:
    """The requests of one side, an entry each; NaN: not known."""

    callers: dict[str, int] = field(default_factory=dict)
    caller: list[int] = field(default_factory=list)
    rows: list[tuple[float, ...]] = field(default_factory=list)

    def add(self, line: Line) -> None:
        self.caller.append(self.callers.setdefault(line.caller, len(self.callers)))
        nan = float("nan")
        self.rows.append(
            (
                line.cost if line.answered else nan,
                line.reference_cost if line.answered else nan,
                line.latency_ms if line.answered else nan,
                nan if line.first_ms is None else line.first_ms,
                float(line.error is not None and line.error not in CUT_OFF),
                float(line.cause == "reference") if line.cause is not None else nan,
            )
        )


class Comparison:
    """Two sides of a log. Raises InputError where the log has not both."""

    def __init__(self) -> None:
        self._sides = {name: _Side() for name in SIDES}

    def add(self, line: Line) -> None:
        """Count one; lines of no side are passed over."""
        if line.side in self._sides:
            self._sides[line.side].add(line)

    def as_dict(self, seed: int = 0) -> dict[str, Any]:
        """`{"base" | "canary": {"requests", "callers"}, "figures": {name: {"base", "canary", "difference",
        "low", "high"}}}`; what cannot be told is None, intervals too where a side has one caller.

        Costs are US$ a request, times milliseconds, others shares; `difference` is canary less base.
        """
        for name, side in self._sides.items():
            if not side.rows:
                raise InputError(
                    f"no request of the log was decided by the {name} side: give the policy a canary, as in "
                    "`canary: {policy: next.yaml, share: 0.1}`, serve it with --log, and compare that log"
                )
        random = np.random.default_rng(seed)
        drawn = [_draws(side, random) for side in self._sides.values()]
        told: dict[str, Any] = {
            name: {"requests": len(side.rows), "callers": len(side.callers)}
            for name, side in self._sides.items()
        }
        told["figures"] = {name: _compared(drawn, place) for place, name in enumerate(_FIGURES)}
        return told


def _compared(drawn: list[tuple[Floats, Floats]], place: int) -> dict[str, float | None]:
    """One figure of both sides, as it is and as it is in each draw."""
    (base, bases), (canary, canaries) = ((whole[place], draws[:, place]) for whole, draws in drawn)
    differences = canaries - bases
    known = differences[np.isfinite(differences)]
    low = high = None
    if len(known) > _DRAWS // 2:
        low, high = (float(one) for one in np.quantile(known, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2]))
    return {
        "base": _told(base),
        "canary": _told(canary),
        "difference": _told(canary - base),
        "low": low,
        "high": high,
    }


def _draws(side: _Side, random: np.random.Generator) -> tuple[Floats, Floats]:
    """The figures of a side (figures,), and those of as many callers drawn with replacement (draws,
    figures), NaN where it has one caller."""
    columns = np.array(side.rows, float).T
    caller, count = np.array(side.caller), len(side.callers)
    figures = [figure(columns) for figure in _FIGURES.values()]
    whole = np.array([figure(np.ones(len(caller))) for figure in figures])
    if count < 2:
        return whole, np.full((_DRAWS, len(figures)), np.nan)
    draws = np.empty((_DRAWS, len(figures)))
    for row in draws:
        weights = np.bincount(random.integers(count, size=count), minlength=count)[caller].astype(float)
        row[:] = [figure(weights) for figure in figures]
    return whole, draws


Figure: TypeAlias = Callable[[Floats], float]
_COST, _REFERENCE, _LATENCY, _FIRST, _ERROR, _BY_REFERENCE = range(6)


def _mean(place: int, columns: Floats) -> Figure:
    known = np.isfinite(columns[place])
    values = columns[place][known]
    return lambda weights: _over(values @ weights[known], weights[known].sum())


def _saving(columns: Floats) -> Figure:
    known = np.isfinite(columns[_COST])
    cost, reference = columns[_COST][known], columns[_REFERENCE][known]
    return lambda weights: 1 - _over(cost @ weights[known], reference @ weights[known])


def _quantile(place: int, rank: float, columns: Floats) -> Figure:
    """The nearest value at a rank, each counting by its weight."""
    known = np.flatnonzero(np.isfinite(columns[place]))
    ordered = known[np.argsort(columns[place][known], kind="stable")]
    values = columns[place][ordered]

    def of(weights: Floats) -> float:
        upto = np.cumsum(weights[ordered])
        if not len(upto) or not upto[-1]:
            return float("nan")
        return float(values[np.searchsorted(upto, rank * upto[-1])])

    return of


def _over(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")


_FIGURES: dict[str, Callable[[Floats], Figure]] = {
    "cost": partial(_mean, _COST),
    "saving": _saving,
    "reference_share": partial(_mean, _BY_REFERENCE),
    "error_share": partial(_mean, _ERROR),
    "latency_p50_ms": partial(_quantile, _LATENCY, 0.5),
    "latency_p95_ms": partial(_quantile, _LATENCY, 0.95),
    "first_p50_ms": partial(_quantile, _FIRST, 0.5),
}


def _told(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
