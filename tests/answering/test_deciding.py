"""Deciding: rules at once, the others together, and what becomes of those who hang, fail or go away."""

import asyncio
import threading

import pytest

from bestroute import InputError
from bestroute.answering import deciding
from bestroute.answering.deciding import Deciding
from bestroute.query import Query
from bestroute.router import Router
from tests.fakes import BIG, MID, TINY, FakePredictor, make_policy

PATIENCE_S = 60.0
RULES = [{"name": "greeting", "when": {"pattern": "^hello"}, "route": {"model": "tiny"}}]


class Gated(FakePredictor):
    """Answers when the gate is open, and tells when a batch waits at it."""

    def __init__(self, **said):
        super().__init__(**said)
        self.gate, self.arrived = threading.Event(), threading.Semaphore(0)

    def predict(self, rows, time_budget_s=None):
        self.arrived.release()
        assert self.gate.wait(PATIENCE_S)
        return super().predict(rows, time_budget_s)


def deciding_by(predictor, **policy):
    router = Router(make_policy(rules=RULES, **policy), predictor=predictor, time_budget_s=None)
    return Deciding(router._chooser, lambda query: query)


async def at_work(predictor):
    assert await asyncio.to_thread(predictor.arrived.acquire, timeout=PATIENCE_S)


def begun(deciding_, *texts):
    return [asyncio.ensure_future(deciding_.decide(Query.of(text), None, PATIENCE_S)) for text in texts]


def test_those_who_wait_are_decided_together_and_a_rule_does_not_wait():
    predictor = Gated()
    one = deciding_by(predictor)

    async def run():
        first = begun(one, "Why?")
        await at_work(predictor)
        others = begun(one, *(f"Why {number}?" for number in range(20)))
        ruled = await one.decide(Query.of("hello there"), None, PATIENCE_S)
        predictor.gate.set()
        return ruled, await asyncio.gather(*first, *others)

    ruled, found = asyncio.run(run())
    assert ruled.decision.cause == "rule"
    assert [asked.query.text for asked in found] == ["Why?", *(f"Why {number}?" for number in range(20))]
    assert len({asked.decision.arm.label for asked in found}) == 1
    assert predictor.batches == [1, 16, 4]


def test_one_long_request_is_matched_with_the_rules_beside_the_loop():
    threads = []

    class Chooser:
        routes = True

        def ruled(self, query, health):
            raise AssertionError("a long text is not matched on the loop")

        def together(self, queries):
            threads.append(threading.current_thread())
            return [None] * len(queries)

    long = Query.of("hello " * 1_000)
    asyncio.run(Deciding(Chooser(), lambda query: query).decide(long, None, PATIENCE_S))
    assert threads != [threading.main_thread()]


def test_one_that_cannot_be_decided_spoils_no_other():
    predictor = Gated()
    sound = {"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}
    in_vain = Query.of([{"role": "user", "content": [{"type": "text", "text": "What is said?"}, sound]}])
    one = deciding_by(predictor, models=[{**model, "capabilities": []} for model in (TINY, MID, BIG)])

    async def run():
        first = begun(one, "Why?")
        await at_work(predictor)
        others = begun(one, "Why not?", in_vain, "What else?")
        predictor.gate.set()
        return await asyncio.gather(*first, *others, return_exceptions=True)

    _, before, refused, after = asyncio.run(run())
    assert isinstance(refused, InputError)
    assert before.decision.arm.label == after.decision.arm.label


def test_who_went_away_is_not_decided_for():
    predictor = Gated()
    one = deciding_by(predictor)

    async def run():
        first = begun(one, "Why?")
        await at_work(predictor)
        gone, stays = begun(one, "Gone?", "Still here?")
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        predictor.gate.set()
        return await asyncio.gather(*first, stays)

    assert len(asyncio.run(run())) == 2
    assert predictor.batches == [1, 1]


def test_a_batch_that_hangs_holds_nobody_up(monkeypatch):
    monkeypatch.setattr(deciding, "_PATIENCE_S", 0.05)
    predictor = Gated()
    one = deciding_by(predictor)

    async def run():
        hanging = begun(one, "Why?")
        await at_work(predictor)
        waiting = begun(one, "Why not?")
        await at_work(predictor)
        predictor.gate.set()
        return await asyncio.gather(*hanging, *waiting)

    assert [asked.query.text for asked in asyncio.run(run())] == ["Why?", "Why not?"]


def test_time_that_runs_out_is_told():
    predictor = Gated()
    one = deciding_by(predictor)

    async def run():
        with pytest.raises(asyncio.TimeoutError):
            await one.decide(Query.of("Why?"), None, 0.01)
        predictor.gate.set()

    asyncio.run(run())
