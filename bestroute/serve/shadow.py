"""What is asked beside, where the policy says `shadow`: in the background, for a share of the requests.

Whoever answered is kept with those that were asked beside, as a record that `score`, and then `calibrate` and
`adapt`, read. Nothing of it is on a request's way: it begins when the response is over.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bestroute.answering.sampling.billing import bill, shares
from bestroute.policy.arms import Model
from bestroute.policy.serving import Shadow, asked_of
from bestroute.query import Query
from bestroute.records.lines import record_as_json
from bestroute.records.record import Record, Response, unscored
from bestroute.serve.entry import Entry
from bestroute.serve.kept import Records
from bestroute.serve.metrics import Metrics
from bestroute.serve.purse import SPENT, Purse, spent_today

if TYPE_CHECKING:
    from bestroute.answering.answer import Answer
    from bestroute.answering.sampling import Sample, Sampler, Usage
    from bestroute.policy import Policy

_MOST = 8  # requests that are asked about at once; what comes beyond is left out


class Shadows:
    """Asks beside, for one worker of `workers`, each of which has its part of the budget.

    What became of it is counted: `asked`, `failed` (no answer came), `budget` (today's is used up), `busy`
    (too many under way), `unable` (the model cannot take such a request), `lost` (the file did not take the
    record, which is tried again), `unwritten` (nobody was asked, since the file takes nothing).
    """

    def __init__(self, metrics: Metrics, workers: int = 1, dice: random.Random | None = None) -> None:
        self._metrics, self._workers = metrics, workers
        self._dice = random.Random() if dice is None else dice
        self._tasks: set[asyncio.Task[None]] = set()
        self._purses: dict[Path, Purse] = {}
        self._records: dict[Path, Records] = {}

    def after(self, entry: Entry) -> None:
        """A request is over: ask beside, where its policy says so and the dice do; returns at once."""
        router, answer = entry.router, entry.answer
        entry.router = entry.answer = None  # the entry may wait for the log
        shadow = None if router is None else router.policy.shadow
        if router is None or answer is None or shadow is None or self._dice.random() >= shadow.share:
            return
        sampler = router.opened.sampler
        if sampler is None or entry.query is None:
            return
        if len(self._tasks) >= _MOST:
            self._metrics.shadow(entry.policy, "busy")
            return
        asking = self._ask(entry, entry.query, answer, router.policy, shadow, sampler)
        task = asyncio.get_running_loop().create_task(asking)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """End what is under way."""
        tasks = [*self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _ask(
        self, entry: Entry, query: Query, answer: Answer, policy: Policy, shadow: Shadow, sampler: Sampler
    ) -> None:
        file = policy.beside(shadow.records)
        records = self._records.setdefault(file, Records(file))
        if not records.writes and not await asyncio.to_thread(records.again):
            self._metrics.shadow(entry.policy, "unwritten")
            return
        if file not in self._purses:
            spent = await asyncio.to_thread(spent_today, file, time.time())
            self._purses.setdefault(file, Purse(spent / self._workers))
        there = _answered(answer, policy)
        cost, gained = 0.0, False
        for written in shadow.ask:
            arm = asked_of(written, policy.reference)
            model, more = policy.model(arm.model), arm.n - len(there.get(arm.model, ()))
            if more > 0:
                came, billed = await self._asked(entry.policy, model, more, query, policy, file, sampler)
                cost, gained = cost + billed, gained or bool(came)
                there[arm.model] = (*there.get(arm.model, ()), *came)
        if gained:
            known = dict(query.metadata) or None
            record = Record(
                entry.request_id, entry.policy, query.messages, there, query.input_tokens, metadata=known
            )
            line = {**record_as_json(record), SPENT: {"time": round(time.time()), "cost": cost}}
            if not await asyncio.to_thread(records.add, line):
                self._metrics.shadow(entry.policy, "lost")

    async def _asked(
        self,
        name: str,
        model: Model,
        n: int,
        query: Query,
        policy: Policy,
        file: Path,
        sampler: Sampler,
    ) -> tuple[tuple[Response, ...], float]:
        """Responses of one model, and what they cost; none where it may not or cannot be asked, or failed."""
        shadow, purse = policy.shadow, self._purses[file]
        assert shadow is not None
        if query.needs.difference(model.capabilities) or not model.places:
            self._metrics.shadow(name, "unable")
            return (), 0.0
        most = _most(model, n, query, policy)
        if not purse.take(most, shadow.budget / self._workers):
            self._metrics.shadow(name, "budget")
            return (), 0.0
        reply = await sampler.sample(model, query, n, policy.sampling)
        # What broke off without a status may have been billed all the same.
        unknown = not reply.samples and reply.usage is None and reply.status is None
        cost = most if unknown and reply.fault is not None and reply.fault.kind == "timeout" else 0.0
        cost = cost or bill(policy.reference_model, model, query, reply).cost
        purse.settle(most, cost)
        came = _winners(reply.samples, reply.usage, model)
        self._metrics.shadow(name, "asked" if came else "failed", cost)
        return came, cost


def _answered(answer: Answer, policy: Policy) -> dict[str, tuple[Response, ...]]:
    """The responses that the answer was chosen from, by model."""
    samples = defaultdict(list)
    for writer, sample in zip(answer.writers, answer.samples, strict=True):
        samples[writer].append(sample)
    billed = answer.usage if len(answer.attempts) == 1 else None  # of several nobody says whose they were
    found = {name: _winners(some, billed, policy.model(name)) for name, some in samples.items()}
    return {name: came for name, came in found.items() if came}


def _winners(samples: Sequence[Sample], billed: Usage | None, model: Model) -> tuple[Response, ...]:
    """Those of a model's responses that may win, each with its part of what was billed for all."""
    tokens = shares(samples, billed)
    kept = [at for at, sample in enumerate(samples) if sample.may_win]
    return unscored([samples[at] for at in kept], [tokens[at] for at in kept], model.served_as)


def _most(model: Model, n: int, query: Query, policy: Policy) -> float:
    """US$ that asking may cost at most, but for retries."""
    longest = query.max_tokens or policy.sampling.max_tokens
    return model.cost(n, query.input_tokens, model.written(longest, longest, adapted=False))
