"""A posterior for plays of the same responses at many dials: it remembers what it judged."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from bestroute.artefacts.posterior import Evidence, Judgement, Outlook, Posterior


@dataclass(frozen=True)
class RememberingPosterior(Posterior):
    """A posterior that works nothing out twice: most of what a play meets, another dial has met before."""

    known: dict[Hashable, Any] = field(default_factory=dict)

    @cached_property
    def _plain(self) -> Posterior:
        """One that forgets: what is only imagined is met once, and would fill the memory."""
        return Posterior(self.kept, self.reference, self.agrees, self.reward)

    def judge(self, evidence: Evidence) -> Judgement:
        """As Posterior says."""
        if evidence not in self.known:
            self.known[evidence] = super().judge(evidence)
        found: Judgement = self.known[evidence]
        return found

    def outlook(
        self, evidence: Evidence | None, reference: float, added: Sequence[tuple[float, int]]
    ) -> Outlook:
        """As Posterior says."""
        key = (evidence, reference, *added)
        if key not in self.known:
            self.known[key] = self._plain.outlook(evidence, reference, added)
        found: Outlook = self.known[key]
        return found

    def outcomes(self, outlook: Outlook) -> tuple[tuple[float, float], ...]:
        """As Posterior says."""
        if outlook not in self.known:
            self.known[outlook] = super().outcomes(outlook)
        found: tuple[tuple[float, float], ...] = self.known[outlook]
        return found
