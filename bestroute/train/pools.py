"""Pools of LLMs as classes: LLMs of about equal quality stand in for several responses of one class."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from bestroute.records.record import Record, Response, family_of, scores_of


def thirds(records: Sequence[Record]) -> dict[str, list[str]]:
    """LLMs by rising mean score, a third of them a class; those in the middle take what is left."""
    means = _means(records)
    ranked = sorted(means, key=lambda name: (means[name], name))
    third = max(1, round(len(ranked) / 3))
    return {"small": ranked[:third], "medium": ranked[third:-third], "large": ranked[-third:]}


def pooled(records: Iterable[Record], pools: Mapping[str, Sequence[str]], floor: float = 0.0) -> list[Record]:
    """The records by class in place of LLM.

    An LLM is left out of a source family in which its mean score is below `floor` times the best of the
    pools': its answers there were not wrong but of a form that was not understood.
    """
    families: dict[str, list[Record]] = {}
    for record in records:
        families.setdefault(family_of(record.source), []).append(record)
    named = {name for names in pools.values() for name in names}
    result = []
    for part in families.values():
        means = {name: mean for name, mean in _means(part).items() if name in named}
        best = max(means.values(), default=0.0)
        sound = {name for name, mean in means.items() if mean >= floor * best}
        result += [_pooled(record, pools, sound) for record in part]
    return [record for record in result if record.responses]


def _pooled(record: Record, pools: Mapping[str, Sequence[str]], sound: set[str]) -> Record:
    responses: dict[str, tuple[Response, ...]] = {}
    for name, llms in pools.items():
        items = tuple(
            replace(item, by=item.by or llm)
            for llm in llms
            if llm in sound
            for item in record.responses.get(llm, ())
        )
        if items:
            responses[name] = items
    return replace(record, responses=responses)


def _means(records: Iterable[Record]) -> dict[str, float]:
    scores: dict[str, list[float]] = {}
    for record in records:
        for name, items in record.responses.items():
            scores.setdefault(name, []).append(float(np.mean(scores_of(items))))
    return {name: float(np.mean(values)) for name, values in scores.items()}
