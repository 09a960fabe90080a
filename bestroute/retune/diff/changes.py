"""What the differences between two policies add up to; memory does not grow with queries."""

from __future__ import annotations

import heapq
import math
from collections import Counter
from dataclasses import dataclass
from typing import Any, NamedTuple

from bestroute.decision import Decision, reason
from bestroute.policy import Policy
from bestroute.retune.diff.compare import Pair
from bestroute.retune.dry_run import Tally

_TEXT = 200  # characters of a query that are shown
_SAME = 1e-12  # sums of floats that are equal but for their order differ by less


class Figure(NamedTuple):
    """A number under the old policy and under the new one; None where it cannot be had."""

    old: float | None
    new: float | None

    @property
    def change(self) -> float | None:
        """What the new one is more."""
        if self.old is None or self.new is None:
            return None
        return 0.0 if math.isclose(self.old, self.new, rel_tol=_SAME) else self.new - self.old

    @property
    def relative(self) -> float | None:
        """The change as a part of the old one; None where that is 0 and the new one is not."""
        if not self.change or self.old is None:
            return self.change
        return self.change / self.old if self.old else None

    def as_dict(self) -> dict[str, float | None]:
        """As JSON values."""
        return {"old": self.old, "new": self.new, "change": self.change, "relative": self.relative}


@dataclass
class _Sum:
    """Running sums over some of the queries."""

    queries: int = 0
    cost: float = 0.0
    quality: float = 0.0
    predicted: int = 0

    def add(self, pair: Pair) -> None:
        change = pair.quality_change
        self.queries += 1
        self.cost += pair.cost_change
        if change is not None:
            self.quality += change
            self.predicted += 1

    @property
    def mean_quality(self) -> float | None:
        """The mean change over the queries that have one."""
        return self.quality / self.predicted if self.predicted else None


class Changes:
    """Running sums over pairs of decisions, and the queries that changed most.

    Costs are US$, qualities 0 to 1. `most`: how many queries to keep, by change of quality and by change of
    cost.
    """

    def __init__(self, old: Policy, new: Policy, most: int = 10) -> None:
        self.queries = self.moved = self.replanned = self.predicted = 0
        self._policies = old, new
        self._tallies = Tally(), Tally()
        self._qualities = [0.0, 0.0]
        self._moves: dict[tuple[str, str], _Sum] = {}
        self._unmoved = _Sum()
        self._rules: Counter[tuple[str | None, str | None]] = Counter()
        self._by_quality, self._by_cost = _Most(most), _Most(most)

    def add(self, pair: Pair) -> None:
        """Count one query."""
        self.queries += 1
        for tally, decision in zip(self._tallies, (pair.old, pair.new), strict=True):
            tally.add(decision)
        if pair.qualities is not None:
            self.predicted += 1
            for at, quality in enumerate(pair.qualities):
                self._qualities[at] += quality
        self.moved += pair.moved
        arms = (pair.old.arm.label, pair.new.arm.label)
        (self._moves.setdefault(arms, _Sum()) if pair.moved else self._unmoved).add(pair)
        self.replanned += pair.replanned
        if pair.old.rule != pair.new.rule:
            self._rules[pair.old.rule, pair.new.rule] += 1
        self._by_quality.offer(pair.quality_change or 0.0, self.queries, pair)
        self._by_cost.offer(pair.cost_change, self.queries, pair)

    def figure(self, metric: str, arm: str = "") -> Figure:
        """A number under both policies.

        `cost` (US$ per 1,000 queries), `quality` (mean predicted quality of what is kept, over the queries
        for which both policies have a prediction), `calls` (rounds of asking a query), `moved` (share of the
        queries), `share` (of the queries that ask `arm` first; of each policy's own reference if empty).
        """
        if metric == "moved":
            return Figure(0.0, self.moved / self.queries) if self.queries else Figure(None, None)
        old, new = (self._value(metric, at, arm) for at in (0, 1))
        return Figure(old, new)

    def _value(self, metric: str, at: int, arm: str) -> float | None:
        tally = self._tallies[at]
        if metric == "quality":
            return self._qualities[at] / self.predicted if self.predicted else None
        if not tally.queries:
            return None
        if metric == "share":
            asked = tally.arms[arm] if arm else tally.models[self._policies[at].reference]
            return asked / tally.queries
        return {"cost": tally.expected_cost * 1000, "calls": tally.calls}[metric] / tally.queries

    def summary(self) -> dict[str, Any]:
        """As JSON values; a number that cannot be had is null.

        Queries that do not move may cost and lose another sum too, by prices and by plans.
        """
        per_thousand = 1000 / max(1, self.queries)
        moves = [
            {
                "from": before,
                "to": after,
                "queries": total.queries,
                "share": total.queries / self.queries,
                "cost_per_1000_change": total.cost * per_thousand,
                "quality_change": total.mean_quality,
            }
            for (before, after), total in sorted(self._moves.items(), key=lambda move: -move[1].queries)
        ]
        old, new = (
            {"policy": policy.digest, "reference": policy.reference, **tally.summary()}
            for policy, tally in zip(self._policies, self._tallies, strict=True)
        )
        return {
            "queries": self.queries,
            "moved": self.moved,
            "moved_share": self.figure("moved").new,
            "replanned": self.replanned,
            "cost_per_1000": self.figure("cost").as_dict(),
            "quality": self.figure("quality").as_dict(),
            "predicted": self.predicted,
            "without_prediction": self.queries - self.predicted,
            "calls": self.figure("calls").as_dict(),
            "reference_share": self.figure("share").as_dict(),
            "moves": moves,
            "unmoved_cost_per_1000_change": self._unmoved.cost * per_thousand,
            "unmoved_quality_change": self._unmoved.mean_quality,
            "rules": [
                {"from": before, "to": after, "queries": count}
                for (before, after), count in self._rules.most_common()
            ],
            "most_affected": {"by_quality": self._by_quality.listed(), "by_cost": self._by_cost.listed()},
            "old": old,
            "new": new,
        }


class _Most:
    """The queries of the largest changes, the earlier one where they are equal."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._heap: list[tuple[float, int, dict[str, Any]]] = []

    def offer(self, change: float, number: int, pair: Pair) -> None:
        """Keep the pair if it is one of the most affected; `number` counts queries from 1."""
        if not change or not self._most:
            return
        key = (abs(change), -number)
        if len(self._heap) < self._most:
            heapq.heappush(self._heap, (*key, _entry(number, pair)))
        elif key > self._heap[0][:2]:
            heapq.heapreplace(self._heap, (*key, _entry(number, pair)))

    def listed(self) -> list[dict[str, Any]]:
        """The largest change first."""
        return [entry for _, _, entry in sorted(self._heap, key=lambda kept: kept[:2], reverse=True)]


def _entry(number: int, pair: Pair) -> dict[str, Any]:
    text = " ".join(pair.query.text[: 2 * _TEXT].split())
    old, new = pair.qualities or (None, None)
    return {
        "number": number,
        "query_id": pair.query.id,
        "text": text if len(text) <= _TEXT else text[: _TEXT - 3] + "...",
        "old": _side(pair.old, old),
        "new": _side(pair.new, new),
        "quality_change": pair.quality_change,
        "cost_change": pair.cost_change,
    }


def _side(decision: Decision, quality: float | None) -> dict[str, Any]:
    return {
        "arm": decision.arm.label,
        "cause": decision.cause,
        "rule": decision.rule,
        "reason": reason(decision),
        "expected_cost": decision.expected_cost,
        "quality": quality,
        "gap": decision.gap,
    }
