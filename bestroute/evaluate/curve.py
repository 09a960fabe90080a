"""Curve: the cost and quality of a strategy at every setting of its dial, and the areas under it.

Areas are taken on the cost axis between the cheapest fixed arm and the reference, which all strategies
share, under the non-decreasing convex hull of a strategy's points (RouterBench, arXiv 2403.12031): what
randomising between two settings reaches counts, and so do the two ends, which anyone may ask for every query.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from bestroute.evaluate.replay import Floats, Replay
from bestroute.evaluate.weights import Weighting


@dataclass(frozen=True)
class Strategy:
    """One way to spread queries over arms, at each setting of its dial.

    `dials` (dials,). `shares` (dials, queries, arms): the probability of each arm, rows sum to 1; may be a
    broadcast view of (dials, 1, arms). `predicted` (queries, arms): the predicted quality of one response of
    each arm's model, where the strategy predicts any.
    """

    name: str
    dials: Floats
    shares: Floats
    predicted: Floats | None = None

    def means(self, replay: Replay, weighting: Weighting) -> tuple[Floats, Floats]:
        """Mean quality and mean cost (US$) at each setting, each (sources, draws, dials)."""
        return weighting.means(self.shares, replay.quality), weighting.means(self.shares, replay.cost)

    def calls(self, weighting: Weighting) -> Floats:
        """Mean rounds of asking (sources, draws, dials): one shot is 1, as an arm's n are asked at once."""
        return weighting.means(self.shares, np.ones(self.shares.shape[1:]))


@dataclass(frozen=True)
class Played(Strategy):
    """A strategy that asks more than once: what each query gave and cost was played out.

    `quality`, `cost` (US$), `rounds` of asking and `responses` that came have shape (dials, queries);
    `shares` tell whose response was kept. `error` (dials,): standard error of the mean quality for the
    drawing of responses.
    """

    quality: Floats = field(kw_only=True)
    cost: Floats = field(kw_only=True)
    rounds: Floats = field(kw_only=True)
    responses: Floats = field(kw_only=True)
    error: Floats = field(kw_only=True)

    def means(self, replay: Replay, weighting: Weighting) -> tuple[Floats, Floats]:
        """Mean quality and mean cost (US$) at each setting, each (sources, draws, dials)."""
        return weighting.of(self.quality.T), weighting.of(self.cost.T)

    def calls(self, weighting: Weighting) -> Floats:
        """Mean rounds of asking (sources, draws, dials)."""
        return weighting.of(self.rounds.T)


@dataclass(frozen=True)
class Curve:
    """What each setting gives: mean `quality`, mean `cost` in US$ and mean `calls` (dials,), `shares`
    (dials, arms).

    `calls`: sequential rounds of asking a query takes.
    """

    dials: Floats
    quality: Floats
    cost: Floats
    shares: Floats
    calls: Floats

    @property
    def frontier(self) -> list[dict[str, float]]:
        """A point for each setting: dial, quality, cost (US$ a query), calls."""
        columns = (self.dials, self.quality, self.cost, self.calls)
        return [
            dict(zip(("dial", "quality", "cost", "calls"), map(float, point), strict=True))
            for point in zip(*columns, strict=True)
        ]


@dataclass(frozen=True)
class Ends:
    """The two ends of the cost axis: the cheapest fixed arm (of several, the best) and the reference."""

    cheapest_cost: float
    cheapest_quality: float
    reference_cost: float
    reference_quality: float


def curves(strategy: Strategy, replay: Replay, weighting: Weighting) -> list[Curve]:
    """The strategy's curve on each source, in the order of the weighting's, by its first draw."""
    arms = len(replay.arms)
    quality, cost = (means[:, 0] for means in strategy.means(replay, weighting))
    spread = np.stack(
        [
            weighting.means(strategy.shares, np.broadcast_to(np.eye(arms)[arm], replay.cost.shape))[:, 0]
            for arm in range(arms)
        ],
        axis=2,
    )
    calls = strategy.calls(weighting)[:, 0]
    return [Curve(strategy.dials, *parts) for parts in zip(quality, cost, spread, calls, strict=True)]


def mean_curve(parts: list[Curve]) -> Curve:
    """The curve of all sources, weighted equally."""
    return Curve(
        parts[0].dials,
        np.mean([part.quality for part in parts], axis=0),
        np.mean([part.cost for part in parts], axis=0),
        np.mean([part.shares for part in parts], axis=0),
        np.mean([part.calls for part in parts], axis=0),
    )


def ends_of(quality: Floats, cost: Floats) -> Ends:
    """The ends, from the mean quality and cost of each fixed arm (arms,); the last is the reference."""
    cheapest = np.lexsort((-quality, cost))[0]
    return Ends(*map(float, (cost[cheapest], quality[cheapest], cost[-1], quality[-1])))


def hull(cost: Floats, quality: Floats) -> tuple[Floats, Floats]:
    """Vertices of the non-decreasing concave upper envelope of points: costs and qualities, both rising.

    From the cheapest point (the best of several) to the best one (the cheapest of several).
    """
    vertices: list[tuple[float, float]] = []
    for index in np.lexsort((-quality, cost)):
        x, y = float(cost[index]), float(quality[index])
        if vertices and y <= vertices[-1][1]:
            continue
        while len(vertices) > 1 and not _turns_down(vertices[-2], vertices[-1], (x, y)):
            vertices.pop()
        vertices.append((x, y))
    xs, ys = np.array(vertices).T
    return xs, ys


def aiq(curve: Curve, ends: Ends) -> float:
    """Mean height of the hull between the two ends (RouterBench's AIQ, divided by the range of cost).

    NaN where the reference is not dearer than the cheapest fixed arm.
    """
    low, high = ends.cheapest_cost, ends.reference_cost
    if not high > low:
        return float("nan")
    xs, ys = _hull_with(curve, ends)
    inside = xs[(xs > low) & (xs < high)]
    grid = np.concatenate([[low], inside, [high]])
    return _area(np.interp(grid, xs, ys), grid) / (high - low)


def cost_apgr(curve: Curve, ends: Ends) -> float:
    """Mean share of the quality between the two ends that is recovered, over the cost axis (APGR).

    NaN where the reference is not both dearer and better than the cheapest fixed arm.
    """
    gain = ends.reference_quality - ends.cheapest_quality
    return (aiq(curve, ends) - ends.cheapest_quality) / gain if gain > 0 else float("nan")


def cost_cpt(curve: Curve, ends: Ends, recovered: float) -> float:
    """Share of the cost between the ends at which the hull first recovers this share of the quality (CPT).

    0 where the cheapest fixed arm's cost does; NaN as for `cost_apgr`.
    """
    gain, span = ends.reference_quality - ends.cheapest_quality, ends.reference_cost - ends.cheapest_cost
    if not (gain > 0 and span > 0):
        return float("nan")
    xs, ys = _hull_with(curve, ends)
    crossing = float(np.interp(ends.cheapest_quality + recovered * gain, ys, xs))
    return max(0.0, (crossing - ends.cheapest_cost) / span)


def call_curve(curve: Curve, ends: Ends) -> tuple[Floats, Floats]:
    """RouteLLM's own axes for two models: share of calls to the reference, and the gap recovered (PGR).

    Sorted by calls, with the ends (0, 0) and (1, 1) where no setting reaches them.
    """
    gain = ends.reference_quality - ends.cheapest_quality
    calls, pgr = curve.shares[:, -1], (curve.quality - ends.cheapest_quality) / gain
    if calls.min() > 0:
        calls, pgr = np.append(calls, 0.0), np.append(pgr, 0.0)
    if calls.max() < 1:
        calls, pgr = np.append(calls, 1.0), np.append(pgr, 1.0)
    order = np.lexsort((pgr, calls))
    return calls[order], pgr[order]


def call_apgr(curve: Curve, ends: Ends) -> float:
    """RouteLLM's APGR: the area under PGR over the share of calls, by trapezoids. NaN without a gain."""
    if not ends.reference_quality > ends.cheapest_quality:
        return float("nan")
    calls, pgr = call_curve(curve, ends)
    return _area(pgr, calls)


def call_cpt(curve: Curve, ends: Ends, recovered: float) -> float:
    """RouteLLM's CPT: the share of calls where PGR first reaches `recovered`. NaN without a gain.

    The first crossing along the calls, as the curve of a real router rises and falls.
    """
    if not ends.reference_quality > ends.cheapest_quality:
        return float("nan")
    calls, pgr = call_curve(curve, ends)
    at = int(np.argmax(pgr >= recovered))  # (1, 1) is on the curve, or a setting that calls always
    if pgr[at] < recovered:
        return float("nan")
    if at == 0 or calls[at] == calls[at - 1]:
        return float(calls[at])
    part = (recovered - pgr[at - 1]) / (pgr[at] - pgr[at - 1])
    return float(calls[at - 1] + part * (calls[at] - calls[at - 1]))


def _hull_with(curve: Curve, ends: Ends) -> tuple[Floats, Floats]:
    cost = np.append(curve.cost, [ends.cheapest_cost, ends.reference_cost])
    quality = np.append(curve.quality, [ends.cheapest_quality, ends.reference_quality])
    return hull(cost, quality)


def _turns_down(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> bool:
    """Whether b lies above the line from a to c."""
    return (b[1] - a[1]) * (c[0] - a[0]) > (c[1] - a[1]) * (b[0] - a[0])


def _area(heights: Floats, along: Floats) -> float:
    return float(np.diff(along) @ (heights[1:] + heights[:-1]) / 2)
