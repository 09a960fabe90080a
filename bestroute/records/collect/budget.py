"""What calls are expected to cost, and the cap that none may pass. All costs are US$."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Sequence
from math import inf

from bestroute.policy.arms import Model
from bestroute.query import Query


class Budget:
    """Money spent and under way. A call is expected to write what its model's responses did on average so
    far, before the first one `max_tokens`."""

    def __init__(self, cap: float | None, max_tokens: int) -> None:
        self.spent = 0.0
        self._cap = inf if cap is None else cap
        self._max_tokens = max_tokens
        self._reserved: dict[int, float] = {}
        self._tickets = 0
        self._tokens: defaultdict[str, float] = defaultdict(float)
        self._responses: Counter[str] = Counter()
        self._thinking: Counter[str] = Counter()
        self._settled = asyncio.Event()

    def note(self, model: str, cost: float, output_tokens: Sequence[float], thinking_tokens: int = 0) -> None:
        """Count a reply that was paid for, by the tokens of each of its responses, and those of all that were
        thinking."""
        self.spent += cost
        self._tokens[model] += sum(output_tokens)
        self._responses[model] += len(output_tokens)
        self._thinking[model] += thinking_tokens

    def mean_thinking_tokens(self, model: str) -> float | None:
        """Tokens that the mean response so far was billed for thinking; None where none was."""
        thought, count = self._thinking[model], self._responses[model]
        return thought / count if thought and count else None

    def mean_output_tokens(self, model: str) -> float | None:
        """Tokens of the mean response so far; None before the first."""
        count = self._responses[model]
        return self._tokens[model] / count if count else None

    def expected(self, model: Model, query: Query, n: int) -> float:
        """What a call for n responses is expected to cost."""
        mean = self.mean_output_tokens(model.name)
        return model.cost(n, query.input_tokens, self._max_tokens if mean is None else mean)

    async def reserve(self, cost: float) -> int | None:
        """A ticket for a call that is expected to cost this; None where the cap leaves no room for it.

        While calls are under way that may turn out cheaper than expected, it waits for them.
        """
        while self.spent + sum(self._reserved.values()) + cost > self._cap:
            if not self._reserved:
                return None
            await self._settled.wait()
        self._tickets += 1
        self._reserved[self._tickets] = cost
        return self._tickets

    def settle(self, ticket: int) -> None:
        """The call of this ticket is over; what it cost was noted."""
        del self._reserved[ticket]
        self._settled.set()
        self._settled = asyncio.Event()
