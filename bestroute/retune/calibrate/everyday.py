"""The dial of a first policy, while there is no record yet: by share, on everyday queries.

Of traffic that it never saw a router model may know the order, easy to hard. It cannot know the levels, since
every judge has a scale of his own; so this dial is set by how many queries the reference answers, and not by
what may be lost. `everyday.jsonl` has queries to set it on where there are no own ones: written for this, in
13 languages, with how hard each was meant to be.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bestroute.retune.calibrate.aim import Refusal
from bestroute.retune.calibrate.calibration import Sides, choose_dial
from bestroute.retune.calibrate.within import ReferenceShare, answered_by

EVERYDAY = Path(__file__).with_name("everyday.jsonl")
SHARE = 0.5
"""Of queries that the reference may answer: half, since nothing speaks for more or less."""


@dataclass(frozen=True)
class FirstDial:
    """The dial, and how many of the `queries` the reference answers at it; or `why_not` there is none."""

    queries: int
    dial: float | None = None
    by_reference: int = 0
    why_not: str | None = None

    @property
    def words(self) -> str:
        """What it rests on, for a comment and a sentence."""
        if self.why_not is not None:
            return f"not by share, on {self.queries} queries: {self.why_not.partition('. ')[0]}"
        return (
            f"by share: the reference answers {self.by_reference} of {self.queries} queries, the hardest as "
            "predicted; what that loses is not known before `bestroute adapt` and `calibrate` have records"
        )


def first_dial(sides: Sides, share: float) -> FirstDial:
    """The safest dial at which the reference answers at most this share of the queries, which need no scores.

    Raises InputError where that is no share.
    """
    queries, verdict = len(sides.chooses), choose_dial(ReferenceShare(share), sides).verdict
    if isinstance(verdict, Refusal):
        return FirstDial(queries, why_not=verdict.why)
    reference = sides.chooses.arms[-1].model
    by_reference = round(float(answered_by(reference, verdict.outcome, sides.chooses).sum()))
    return FirstDial(queries, verdict.outcome.dial, by_reference)
