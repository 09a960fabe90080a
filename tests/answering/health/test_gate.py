"""A limit that holds across tasks, threads and cancellations."""

import asyncio
import random
import threading

import pytest

from bestroute.answering.health.gate import Gate

LONG_S = 30.0


class Room:
    """Counts who is inside at once."""

    def __init__(self, limit):
        self.gate, self.inside, self.most, self.order = Gate(limit), 0, 0, []
        self._lock = threading.Lock()

    async def stay(self, name=None, seconds=0.0):
        await self.gate.enter(LONG_S)
        try:
            with self._lock:
                self.inside += 1
                self.most = max(self.most, self.inside)
                self.order.append(name)
            await asyncio.sleep(seconds)
        finally:
            with self._lock:
                self.inside -= 1
            self.gate.leave()


def test_at_most_so_many_in_the_order_of_arrival():
    async def main():
        room = Room(3)
        await asyncio.gather(*(room.stay(name) for name in range(50)))
        assert (room.most, room.order) == (3, list(range(50)))

    asyncio.run(main())


def test_it_holds_across_event_loops_in_threads():
    room = Room(2)

    async def many():
        await asyncio.gather(*(room.stay(seconds=0.001) for _ in range(20)))

    threads = [threading.Thread(target=lambda: asyncio.run(many())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG_S)
    assert (room.most, room.inside, len(room.order)) == (2, 0, 80)


def test_who_gives_up_gives_its_turn_up():
    async def main():
        room = Room(1)
        stays = [asyncio.create_task(room.stay(name, 0.001)) for name in range(60)]
        await asyncio.sleep(0)
        dice = random.Random(1)
        for task in dice.sample(stays, 30):
            await asyncio.sleep(0)
            task.cancel()
        await asyncio.gather(*stays, return_exceptions=True)
        await asyncio.wait_for(room.stay(), 1.0)  # no turn was lost
        assert room.most == 1

    asyncio.run(main())


def test_patience_ends():
    async def main():
        gate = Gate(1)
        await gate.enter(LONG_S)
        with pytest.raises(asyncio.TimeoutError):
            await gate.enter(0.01)
        gate.leave()
        await gate.enter(0.01)

    asyncio.run(main())


def test_a_waiter_whose_loop_has_ended_is_passed_over():
    gate = Gate(1)

    async def wait_and_go():
        await gate.enter(LONG_S)

    loop = asyncio.new_event_loop()
    loop.run_until_complete(gate.enter(LONG_S))
    waiting = loop.create_task(wait_and_go())
    loop.run_until_complete(asyncio.sleep(0))
    waiting._log_destroy_pending = False
    loop.close()
    gate.leave()

    async def enter():
        await gate.enter(1.0)

    asyncio.run(enter())
