"""What there is to learn from: records, further LLMs, and a teacher's word, as one list of items."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bestroute.artefacts.manifest import read_manifest, seen_queries
from bestroute.errors import TrainingError
from bestroute.records.record import Record, family_of, query_hash, split_of
from bestroute.train.labels import Floats, RouterTargets, prompt_text, router_targets, with_extra
from bestroute.train.teacher import Lesson, cached_lesson
from bestroute.train.variants import variants

_SHARE = 0.4  # of a target that the teacher says, where the truth is known too
_VARIANTS = "variants"


@dataclass(frozen=True)
class Weighing:
    """How much a query counts: m ** -`balance` in a family of m queries, and the squared error of its gap
    `gap` times that, or `taught_gap` times where a teacher is believed."""

    balance: float = 0.5
    gap: float = 2.0
    taught_gap: float = 12.0


@dataclass(frozen=True)
class Items:
    """Targets of a list of queries with their weights, those of their gaps, and a teacher's vector for each,
    (queries, width), NaN where it did not speak."""

    targets: RouterTargets
    weights: Floats
    gaps: Floats
    pooled: Floats


@dataclass(frozen=True)
class Teaching:
    """A teacher's word on `texts`, and the source families on whose classes it is to be believed."""

    texts: list[str]
    said: Lesson
    families: frozenset[str]


def taught(folder: Path, records: Sequence[Record], extra: Sequence[Record], cache: Path) -> Teaching:
    """What the router model at `folder` says of the training queries that it was trained on too, and of
    variants of those of its own families."""
    families = frozenset(read_manifest(folder, "router").metrics.get("test", {})) - {"overall"}
    seen = set(seen_queries(folder).tolist())
    own = [record for record in records if family_of(record.source) in families]
    texts = dict.fromkeys(
        text
        for text in (prompt_text(record) for record in [*records, *extra])
        if split_of(text) == "train" and query_hash(text) in seen
    )
    more = variants(record for record in own if prompt_text(record) in texts)
    everything = list(dict.fromkeys([*texts, *more]))
    return Teaching(everything, cached_lesson(folder, everything, cache), families)


def parts(
    records: Sequence[Record], classes: Sequence[str], reference: str, max_n: int, margin: float
) -> dict[str, RouterTargets]:
    """Targets of the train, validation and test queries. Raises TrainingError where a split has none."""
    split: dict[str, list[Record]] = {"train": [], "validation": [], "test": []}
    for record in records:
        split[split_of(prompt_text(record))].append(record)
    for name, part in split.items():
        if not part:
            raise TrainingError(f"no query falls into the {name} split; {len(records)} records are too few")
    return {name: router_targets(part, classes, reference, max_n, margin) for name, part in split.items()}


def training_items(
    targets: RouterTargets,
    extra: Sequence[Record],
    names: Sequence[str],
    teaching: Teaching | None,
    weighing: Weighing,
) -> Items:
    """All there is to train on."""
    targets = with_extra(targets, extra, names)
    if teaching is None:
        nothing = np.full((len(targets.texts), 0), np.nan)
        return weighted(targets, nothing, frozenset(), weighing)
    targets, pooled = _with_teaching(targets, teaching)
    return weighted(targets, pooled, teaching.families, weighing)


def weighted(targets: RouterTargets, pooled: Floats, families: frozenset[str], weighing: Weighing) -> Items:
    """The targets with their weights; `families` are those on which a teacher is believed."""
    own = [family_of(source) for source in targets.sources]
    sizes = Counter(own)
    weights = np.array([sizes[family] ** -weighing.balance for family in own])
    gaps = np.array([weighing.taught_gap if family in families else weighing.gap for family in own])
    return Items(targets, weights, gaps, pooled)


def _with_teaching(targets: RouterTargets, teaching: Teaching) -> tuple[RouterTargets, Floats]:
    """Targets blended with the teacher's where both know, filled where it alone does, and what it reads."""
    places = {text: row for row, text in enumerate(targets.texts)}
    new = [text for text in teaching.texts if text not in places]
    targets = _lengthened(targets, new)
    places |= {text: len(places) + row for row, text in enumerate(new)}
    rows = np.array([places[text] for text in teaching.texts])
    believed = np.array([family_of(targets.sources[row]) in teaching.families | {_VARIANTS} for row in rows])
    quality, match, tokens = targets.quality.copy(), targets.match.copy(), targets.output_tokens.copy()
    at = rows[believed]
    quality[at] = _blended(quality[at], teaching.said.quality[believed])
    match[at] = _blended(match[at], teaching.said.match[believed])
    said = teaching.said.output_tokens[believed]
    tokens[at] = np.where(np.isnan(tokens[at]), said, tokens[at])
    pooled = np.full((len(targets.texts), teaching.said.pooled.shape[1]), np.nan)
    read = teaching.said.pooled.astype(np.float64)
    pooled[rows] = (read - read.mean(0)) / read.std(0)
    return replace(targets, quality=quality, match=match, output_tokens=tokens), pooled


def _blended(known: Floats, said: np.ndarray) -> Floats:
    """Where one response's worth is known it counts for 1 - _SHARE; what is not known, the teacher says."""
    return np.where(np.isnan(known), said, (1 - _SHARE) * known + _SHARE * said)


def _lengthened(targets: RouterTargets, texts: Sequence[str]) -> RouterTargets:
    def longer(values: Floats) -> Floats:
        return np.concatenate([values, np.full((len(texts), *values.shape[1:]), np.nan)])

    return RouterTargets(
        [*targets.texts, *texts],
        [*targets.sources, *[_VARIANTS] * len(texts)],
        longer(targets.quality),
        longer(targets.match),
        longer(targets.output_tokens),
        longer(targets.extra),
    )
