"""Limits of what a router model was taught: which queries are novel, and what many samples gain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import comb

from bestroute.artefacts.manifest import Manifest
from bestroute.records.record import Record

KEPT = 0.98  # share of the validation queries that are not novel
LEAST_VALIDATION = 10  # with fewer, the threshold would be chance
_ENOUGH_VALIDATION = 50  # of which 2 % are one
_SHARE = 0.1  # of the queries that are validation queries
_SURE = 0.95


def expected_novel(validation: int) -> float:
    """The share of queries like the validation queries that is expected to count as novel.

    A further one passes the largest of m that are exchangeable with it with probability 1 / (m + 1) (split
    conformal prediction, arXiv 2107.07511, section 1).
    """
    return round(max(1 - KEPT, 1 / (validation + 1)), 4)


def further(validation: int) -> int:
    """How many further prompts hold so many validation queries with 95 % probability.

    A hash deals them, each by itself, so one in ten is one on average, and as often as not fewer are.
    """
    count = validation
    while _at_least(validation, count) < _SURE:
        count += 1
    return count


def _at_least(wanted: int, count: int) -> float:
    fewer = (comb(count, k) * _SHARE**k * (1 - _SHARE) ** (count - k) for k in range(wanted))
    return 1 - sum(fewer)


def untold(manifest: Manifest, validation: int, queries: int) -> Iterator[str]:
    """What a router model of so many queries, some for validation, cannot tell, and what would help; a
    sentence each."""
    if manifest.max_novelty is None:
        yield (
            f"{validation} validation queries are too few to tell what is unlike the queries of training. "
            f"{_more(LEAST_VALIDATION, validation, queries)}. Until then any prediction may be a guess, "
            "and `abstain` in a policy changes nothing"
        )
    elif validation < _ENOUGH_VALIDATION:
        yield (
            f"what is unlike the queries of training is told by {validation} validation queries: about "
            f"{expected_novel(validation):.0%} of queries like them will count as unlike them, where 2 % "
            f"should. {_more(_ENOUGH_VALIDATION, validation, queries)}"
        )
    for column, name in enumerate(manifest.classes):
        n = manifest.taught(column)
        if n < manifest.max_n and name != manifest.reference:
            yield (
                f"{name} was taught n = {n} at most, of {manifest.max_n}: an arm of more counts as one of "
                f"{n}. Records with more responses of it a query, and their rewards, teach more"
            )


def _more(wanted: int, validation: int, queries: int) -> str:
    """`10 validation queries would do: give about 130 more prompts, 180 in all`."""
    lacking = further(wanted - validation)
    return (
        f"{wanted} validation queries would do: give about {lacking:,} more prompts, "
        f"{queries + lacking:,} in all, since a hash makes one in ten a validation query"
    )


def lonely(records: Sequence[Record]) -> str | None:
    """What to say where most records hold responses of one model alone, as a log does; None elsewhere."""
    count = sum(len(record.responses) == 1 for record in records)
    if 2 * count <= len(records):
        return None
    return (
        f"{count:,} of {len(records):,} records hold responses of one model alone, so they tell no gap. "
        f"{LOGGED}"
    )


LOGGED = (
    "`bestroute adapt` learns from them as they are. Training wants every model's response to each prompt, "
    "and some 3,000 prompts in all, of which 2,250 teach, 300 choose the epoch and 450 measure: `bestroute "
    "collect --choose 3000` takes them from your log"
)
