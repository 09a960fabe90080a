"""What the learned baselines read of a query: the pretrained sentence encoder that is embedded.

It is that of the embedded reward model, the Universal Sentence Encoder, multilingual, which no training of
ours changed. The router model's was tuned on the very qualities that the baselines are to predict.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bestroute.artefacts.manifest import default_folder
from bestroute.artefacts.reward import OnnxRewardModel
from bestroute.evaluate.baselines.examples import Vectors
from bestroute.evaluate.processes import in_processes

Embed = Callable[[Sequence[str]], NDArray[np.float32]]
COMPONENTS = 384
_BATCH = 256  # texts


def frozen_features(texts: Sequence[str], processes: int = 1) -> NDArray[np.float32]:
    """What the frozen encoder says of one text or more, shape (texts, features), read in so many processes.

    A text of any length costs bounded work: a long one keeps its head and its tail.
    """
    parts = [texts[start : start + _BATCH] for start in range(0, len(texts), _BATCH)]
    return np.concatenate(list(in_processes(_Encoder(), parts, processes)))


def principal(known: Vectors, asked: Vectors) -> tuple[Vectors, Vectors]:
    """Both on the first principal components of `known`, standardised first; as unit vectors.

    The encoder gives means, layers and a length side by side, each on a scale of its own; so the widest does
    not speak for all, and a fit takes a tenth of the time.
    """
    centre, spread = known.mean(axis=0), known.std(axis=0) + 1e-3
    standard = (known - centre) / spread
    _, directions = np.linalg.eigh(standard.T @ standard)
    ahead = directions[:, : -COMPONENTS - 1 : -1]
    return _unit(standard @ ahead), _unit((asked - centre) / spread @ ahead)


class _Encoder:
    """Reads texts; the graph is opened at the first, so that every process has its own."""

    @cached_property
    def _model(self) -> OnnxRewardModel:
        return OnnxRewardModel(default_folder("reward"))

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self._model.read(texts)


def _unit(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    units: Vectors = vectors / np.maximum(lengths, 1e-9)
    return units
