"""The LLMs that a router model knows, fitted from records and written into its folder."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bestroute.artefacts.known import RIDGES, Known, Llm, Told, known_text
from bestroute.artefacts.manifest import LLMS, SEEN, Manifest, seen_queries, sha256
from bestroute.artefacts.predictor import Prediction, Predictor
from bestroute.errors import InputError
from bestroute.records.record import Record
from bestroute.train.adapt.own import joined, predict_all
from bestroute.train.folder import new_folder, write_manifest, write_seen
from bestroute.train.llms.fit import FEWEST, Column, fit_columns
from bestroute.train.llms.read import Answers, Corpus, read_corpus

_BATCH = 64


def add_llms(
    folder: Path,
    records: Iterable[Record],
    base: Predictor,
    recipe: dict[str, Any],
    advance: Callable[[], None] = lambda: None,
) -> Known:
    """Fit a column for every LLM that stands in 50 training queries or more, and write them into `folder`,
    that of the router model `base`, in place of those it had.

    Responses by the names of its classes give the levels of these. `recipe` (command, data digests) goes into
    the manifest; `advance` is called at every query. Raises InputError where no LLM is known well enough.
    """
    classes = base.manifest.classes
    corpus = read_corpus(records)
    llms = [one for one in corpus.answers if one.name not in classes and _fits(corpus, one) >= FEWEST]
    if not llms:
        raise InputError(f"no LLM stands in {FEWEST} training queries, so none can be known by name")
    columns = fit_columns(corpus, _predicted(base, corpus.texts, advance), llms)
    rows = _rows(columns)
    told = [told for name in classes for told in corpus.answers if told.name == name]
    known = Known(
        classes=tuple(Told(one.name, len(one.places), one.levels(corpus.sources)) for one in told),
        llms=tuple(_llm(corpus, one, row, classes) for one, row in zip(columns, rows, strict=True)),
    )
    steps = Counter(one.step for one in columns)
    metrics = {"known": len(known.llms), "steps": dict(steps.most_common())}
    _write(folder, base.manifest, corpus, known, columns, recipe, metrics)
    return known


def _fits(corpus: Corpus, answers: Answers) -> int:
    return len(corpus.of(answers, "train").places)


def _predicted(base: Predictor, texts: Sequence[str], advance: Callable[[], None]) -> Prediction:
    parts = []
    for start in range(0, len(texts), _BATCH):
        batch = texts[start : start + _BATCH]
        parts.append(predict_all(base, batch))
        for _ in batch:
            advance()
    return joined(parts)


def _rows(columns: Sequence[Column]) -> list[int | None]:
    """Where each LLM's ridge will stand."""
    ridged = [place for place, one in enumerate(columns) if one.step == "features"]
    return [ridged.index(place) if place in ridged else None for place in range(len(columns))]


def _llm(corpus: Corpus, column: Column, row: int | None, classes: Sequence[str]) -> Llm:
    answers, mapping = column.answers, column.mapping
    return Llm(
        name=answers.name,
        queries=len(answers.places),
        levels=answers.levels(corpus.sources),
        also=answers.also,
        class_=classes[column.class_],
        level=round(float(mapping.level[0] + mapping.shift[0]), 5),
        slope=round(float(mapping.slope[0]), 5),
        tokens_scale=round(column.tokens[0], 4),
        tokens_shift=round(column.tokens[1], 1),
        output_tokens=round(column.mean_tokens, 1),
        row=row,
    )


def _write(
    folder: Path, manifest: Manifest, corpus: Corpus, known: Known, columns: Sequence[Column],
    recipe: dict[str, Any], metrics: dict[str, Any],
) -> None:  # fmt: skip
    """The folder as it was, with the list, the ridges and what was seen."""
    ridges: list[NDArray[np.float16]] = [
        one.mapping.ridge[:, 0].astype(np.float16) for one in columns if one.step == "features"
    ]
    with new_folder(folder, "router") as new:
        shutil.copytree(folder, new, dirs_exist_ok=True)
        (new / LLMS).write_text(known_text(known), "utf-8")
        np.save(new / RIDGES, np.array(ridges, np.float16).reshape(len(ridges), manifest.features))
        write_seen(new, corpus.texts, seen_queries(folder))
        files = {**manifest.files, **{name: sha256(new / name) for name in (LLMS, RIDGES, SEEN)}}
        write_manifest(
            new,
            replace(
                manifest,
                files=files,
                recipe={**manifest.recipe, "llms": recipe},
                metrics={**manifest.metrics, "llms": metrics},
            ),
        )
