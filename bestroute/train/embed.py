"""Embeddings of the pretrained encoder as it comes: what the learned baselines of `evaluate` read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import normalize

from bestroute.artefacts.session import batches
from bestroute.train.encoder import TextEncoder, padded, tokenize

MAX_TOKENS = 256  # what the embedded router model reads of a query, head and tail
_BATCH_TOKENS = 1024  # a processor's caches hold it


def frozen_embeddings(texts: Sequence[str]) -> NDArray[np.float32]:
    """Unit vectors of shape (texts, 384): MiniLM with mean pooling, not fine-tuned.

    A text of any length costs bounded work: a long one keeps its head and its tail, as the router model
    reads it. Raises MissingExtra where the `train` extra is absent.
    """
    rows = tokenize(texts, MAX_TOKENS)
    encoder = TextEncoder().eval()
    vectors = np.empty((len(rows), encoder.width), np.float32)
    with torch.no_grad():
        for chosen in batches([len(row.ids) for row in rows], _BATCH_TOKENS):
            ids, mask = padded([rows[index] for index in chosen], "cpu")
            vectors[chosen] = normalize(encoder(ids, mask), dim=1).numpy()
    return vectors
