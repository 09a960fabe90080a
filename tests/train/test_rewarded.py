"""Rewards go to queries that the reward model did not see, and to no more than asked for."""

import numpy as np
import pytest

from bestroute.artefacts.manifest import SEEN
from bestroute.records.record import Record, Response, query_hash
from bestroute.train import rewarded as room
from bestroute.train.rewarded import rewarded


class Lengths:
    """The reward of a response is its length."""

    def __init__(self, folder):
        pass

    def rewards(self, query, responses):
        return np.array([len(text) for text in responses], np.float32)


def record(number, text="yes"):
    return Record(
        str(number), "chat", f"Query {number}?", {"small": (Response(1.0, text), Response(0.0, "no"))}
    )


@pytest.fixture
def rewards_of(tmp_path, monkeypatch):
    monkeypatch.setattr(room, "OnnxRewardModel", Lengths)
    np.save(tmp_path / SEEN, np.array([query_hash("Query 0?")], np.uint64))

    def rewards(records, per_source):
        made = rewarded(records, tmp_path, per_source)
        return [[item.reward for item in one.responses["small"]] for one in made]

    return rewards


def test_a_query_that_was_seen_gets_none(rewards_of):
    assert rewards_of([record(0), record(1)], 5) == [[None, None], [3.0, 2.0]]


def test_a_source_gets_as_many_as_asked_for(rewards_of):
    assert rewards_of([record(1), record(2)], 1) == [[3.0, 2.0], [None, None]]


def test_a_record_without_a_text_gets_none_and_does_not_count(rewards_of):
    assert rewards_of([record(1, None), record(2)], 1) == [[None, None], [3.0, 2.0]]
