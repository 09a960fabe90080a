"""The run: workers for every model, each asking one unit after another, and a clean end whatever ends it."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator

from bestroute.policy.arms import Model
from bestroute.records.collect.asking import Asker, OverBudget, Unit
from bestroute.records.collect.budget import Budget
from bestroute.records.collect.faults import Faults
from bestroute.records.collect.ledger import Ledger
from bestroute.records.collect.plan import Plan, Survey
from bestroute.records.collect.prompts import read_prompts
from bestroute.records.collect.values import ModelOutcome, Outcome, Progress, StoppedBy


class Collection:
    """Carries a plan out: `run` it once; `stop`, from the same event loop, ends it early.

    `concurrency` bounds the calls at once to an endpoint address, `max_cost` (US$) what is spent until the
    records are complete, `backoff_s` is the first wait after a failure; `report` is told of every reply.
    Raises InputError for prompts, records or a journal that cannot be gone on with.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        concurrency: int = 8,
        max_cost: float | None = None,
        backoff_s: float = 1.0,
        report: Callable[[Progress], None] = lambda progress: None,
    ) -> None:
        self._plan = plan
        self._concurrency = concurrency
        self._report = report
        self._survey = Survey.of(plan.prompts, plan.choose)
        self._budget = Budget(max_cost, plan.settings.max_tokens)
        self._ledger = Ledger(plan, self._survey, self._budget)
        self._faults = Faults()
        self._asker = Asker(
            plan.settings,
            self._ledger,
            self._budget,
            self._faults,
            concurrency=concurrency,
            backoff_s=backoff_s,
            got=self._got,
        )
        self._spent_before = self._budget.spent
        self._done_before = {model.name: self._ledger.done(model.name) for model in plan.models}
        self._collected: Counter[str] = Counter()
        self._workers: list[asyncio.Task[None]] = []
        self._stopped_by: StoppedBy | None = None
        self._ending = False
        self._started = time.monotonic()

    async def run(self) -> Outcome:
        """Ask for all that is missing, then write the records.

        An interrupted run leaves them in the journal. Raises InputError where something cannot be written.
        """
        self._started = time.monotonic()
        try:
            self._workers = [asyncio.create_task(self._work(units)) for units in self._shares()]
            await self._finish()
            return self._end()
        finally:
            for worker in self._workers:
                worker.cancel()
            await self._asker.aclose()
            self._ledger.close()

    def stop(self) -> int:
        """Start no more calls, and give the number of those under way, whose replies are still kept."""
        self._stopped_by = self._stopped_by or "interrupt"
        return self._wind_up()

    def _shares(self) -> Iterator[Iterator[Unit]]:
        """What each worker takes its units from: those of a model share one source."""
        for model in self._plan.models:
            units = self._units(model)
            yield from [units] * self._concurrency

    def _units(self, model: Model) -> Iterator[Unit]:
        for prompt in read_prompts(self._plan.prompts, only=self._survey.chosen):
            missing = self._plan.samples - self._ledger.count(prompt.record.id, model.name)
            if missing > 0:
                yield from (
                    [Unit(model, prompt, missing)] if model.native else [Unit(model, prompt, 1)] * missing
                )

    async def _work(self, units: Iterator[Unit]) -> None:
        for unit in units:
            if self._ending or unit.model.name in self._faults.given_up:
                return
            try:
                await self._asker.fill(unit, lambda: self._ending)
            except OverBudget:
                self._stopped_by = self._stopped_by or "max_cost"
                return

    async def _finish(self) -> None:
        """Wait for the workers; what one of them raises ends the others, but for calls under way."""
        await asyncio.wait(self._workers, return_when=asyncio.FIRST_EXCEPTION)
        self._wind_up()
        await asyncio.wait(self._workers)
        for worker in self._workers:
            if not worker.cancelled():
                worker.result()

    def _wind_up(self) -> int:
        self._ending = True
        calling = 0
        for worker in self._workers:
            if self._asker.calls(worker):
                calling += 1
            else:
                worker.cancel()
        return calling

    def _got(self, model: str, count: int) -> None:
        self._collected[model] += count
        self._report(
            Progress(
                done=sum(self._done_before.values()) + self._collected.total(),
                wanted=self._survey.prompts * self._plan.samples * len(self._plan.models),
                collected=self._collected.total(),
                failed=len(self._faults),
                spent=self._budget.spent,
                elapsed_s=time.monotonic() - self._started,
                paused_s=self._asker.paused_s,
            )
        )

    def _end(self) -> Outcome:
        done = {name: before + self._collected[name] for name, before in self._done_before.items()}
        wanted = self._survey.prompts * self._plan.samples
        if all(count >= wanted for count in done.values()):
            self._stopped_by = None
        written = self._stopped_by != "interrupt" and self._ledger.write_records(self._budget.spent)
        if self._stopped_by is None:
            self._ledger.remove()
        return Outcome(
            prompts=self._survey.prompts,
            repeats=self._survey.repeats,
            models={
                name: ModelOutcome(
                    wanted=wanted,
                    done=count,
                    collected=self._collected[name],
                    blank=self._ledger.blank(name),
                    mean_output_tokens=self._budget.mean_output_tokens(name),
                    mean_thinking_tokens=self._budget.mean_thinking_tokens(name),
                    given_up=self._faults.given_up.get(name),
                )
                for name, count in done.items()
            },
            failed=self._faults.listed(),
            cost=self._budget.spent - self._spent_before,
            spent=self._budget.spent,
            stopped_by=self._stopped_by,
            written=written,
        )
