"""The router as a strategy: the very `Router` that serves, replayed at every setting of its dial."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bestroute.artefacts.manifest import Manifest
from bestroute.artefacts.predictor import Columns, Prediction, Predictor, columns_of, mixed
from bestroute.artefacts.session import TokenRow
from bestroute.decision import Decision
from bestroute.evaluate.curve import Strategy
from bestroute.evaluate.replay import Floats
from bestroute.policy import Policy
from bestroute.policy.arms import Arm
from bestroute.policy.objective import AnyObjective
from bestroute.query import Query
from bestroute.router import Router

QUANTILES = 60
_BATCH = 64
Places = NDArray[np.intp]


@dataclass(frozen=True)
class Routed:
    """A router's strategy, and what it said.

    `own`: the index of the policy's own dial. `quality` and `match` (queries, arms): predicted for each arm;
    NaN where the router model has not learned it, or could not read the query. `margin`: that of
    `match`. `causes` and `rules`: how many queries were decided by which at the policy's own dial. `recall`
    remembers what the router model said of every query.
    """

    strategy: Strategy
    own: int
    quality: Floats
    match: Floats
    margin: float
    causes: dict[str, int]
    rules: dict[str, int]
    recall: Recall

    @property
    def gaps(self) -> Floats:
        """Predicted gap of every arm but the reference, in quality points: (queries, arms - 1)."""
        assert self.strategy.predicted is not None
        return self.strategy.predicted[:, -1:] - self.quality[:, :-1]


class Recall:
    """A Predictor that asks another one once for every text, and answers from memory ever after.

    Texts that the other fails on are NaN, which Router answers with its fallback.
    """

    def __init__(
        self, predictor: Predictor, texts: Sequence[str], advance: Callable[[], None] = lambda: None
    ) -> None:
        self.manifest = predictor.manifest
        self._places: dict[str, int] = {}
        for text in texts:
            if text.strip():
                self._places.setdefault(text, len(self._places))
        known = list(self._places)
        parts = []
        for start in range(0, len(known), _BATCH):
            batch = known[start : start + _BATCH]
            parts.append(_ask(predictor, batch))
            for _ in batch:
                advance()
        self._known = _joined(parts) if parts else self._nothing(1)

    def tokenize(self, texts: Sequence[str]) -> list[TokenRow]:
        """Rows that hold the place of each text in the memory."""
        return [TokenRow([self._places[text]]) for text in texts]

    def predict(self, rows: Sequence[TokenRow], time_budget_s: float | None = None) -> Prediction:
        """What the other predictor said of the texts."""
        return _taken(self._known, [row.ids[0] for row in rows])

    def said_of(self, texts: Sequence[str]) -> Prediction:
        """As `predict`, of texts; NaN where there was nothing to read."""
        known = _joined([self._known, self._nothing(1)])
        return _taken(known, [self._places.get(text, len(known.quality) - 1) for text in texts])

    def _nothing(self, count: int) -> Prediction:
        return _unknown(count, len(self.manifest.classes), self.manifest.max_n)


def routed(
    policy: Policy,
    queries: Sequence[Query],
    arms: Sequence[Arm],
    predictor: Predictor,
    name: str = "router",
    advance: Callable[[], None] = lambda: None,
) -> Routed:
    """Replay the router of a policy over queries; `arms` are those of bestroute.evaluate.replay.arms_of.

    The dial takes 60 quantiles of the settings at which an arm would just do, its extremes and the policy's
    own. Rules, exclusions, windows and abstaining hold as served; tiers with a dial of their own keep it.
    """
    texts = [query.text for query in queries]
    recall = Recall(predictor, texts, advance)
    said = recall.said_of(texts)
    columns = [_columns(policy, arm, recall.manifest) for arm in arms]
    single = _of_arms(said.quality, columns, [1] * len(arms))
    quality = _of_arms(said.quality, columns, [arm.n for arm in arms])
    knows_reference = policy.reference_model.column_in(recall.manifest.adapted) == recall.manifest.reference
    match = _of_arms(said.match, columns if knows_reference else [None] * len(arms), [arm.n for arm in arms])

    def decide(dial: float, at: Sequence[int]) -> list[Decision]:
        router = Router(policy.at(dial), predictor=recall, time_budget_s=None)
        return router.route_batch([queries[index] for index in at])

    as_it_stands = decide(policy.objective.setting, range(len(queries)))
    dials = dials_of(policy.objective, as_it_stands)
    chosen = choices(policy, arms, dials, len(queries), decide)
    shares = np.zeros((len(dials), len(queries), len(arms)))
    np.put_along_axis(shares, chosen[:, :, None], 1.0, axis=2)
    return Routed(
        strategy=Strategy(name, dials, shares, single),
        own=int(np.flatnonzero(dials == policy.objective.setting)[0]),
        quality=quality,
        match=match,
        margin=predictor.manifest.margin,
        causes=dict(Counter(decision.cause for decision in as_it_stands).most_common()),
        rules=dict(Counter(d.rule for d in as_it_stands if d.rule is not None).most_common()),
        recall=recall,
    )


def dials_of(objective: AnyObjective, decisions: Iterable[Decision]) -> Floats:
    """Settings of the dial, rising: quantiles of those at which a tier is just within, the extremes, 0, and
    the policy's own."""
    edges = [
        objective.edge(tier.offer(decision.reference_cost))
        for decision in decisions
        for tier in decision.candidates[:-1]
        if tier.gap is not None
    ]
    known = np.array([edge for edge in edges if edge is not None])
    cuts = np.quantile(known, np.linspace(0, 1, QUANTILES), method="lower") if known.size else known
    ends = sorted((objective.grid[0], objective.grid[-1]))
    settings = np.concatenate([cuts, [0.0, objective.setting, *ends]])
    return np.unique(np.clip(settings, ends[0], ends[1]))


def choices(
    policy: Policy,
    arms: Sequence[Arm],
    dials: Floats,
    queries: int,
    decide: Callable[[float, Sequence[int]], list[Decision]],
) -> Places:
    """Index of the arm that answers each query at each dial, shape (dials, queries).

    The settings at which a query takes a tier follow one another; so where both ends of a stretch agree, all
    between do, and only the others are decided again, half a stretch at a time.
    """
    index = {arm: place for place, arm in enumerate(arms)}
    arm_of = [*(index[tier.arm] for tier in policy.tiers), *range(len(arms))]
    places = np.empty((len(dials), queries), np.intp)

    def fill(dial: int, at: Places) -> None:
        decisions = decide(float(dials[dial]), [int(query) for query in at])
        places[dial, at] = [_place(decision, index, len(policy.tiers)) for decision in decisions]

    def between(low: int, high: int, at: Places) -> None:
        if high - low < 2 or not at.size:
            return
        same = places[low, at] == places[high, at]
        places[low + 1 : high, at[same]] = places[low, at[same]]
        middle, open_ = (low + high) // 2, at[~same]
        fill(middle, open_)
        between(low, middle, open_)
        between(middle, high, open_)

    everyone = np.arange(queries)
    fill(0, everyone)
    fill(len(dials) - 1, everyone)
    between(0, len(dials) - 1, everyone)
    return np.asarray(arm_of, np.intp)[places]


def _place(decision: Decision, index: dict[Arm, int], tiers: int) -> int:
    """The tier that was taken; where a rule chose, its arm's index after all tiers."""
    if decision.cause == "rule":
        return tiers + index[decision.arm]
    return next(
        place
        for place, candidate in enumerate(decision.candidates)
        if candidate.eligible and candidate.models == decision.models
    )


def _columns(policy: Policy, arm: Arm, manifest: Manifest) -> Columns | None:
    adapted = manifest.adapted
    return columns_of(((policy.model(name).column_in(adapted), n) for name, n in arm.parts), manifest)


def _of_arms(values: NDArray[np.float32], arms: Sequence[Columns | None], samples: Sequence[int]) -> Floats:
    """What values (queries, classes, n) say of so many samples of each arm: (queries, arms); NaN for one with
    a class that is not known.
    """
    result = np.full((len(values), len(arms)), np.nan)
    for place, (columns, n) in enumerate(zip(arms, samples, strict=True)):
        if columns is not None:
            result[:, place] = mixed(values, columns, n)
    return result


def _ask(predictor: Predictor, texts: Sequence[str]) -> Prediction:
    try:
        return predictor.predict(predictor.tokenize(texts))
    except Exception:  # whatever it raises, the other texts of the batch have their predictions
        if len(texts) == 1:
            return _unknown(1, len(predictor.manifest.classes), predictor.manifest.max_n)
        return _joined([_ask(predictor, [text]) for text in texts])


def _unknown(count: int, classes: int, max_n: int) -> Prediction:
    nothing = np.full((count, classes, max_n), np.nan, np.float32)
    return Prediction(nothing, nothing, nothing[:, :, 0])


def _joined(parts: Sequence[Prediction]) -> Prediction:
    novel = any(part.novelty is not None for part in parts)
    return Prediction(
        np.concatenate([part.quality for part in parts]),
        np.concatenate([part.match for part in parts]),
        np.concatenate([part.output_tokens for part in parts]),
        np.concatenate([_novelty(part) for part in parts]) if novel else None,
    )


def _novelty(part: Prediction) -> NDArray[np.float32]:
    return np.zeros(len(part.quality), np.float32) if part.novelty is None else part.novelty


def _taken(known: Prediction, places: Sequence[int]) -> Prediction:
    at = np.asarray(places, np.intp)
    novelty = None if known.novelty is None else known.novelty[at]
    return Prediction(known.quality[at], known.match[at], known.output_tokens[at], novelty)
