"""Queries made up so that all is known of them: what the router model says, and what each model scores."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bestroute.artefacts.manifest import Manifest
from bestroute.artefacts.predictor import Prediction
from bestroute.artefacts.session import TokenRow
from bestroute.records.record import Record, Response
from tests.fakes import CLASSES, QUALITY, make_policy

WIDTH = 40
MANIFEST = Manifest(
    kind="router",
    max_tokens=64,
    files={"model.onnx": "a" * 64},
    classes=CLASSES,
    max_n=4,
    reference="large",
    mean_output_tokens=(100.0, 200.0, 300.0),
    max_novelty=1.0,
    features=WIDTH,
)
NAMES = ("tiny", "mid", "big")
POLICY = make_policy(tiers=[{"model": name} for name in NAMES])


class Router:
    """A router model that says QUALITY of every query, and of query `i` the features of row i."""

    def __init__(self, features: np.ndarray, novelty: float = 2.0, manifest: Manifest = MANIFEST) -> None:
        self.features, self.novelty, self.manifest = features.astype(np.float32), novelty, manifest

    def tokenize(self, texts: Sequence[str]) -> list[TokenRow]:
        return [TokenRow([int(text.split()[-1])]) for text in texts]

    def predict(self, rows: Sequence[TokenRow], time_budget_s: float | None = None) -> Prediction:
        at, count = [row.ids[0] for row in rows], len(rows)
        quality = np.tile(np.array(QUALITY, np.float32), (count, 1, 1))
        tokens = np.tile(np.array([10, 20, 40], np.float32), (count, 1))
        novelty = np.full(count, self.novelty, np.float32)
        features = self.features[at] if self.manifest.features else None
        return Prediction(quality, quality, tokens, novelty, features)


def records_of(scores: np.ndarray, source: str = "own") -> list[Record]:
    """A record for each row of scores (queries, 3); NaN for a model that was not asked."""
    return [
        Record(
            id=str(row),
            source=source,
            prompt=f"query number {row}",
            responses={
                name: (Response(float(score), output_tokens=50.0),)
                for name, score in zip(NAMES, line, strict=True)
                if not np.isnan(score)
            },
        )
        for row, line in enumerate(scores)
    ]


def hard_and_easy(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Features (count, WIDTH) of which the first says what is hard, and scores 0 or 1 of the three models."""
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(count, WIDTH))
    features[:, 0] = np.where(generator.random(count) < 0.5, -3.0, 3.0)
    chances = 1 / (1 + np.exp(-features[:, [0]] * np.array([1.0, 0.7, 0.2]) - np.array([0.0, 1.0, 2.0])))
    return features, (generator.random((count, 3)) < chances).astype(float)
