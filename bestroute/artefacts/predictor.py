"""Predictor: queries in, predicted quality of every (class, n) out. Knows nothing of policies or prices."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path
from typing import NamedTuple, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from bestroute.artefacts.manifest import Manifest
from bestroute.artefacts.session import Session, TokenRow, clip_characters, single_row

Floats = NDArray[np.float32]


class Column(NamedTuple):
    """A class as an arm asks it: its column, the responses asked of it, and the largest n that was taught."""

    place: int
    n: int
    taught: int


Columns: TypeAlias = tuple[Column, ...]
"""An arm as the router model sees it."""


@dataclass(frozen=True)
class Prediction:
    """What the router model says of a batch of queries.

    `quality` and `match` have shape (queries, classes, n = 1..max_n) and, but for a router model that was
    trained with independent heads, never fall along n; `output_tokens`
    has shape (queries, classes). Qualities and probabilities lie in 0..1. `novelty` has shape (queries,): how
    unlike its training queries the model finds each; None where the artefact cannot tell. `features`, of
    shape (queries, manifest.features), is what its encoder says of each before any head; None without.
    """

    quality: Floats
    match: Floats
    output_tokens: Floats
    novelty: Floats | None = None
    features: Floats | None = None


@runtime_checkable
class Predictor(Protocol):
    """Anything that predicts; `manifest` tells its classes in column order, max_n and reference."""

    manifest: Manifest

    def tokenize(self, texts: Sequence[str]) -> list[TokenRow]:
        """Token rows of the texts; bounded work for a text of any length."""
        ...

    def predict(self, rows: Sequence[TokenRow], time_budget_s: float | None = None) -> Prediction:
        """Predictions for the rows in order. Raises PredictorError (PredictorOverrun past the budget)."""
        ...


def columns_of(parts: Iterable[tuple[str, int]], manifest: Manifest) -> Columns | None:
    """The column of each class with the responses asked of it; None where one of them was not learned."""
    columns = {name: index for index, name in enumerate(manifest.classes)}
    found = [(columns.get(name), n) for name, n in parts]
    known = tuple(
        Column(place, n, manifest.taught(place))
        for place, n in found
        if place is not None and n <= manifest.max_n
    )
    return known if len(known) == len(found) else None


def mixed(values: Floats, parts: Columns, n: int) -> NDArray[np.float64]:
    """What `values` (..., classes, n) say of the best of n responses of several classes, shape (...).

    The responses are taken as n of one class whose curve is the mean of the parts', weighted by their
    responses: the sum over parts of n_c / N * values[c, n]. For a single part that is its own curve. Beyond
    the last n that was taught its value stands: nothing was seen there, and it is no boast, since quality
    never falls with n.
    """
    if len(parts) == 1:  # nearly always, and a sixth of the time
        return np.asarray(values[..., parts[0].place, min(n, parts[0].taught) - 1].astype(float))
    total = sum(part.n for part in parts)
    curves = [
        count / total * values[..., place, min(n, taught) - 1].astype(float) for place, count, taught in parts
    ]
    return reduce(add, curves)


def best_of(curves: Sequence[Sequence[float]], parts: Columns, n: int) -> float:
    """As `mixed`, of the curves of one query as plain numbers."""
    if len(parts) == 1:
        return curves[parts[0].place][min(n, parts[0].taught) - 1]
    total = sum(part.n for part in parts)
    return sum(count / total * curves[place][min(n, taught) - 1] for place, count, taught in parts)


class OnnxPredictor:
    """The router model of an artefact folder, on onnxruntime.

    Raises ArtefactError when the folder is missing, damaged, of another kind, or of other shapes than its
    manifest says. Safe to share between threads.
    """

    def __init__(self, folder: Path, threads: int = 1) -> None:
        self._session = Session(folder, "router", threads)
        self.manifest = self._session.manifest
        classes, max_n = len(self.manifest.classes), self.manifest.max_n
        self._session.check_output("quality", classes, max_n)
        self._session.check_output("match", classes, max_n)
        self._session.check_output("output_tokens", classes)
        self._tells_novelty = self.manifest.max_novelty is not None
        if self._tells_novelty:
            self._session.check_output("novelty")
        if self.manifest.features:
            self._session.check_output("features", self.manifest.features)

    def tokenize(self, texts: Sequence[str]) -> list[TokenRow]:
        """Token rows of the texts: [CLS] head ... tail [SEP], at most `max_tokens` ids."""
        limit = self.manifest.max_tokens
        encode = self._session.encode  # one by one: encode_batch starts threads in the host's process
        return [single_row(encode(clip_characters(text, limit)), limit) for text in texts]

    def predict(self, rows: Sequence[TokenRow], time_budget_s: float | None = None) -> Prediction:
        """Predictions for the rows in order; a row's result does not depend on the others."""
        if not rows:
            return self._nothing()
        outputs = self._session.run(rows, time_budget_s=time_budget_s)
        novelty = outputs["novelty"] if self._tells_novelty else None
        features = outputs["features"] if self.manifest.features else None
        return Prediction(outputs["quality"], outputs["match"], outputs["output_tokens"], novelty, features)

    def _nothing(self) -> Prediction:
        classes, max_n, width = len(self.manifest.classes), self.manifest.max_n, self.manifest.features
        curves, tokens = np.empty((0, classes, max_n), np.float32), np.empty((0, classes), np.float32)
        novelty = tokens[:, 0] if self._tells_novelty else None
        features = np.empty((0, width), np.float32) if width else None
        return Prediction(curves, curves, tokens, novelty, features)
