"""Replays, records and a predictor that the tests of evaluate share; every number worked out by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bestroute.artefacts.predictor import Prediction
from bestroute.artefacts.session import TokenRow
from bestroute.evaluate.curve import Strategy
from bestroute.evaluate.replay import Replay, arms_of
from bestroute.evaluate.routed import Routed, routed
from bestroute.policy.arms import Arm
from bestroute.query import Query
from tests.fakes import CLASSES, MANIFEST, MAX_N, make_policy

CHEAP, DEAR = Arm(model="tiny", n=1), Arm(model="big", n=1)


def replay_of(
    quality: Any, cost: Any, sources: Sequence[str] | None = None, arms: Sequence[Arm] = ()
) -> Replay:
    """A replay of queries q0, q1, ... of one source; two arms, tiny@1 and big@1, unless given."""
    quality = np.asarray(quality, float)
    cost = np.broadcast_to(np.asarray(cost, float), quality.shape)
    names = tuple(f"q{index}" for index in range(len(quality)))
    arms = tuple(arms) or (CHEAP, DEAR)
    return Replay(names, tuple(sources or ["one"] * len(names)), arms, quality, cost, quality, quality)


def one_hot(choices: Any, arms: int, name: str = "some", dials: Any = None) -> Strategy:
    """A strategy from the arm (dials, queries) that each query takes at each dial."""
    shares = np.eye(arms)[np.asarray(choices)]
    return Strategy(name, np.arange(len(shares), dtype=float) if dials is None else np.asarray(dials), shares)


class TextPredictor:
    """Predicts what `quality` lists for a text: small, medium and large, the same for every n."""

    manifest = MANIFEST

    def __init__(self, quality: Mapping[str, Sequence[float]], broken: Sequence[str] = ()) -> None:
        self.quality, self.broken = quality, set(broken)
        self.asked: list[str] = []

    def tokenize(self, texts: Sequence[str]) -> list[TokenRow]:
        self._texts = list(texts)
        return [TokenRow([index]) for index in range(len(texts))]

    def predict(self, rows: Sequence[TokenRow], time_budget_s: float | None = None) -> Prediction:
        texts = [self._texts[row.ids[0]] for row in rows]
        if self.broken.intersection(texts):
            raise RuntimeError("a text that breaks the model")
        self.asked += texts
        known = np.array([self.quality[text] for text in texts], np.float32)
        quality = np.repeat(known[:, :, None], MAX_N, axis=2)
        tokens = np.full((len(texts), len(CLASSES)), 10.0, np.float32)
        return Prediction(quality, quality, tokens)


def record_of(text: str, scores: Mapping[str, Sequence[float]], **parts: Any) -> dict[str, Any]:
    """A record as JSON: ten output tokens a response, rewards in the order of the scores."""
    responses = {
        name: [
            {"score": score, "output_tokens": 10, "reward": index / 100} for index, score in enumerate(values)
        ]
        for name, values in scores.items()
    }
    return {"id": text, "source": "", "query": text, "input_tokens": 5, "responses": responses, **parts}


# q0 to q9 are right with tiny and big, the others with big alone. Costs 1 and 10.
TWENTY = replay_of([[1, 1]] * 10 + [[0, 1]] * 10, [1, 10])
QUERIES = [Query.of(text) for text in TWENTY.texts]
TWO = make_policy(tiers=[{"model": "tiny"}, {"model": "big"}])


def routed_by(predicted: Sequence[float]) -> Routed:
    """The router of TWO over the twenty, where its model predicts this quality of tiny."""
    quality = {text: (said, 0, 1.0) for text, said in zip(TWENTY.texts, predicted, strict=True)}
    return routed(TWO, QUERIES, arms_of(TWO), TextPredictor(quality))
