"""How sure it is that a dial keeps to what nothing was promised of: a budget, a share of a model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bestroute.retune.calibrate.aim import Aim
from bestroute.retune.calibrate.bound import rough
from bestroute.retune.calibrate.within import Budget, Within
from bestroute.table import dollars

_NEAR = 0.1  # of the bound: what is near enough to it
_FEWEST = 6  # queries: the least and the most of five hold the median between them with less than 95 %


def doubts(aim: Aim, report: dict[str, Any]) -> Iterator[str]:
    """What to say where queries like those of a report may well miss the bound by more than a tenth of it, or
    are too few to tell, and where those miss it that a dial was chosen without."""
    reached, apart = report["reached"], report["cross_fitted"]
    if not isinstance(aim, Within) or reached is None:
        return
    aimed = f"{told(aim, aim.bound)} at {'least' if aim.at_least else 'most'}"
    end = reached["low" if aim.at_least else "high"]
    queries = report["after"]["queries"]
    few = isinstance(aim, Budget) and queries < _FEWEST  # a share's interval holds of any number
    if few or end is None:
        yield (
            f"aimed at {aimed}, but {queries:,} queries are too few to tell what others like "
            f"them come to; give {_FEWEST} different ones or more"
        )
    elif _misses(aim, end):
        yield (
            f"aimed at {aimed}, but by these {queries:,} queries "
            f"others like them may come to {told(aim, end)}{_enough(aim, report, end)}"
        )
    given = None if apart is None else aim.reached(apart)["value"]
    if given is not None and _misses(aim, given):
        yield (
            f"a dial chosen without a fifth of the queries gave that fifth {told(aim, given)}, "
            f"where {aimed} was aimed at"
        )


def told(aim: Within, value: float) -> str:
    """A value of what an aim bounds: `27.5 %`, `$0.0004`."""
    return f"${dollars(value)}" if isinstance(aim, Budget) else f"{100 * value:.1f} %"


def _misses(aim: Within, value: float) -> bool:
    return _room(aim, value) < 0


def _room(aim: Within, value: float) -> float:
    """How far a value is from missing the bound by more than a tenth of it."""
    if aim.at_least:
        return value - (1 - _NEAR) * aim.bound
    return (1 + _NEAR) * aim.bound - value


def _enough(aim: Within, report: dict[str, Any], end: float) -> str:
    """How many queries would hold it near the bound: the width of an interval falls with their root."""
    value = report["reached"]["value"]
    room = _room(aim, value)
    if room <= 0:
        return ""
    queries = report["after"]["queries"] * ((end - value) / room) ** 2
    return f"; about {rough(int(queries) + 1):,} would keep that within a tenth of the aim"
