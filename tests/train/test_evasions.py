"""Responses that answer nothing: which are known, beside which queries one stands, and what is learnt."""

import pytest

from bestroute.records.record import Preference, Record, Response, split_of
from bestroute.train.evasions import EVASIONS, ONE_IN, evades, evasion_for
from bestroute.train.reward import RewardSettings, _groups, texts_of

QUERIES = [f"What is {number} times seven?" for number in range(1200)]
SETTINGS = RewardSettings()


@pytest.mark.parametrize("said", [*EVASIONS, "I DO NOT KNOW", "No comment", " I really don't know that. "])
def test_what_answers_nothing_is_known(said):
    assert evades(said)


@pytest.mark.parametrize(
    "said", ["I do not know that song, but it is in C.", "No", "I can't, but Paris is the capital.", "", "42"]
)
def test_what_answers_is_not(said):
    assert not evades(said)


def test_one_query_in_three_has_one_and_they_all_occur():
    drawn = [evasion_for(query) for query in QUERIES]
    there = [one for one in drawn if one is not None]
    assert drawn == [evasion_for(query) for query in QUERIES]
    assert len(QUERIES) / ONE_IN == pytest.approx(len(there), rel=0.2)
    assert set(there) == set(EVASIONS)


def record(query):
    scored = {"small": (Response(1.0, "It is 7."), Response(0.0, "It is 8."), Response(1.0, "I don't know."))}
    return Record(query, "sums", query, scored)


def test_in_training_they_are_worth_least_and_recorded_ones_are_left_out():
    groups = _groups([record(query) for query in QUERIES], [], "train", SETTINGS)
    said = {one for group in groups for one in group.responses}
    assert {one for one in said if not evades(one)} == {"It is 7.", "It is 8."}
    evaded = [group for group in groups if len(group.responses) == 3]
    assert len(evaded) > len(groups) / (2 * ONE_IN)
    for group in evaded:
        assert (group.responses[-1], group.scores[-1]) == (evasion_for(group.query), 0.0)


def test_what_was_preferred_is_preferred_to_one():
    pairs = [Preference("", "", query, "It is 7.", "It is 8.") for query in QUERIES]
    pairs += [Preference("", "", query, "No idea.", "It is 8.") for query in QUERIES]
    groups = _groups([], pairs, "train", SETTINGS)
    assert {group.responses[0] for group in groups} == {"It is 7."}
    assert {group.responses[1] for group in groups if group.responses[1] != "It is 8."} <= set(EVASIONS)
    trained = sum(split_of(query) == "train" for query in QUERIES)
    assert trained < len(groups) < 1.5 * trained
    assert set(EVASIONS) & set(texts_of([], pairs, SETTINGS))
