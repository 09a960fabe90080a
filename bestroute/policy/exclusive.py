"""Keys of which exactly one may stand: the dial of a policy, what a rule does."""

from __future__ import annotations

from collections.abc import Sequence


class NotOne(ValueError):
    """Of some keys not exactly one is there; `given` are those that are."""

    def __init__(self, names: Sequence[str], given: Sequence[str]) -> None:
        has = " and ".join(given) or "none"
        super().__init__(f"needs exactly one of {', '.join(names[:-1])} and {names[-1]}; this has {has}")
        self.given = tuple(given)


def exactly_one(names: Sequence[str], given: Sequence[str]) -> None:
    """Raise NotOne, saying what was given, unless it is one of the names."""
    if len(given) != 1:
        raise NotOne(names, given)
