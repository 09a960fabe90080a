"""Texts near the training queries for a teacher to label, so that a student meets more of what it knows."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator

from bestroute.records.record import Record, bucket
from bestroute.train.labels import prompt_text

_OPTIONS = re.compile(r"\nOptions:\n(?=A\. )")
_LETTER = re.compile(r"\n(?=[A-J]\. )")
_PASSAGE = 600  # characters: about what a query has


def variants(records: Iterable[Record]) -> list[str]:
    """Every multiple-choice query once more, with its options shuffled, cut or left out, and a passage of a
    response to every second query. A query's text alone decides which, so a run repeats."""
    return list(dict.fromkeys(text for record in records for text in _of(record)))


def _of(record: Record) -> Iterator[str]:
    text = prompt_text(record)
    parts = _OPTIONS.split(text)
    if len(parts) == 2:
        yield _reworked(parts[0], [option[3:] for option in _LETTER.split(parts[1])], text)
    passages = [item.text for items in record.responses.values() for item in items if item.text]
    if passages and bucket(text, "passage", 2):
        yield passages[bucket(text, "which", len(passages))][:_PASSAGE]


def _reworked(stem: str, options: list[str], text: str) -> str:
    kind = bucket(text, "variant", 3)
    if kind == 0:
        return stem
    random.Random(bucket(text, "shuffle", 1 << 30)).shuffle(options)
    kept = options if kind == 1 else options[: max(2, len(options) // 2)]
    lines = [f"{letter}. {option}" for letter, option in zip("ABCDEFGHIJ", kept, strict=False)]
    return f"{stem}\nOptions:\n" + "\n".join(lines)
