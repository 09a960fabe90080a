"""Own responses as the reward model sees them: what is chosen from together, and rewards put into records."""

from types import SimpleNamespace

import numpy as np

from bestroute.artefacts.facts import FACTS
from bestroute.artefacts.reward import Sight
from bestroute.records.record import Record, Response
from bestroute.train.adapt.sights import lists_of, read_scored, rewarded
from tests.fakes import FakeReward
from tests.train.adapt.traffic import POLICY


def record(**responses):
    parts = {
        name: tuple(Response(score, text) for text, score in items.items())
        for name, items in responses.items()
    }
    return Record("1", "own", "a question", parts)


def texts(lists):
    return [[item.text for item in items] for items in lists]


def test_a_model_with_several_responses_is_chosen_from_by_itself():
    of_both = record(tiny={"a": 0.0, "b": 1.0}, mid={"c": 0.5}, large={"d": 0.5, "e": 1.0})
    assert texts(lists_of(POLICY, of_both)) == [["a", "b"], ["d", "e"]]


def test_else_all_responses_to_a_query_are():
    assert texts(lists_of(POLICY, record(tiny={"a": 0.0}, mid={"c": 0.5}))) == [["a", "c"]]


def test_what_says_nothing_or_has_no_score_or_stranger_is_left_out():
    assert texts(lists_of(POLICY, record(tiny={"a": 0.0, " ": 1.0, "b": None}, other={"c": 1.0}))) == []


def test_responses_are_read_with_their_query():
    sees = SimpleNamespace(
        sight=lambda query, texts: Sight(
            np.array([len(text) for text in texts], float), np.ones((len(texts), 2)),
            np.zeros((len(texts), len(FACTS))),
        )
    )  # fmt: skip
    records = [record(tiny={"a": 0.0, "bbb": 1.0}), record(mid={"c": 0.5})]
    scored = read_scored(POLICY, records, sees, lambda: None)
    assert scored.keys.tolist() == [("a question", "a"), ("a question", "bbb")]
    assert scored.odds.tolist() == [1, 3]
    assert scored.centred(scored.score).tolist() == [-0.5, 0.5]
    assert read_scored(POLICY, records[1:], sees, lambda: None) is None


def test_known_rewards_are_put_into_records_and_the_others_asked_for():
    model = FakeReward({"a": 0.9, "b": 0.3})
    asked = Record(
        "1", "own", "q", {"tiny": (Response(1.0, "a"), Response(0.0, "b"), Response(0.0, None, reward=0.4))}
    )
    found = rewarded(asked, {("q", "a"): 0.7}, model)
    assert [item.reward for item in found.responses["tiny"]] == [0.7, np.float32(0.3), 0.4]
    assert model.seen == [("q", ("b",))]
