"""Records to router targets: exact expectations by order statistics, no sampling and no seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from bestroute.errors import TrainingError
from bestroute.records.quality import best_of_n_quality, match_probability
from bestroute.records.record import Record, Response, scores_of, text_of
from bestroute.train.limits import LOGGED

_MIN_EXTRA = 50  # scored queries of an LLM that are enough to learn from
Floats = NDArray[np.float64]
Labels: TypeAlias = Literal["det", "prob", "trans"]
_LEAST_TELLING = 20  # queries; what fewer of them tell of an n is chance


@dataclass(frozen=True)
class RouterTargets:
    """Targets of a list of queries. NaN where the records do not tell.

    `quality` and `match` have shape (queries, classes, max_n); `output_tokens` (queries, classes); `extra`
    (queries, further LLMs) is the quality of one response of LLMs that are in no class.
    """

    texts: list[str]
    sources: list[str]
    quality: Floats
    match: Floats
    output_tokens: Floats
    extra: Floats


def router_targets(
    records: Iterable[Record],
    classes: Sequence[str],
    reference: str,
    max_n: int,
    margin: float,
    labels: Labels = "prob",
) -> RouterTargets:
    """Targets for every record that has responses of the reference.

    Responses without proxy rewards tell of n = 1 alone: nobody knows which of them would be kept. With labels
    `det` a match is decided by the first responses as they were recorded, 0 or 1 (HybridLLM's r_det,
    arXiv 2404.14618); else it is the exact probability within `margin` (r_prob, and r_trans with the margin
    of `transformed_margin`).
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
            known = max_n if rewards is not None else 1
            kept_by = rewards if rewards is not None else [0.0] * len(scores)
            quality[row, column, :known] = best_of_n_quality(kept_by, scores, known)
            if labels == "det":
                match[row, column, :known] = _first_matches(kept_by, scores, reference_scores[0], known)
            else:
                match[row, column, :known] = match_probability(
                    kept_by, scores, reference_scores, known, margin
                )
            tokens[row, column] = _mean_tokens(responses)
    texts = [prompt_text(record) for record in rows]
    nothing = np.empty((len(rows), 0))
    return RouterTargets(texts, [record.source for record in rows], quality, match, tokens, nothing)


def transformed_margin(records: Sequence[Record], classes: Sequence[str], reference: str) -> float:
    """HybridLLM's t*: the margin at which match labels (n = 1) differ most from query to query.

    argmax over t of the mean |y_i(t) - y_j(t)| over pairs of queries (section 3.3, eq. 4), searched over
    0, 0.01, ..., 1 and averaged over the classes other than the reference.
    """
    margins = np.linspace(0.0, 1.0, 101)
    others = [name for name in classes if name != reference]
    spreads = [_spreads(records, name, reference, margins) for name in others]
    known = [spread for spread in spreads if spread is not None]
    if not known:
        raise TrainingError(f"no record has responses of the reference {reference!r} and of another class")
    return float(margins[int(np.argmax(np.mean(known, axis=0)))])


def _spreads(records: Sequence[Record], name: str, reference: str, margins: Floats) -> Floats | None:
    """Mean difference of a class's labels between queries, at each margin; None where it has none."""
    pairs = [
        (scores_of(record.responses[name]), scores_of(record.responses[reference]))
        for record in records
        if {name, reference} <= record.responses.keys()
    ]
    if not pairs:
        return None
    labels = [[match_probability([0.0] * len(s), s, r, 1, t)[0] for s, r in pairs] for t in margins]
    return np.array([_mean_difference(np.array(row)) for row in labels])


def extra_names(records: Iterable[Record]) -> list[str]:
    """LLMs with enough scored queries to learn from, in alphabetical order."""
    counts = Counter(name for record in records for name in record.responses)
    return sorted(name for name, count in counts.items() if count >= _MIN_EXTRA)


def with_extra(targets: RouterTargets, records: Iterable[Record], names: Sequence[str]) -> RouterTargets:
    """The targets with the scores of further LLMs: beside the classes' where the query is known, else new.

    Only the mean score of each LLM's responses is used; `names` are those LLMs in column order.
    """
    texts, sources = list(targets.texts), list(targets.sources)
    rows = {text: row for row, text in enumerate(texts)}
    found: list[tuple[int, int, float]] = []
    for record in records:
        text = prompt_text(record)
        if text not in rows:
            rows[text] = len(texts)
            texts.append(text)
            sources.append(record.source)
        found += [
            (rows[text], column, float(np.mean(scores_of(record.responses[name]))))
            for column, name in enumerate(names)
            if name in record.responses
        ]
    extra = np.full((len(texts), len(names)), np.nan)
    for row, column, score in found:
        extra[row, column] = score
    more = len(texts) - len(targets.texts)
    return replace(
        targets,
        texts=texts,
        sources=sources,
        quality=_extended(targets.quality, more),
        match=_extended(targets.match, more),
        output_tokens=_extended(targets.output_tokens, more),
        extra=extra,
    )


def telling(targets: RouterTargets) -> NDArray[np.intp]:
    """How many queries tell of each class and n, shape (classes, max_n)."""
    return np.asarray((~np.isnan(targets.quality)).sum(axis=0), np.intp)


def taught_n(targets: RouterTargets) -> tuple[int, ...]:
    """For each class the largest n of which at least 20 queries tell, and 1 where of none so many do."""
    return tuple(max(1, int(n)) for n in (telling(targets) >= _LEAST_TELLING).sum(axis=1))


def without_gain_where_unknown(targets: RouterTargets) -> RouterTargets:
    """The targets with "n gains nothing" for a class of which no query tells anything of n > 1."""
    quality, match = targets.quality.copy(), targets.match.copy()
    for column in range(quality.shape[1]):
        if np.isnan(quality[:, column, 1:]).all():
            quality[:, column] = quality[:, column, :1]
            match[:, column] = match[:, column, :1]
    return replace(targets, quality=quality, match=match)


def prompt_text(record: Record) -> str:
    """The text of a record's query that models read, and that decides its split."""
    return text_of(record.prompt)


def classes_of(records: Iterable[Record], reference: str) -> list[str]:
    """Class names in column order: by rising mean score, the reference last.

    Raises TrainingError where the reference is absent, or stands beside no other class in any record.
    """
    sums: dict[str, list[float]] = {}
    beside = False
    for record in records:
        beside |= reference in record.responses and len(record.responses) > 1
        for name, responses in record.responses.items():
            sums.setdefault(name, []).extend(scores_of(responses))
    if reference not in sums:
        raise TrainingError(
            f"the records hold {', '.join(sorted(sums))} but no reference {reference!r}; see --reference"
        )
    if not beside:
        raise TrainingError(
            f"no record has responses of the reference {reference!r} and of another class, so none tells a "
            f"gap. {LOGGED}"
        )
    return sorted(sums, key=lambda name: (name == reference, float(np.mean(sums[name])), name))


def _rewards(responses: Sequence[Response]) -> list[float] | None:
    """The rewards, alike for a single response; None where one is unknown."""
    if len(responses) == 1:
        return [0.0]
    known = [response.reward for response in responses if response.reward is not None]
    return known if len(known) == len(responses) else None


def _first_matches(
    rewards: Sequence[float], scores: Sequence[float], reference_score: float, max_n: int
) -> Floats:
    """1 where the kept one of the first n responses scores no less than the reference's first, else 0."""
    result = np.full(max_n, np.nan)
    for n in range(1, min(max_n, len(scores)) + 1):
        kept = max(range(n), key=lambda index: (rewards[index], -index))
        result[n - 1] = float(scores[kept] >= reference_score)
    return result


def _mean_difference(values: Floats) -> float:
    """Mean |a - b| over all pairs, by sorting."""
    count = len(values)
    ranks = 2 * np.arange(1, count + 1) - count - 1
    return float(2 * (ranks @ np.sort(values)) / count**2)


def _extended(values: Floats, more: int) -> Floats:
    return np.concatenate([values, np.full((more, *values.shape[1:]), np.nan)])


def _mean_tokens(responses: Sequence[Response]) -> float:
    known = [response.output_tokens for response in responses if response.output_tokens is not None]
    return float(np.mean(known)) if known else float("nan")
