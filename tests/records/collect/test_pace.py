"""How fast an endpoint is asked, and what may be spent: waits, halvings, reservations by hand."""

import asyncio
from random import Random

import pytest

from bestroute.answering.sampling import Sample, Sampled
from bestroute.policy.arms import Model
from bestroute.query import Query
from bestroute.records.collect.budget import Budget
from bestroute.records.collect.faults import Faults, is_final
from bestroute.records.collect.pace import Lane, backoff

FINE = Sampled((Sample("fine"),))
BUSY = Sampled(errors=("busy",), status=429)


class Half(Random):
    """Draws the middle of every range."""

    def uniform(self, a: float, b: float) -> float:
        return (a + b) / 2


def busy(wait_s: float) -> Sampled:
    return Sampled(errors=("busy",), status=503, retry_after_s=wait_s)


def fill(lane: Lane) -> list[int]:
    """Take turns until one would have to wait."""

    async def take() -> list[int]:
        tickets = []
        while True:
            try:
                tickets.append(await asyncio.wait_for(lane.enter(), 0.05))
            except asyncio.TimeoutError:
                return tickets

    return asyncio.run(take())


def test_waits_double_to_a_minute():
    assert [backoff(tries, 2, Half()) for tries in (0, 1, 2, 3, 6, 5000)] == [0, 1.5, 3, 6, 45, 45]
    assert {backoff(1, 2, Random(seed)) for seed in range(9)} != {1.5}
    assert all(1 <= backoff(1, 2, Random(seed)) <= 2 for seed in range(99))


def test_no_more_turns_than_allowed():
    assert len(fill(Lane(3, 1, Half()))) == 3


def test_a_refusal_halves_and_answers_raise():
    lane = Lane(8, 0, Half())
    for ticket, reply in zip(fill(lane), [BUSY] + [Sampled(errors=("other",))] * 7, strict=True):
        lane.leave(ticket, reply)
    tickets = fill(lane)
    assert len(tickets) == 4
    for ticket in tickets:  # 4 + 1/4 + ... reaches 4.9 after four answers
        lane.leave(ticket, FINE)
    tickets = fill(lane)
    assert len(tickets) == 4
    for ticket in tickets:
        lane.leave(ticket, FINE)
    assert len(fill(lane)) == 5


def test_calls_under_way_together_are_refused_once():
    lane = Lane(8, 100, Half())
    for ticket in fill(lane):
        lane.leave(ticket, BUSY)
    assert 40 < lane.paused_s <= 45  # one wait: min(60, 100) times 0.75
    assert not lane.hopeless
    assert fill(lane) == []


def test_the_pause_is_as_long_as_the_endpoint_says():
    lane = Lane(2, 100, Half())
    first, second = fill(lane)
    lane.leave(first, busy(500))
    assert 490 < lane.paused_s <= 500
    lane.leave(second, busy(900))
    assert 890 < lane.paused_s <= 900


def test_an_endpoint_that_never_has_room_is_hopeless():
    lane = Lane(1, 0, Half())
    for _ in range(10):
        assert not lane.hopeless
        lane.leave(fill(lane)[0], busy(0))
    assert lane.hopeless
    lane.leave(fill(lane)[0], FINE)
    assert not lane.hopeless


def test_those_who_wait_go_on_when_a_turn_ends():
    async def relay() -> list[int]:
        lane = Lane(1, 0, Half())
        ticket = await lane.enter()
        waiting = [asyncio.create_task(lane.enter()) for _ in range(2)]
        await asyncio.sleep(0)
        done = []
        for _ in range(2):
            lane.leave(ticket, FINE)
            await asyncio.sleep(0.01)
            done.append(sum(task.done() for task in waiting))
        return done

    assert asyncio.run(relay()) == [1, 2]


MODEL = Model.model_validate({"name": "m", "price": {"input": 1e6, "output": 2e6}})  # US$ 1 and 2 a token
QUERY = Query.of("four bytes: 16...")  # 17 bytes: 5 tokens


def test_what_a_call_is_expected_to_cost():
    budget = Budget(None, max_tokens=100)
    assert budget.expected(MODEL, QUERY, 3) == 3 * (5 + 2 * 100)
    budget.note("m", 7.0, [10, 20])
    budget.note("m", 7.0, [])
    budget.note("other", 1.0, [90])
    assert budget.expected(MODEL, QUERY, 1) == 5 + 2 * 15
    assert budget.spent == 15.0
    assert budget.mean_output_tokens("none") is None


def test_the_cap_counts_what_is_under_way():
    async def reserve() -> list[bool]:
        budget = Budget(10, 1)
        budget.note("m", 4, [])
        first = await budget.reserve(5)
        second = asyncio.create_task(budget.reserve(2))
        await asyncio.sleep(0.01)
        waited = not second.done()
        budget.note("m", 3, [])
        budget.settle(first)
        ticket = await second
        budget.settle(ticket)
        return [waited, await budget.reserve(3.01) is None, await budget.reserve(3) is not None]

    assert asyncio.run(reserve()) == [True, True, True]


def test_what_costs_nothing_is_never_stopped():
    assert asyncio.run(Budget(0, 1).reserve(0)) is not None


@pytest.mark.parametrize(
    ("status", "final"),
    [
        (400, True),
        (401, True),
        (404, True),
        (408, False),
        (409, False),
        (429, False),
        (500, False),
        (None, False),
    ],
)
def test_what_is_worth_asking_again(status, final):
    assert is_final(Sampled(errors=("no",), status=status)) is final


def test_a_model_is_given_up_for_its_endpoint_not_for_its_prompts():
    faults = Faults()
    for index in range(9):
        faults.add(str(index), "m", Sampled(errors=("too long",), status=400), hopeless=False)
    assert faults.given_up == {}
    assert faults.rule_out("8", "m")
    assert not faults.rule_out("9", "m")
    for index in range(9, 13):
        faults.add(str(index), "m", Sampled(errors=("gone",), status=404), hopeless=False)
    faults.clear_row("m")
    for index in range(13, 18):
        assert faults.given_up == {}
        faults.add(str(index), "m", Sampled(errors=("gone",)), hopeless=False)
    assert faults.given_up == {"m": "gone"}
    assert faults.rule_out("99", "m")
    assert not faults.rule_out("99", "other")
    assert len(faults) == len(faults.listed()) == 18
