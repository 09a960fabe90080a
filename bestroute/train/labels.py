"""Records to router targets: exact expectations by order statistics, no sampling and no seed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bestroute.errors import TrainingError
from bestroute.quality import best_of_n_quality, match_probability
from bestroute.query import Query
from bestroute.records import Record, Response, scores_of

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class RouterTargets:
    """Targets of a list of queries. NaN where the records do not tell.

    `quality` and `match` have shape (queries, classes, max_n); `output_tokens` (queries, classes).
    """

    texts: list[str]
    sources: list[str]
    quality: Floats
    match: Floats
    output_tokens: Floats


def router_targets(
    records: Iterable[Record], classes: Sequence[str], reference: str, max_n: int, margin: float
) -> RouterTargets:
    """Targets for every record that has responses of the reference.

    Responses without a proxy reward count as ties: the kept one of n is then any of them.
    """
    rows = [record for record in records if reference in record.responses]
    if not rows:
        raise TrainingError(f"no record has responses of the reference {reference!r}; see --reference")
    shape = (len(rows), len(classes))
    quality, match = np.full((*shape, max_n), np.nan), np.full((*shape, max_n), np.nan)
    tokens = np.full(shape, np.nan)
    for row, record in enumerate(rows):
        reference_scores = scores_of(record.responses[reference])
        for column, name in enumerate(classes):
            responses = record.responses.get(name)
            if not responses:
                continue
            rewards, scores = _rewards(responses), scores_of(responses)
            quality[row, column] = best_of_n_quality(rewards, scores, max_n)
            match[row, column] = match_probability(rewards, scores, reference_scores, max_n, margin)
            tokens[row, column] = _mean_tokens(responses)
    texts = [prompt_text(record) for record in rows]
    return RouterTargets(texts, [record.source for record in rows], quality, match, tokens)


def prompt_text(record: Record) -> str:
    """The text of a record's query that models read, and that decides its split."""
    prompt = record.prompt
    return prompt if isinstance(prompt, str) else Query.of([dict(message) for message in prompt]).text


def classes_of(records: Iterable[Record], reference: str) -> list[str]:
    """Class names in column order: by rising mean score, the reference last."""
    sums: dict[str, list[float]] = {}
    for record in records:
        for name, responses in record.responses.items():
            sums.setdefault(name, []).extend(scores_of(responses))
    if reference not in sums:
        raise TrainingError(
            f"the records hold {', '.join(sorted(sums))} but no reference {reference!r}; see --reference"
        )
    return sorted(sums, key=lambda name: (name == reference, float(np.mean(sums[name])), name))


def _rewards(responses: Sequence[Response]) -> list[float]:
    known = [response.reward for response in responses]
    return (
        [0.0 if reward is None else reward for reward in known] if None not in known else [0.0] * len(known)
    )


def _mean_tokens(responses: Sequence[Response]) -> float:
    known = [response.output_tokens for response in responses if response.output_tokens is not None]
    return float(np.mean(known)) if known else float("nan")
