"""The encoder's SentencePiece model as a tokenizers JSON, cut to the pieces that are kept."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bestroute.errors import require
from bestroute.train.sentence.package import PieceModel

KEPT = 44_000
_CONTROL = ("\0unknown", "\0start", "\0end")  # names that no text normalises to: "<s>" in a query is text


def kept_pieces(model: PieceModel, count: int = KEPT) -> NDArray[np.int64]:
    """Places of the `count` commonest pieces, and of every single character beyond them.

    A text of any language that the encoder has can then still be written, if in more pieces.
    """
    places = range(len(model.pieces))
    return np.array([at for at in places if at < count or len(model.pieces[at]) == 1], np.int64)


def tokenizer_json(model: PieceModel, kept: Sequence[int] | NDArray[np.int64]) -> str:
    """The tokenizer of the kept pieces, which are numbered anew in this order."""
    vocabulary: list[list[Any]] = [[model.pieces[at], _short(model.scores[at])] for at in kept]
    for place, name in enumerate(_CONTROL):
        vocabulary[place][0] = name
    charsmap = base64.b64encode(model.charsmap).decode()
    content: dict[str, Any] = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": {
            "type": "Sequence",
            "normalizers": [
                {"type": "Precompiled", "precompiled_charsmap": charsmap},
                {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "},
                {"type": "Strip", "strip_left": True, "strip_right": True},
            ],
        },
        "pre_tokenizer": {
            "type": "Metaspace",
            "replacement": "▁",
            "prepend_scheme": "always",
            "split": True,
        },
        "post_processor": _framed(),
        "decoder": None,
        "model": {"type": "Unigram", "unk_id": 0, "vocab": vocabulary, "byte_fallback": False},
    }
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def open_tokenizer(content: str) -> Any:
    """The tokenizer of such a JSON text."""
    return require("tokenizers", "train").Tokenizer.from_str(content)


def _short(score: float) -> float:
    """As few digits as tell a score from every other of single precision: they are a quarter of the file."""
    return float(str(np.float32(score)))


def _framed() -> dict[str, Any]:
    """Every text begins with the control piece 1 and ends with 2."""
    _, start, end = _CONTROL
    tokens = {name: {"id": name, "ids": [place], "tokens": [name]} for place, name in ((1, start), (2, end))}
    whole = {"Sequence": {"id": "A", "type_id": 0}}
    first, last = ({"SpecialToken": {"id": name, "type_id": 0}} for name in (start, end))
    second = {"Sequence": {"id": "B", "type_id": 1}}
    return {
        "type": "TemplateProcessing",
        "single": [first, whole, last],
        "pair": [whole, second],
        "special_tokens": tokens,
    }
