"""What checking speaks in: verdicts, what a query asks for, and counts that may be read in two ways."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Literal, NamedTuple, Protocol, TypeAlias, get_args

Verdict: TypeAlias = Literal["passed", "failed", "unknown"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


class Checker(Protocol):
    """A check of the caller's own, such as one that runs tests: a query and a response in, a verdict out.

    `unknown` where it cannot tell. It is asked once of each text, perhaps from several threads.
    """

    def __call__(self, query: str, response: str) -> Verdict:
        """Whether the response does what the query asks for, as far as this check goes."""
        ...


@dataclass(frozen=True)
class Demand:
    """Something that a query asks for: the name of its check, and what that says of a response."""

    check: str
    of: Callable[[str], Verdict]


class Bound(NamedTuple):
    """How many there may be, both ends included."""

    low: float = 0
    high: float = inf


class Count(NamedTuple):
    """How many there are, by the strictest and by the loosest way to count."""

    fewest: float
    most: float


def within(count: Count, bound: Bound) -> Verdict:
    """Passed or failed where every way to count says so."""
    if count.most < bound.low or count.fewest > bound.high:
        return "failed"
    return "passed" if bound.low <= count.fewest and count.most <= bound.high else "unknown"


def holds(condition: bool) -> Verdict:
    """Passed where the condition holds, else failed."""
    return "passed" if condition else "failed"
