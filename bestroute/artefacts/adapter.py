"""Adapter: a router model that knows own models, own traffic and own scores. numpy alone, microseconds.

A folder made by `bestroute adapt` holds, for every model of a policy, how its quality follows from what the
router model says of a query: a level and a slope on the log-odds of one of its columns, a ridge on its
features, and how fast quality rises with n.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bestroute.artefacts.known import KnownPredictor, with_known
from bestroute.artefacts.manifest import MEND, Manifest, adapted_manifest, check_files, read_manifest
from bestroute.artefacts.predictor import Floats, OnnxPredictor, Prediction, Predictor
from bestroute.artefacts.product import product
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

    @cached_property
    def _ready(self) -> _Ready:
        return _Ready.of(self)

    def apply(self, said: Prediction) -> Prediction:
        """What is predicted of the models, from what the router model says of its columns."""
        ready = self._ready
        against = said.quality.take(self.columns, axis=1)
        np.minimum(np.maximum(against, _LEAST, out=against), _MOST, out=against)
        spare = _ONE - against
        np.log(np.divide(spare, against, out=spare), out=spare)
        first = spare[:, :, :1] * ready.slope
        if said.features is not None:
            first += product(said.features, ready.ridge)[:, :, None]
        spare *= ready.growth
        spare += ready.level
        spare += first
        against = np.exp(np.minimum(spare, _FAR, out=spare), out=spare)
        whole = against + _ONE
        quality = _ONE / whole
        tokens = said.output_tokens.take(self.columns, axis=1)
        tokens *= ready.tokens_scale
        tokens += ready.tokens_shift
        match = self._match(quality, against, whole)
        return Prediction(quality, match, tokens, self._novelty(said), said.features)

    def _match(self, quality: Floats, against: Floats, whole: Floats) -> Floats:
        """Probability that the kept response of n is worth one of the reference's, (queries, M, N), from the
        odds against each quality and one more than they are; both are written over."""
        ready = self._ready
        against *= quality[:, self.reference, None, :1]
        whole -= against
        np.power(np.divide(against, whole, out=whole), ready.match_slope, out=whole)
        whole *= ready.match_factor
        whole += _ONE
        return np.divide(_ONE, whole, out=whole)

    def _novelty(self, said: Prediction) -> Floats | None:
        """How unlike each query is to both what the router model was trained on and own traffic, (queries,):
        above 1 it is novel to both. Own traffic is asked only where the router model finds a query novel; of
        it novelty is the square of a distance."""
        base = None if said.novelty is None else said.novelty * self.familiar
        if said.features is None or (base is not None and max(base.tolist(), default=0.0) <= 1):
            return base
        seen = product(said.features, self.readout[:, self.models :]) + self.bias[self.models :]
        along = seen[:, :-1]
        square = np.add.reduce(said.features * said.features, axis=1) + seen[:, -1]
        own: Floats = square * self.outside - along * along @ self.inside
        return own if base is None else np.where(base > 1, np.minimum(base, own), base)

    def save(self, folder: Path) -> None:
        """Write the weights into a folder."""
        np.savez(folder / WEIGHTS, **asdict(self))


_ONE, _LEAST, _MOST = (np.array(value, np.float32) for value in (1, 1e-4, 1 - 1e-4))
_FAR = np.array(9.2, np.float32)  # log-odds of about the latter


class _Ready(NamedTuple):
    """An adapter's arrays as its arithmetic takes them: on log-odds against, so that signs are turned.

    `slope` (1, M, 1), of what n = 1 counts beside; `growth`, `level`, with the lifts, `match_factor` and
    `match_slope` (1, M, N); `tokens_scale` and `tokens_shift` (1, M); `ridge` (d, M). All but the first and
    the last have the very shape of what one query has: numpy then need not broadcast, half of its time.
    """

    growth: Floats
    slope: Floats
    level: Floats
    ridge: Floats
    match_factor: Floats
    match_slope: Floats
    tokens_scale: Floats
    tokens_shift: Floats

    @classmethod
    def of(cls, adapter: Adapter) -> _Ready:
        models = adapter.models
        level = -adapter.bias[:models, None] - np.log(adapter.lift)
        same = np.ones_like(level[None])
        return cls(
            growth=same * adapter.growth[:, None],
            slope=(adapter.slope - adapter.growth)[None, :, None],
            level=level[None],
            ridge=-adapter.readout[:, :models],
            match_factor=same * adapter.match_factor[:, None],
            match_slope=same * adapter.match_slope[:, None],
            tokens_scale=adapter.tokens_scale[None],
            tokens_shift=adapter.tokens_shift[None],
        )


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
