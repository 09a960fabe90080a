"""One router model for several routers that see the same batch of queries: each query is predicted once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bestroute.artefacts.predictor import Prediction, Predictor
from bestroute.artefacts.session import TokenRow


class SharedPredictor:
    """A predictor that remembers what it said, until `forget`. For one thread at a time.

    Memory grows with the different queries that were asked since: forget after every batch.
    """

    def __init__(self, predictor: Predictor) -> None:
        self.manifest = predictor.manifest
        self._predictor = predictor
        self._rows: dict[str, TokenRow] = {}
        self._said: dict[tuple[int, ...], tuple[Prediction, int]] = {}

    def forget(self) -> None:
        """Forget every query."""
        self._rows.clear()
        self._said.clear()

    def tokenize(self, texts: Sequence[str]) -> list[TokenRow]:
        """As the predictor does; a text once."""
        fresh = [text for text in dict.fromkeys(texts) if text not in self._rows]
        self._rows.update(zip(fresh, self._predictor.tokenize(fresh), strict=True))
        return [self._rows[text] for text in texts]

    def predict(self, rows: Sequence[TokenRow], time_budget_s: float | None = None) -> Prediction:
        """As the predictor does; a row once."""
        keys = [tuple(row.ids) for row in rows]
        fresh = {key: row for key, row in zip(keys, rows, strict=True) if key not in self._said}
        if fresh or not rows:
            prediction = self._predictor.predict(list(fresh.values()), time_budget_s)
            self._said |= {key: (prediction, index) for index, key in enumerate(fresh)}
            if len(fresh) == len(rows):
                return prediction
        said = [self._said[key] for key in keys]
        novelty = [one.novelty[index] for one, index in said if one.novelty is not None]
        features = [one.features[index] for one, index in said if one.features is not None]
        return Prediction(
            np.stack([one.quality[index] for one, index in said]),
            np.stack([one.match[index] for one, index in said]),
            np.stack([one.output_tokens[index] for one, index in said]),
            np.array(novelty, np.float32) if novelty else None,
            np.stack(features) if features else None,
        )
