"""From records to scores: names and classes, repeats, weights, samples."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from bestroute.errors import InputError
from bestroute.records.record import Response
from bestroute.train.adapt.own import OwnReader, asked_weights, read_own, strata_of
from tests.fakes import FakeReward, make_policy
from tests.train.adapt.traffic import POLICY, Router, records_of

ROUTER = Router(np.zeros((20, 40)))
SCORES = np.array([[0.0, 0.5, 1.0], [1.0, np.nan, 1.0]])
MORE = records_of(np.ones((6, 3)))[2:]  # enough to go on


def rows(own):
    return {text: own.score[place].tolist() for place, text in enumerate(own.texts)}


def test_scores_by_query():
    found = rows(read_own(POLICY, [*records_of(SCORES), *MORE], ROUTER))
    assert found["query number 0"] == [0.0, 0.5, 1.0]
    assert found["query number 1"] == pytest.approx([1.0, np.nan, 1.0], nan_ok=True)


def test_responses_by_class_count_where_there_are_none_by_name():
    [record] = records_of(SCORES[:1])
    by_class = replace(record, responses={"small": (Response(0.25),), "big": (Response(1.0),)})
    found = rows(read_own(POLICY, [by_class, *MORE], ROUTER))
    assert found["query number 0"] == pytest.approx([0.25, np.nan, 1.0], nan_ok=True)


def test_records_of_one_query_are_put_together():
    [record] = records_of(SCORES[:1])
    halves = [replace(record, responses={name: record.responses[name]}) for name in ("tiny", "big")]
    again = replace(record, responses={"tiny": (Response(1.0),)})
    own = read_own(POLICY, [*halves, *MORE, again], ROUTER)
    assert len(own) == 1 + len(MORE)
    assert rows(own)["query number 0"] == pytest.approx([0.5, np.nan, 1.0], nan_ok=True)


def test_the_order_of_records_changes_nothing():
    records = records_of(np.random.default_rng(0).random((20, 3)))
    one, other = (read_own(POLICY, part, ROUTER) for part in (records, records[::-1]))
    assert one.texts.tolist() == other.texts.tolist()
    assert (one.quality == other.quality).all(where=~np.isnan(one.quality))


def test_what_says_nothing_is_counted_or_refused():
    [record] = records_of(SCORES[:1])
    reader = OwnReader(POLICY, 4, 0.0, None)
    reader.add(replace(record, responses={"another": (Response(1.0),)}))
    reader.add(replace(record, prompt=" "))
    assert reader.left_out == Counter(
        {"without scored responses of a model of the policy": 1, "without a query that can be routed on": 1}
    )
    assert reader.unknown.found == Counter({"another": 1})
    told = "0 queries have scored .* 5 are the fewest .* 1 of 'another'; key .* names tiny, mid, big"
    with pytest.raises(InputError, match=told):
        reader.finish(ROUTER)


def test_samples_tell_of_n_where_a_tier_asks_for_several_and_rewards_are_there():
    """Of two responses with scores 0 and 1 the reward keeps the better: 1 of two, 0.5 of one."""
    policy = make_policy(tiers=[{"model": "tiny", "n": 2}, {"model": "big"}])
    [record] = records_of(SCORES[:1])
    pair = (Response(0.0, "wrong", reward=0.1), Response(1.0, "right", reward=0.9))
    known = replace(record, responses={"tiny": pair, "big": (Response(1.0),)})
    assert curve(policy, known) == [0.5, 1.0]
    bare = replace(record, responses={"tiny": tuple(replace(one, reward=None) for one in pair)})
    assert np.isnan(curve(policy, bare)[1])
    assert curve(policy, bare, FakeReward({"right": 0.9, "wrong": 0.1})) == [0.5, 1.0]


def curve(policy, record, reward=None):
    """Quality of tiny at n = 1 and 2 on a record's query."""
    own = read_own(policy, [record, *MORE], ROUTER, reward)
    return own.quality[own.texts.tolist().index(record.prompt), 0, :2].tolist()


def test_weights_make_up_for_being_asked_less_often():
    """Stratum 0: both models on both queries; 1: the first on one of four. Means are 1."""
    kinds = np.array([0, 0, 1, 1, 1, 1])
    asked = np.array([[1, 1], [1, 1], [1, 0], [0, 1], [0, 1], [0, 1]], bool)
    weights = asked_weights(kinds, asked)
    assert weights[:, 0] == pytest.approx([0.5, 0.5, 2.0, 0, 0, 0])
    assert weights[asked[:, 1], 1].mean() == pytest.approx(1)
    assert (asked_weights(kinds, np.ones((6, 2), bool)) == 1).all()


def test_strata_are_queries_of_a_kind_that_are_about_as_hard():
    """45 of a in two strata, by what is predicted and not by their order; 10 of b are too few for two."""
    kinds = np.array(["a"] * 45 + ["b"] * 10)
    strata = strata_of(kinds, np.concatenate([np.arange(45)[::-1], np.arange(10)]) / 50)
    assert strata.tolist() == [1] * 22 + [0] * 23 + [2] * 10


def test_a_model_that_got_mostly_easy_queries_is_not_flattered():
    """Half of 400 queries are easy. The small model, right on these alone, got 9 of 10 of them and 1 of 10 of
    the others: it was right on 90 % of what it was asked, and is worth 50 %."""
    easy = np.arange(400) % 2 == 0
    small = np.where(np.arange(400) % 20 < 2, ~easy, easy)
    scores = np.column_stack(
        [np.where(small, easy, np.nan), np.full(400, np.nan), np.where(small, np.nan, 1.0)]
    )
    router = Router(np.zeros((400, 40)))
    said = router.predict

    def predict(rows, time_budget_s=None):
        found = said(rows, time_budget_s)
        found.quality[:] *= np.array([1.0 if row.ids[0] % 2 == 0 else 0.5 for row in rows])[:, None, None]
        return found

    router.predict = predict
    own = read_own(POLICY, records_of(scores), router)
    known = ~np.isnan(own.score[:, 0])
    assert np.nanmean(own.score[:, 0]) == pytest.approx(0.9)
    assert np.average(own.score[known, 0], weights=own.weights[known, 0]) == pytest.approx(
        0.5, abs=0.08
    )  # one stratum of five holds both
    assert [own.covered(model) for model in range(3)] == [1.0, 0.0, 1.0]
