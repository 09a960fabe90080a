"""What a request may come to before it is asked, and what attempts came to that gave no answer."""

from __future__ import annotations

from collections.abc import Iterable

from bestroute.answering.sampling import Attempt
from bestroute.policy import Policy
from bestroute.query import Query


def most_of(query: Query, policy: Policy) -> tuple[float, int]:
    """US$ and tokens that one response of the reference comes to, as long as the request lets it be.

    More it gets where a dearer arm is asked, or several are in turn; most get less.
    """
    reference = policy.model(policy.reference)
    longest = query.max_tokens or policy.sampling.max_tokens
    longest = min(longest, reference.context_window or longest)
    written = longest + (reference.thinking_tokens or 0.0)
    return reference.cost(1, query.input_tokens, written), query.input_tokens + round(written)


def bill_of(attempts: Iterable[Attempt], policy: Policy) -> float:
    """US$ that attempts came to by what endpoints said they billed."""
    prices = {model.name: model for model in policy.models}
    dollars = 0.0
    for attempt in attempts:
        model = prices.get(attempt.arm.rpartition("@")[0])
        if model is not None and attempt.usage is not None:
            used = attempt.usage
            dollars += model.cost(1, used.input_tokens, used.output_tokens, used.cached_tokens)
    return dollars
