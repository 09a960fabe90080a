"""Small stand-ins whose answers are exact: a predictor, a reward model, a sampler, and policies for them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from bestroute.answering.sampling import Sample, Sampled
from bestroute.artefacts.manifest import Manifest
from bestroute.artefacts.predictor import Prediction
from bestroute.artefacts.session import TokenRow
from bestroute.policy import Policy, Sampling
from bestroute.policy.arms import Model
from bestroute.policy.objective import OBJECTIVES
from bestroute.query import Query

CLASSES = ("small", "medium", "large")
MAX_N = 4
MANIFEST = Manifest(
    kind="router",
    max_tokens=64,
    files={},
    classes=CLASSES,
    max_n=MAX_N,
    reference="large",
    mean_output_tokens=(100.0, 200.0, 300.0),
    max_novelty=1.0,
)
# Rows: small, medium, large; columns: n = 1..4; every number exact in float32. Gaps to large@1:
# small 0.25 0.1875 0.15625 0.125, medium 0.125 0.0625 0.03125 0.015625.
QUALITY = (
    (0.625, 0.6875, 0.71875, 0.75),
    (0.75, 0.8125, 0.84375, 0.859375),
    (0.875, 0.890625, 0.90625, 0.921875),
)
MATCH = ((0.125, 0.1875, 0.21875, 0.25), (0.25, 0.375, 0.4375, 0.46875), (0.5, 0.625, 0.6875, 0.75))
OUTPUT_TOKENS = (10.0, 20.0, 40.0)


class FakePredictor:
    """Says the same of every query, or what `quality` gives; remembers the sizes of the batches it saw."""

    def __init__(
        self,
        quality: Any = QUALITY,
        *,
        match: Any = MATCH,
        output_tokens: Any = OUTPUT_TOKENS,
        error: Exception | None = None,
        tokenize_error: Exception | None = None,
        delay_s: float = 0.0,
        manifest: Manifest = MANIFEST,
    ) -> None:
        self.manifest = manifest
        self.batches: list[int] = []
        self._answers = [np.asarray(part, np.float32) for part in (quality, match, output_tokens)]
        self._error, self._tokenize_error, self._delay_s = error, tokenize_error, delay_s

    def tokenize(self, texts: Sequence[str]) -> list[TokenRow]:
        if self._tokenize_error is not None:
            raise self._tokenize_error
        return [TokenRow([1, len(text), 2]) for text in texts]

    def predict(self, rows: Sequence[TokenRow], time_budget_s: float | None = None) -> Prediction:
        self.batches.append(len(rows))
        time.sleep(self._delay_s)
        if self._error is not None:
            raise self._error
        return Prediction(*(np.stack([part] * len(rows)) for part in self._answers))


class FakeReward:
    """The reward that `scores` lists for a text; 0.5 for any other."""

    def __init__(self, scores: Mapping[str, float] | None = None) -> None:
        self.scores = scores or {}
        self.seen: list[tuple[str, tuple[str, ...]]] = []

    def rewards(self, query: str, responses: Sequence[str]) -> np.ndarray:
        self.seen.append((query, tuple(responses)))
        return np.array([self.scores.get(text, 0.5) for text in responses], np.float32)


class FakeSampler:
    """Answers from a script `{model name: Sampled, or a function of n}`; a model it does not list fails."""

    def __init__(self, script: Mapping[str, Sampled | Callable[[int], Sampled]]) -> None:
        self.script = script
        self.asked: list[str] = []
        self.queries: list[Query] = []

    async def sample(self, model: Model, query: Query, n: int, settings: Sampling) -> Sampled:
        self.asked.append(f"{model.name}@{n}")
        self.queries.append(query)
        answer = self.script.get(model.name, Sampled(errors=("connection refused",)))
        return answer(n) if callable(answer) else answer


def said(*texts: str, finish_reason: str = "stop") -> Sampled:
    return Sampled(tuple(Sample(text, finish_reason) for text in texts))


# One token costs a model's `input` or `output` price in millionths of a dollar.
TINY = {"name": "tiny", "class": "small", "price": {"input": 1.0, "output": 2.0}}
MID = {"name": "mid", "class": "medium", "price": {"input": 3.0, "output": 6.0}}
BIG = {"name": "big", "class": "large", "price": {"input": 10.0, "output": 30.0}}
TIERS = [
    {"model": "tiny", "n": 1},
    {"model": "tiny", "n": 4},
    {"model": "mid", "n": 2},
    {"model": "mid", "n": 4},
    {"model": "big"},
]


def make_policy(**parts: Any) -> Policy:
    """A policy of tiny, mid and the reference big, with `parts` in place of its own.

    Its dial is max_gap 0.03, unless they have another.
    """
    content = {
        "version": 1,
        "models": [TINY, MID, BIG],
        "reference": "big",
        "tiers": TIERS,
        **({} if parts.keys() & OBJECTIVES.keys() else {"max_gap": 0.03}),
        **parts,
    }
    return Policy.model_validate(content, strict=False)
