"""Limits of what a router model was taught: which queries are novel, and what many samples gain."""

from __future__ import annotations

from collections.abc import Iterator

from bestroute.artefacts.manifest import Manifest

KEPT = 0.98  # share of the validation queries that are not novel
LEAST_VALIDATION = 10  # with fewer, the threshold would be chance
_ENOUGH_VALIDATION = 50  # of which 2 % are one
_QUERIES = 10  # of which one is a validation query


def expected_novel(validation: int) -> float:
    """The share of queries like the validation queries that is expected to count as novel.

    A further one passes the largest of m that are exchangeable with it with probability 1 / (m + 1) (split
    conformal prediction, arXiv 2107.07511, section 1).
    """
    return round(max(1 - KEPT, 1 / (validation + 1)), 4)


def untold(manifest: Manifest, validation: int) -> Iterator[str]:
    """What a router model of so many validation queries cannot tell, and what would help; a sentence each."""
    if manifest.max_novelty is None:
        yield (
            f"{validation} validation queries are too few to tell what is unlike the queries of training; "
            f"{LEAST_VALIDATION} would do, of about {_QUERIES * LEAST_VALIDATION} queries in all. Until then "
            "any prediction may be a guess, and `abstain` in a policy changes nothing"
        )
    elif validation < _ENOUGH_VALIDATION:
        yield (
            f"what is unlike the queries of training is told by {validation} validation queries: about "
            f"{expected_novel(validation):.0%} of queries like them will count as unlike them. With "
            f"{_ENOUGH_VALIDATION}, of about {_QUERIES * _ENOUGH_VALIDATION} in all, 2 % will"
        )
    for column, name in enumerate(manifest.classes):
        n = manifest.taught(column)
        if n < manifest.max_n and name != manifest.reference:
            yield (
                f"{name} was taught n = {n} at most, of {manifest.max_n}: an arm of more counts as one of "
                f"{n}. Records with more responses of it a query, and their rewards, teach more"
            )
