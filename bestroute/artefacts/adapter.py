"""Adapter: a router model that knows own models, own traffic and own scores. numpy alone, microseconds.

A folder made by `bestroute adapt` holds, for every model of a policy, how its quality follows from what the
router model says of a query: a level and a slope on the log-odds of one of its columns, a ridge on its
features, and how fast quality rises with n.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bestroute.artefacts.known import KnownPredictor, with_known
from bestroute.artefacts.manifest import MEND, Manifest, adapted_manifest, check_files, read_manifest
from bestroute.artefacts.odds import bounded, odds_of
from bestroute.artefacts.predictor import Floats, OnnxPredictor, Prediction, Predictor
from bestroute.artefacts.session import TokenRow
from bestroute.errors import ArtefactError

WEIGHTS = "weights.npz"


@dataclass(frozen=True)
class Adapter:
    """What is known of M models, on a router model with d features (0 where it gives none); N is its max_n.

    With `seen = features @ readout + bias`, one response has the log-odds `seen[:M] + slope * z`, where z are
    those of the model's column; each n multiplies the odds by what it multiplies those of the column by, to
    the power of `growth`, and by `lift`. The odds that it is not worth one of the reference's are
    `match_factor` times those of `reference * (1 - quality)`, which is what they would be if either were
    right by itself, to the power of `match_slope`.

    `columns` (M,) of the router model; `slope`, `growth`, `match_factor`, `match_slope` (M,); `lift` (M, N).
    Output tokens are `tokens_scale` times the column's, and `tokens_shift` (M,). `readout` (d, M + r + 1) and
    `bias` (M + r + 1,): levels and ridge; r directions of own traffic, from its centre; what makes the square
    of the features that of the distance from the centre. `inside` (r,): how much less a step in each
    direction counts than `outside`, one in any other. `familiar`: what the router model's own novelty counts.
    Arithmetic is kept short: once the graph has run, every call of numpy is a cold one.
    """

    columns: NDArray[np.intp]
    slope: Floats
    growth: Floats
    lift: Floats
    match_factor: Floats
    match_slope: Floats
    tokens_scale: Floats
    tokens_shift: Floats
    readout: Floats
    bias: Floats
    inside: Floats
    outside: Floats
    familiar: Floats
    reference: int

    @property
    def models(self) -> int:
        """How many models there are."""
        return len(self.columns)

    def apply(self, said: Prediction) -> Prediction:
        """What is predicted of the models, from what the router model says of its columns."""
        column = odds_of(said.quality.take(self.columns, axis=1))
        single = column[:, :, :1]
        seen = self.bias if said.features is None else said.features @ self.readout + self.bias
        first = self.first(single[:, :, 0], seen)
        odds = np.exp(first)[:, :, None] * (column / single) ** self.growth[:, None] * self.lift
        quality = odds / (1 + odds)
        tokens = self.tokens_scale * said.output_tokens.take(self.columns, axis=1) + self.tokens_shift
        return Prediction(quality, self.match(quality), tokens, self.novelty(said, seen), said.features)

    def first(self, odds: Floats, seen: Floats) -> Floats:
        """Log-odds of one response of each model, (queries, M), from the odds of their columns."""
        return bounded(self.slope * np.log(odds) + seen[..., : self.models])

    def match(self, quality: Floats) -> Floats:
        """Probability that the kept response of n is worth one of the reference's, (queries, M, N)."""
        lost = quality[:, self.reference, :1, None] * (1 - quality)
        against = self.match_factor[:, None] * (lost / (1 - lost)) ** self.match_slope[:, None]
        match: Floats = (1 / (1 + against)).astype(np.float32, copy=False)
        return match

    def novelty(self, said: Prediction, seen: Floats) -> Floats | None:
        """How unlike each query is to both what the router model was trained on and own traffic, (queries,):
        above 1 it is novel to both. Of own traffic it is the square of a distance."""
        base = None if said.novelty is None else said.novelty * self.familiar
        if said.features is None:
            return base
        along = seen[:, self.models : -1]
        square = np.add.reduce(said.features * said.features, axis=1) + seen[:, -1]
        own: Floats = square * self.outside - along * along @ self.inside
        return own if base is None else np.minimum(base, own)

    def save(self, folder: Path) -> None:
        """Write the weights into a folder."""
        np.savez(folder / WEIGHTS, **asdict(self))


class AdaptedPredictor:
    """A router model with an adapter on it: its columns are own models.

    Raises ArtefactError when the folder is missing, damaged, of another kind, or of another router model.
    """

    def __init__(self, base: Predictor, folder: Path) -> None:
        own = read_manifest(folder, "adapter")
        check_files(folder, own)
        self.base, self.folder = base, folder
        self.manifest = adapted_manifest(base.manifest, own, folder)
        self.adapter = read_adapter(folder, own, base.manifest)

    def tokenize(self, texts: Sequence[str]) -> list[TokenRow]:
        """As the router model does."""
        return self.base.tokenize(texts)

    def predict(self, rows: Sequence[TokenRow], time_budget_s: float | None = None) -> Prediction:
        """What the router model predicts, and what that means for own models."""
        return self.adapter.apply(self.base.predict(rows, time_budget_s))


def open_predictor(
    router: Path, adapter: Path | None, columns: Iterable[str] = (), threads: int = 1
) -> Predictor:
    """The router model of a folder with what stands on it; see `standing_on`. Raises ArtefactError."""
    return standing_on(OnnxPredictor(router, threads), router, adapter, columns)


def standing_on(base: Predictor, router: Path, adapter: Path | None, columns: Iterable[str]) -> Predictor:
    """A router model that is open, `router` its folder, with an adapter on it where one is named; else with
    the columns of the LLMs that some of `columns` mean. An adapter says itself on which it rests.

    Raises ArtefactError.
    """
    if adapter is None:
        return with_known(base, router, columns)
    rests_on = read_manifest(adapter, "adapter").llms
    return AdaptedPredictor(with_known(base, router, rests_on), adapter)


def router_model(opened: Predictor) -> Predictor:
    """What a predictor stands on: the router model itself."""
    while isinstance(opened, (AdaptedPredictor, KnownPredictor)):
        opened = opened.base
    return opened


def read_adapter(folder: Path, manifest: Manifest, router: Manifest) -> Adapter:
    """The weights of a folder. Raises ArtefactError where they are not what the manifests promise."""
    path = folder / WEIGHTS
    names = [field.name for field in fields(Adapter)]
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays: dict[str, Any] = {name: file[name] for name in names}
        arrays["reference"] = int(arrays["reference"])
    except (OSError, ValueError, TypeError, KeyError, zipfile.BadZipFile) as error:
        raise ArtefactError(f"{path}: cannot be read ({error}); {MEND}") from error
    adapter = Adapter(**arrays)
    models, classes = len(manifest.classes), len(router.classes)
    fits = (
        adapter.columns.shape == (models,)
        and ((adapter.columns >= 0) & (adapter.columns < classes)).all()
        and adapter.lift.shape == (models, router.max_n)
        and adapter.readout.shape == (router.features, models + len(adapter.inside) + 1)
        and adapter.bias.shape == adapter.readout.shape[1:]
        and 0 <= adapter.reference < models
    )
    if not fits:
        raise ArtefactError(f"{path}: is not for {models} models of this router model; {MEND}")
    return adapter
