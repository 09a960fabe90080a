"""Texts as the reward model's encoder reads them, each once: a head learns from what it will meet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from bestroute.artefacts.facts import FACTS
from bestroute.artefacts.manifest import Manifest, sha256
from bestroute.artefacts.reward import BUCKETS, HEAD, Buckets, Head, OnnxRewardModel, buckets_of
from bestroute.train.folder import write_manifest
from bestroute.train.sentence.encoder import FEATURES, SentenceEncoder
from bestroute.train.sentence.graph import encoder_graph
from bestroute.train.sentence.lessons import tokenize
from bestroute.train.sentence.package import load_pieces
from bestroute.train.sentence.pieces import kept_pieces, tokenizer_json

_RANGING = 200  # texts that the graph's fixed ranges are taken from


class Readings:
    """The encoder's features of texts, in half precision, and the buckets of their pieces.

    `folder` becomes a reward model whose head says nothing yet: the pretrained encoder, its tokenizer and a
    manifest. Texts beyond those given are read when they are asked for.
    """

    def __init__(self, texts: Iterable[str], folder: Path, max_tokens: int) -> None:
        known = list(dict.fromkeys(texts))
        _write_encoder(folder, known, max_tokens)
        self.folder = folder
        self._model = OnnxRewardModel(folder, threads=0)
        self._places: dict[str, int] = {}
        self._features = np.empty((0, FEATURES), np.float16)
        self._buckets: list[NDArray[np.uint16]] = []
        self._add(known)

    def of(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Features, shape (texts, FEATURES)."""
        self._add([text for text in dict.fromkeys(texts) if text not in self._places])
        return self._features[[self._places[text] for text in texts]].astype(np.float32)

    def buckets(self, texts: Sequence[str]) -> list[Buckets]:
        """The buckets of each text's pieces and pairs."""
        self._add([text for text in dict.fromkeys(texts) if text not in self._places])
        return [self._buckets[self._places[text]].astype(np.int64) for text in texts]

    def _add(self, texts: Sequence[str]) -> None:
        if texts:
            rows = self._model.rows(texts)
            read = self._model.read_rows(rows).astype(np.float16)
            self._places |= {text: len(self._features) + at for at, text in enumerate(texts)}
            self._features = np.concatenate([self._features, read])
            self._buckets += [buckets_of(row).astype(np.uint16) for row in rows]


def _write_encoder(folder: Path, texts: Sequence[str], max_tokens: int) -> None:
    pieces = load_pieces()
    kept = kept_pieces(pieces)
    tokenizer = tokenizer_json(pieces, kept)
    chosen = np.random.default_rng(0).permutation(len(texts))[:_RANGING]
    rows = tokenize(tokenizer, [texts[at] for at in chosen], max_tokens)
    onnx.save(encoder_graph(SentenceEncoder(kept), rows), folder / "model.onnx")
    (folder / "tokenizer.json").write_text(tokenizer, "utf-8")
    write_head(folder, silent_head())
    manifest = Manifest(kind="reward", max_tokens=max_tokens, files={}, features=FEATURES)
    write_manifest(folder, with_digests(folder, manifest))


def write_head(folder: Path, head: Head) -> None:
    """The head's weights in half precision."""
    weights = {name: getattr(head, name).astype(np.float16) for name in Head.__dataclass_fields__}
    np.savez_compressed(folder / HEAD, **weights)


def with_digests(folder: Path, manifest: Manifest) -> Manifest:
    """The manifest of the files that lie in the folder."""
    names = sorted(path.name for path in folder.iterdir() if path.name != "manifest.json")
    return replace(manifest, files={name: sha256(folder / name) for name in names})


def silent_head(width: int = 1, hidden: int = 1) -> Head:
    """A head whose every logit is 0."""
    facts = len(FACTS)
    shapes = {
        "query": (FEATURES, width), "query_bias": (width,), "response": (FEATURES, width),
        "response_bias": (width,), "mixed": (3 * width + facts, hidden), "mixed_bias": (hidden,),
        "out": (hidden,), "plain": (FEATURES,), "facts": (facts,), "wide": (BUCKETS,),
        "centre": (facts,), "spread": (facts,), "scale": (1,), "shift": (1,),
    }  # fmt: skip
    values = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    return Head(**values | {"spread": np.ones(facts, np.float32)})
