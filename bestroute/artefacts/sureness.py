"""Sureness: how sure a model was of the tokens that it wrote, where its endpoint tells."""

from __future__ import annotations

from typing import NamedTuple

MOST = 20.0
"""Nats; a token that is less likely than e ** -20 counts as that, since servers write -9999 for never."""
_FAR = 5.0  # a margin beyond is as good as any


class Sureness(NamedTuple):
    """The mean log probability of a response's tokens, and the least lead of one over the likeliest other at
    its place (below 0: another was likelier), in nats. None where it is not known."""

    mean_logprob: float | None = None
    least_margin: float | None = None

    def features(self) -> tuple[float, ...]:
        """The numbers that SURENESS_FEATURES names."""
        mean, margin = self.mean_logprob, self.least_margin
        return (
            float(mean is not None),
            0.0 if mean is None else mean,
            float(margin is not None),
            0.0 if margin is None else min(max(margin, -_FAR), _FAR),
        )


UNKNOWN = Sureness()
SURENESS_FEATURES = (
    "whether the log probabilities of the kept one's tokens are known",
    "their mean, 0 where unknown",
    "whether its least margin is known",
    "that, 0 where unknown",
)
