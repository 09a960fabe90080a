"""Report: what `bestroute evaluate` prints, as JSON values. Overall figures weight sources equally."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bestroute.evaluate.curve import (
    Curve,
    Ends,
    Played,
    Strategy,
    aiq,
    call_apgr,
    call_cpt,
    cost_apgr,
    cost_cpt,
    curves,
    ends_of,
    hull,
    mean_curve,
)
from bestroute.evaluate.fixed import STATIC_MIX
from bestroute.evaluate.predictions import Interval, collapse, ece, model_aucs
from bestroute.evaluate.replay import Floats, Replay
from bestroute.evaluate.routed import Routed
from bestroute.evaluate.saving import SPLITS, Saving, savings
from bestroute.evaluate.weights import everything, halves, overall, resamples
from bestroute.records.quality import interval

RECOVERED = (0.5, 0.8)
_ROUNDING = 1e-9
_LISTED = 5
_SINGLE = (
    "a single query cannot be divided into a half that chooses the dial and one that judges, so no saving "
    "and no interval can be told; give records of more queries"
)


@dataclass(frozen=True)
class Assessment:
    """Everything there is to say of a strategy: overall, and a source each."""

    overall: dict[str, Any]
    sources: dict[str, dict[str, Any]]

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {"overall": self.overall, "sources": self.sources}


class Judge:
    """Assesses one strategy after another on the same queries, the same halves and the same resamples."""

    def __init__(self, replay: Replay, seed: int = 0, draws: int = 500) -> None:
        self.replay = replay
        self._seed, self._draws = seed, draws
        self._all = everything(replay.sources)
        self._halves = halves(replay.sources, SPLITS, seed)
        self._ends = self._find_ends()
        self._half_quality = self._halves.of(replay.quality[:, -1:])[:, :, 0]
        self._half_cost = self._halves.of(replay.cost[:, -1:])[:, :, 0]

    @property
    def sources(self) -> tuple[str, ...]:
        """Source families in alphabetical order."""
        return self._all.names

    @property
    def alone(self) -> tuple[str, ...]:
        """The sources of a single query, of which nothing tells how far others like it may be."""
        return tuple(name for name, (at, _) in zip(self.sources, self._all.parts, strict=True) if len(at) < 2)

    def assess(self, strategy: Strategy, routed: Routed | None = None) -> Assessment:
        """Assess a strategy. `routed`: the router behind it, whose own dial and calibration are told too."""
        parts = curves(strategy, self.replay, self._all)
        every = [*parts, mean_curve(parts)]
        saved = self._savings(strategy)
        aucs = self._aucs(strategy)
        groups = [*(at for at, _ in self._all.parts), np.arange(len(self.replay.texts))]
        # A match within another margin than the replay's says nothing that could be compared.
        match = routed.match if routed and routed.margin == self.replay.margin else None
        rows = [
            {
                **self._curve_figures(strategy, curve, ends, routed),
                "queries": len(at),
                "saving": {
                    drop: {k: v for k, v in of.items() if k != "calls"} for drop, of in saving.items()
                },
                "calls": {drop: of["calls"] for drop, of in saving.items()},
                "ece_match": ece(match, self.replay.match, at),
                "ece_quality": ece(routed.quality if routed else None, self.replay.quality, at),
                "auc": known,
            }
            for curve, ends, saving, known, at in zip(every, self._ends, saved, aucs, groups, strict=True)
        ]
        *each, total = rows
        for name, row in zip(self.sources, each, strict=True):
            row["graded"] = name in self.replay.graded
        total |= {key: float(np.mean([row[key] for row in each])) for key in ("ece_match", "ece_quality")}
        return Assessment(total, dict(zip(self.sources, each, strict=True)))

    def as_it_stands(self, routed: Routed) -> dict[str, Any]:
        """The policy at its own dial, and its drop at every dial: values with 95 % bootstrap intervals, whose
        ends are NaN where a source has a single query."""
        sampled = resamples(self.replay.sources, self._draws, self._seed)
        means = {}
        for key, weighting in (("value", self._all), ("draws", sampled)):
            quality, cost = routed.strategy.means(self.replay, weighting)
            best, dearest = (weighting.of(of[:, -1:]) for of in (self.replay.quality, self.replay.cost))
            saving, drop = 1 - cost / _positive(dearest), 1 - quality / _positive(best)
            means[key] = overall(quality), overall(cost), overall(saving), overall(drop)
        if self.alone:
            means["draws"] = (np.full_like(means["draws"][0], np.nan),) * 4
        names = ("quality", "cost", "saving", "drop")
        own: dict[str, Any] = {
            name: _with_interval(value[0, routed.own], draws[:, routed.own])
            for name, value, draws in zip(names, means["value"], means["draws"], strict=True)
        }
        if isinstance(routed.strategy, Played):
            own["resampling_error"] = float(routed.strategy.error[routed.own])
        drops, band = means["value"][3][0], means["draws"][3]
        return {
            **own,
            "band": [
                {"dial": float(dial), "drop": float(drops[index]), **_ends_of_band(band[:, index])}
                for index, dial in enumerate(routed.strategy.dials)
            ],
        }

    def cautions(self, routed: Routed) -> list[str]:
        """Warnings that the router is near constant, or that the queries are too few to tell."""
        if len(self.replay.texts) < 2:
            return [_SINGLE]
        alone = ", ".join(self.alone[:_LISTED]) + (", ..." if len(self.alone) > _LISTED else "")
        few = f"a single query judges of {alone}, so the policy as it stands has no interval; give more of it"
        return [*self._collapse(routed), *([few] if alone else [])]

    def _collapse(self, routed: Routed) -> list[str]:
        curve = mean_curve(curves(routed.strategy, self.replay, self._all))
        return collapse(curve, routed.gaps, self.replay.labels)

    def _curve_figures(
        self, strategy: Strategy, curve: Curve, ends: Ends, routed: Routed | None
    ) -> dict[str, Any]:
        at = routed.own if routed else _best_within(curve, ends, 0.01)
        shares = curve.shares[at] if at is not None else np.eye(curve.shares.shape[1])[-1]
        return {
            "reference_quality": ends.reference_quality,
            "reference_cost": ends.reference_cost,
            "frontier": _on_hull(curve) if strategy.name == STATIC_MIX else curve.frontier,
            "aiq": aiq(curve, ends),
            "apgr": cost_apgr(curve, ends),
            "cpt": {str(share): cost_cpt(curve, ends, share) for share in RECOVERED},
            "by_calls": self._call_figures(curve, ends),
            "arms": dict(zip(self.replay.labels, map(float, shares), strict=True)),
        }

    def _call_figures(self, curve: Curve, ends: Ends) -> dict[str, Any] | None:
        """RouteLLM's own figures, where there are two models of one response each."""
        arms = self.replay.arms
        if len(arms) != 2 or arms[0].model == arms[1].model or {arm.n for arm in arms} != {1}:
            return None
        return {
            "apgr": call_apgr(curve, ends),
            "cpt": {str(share): call_cpt(curve, ends, share) for share in RECOVERED},
        }

    def _savings(self, strategy: Strategy) -> list[dict[str, Saving]]:
        """Savings of each source, then overall: there each source counts by its share of its reference's cost
        and quality, so that one with long answers does not speak for all.
        """
        quality, cost = strategy.means(self.replay, self._halves)
        calls = strategy.calls(self._halves)
        best, dearest = self._half_quality, self._half_cost
        each = [savings(*parts) for parts in zip(quality, cost, best, dearest, calls, strict=True)]
        with np.errstate(divide="ignore", invalid="ignore"):
            relative = overall(quality / best[:, :, None]), overall(cost / dearest[:, :, None])
        ones = np.ones(quality.shape[1])
        return [*each, savings(*relative, ones, ones, overall(calls))]

    def _aucs(self, strategy: Strategy) -> list[dict[str, Interval]] | list[None]:
        if strategy.predicted is None:
            return [None] * (len(self.sources) + 1)
        groups = [at for at, _ in self._all.parts]
        return model_aucs(strategy.predicted, self.replay, groups, self._draws, self._seed)

    def _find_ends(self) -> list[Ends]:
        """The ends of the cost axis of each source, then overall."""
        quality, cost = (self._all.of(part)[:, 0] for part in (self.replay.quality, self.replay.cost))
        each = [ends_of(*means) for means in zip(quality, cost, strict=True)]
        return [*each, ends_of(quality.mean(axis=0), cost.mean(axis=0))]


def build_report(
    judge: Judge,
    router: Routed,
    baselines: Sequence[Strategy | Routed],
    advance: Callable[[str], None] = lambda name: None,
) -> dict[str, Any]:
    """Everything on the router, and on the baselines by name, as JSON values."""
    own = judge.assess(router.strategy, router)
    beside: dict[str, Any] = {}
    for baseline in baselines:
        strategy = baseline.strategy if isinstance(baseline, Routed) else baseline
        advance(strategy.name)
        routed = baseline if isinstance(baseline, Routed) else None
        beside[strategy.name] = judge.assess(strategy, routed).as_dict()
    stands = judge.as_it_stands(router)
    band = stands.pop("band")
    return {
        **own.as_dict(),
        "baselines": beside,
        "policy": {**stands, "causes": router.causes, "rules": router.rules},
        "band": band,
        "warnings": [*judge.cautions(router), *_below_static_mix(own, beside.get(STATIC_MIX))],
    }


def _below_static_mix(own: Assessment, mix: dict[str, Any] | None, drop: str = "0.01") -> list[str]:
    if mix is None:
        return []
    rows = {"all sources": (own.overall, mix["overall"])}
    if len(own.sources) > 1:
        rows |= {name: (part, mix["sources"][name]) for name, part in own.sources.items()}
    below = [
        name
        for name, (mine, its) in rows.items()
        if mine["saving"][drop]["mean"] < its["saving"][drop]["mean"]
    ]
    if not below:
        return []
    return [
        f"at {float(drop):.0%} drop a static mix of fixed arms, which looks at no query, saves more than the "
        f"router on {', '.join(below)}"
    ]


def _best_within(curve: Curve, ends: Ends, drop: float) -> int | None:
    """The cheapest setting within a drop on all queries; None where only the reference is."""
    within = curve.quality >= (1 - drop) * ends.reference_quality - _ROUNDING
    costs = np.where(within, curve.cost, np.inf)
    return int(np.argmin(costs)) if within.any() and costs.min() < ends.reference_cost else None


def _on_hull(curve: Curve) -> list[dict[str, float]]:
    """The points of the frontier that are vertices of its hull."""
    vertices = set(zip(*map(tuple, hull(curve.cost, curve.quality)), strict=True))
    points: dict[tuple[float, float], dict[str, float]] = {}
    for point in curve.frontier:
        place = (point["cost"], point["quality"])
        if place in vertices:
            points.setdefault(place, point)
    return [points[place] for place in sorted(points)]


def _positive(values: Floats) -> Floats:
    """The values, NaN for those that nothing can be a share of."""
    return np.where(values > 0, values, np.nan)


def _with_interval(value: float, draws: Floats) -> Interval:
    low, high = interval(draws)
    return Interval(value=float(value), low=low, high=high)


def _ends_of_band(draws: Floats) -> dict[str, float]:
    low, high = interval(draws)
    return {"drop_low": low, "drop_high": high}
