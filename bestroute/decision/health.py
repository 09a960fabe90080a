"""Health: what is known of models at one moment. A value: whoever keeps it hands it in, and the decision
names it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bestroute.decision.candidate import Objection


@dataclass(frozen=True, slots=True)
class Health:
    """Which models cannot be asked now, and how long answers take.

    `cooling`: models whose endpoints are all left alone, with why. `latency_ms`: milliseconds within which
    nine of ten answers came lately, of models of which that is known.
    """

    cooling: Mapping[str, str] = field(default_factory=dict, hash=False)
    latency_ms: Mapping[str, float] = field(default_factory=dict, hash=False)

    def against(self, models: Iterable[str], most_ms: float | None = None) -> Objection | None:
        """What stands against asking these models together now, where an answer may take `most_ms`
        milliseconds (None: any time)."""
        for name in models:
            if name in self.cooling:
                return Objection("cooling", f"{name} {self.cooling[name]}")
            expected_ms = self.latency_ms.get(name)
            if most_ms is not None and expected_ms is not None and expected_ms > most_ms:
                return Objection("late", f"{name} takes {expected_ms:.0f} ms, more than {most_ms:g}")
        return None

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {"cooling": dict(self.cooling), "latency_ms": dict(self.latency_ms)}


WELL = Health()
"""Nothing is known against any model."""
