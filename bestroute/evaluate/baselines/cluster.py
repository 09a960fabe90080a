"""Clustering (BEST-Route, appendix A.2): queries of like words take like arms."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from bestroute.errors import require
from bestroute.evaluate.baselines.decide import by_utility
from bestroute.evaluate.baselines.examples import Floats
from bestroute.evaluate.curve import Strategy
from bestroute.evaluate.replay import Replay

CLUSTERS = 50
QUERIES_EACH = 10  # fewer tell a cluster's best arm by chance
WORDS = 20_000


def clustering(train: Replay, texts: Sequence[str], seed: int) -> Strategy:
    """TF-IDF and K-means with K = 50; the arm of highest quality - dial * cost in the mean of a cluster.

    Fewer clusters where there are fewer than ten training queries for each.
    """
    words = require("sklearn.feature_extraction.text", "evaluate").TfidfVectorizer(
        max_features=WORDS, sublinear_tf=True, token_pattern=r"(?u)\w+|[^\w\s]"
    )
    known = words.fit_transform(_not_blank(train.texts))
    count = max(1, min(CLUSTERS, len(train.texts) // QUERIES_EACH))
    model = require("sklearn.cluster", "evaluate").KMeans(count, n_init=4, random_state=seed)
    with warnings.catch_warnings():  # fewer different queries than clusters is no fault
        warnings.simplefilter("ignore", require("sklearn.exceptions", "evaluate").ConvergenceWarning)
        home = model.fit_predict(known)
    asked = model.predict(words.transform(_not_blank(texts))) if texts else np.empty(0, np.int64)
    quality, cost, single = (
        _means(values, home, count)[asked] for values in (train.quality, train.cost, train.single)
    )
    return by_utility("clustering", quality, cost, single)


def _means(values: Floats, home: Floats, count: int) -> Floats:
    """Mean row of each cluster; of all rows where a cluster is empty."""
    return np.array(
        [values[home == cluster].mean(axis=0) if (home == cluster).any() else values.mean(axis=0)
         for cluster in range(count)]
    )  # fmt: skip


def _not_blank(texts: Sequence[str]) -> list[str]:
    return [text if text.strip() else "." for text in texts]  # a picture without a word
