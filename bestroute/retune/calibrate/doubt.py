"""How sure it is that a dial keeps to what nothing was promised of: a budget, a share of the reference."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bestroute.retune.calibrate.aim import Aim
from bestroute.retune.calibrate.bound import rough
from bestroute.retune.calibrate.within import Within
from bestroute.table import dollars

_NEAR = 1.1  # of the bound: what is near enough to it


def doubts(aim: Aim, report: dict[str, Any]) -> Iterator[str]:
    """What to say where queries like those of a report may well go beyond the bound by more than a tenth of
    it, and where those do that a dial was chosen without."""
    reached, apart = report["reached"], report["cross_fitted"]
    if not isinstance(aim, Within) or reached is None:
        return
    near = _NEAR * aim.bound
    if reached["high"] is not None and reached["high"] > near:
        yield (
            f"aimed at {told(aim, aim.bound)} at most, but by these {report['after']['queries']:,} queries "
            f"others like them may come to {told(aim, reached['high'])}{_enough(aim, report)}"
        )
    if apart is not None and apart[aim.figure] > near:
        yield (
            f"a dial chosen without a fifth of the queries gave that fifth {told(aim, apart[aim.figure])}, "
            f"where {told(aim, aim.bound)} at most was aimed at"
        )


def told(aim: Within, value: float) -> str:
    """A value of what an aim bounds: `27.5 %`, `$0.0004`."""
    return f"{100 * value:.1f} %" if aim.figure == "reference_share" else f"${dollars(value)}"


def _enough(aim: Within, report: dict[str, Any]) -> str:
    """How many queries would hold it near the bound: the width of an interval falls with their root."""
    reached = report["reached"]
    room = _NEAR * aim.bound - reached["value"]
    if room <= 0:
        return ""
    queries = report["after"]["queries"] * ((reached["high"] - reached["value"]) / room) ** 2
    return f"; about {rough(int(queries) + 1):,} would keep that within a tenth of the aim"
