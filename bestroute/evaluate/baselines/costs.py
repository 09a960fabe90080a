"""What each arm is expected to cost for a query that has not been asked yet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bestroute.evaluate.baselines.examples import Floats
from bestroute.evaluate.replay import Replay
from bestroute.text import estimate_tokens


def expected_cost(train: Replay, texts: Sequence[str]) -> Floats:
    """US$ of every arm for each of `texts`, shape (texts, arms): a straight line in the query's length.

    Least squares on the training queries' costs; no arm is taken to be cheaper than on any of them.
    """
    line, *_ = np.linalg.lstsq(_lengths(train.texts), train.cost, rcond=None)
    cost: Floats = np.maximum(_lengths(texts) @ line, train.cost.min(axis=0))
    return cost


def _lengths(texts: Sequence[str]) -> Floats:
    return np.array([(1.0, estimate_tokens(text)) for text in texts]).reshape(-1, 2)
