"""How fast an endpoint is asked: waits and halvings by hand."""

import asyncio
from random import Random

from bestroute.answering.sampling import Sample, Sampled
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
