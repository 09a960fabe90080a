"""All that a training reads, made ready: targets, weights and rows of token ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bestroute.artefacts.session import TokenRow, clip_characters, single_row
from bestroute.records.record import Record, split_of
from bestroute.train.fit import FitSettings
from bestroute.train.labels import (
    RouterTargets,
    classes_of,
    extra_names,
    prompt_text,
    taught_n,
    without_gain_where_unknown,
)
from bestroute.train.sentence.data import (
    Items,
    Weighing,
    parts,
    taught,
    training_items,
    weighted,
)
from bestroute.train.sentence.package import load_pieces
from bestroute.train.sentence.pieces import KEPT, kept_pieces, open_tokenizer, tokenizer_json
from bestroute.train.sentence.wordings import wordings


@dataclass(frozen=True)
class SentenceSettings:
    """What the router model shall predict, and how it is trained; see RouterSettings.

    `weighing`: of queries and of the squared error of their gaps. `pieces`: how many of the tokenizer's
    commonest pieces are kept. `dropout`: of what the heads read.
    """

    reference: str = "large"
    max_n: int = 10
    margin: float = 0.0
    max_tokens: int = 256
    weighing: Weighing = Weighing()
    pieces: int = KEPT
    dropout: float = 0.3
    fit: FitSettings = field(
        default_factory=lambda: FitSettings(
            epochs=3, batch_size=64, rate=4e-4, head_rate=5e-5, weight_decay=0.02, checkpoint_every=100
        )
    )


@dataclass(frozen=True)
class Lessons:
    """Items to train on and to validate by, targets to test on; rows of token ids by split, and of `views`
    of the training queries in other words, each a list as long as theirs.

    `taught_n`: for each class the largest n that records or the teacher tell of. `kept`: places of the pieces
    that `tokenizer`, a JSON text, has. `llms`: those with heads of their own.
    """

    classes: tuple[str, ...]
    llms: tuple[str, ...]
    taught_n: tuple[int, ...]
    train: Items
    validation: Items
    test: RouterTargets
    kept: NDArray[np.int64]
    tokenizer: str
    rows: dict[str, list[TokenRow]]
    views: tuple[list[TokenRow], ...]


def learn_from(
    records: Sequence[Record],
    extra: Sequence[Record],
    settings: SentenceSettings,
    teacher: Path | None,
    out: Path,
) -> Lessons:
    """Everything for a training that writes `out`."""
    classes = classes_of(records, settings.reference)
    split = parts(records, classes, settings.reference, settings.max_n, settings.margin)
    further = [record for record in extra if split_of(prompt_text(record)) == "train"]
    llms = extra_names(further)
    cache = beside(out, "lesson.npz")
    teaching = None if teacher is None else taught(teacher, records, extra, cache)
    train = training_items(split["train"], further, llms, teaching, settings.weighing)
    told = taught_n(train.targets)
    train = replace(train, targets=without_gain_where_unknown(train.targets))
    families = frozenset() if teaching is None else teaching.families
    validation = weighted(
        replace(split["validation"], extra=_unknown(split["validation"], len(llms))),
        _unknown(split["validation"], train.pooled.shape[1]),
        families,
        settings.weighing,
    )
    pieces = load_pieces()
    kept = kept_pieces(pieces, settings.pieces)
    tokenizer = tokenizer_json(pieces, kept)
    rows = {
        name: tokenize(tokenizer, items.targets.texts, settings.max_tokens)
        for name, items in (("train", train), ("validation", validation))
    }
    views = tuple(
        tokenize(tokenizer, texts, settings.max_tokens)
        for texts in zip(*wordings(train.targets.texts), strict=True)
    )
    return Lessons(
        tuple(classes), tuple(llms), told, train, validation, split["test"], kept, tokenizer, rows, views
    )  # fmt: skip


def tokenize(tokenizer: str, texts: Sequence[str], limit: int) -> list[TokenRow]:
    """Rows of the texts, as the router model reads them when it serves."""
    clipped = [clip_characters(text, limit) for text in texts]
    return [single_row(coded.ids, limit) for coded in open_tokenizer(tokenizer).encode_batch(clipped)]


def beside(out: Path, name: str) -> Path:
    """A hidden file beside the folder that is written, for what a stopped training goes on from."""
    return out.parent / f".{out.name}.{name}"


def _unknown(targets: RouterTargets, columns: int) -> NDArray[np.float64]:
    return np.full((len(targets.texts), columns), np.nan)
