"""What may still be spent today on what is asked beside. Days are UTC's."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

_DAY_S = 86_400
SPENT = "shadow"
"""The key of a record's line that has when it was asked for, and what that cost."""


class Purse:
    """US$ for a day, of which parts are set aside before they are spent, so that no day takes more.

    `spent` is what is gone already today. `clock`: seconds since 1970.
    """

    def __init__(self, spent: float = 0.0, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._day, self._gone = self._today(), spent

    def take(self, cost: float, budget: float) -> bool:
        """Set so much aside, where the budget of today has room for it."""
        today = self._today()
        if today != self._day:
            self._day, self._gone = today, 0.0
        if self._gone + cost > budget:
            return False
        self._gone += cost
        return True

    def settle(self, taken: float, cost: float) -> None:
        """What was set aside turned out to cost this."""
        self._gone = max(0.0, self._gone - taken + cost)

    def _today(self) -> int:
        return int(self._clock() // _DAY_S)


def spent_today(records: Path, now: float) -> float:
    """US$ that the records in a file say were spent today; 0 where there is none to read."""
    today, spent = int(now // _DAY_S), 0.0
    try:
        with records.open("rb") as lines:
            for line in lines:
                spent += _spent(line, today)
    except OSError:
        return 0.0
    return spent


def _spent(line: bytes, today: int) -> float:
    try:
        told = json.loads(line)[SPENT]
        return float(told["cost"]) if int(told["time"] // _DAY_S) == today else 0.0
    except (ValueError, LookupError, TypeError):  # another's line, or a torn one
        return 0.0
