"""Samplers of one's own that do not keep their promise: told as the failure of the model they were to ask."""

import asyncio

import pytest

from bestroute import Broken, Ended
from bestroute.answering.sampling import Sampled
from bestroute.errors import MissingExtra, SamplingError
from tests.decision.plans import planning
from tests.fakes import FakeSampler, said

TIERS = [{"model": "mid", "n": 2}, {"model": "big"}]
ONE_SHOT = {"escalate": False}
QUERY = "abcdefgh"
MESSAGES = {"messages": [{"role": "user", "content": QUERY}]}


class Faulty(FakeSampler):
    """Calls `fault`, and gives what that gives, for all but `big`."""

    def __init__(self, fault):
        super().__init__({"big": said("it is 4")})
        self._fault = fault

    async def sample(self, model, query, n, settings):
        return await super().sample(model, query, n, settings) if model.name == "big" else self._fault()


class Streams(Faulty):
    """Streams too: a chunk for each of `texts`, then what `fault` gives."""

    def __init__(self, fault, *texts):
        super().__init__(fault)
        self._texts = texts

    async def stream(self, model, query, settings):
        if model.name != "big":
            for text in self._texts:
                yield {"choices": [{"index": 0, "delta": {"content": text}}]}
        yield await self.sample(model, query, 1, settings)


def fails():
    raise ZeroDivisionError("of its own")


FAULTS = {
    fails: "Faulty failed: ZeroDivisionError: of its own",
    lambda: None: "Faulty failed: TypeError: gave NoneType",
    lambda: Sampled(("4", "4")): "Faulty failed: TypeError: gave Sampled of str",
}


def asking(sampler, **sampling):
    return planning(sampler=sampler, tiers=TIERS, sampling={**ONE_SHOT, **sampling})


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("deadline", [{}, {"deadline_s": 60}])
def test_the_next_tier_answers(fault, deadline, caplog):
    answer = asking(Faulty(fault), **deadline).complete(QUERY)
    assert (answer.model, answer.text) == ("big", "it is 4")
    assert answer.attempts[0].error.startswith(FAULTS[fault])
    (record,) = caplog.records
    assert record.exc_info


def test_where_nobody_answers_the_error_tells_it():
    with pytest.raises(SamplingError, match="mid@2: 0 of 2 .*Faulty failed: ZeroDivisionError: of its own"):
        asking(Faulty(fails), fallback="none").complete(QUERY)


@pytest.mark.parametrize("fault", [fails, lambda: None])
def test_a_stream_that_fails_before_it_says_anything(fault):
    router = planning(sampler=Streams(fault), tiers=[{"model": "mid"}, {"model": "big"}], sampling=ONE_SHOT)
    *_, last = router.stream(MESSAGES)
    assert isinstance(last, Ended)
    assert last.answer.model == "big"
    assert "Streams failed: " in last.answer.attempts[0].error


def test_a_stream_that_fails_in_the_midst():
    router = planning(
        sampler=Streams(fails, "it ", "is"), tiers=[{"model": "mid"}, {"model": "big"}], sampling=ONE_SHOT
    )
    *_, last = router.stream(MESSAGES)
    assert isinstance(last, Broken)
    assert last.sample.text == "it is"
    assert "Streams failed: ZeroDivisionError" in last.error


def test_cancelling_stays_cancelling():
    def cancelled():
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(asking(Faulty(cancelled)).acomplete(QUERY))


def test_a_missing_extra_is_told_as_what_it_is():
    def lacks():
        raise MissingExtra("pip install")

    with pytest.raises(MissingExtra):
        asking(Faulty(lacks)).complete(QUERY)
