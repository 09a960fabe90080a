"""Ask for what is missing of one prompt until it is there, or cannot be had.

A failed call is tried again a bounded number of times, a refusal for load for as long as the endpoint's
lane has hope. What comes is in the ledger before anything else happens.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from bestroute.answering.health import Keeper
from bestroute.answering.sampling import EndpointSampler, Sampled
from bestroute.answering.sampling.billing import billed, shares
from bestroute.policy import Sampling
from bestroute.policy.arms import Model
from bestroute.records.collect.budget import Budget
from bestroute.records.collect.faults import Faults, is_final
from bestroute.records.collect.ledger import Ledger
from bestroute.records.collect.pace import BUSY, Lane, backoff
from bestroute.records.collect.prompts import Prompt
from bestroute.records.record import unscored

_TRIES = 6
_MAY_BE_N = (400, 422)


class OverBudget(Exception):
    """The next call is expected to pass the cost cap, and nothing is under way that may turn out cheaper."""


@dataclass(frozen=True, slots=True)
class Unit:
    """Responses of one model to one prompt that are asked for in one call, where the endpoint gives them."""

    model: Model
    prompt: Prompt
    wanted: int


class Asker:
    """Asks units; any number at once, on one event loop.

    `concurrency` bounds the calls at once to an address, `backoff_s` is the first wait after a failure,
    `got` is told the model and the number of responses of every reply.
    """

    def __init__(
        self,
        settings: Sampling,
        ledger: Ledger,
        budget: Budget,
        faults: Faults,
        *,
        concurrency: int,
        backoff_s: float,
        got: Callable[[str, int], None],
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._budget = budget
        self._faults = faults
        self._concurrency = concurrency
        self._backoff_s = backoff_s
        self._got = got
        self._random = Random()
        self._sampler = EndpointSampler(
            retries=0, health=Keeper(breaks=False)
        )  # its lanes have a patience of their own
        self._lanes: dict[str, Lane] = {}
        self._most: dict[str, int] = {}
        self._calling: set[asyncio.Task[object] | None] = set()

    @property
    def paused_s(self) -> float:
        """The longest wait that an endpoint asks for at the moment, in seconds."""
        return max((lane.paused_s for lane in self._lanes.values()), default=0.0)

    def calls(self, task: asyncio.Task[None]) -> bool:
        """Whether the task has a call under way: it may be paid for by now, so let it end."""
        return task in self._calling

    async def aclose(self) -> None:
        """Close the connections."""
        await self._sampler.aclose()

    async def fill(self, unit: Unit, stopping: Callable[[], bool]) -> None:
        """Ask until the unit has what it wants, it failed for good, or it is time to stop.

        Where a call for several responses is refused as faulty, half as many are asked for: many endpoints
        allow fewer at once, some but one.
        Raises OverBudget where the cap leaves no room, InputError where a reply cannot be put on disk.
        """
        prompt_id, model, missing, failures = unit.prompt.record.id, unit.model.name, unit.wanted, 0
        lane, most = self._lane(unit.model), self._most.get(model, unit.wanted)
        while missing > 0 and not stopping() and not self._faults.rule_out(prompt_id, model):
            n = min(most, missing)
            reply = await self._ask(unit, n, lane)
            missing -= len(reply.samples)
            self._got(model, len(reply.samples))
            if reply.samples:
                self._faults.clear_row(model)
                if most < unit.wanted:
                    self._most[model] = most
                continue
            if n > 1 and reply.status in _MAY_BE_N:
                most = n // 2
                continue
            failures += reply.status not in BUSY
            if lane.hopeless or failures >= _TRIES or is_final(reply):
                self._faults.add(prompt_id, model, reply, hopeless=lane.hopeless)
            elif reply.status not in BUSY and not stopping():
                await asyncio.sleep(backoff(failures, self._backoff_s, self._random))

    async def _ask(self, unit: Unit, n: int, lane: Lane) -> Sampled:
        """One call, from its reservation to the disk."""
        reserved = await self._budget.reserve(self._budget.expected(unit.model, unit.prompt.query, n))
        if reserved is None:
            raise OverBudget
        try:
            ticket, reply = await lane.enter(), Sampled()
            task = asyncio.current_task()
            self._calling.add(task)
            try:
                reply = await self._sampler.call(unit.model, unit.prompt.query, n, self._settings)
                self._keep(unit, reply)
            finally:
                self._calling.discard(task)
                lane.leave(ticket, reply)
        finally:
            self._budget.settle(reserved)
        return reply

    def _keep(self, unit: Unit, reply: Sampled) -> None:
        if not reply.samples and reply.usage is None:
            return
        by = unit.model.served_as
        thought = reply.usage.thinking_tokens if reply.usage is not None else 0
        tokens = shares(reply.samples, reply.usage)
        responses = unscored(reply.samples, tokens, by, thought)
        bill = billed(reply.usage, reply.samples, unit.prompt.query.input_tokens)
        cost = unit.model.cost(1, bill.input_tokens, bill.output_tokens, bill.cached_tokens)
        self._ledger.keep(unit.prompt.record.id, unit.model.name, responses, cost)
        self._budget.note(unit.model.name, cost, tokens, thought)

    def _lane(self, model: Model) -> Lane:
        address = model.places[0].base_url if model.places else ""
        if address not in self._lanes:
            self._lanes[address] = Lane(self._concurrency, self._backoff_s, self._random)
        return self._lanes[address]
