"""The memory of conversations: how they are known, how long, how many."""

import copy
import pickle
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestroute import InputError, Router
from bestroute.answering.sessions import FORGOTTEN_S, SessionMemory
from bestroute.policy.sampling import Sessions
from bestroute.query import Query, Session
from tests.fakes import FakePredictor, FakeReward, FakeSampler, make_policy, said

SETTINGS = Sessions(ttl_s=300, id="conversation")
SYSTEM = {"role": "system", "content": "You count."}


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def turns(*texts, system=SYSTEM):
    """A conversation: the user's words and the answers in turn."""
    roles = ("user", "assistant")
    return [system, *({"role": roles[i % 2], "content": text} for i, text in enumerate(texts))]


def query(*texts, metadata=None, **parts):
    return Query.of(turns(*texts, **parts), metadata=metadata)


def recalled(memory, asked):
    return memory.recall(asked, SETTINGS).session


class TestKnownByItsBeginning:
    def test_the_next_turn(self):
        memory, first = SessionMemory(clock=Clock()), query("one")
        memory.note(first, "tiny", SETTINGS)
        assert recalled(memory, query("one", "1", "two")) == Session("tiny", first.input_tokens)
        assert recalled(memory, query("one", "1", "two", system={**SYSTEM, "content": "No."})) is None

    def test_a_first_turn_is_no_conversation_yet(self):
        memory = SessionMemory(clock=Clock())
        memory.note(query("one"), "tiny", SETTINGS)
        assert recalled(memory, query("one")) is None

    def test_a_system_prompt_alone_is_many_conversations(self):
        memory = SessionMemory(clock=Clock())
        memory.note(Query.of([SYSTEM]), "tiny", SETTINGS)
        assert len(memory) == 0

    def test_of_two_that_began_alike_each_is_its_own(self):
        memory = SessionMemory(clock=Clock())
        for second, model in (("two", "tiny"), ("zwei", "big")):
            memory.note(query("one", "1", second), model, SETTINGS)
        assert recalled(memory, query("one", "1", "two", "2", "three")).model == "tiny"
        assert recalled(memory, query("one", "1", "zwei", "2", "drei")).model == "big"

    def test_where_the_history_was_edited_nothing_is_cached(self):
        memory = SessionMemory(clock=Clock())
        memory.note(query("one", "a long answer", "two"), "tiny", SETTINGS)
        assert recalled(memory, query("one", "short", "two", "2", "three")) == Session("tiny", 0)

    def test_a_session_that_is_handed_in_goes_before(self):
        memory, handed = SessionMemory(clock=Clock()), Session("mid", 3)
        memory.note(query("one"), "tiny", SETTINGS)
        asked = Query.of(turns("one", "1", "two"), session=handed)
        assert memory.recall(asked, SETTINGS) is asked


def test_known_by_its_name():
    memory = SessionMemory(clock=Clock())
    memory.note(query("one", metadata={"conversation": 7}), "tiny", SETTINGS)
    later = query("edited", "1", "two", metadata={"conversation": 7})
    assert recalled(memory, later).model == "tiny"
    assert recalled(memory, query("edited", "1", "two", metadata={"conversation": 8})) is None


def test_a_cache_goes_cold_and_a_conversation_is_forgotten():
    clock = Clock()
    memory, asked = SessionMemory(clock=clock), query("one", "1", "two")
    memory.note(query("one"), "tiny", SETTINGS)
    for now, left in ((300, query("one").input_tokens), (301, 0), (FORGOTTEN_S, 0)):
        clock.now = now
        assert recalled(memory, asked) == Session("tiny", left)
    clock.now = FORGOTTEN_S + 1
    assert recalled(memory, asked) is None


@given(st.integers(1, 8), st.lists(st.integers(0, 20), max_size=60))
def test_it_is_bounded_and_the_latest_stay(most, ids):
    memory = SessionMemory(most, clock=Clock())
    for one in ids:
        memory.note(query("x", metadata={"conversation": one}), f"m{one}", SETTINGS)
        assert len(memory) <= most
    latest = list(dict.fromkeys(reversed(ids)))
    for place, one in enumerate(latest):
        found = recalled(memory, query("x", "1", "y", metadata={"conversation": one}))
        assert (found is not None) == (place < most)
        assert found is None or found.model == f"m{one}"


def test_threads_may_share_it():
    memory = SessionMemory(50)

    def work(start):
        for one in range(start, start + 200):
            memory.note(query("x", metadata={"conversation": one}), "tiny", SETTINGS)
            recalled(memory, query("x", "1", "y", metadata={"conversation": one}))

    workers = [threading.Thread(target=work, args=(start,)) for start in (0, 100, 1000)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(memory) == 50


@pytest.mark.parametrize("parts", [{"most": most} for most in (0, -1, 2.5, "x", True)] + [{"clock": 5}])
def test_what_cannot_bound_or_time_it_is_refused(parts):
    with pytest.raises(InputError, match=f"^{next(iter(parts))} is .*; give "):
        SessionMemory(**parts)


def test_a_copy_elsewhere_begins_with_nothing():
    memory = SessionMemory(7)
    memory.note(query("one"), "tiny", SETTINGS)
    assert len(pickle.loads(pickle.dumps(memory))) == len(copy.deepcopy(memory)) == 0


class TestComplete:
    def router(self, **session):
        answers = {name: said("fine") for name in ("tiny", "mid", "big")}
        policy = make_policy(sampling={"session": session} if session else {}, max_gap=0.2)
        return Router(policy, predictor=FakePredictor(), reward=FakeReward(), sampler=FakeSampler(answers))

    def test_the_memory_is_used(self):
        router = self.router(keep=1)
        assert router.complete(turns("one")).model == "tiny"
        found = router.complete(turns("one", "1", "two"))
        assert found.decision.asked.session.model == "tiny"
        assert found.session.model == found.model == "tiny"

    def test_routing_alone_has_none(self):
        router = self.router(keep=1)
        router.complete(turns("one"))
        assert router.route(turns("one", "1", "two")).asked.session is None

    def test_a_stream_is_remembered_too(self):
        router = self.router(ttl_s=60)
        *_, ended = router.stream(turns("one"))
        assert len(router.opened.sessions) > 0
        assert router.complete(turns("one", ended.answer.text, "two")).decision.asked.session.model == "tiny"

    def test_without_sessions_nothing_is_remembered(self):
        router = self.router()
        router.complete(turns("one"))
        assert len(router.opened.sessions) == 0
        assert router.complete(turns("one", "1", "two")).session is None
