"""Replay: records to queries x arms, worked out by hand."""

import numpy as np
import pytest

from bestroute.errors import InputError
from bestroute.evaluate.replay import Collector, arms_of, query_of, replay
from bestroute.records.lines import parse_record
from tests.evaluate.replays import record_of
from tests.fakes import FakeReward, make_policy

POLICY = make_policy(tiers=[{"model": "tiny"}, {"model": "tiny", "n": 2}, {"model": "big"}])
SCORES = {"small": [0.0, 1.0], "large": [1.0, 0.5]}


def records(*raw):
    return [parse_record(part) for part in raw]


def test_worked_by_hand():
    """In millionths of US$: tiny 5 * 1 + 10 * 2 = 25 a call, big 5 * 10 + 10 * 30 = 350.

    The better of two tiny responses has the higher reward, so it is kept: quality 1; one alone: 0.5. A match
    of one response of big (1 or 0.5): 0 never does, 1 always.
    """
    found, queries, left_out, recorded, _ = replay(POLICY, records(record_of("q", SCORES)), None)
    assert found.labels == ("tiny@1", "tiny@2", "big@1")
    np.testing.assert_allclose(found.quality, [[0.5, 1.0, 0.75]])
    np.testing.assert_allclose(found.cost * 1e6, [[25, 50, 350]])
    np.testing.assert_allclose(found.single, [[0.5, 0.5, 0.75]])
    np.testing.assert_allclose(found.match, [[0.5, 1.0, 0.75]])
    assert (found.texts, found.sources, left_out, recorded) == (("q",), ("all",), {}, ())
    assert queries[0].text == "q"


def test_a_margin_lets_more_match():
    """With half a point of margin, a tiny 0 matches big's 0.5 but not its 1: half of the time."""
    found = replay(POLICY, records(record_of("q", SCORES)), None, margin=0.5).replay
    np.testing.assert_allclose(found.match, [[0.75, 1.0, 1.0]])


def test_responses_of_the_model_come_before_those_of_its_class():
    scores = {**SCORES, "tiny": [1.0, 1.0]}
    assert replay(POLICY, records(record_of("q", scores)), None).replay.quality[0, 0] == 1.0


def test_native_samples_bill_the_prompt_once():
    native = {"base_url": "http://localhost/v1", "samples": "native"}
    tiny = {"name": "tiny", "class": "small", "price": {"input": 1.0, "output": 2.0}, "endpoint": native}
    policy = POLICY.model_copy(update={"models": (type(POLICY.models[0])(**tiny), *POLICY.models[1:])})
    found = replay(policy, records(record_of("q", SCORES)), None).replay
    assert found.cost[0, 1] * 1e6 == pytest.approx(5 + 2 * 20)


class TestPortfolios:
    """One of two of tiny (0 with reward 0, 1 with 0.01) and one of three of mid (0.5 with 0, 1 with 0.01, 0
    with 0.02). In millionths of US$: tiny 25, mid 5 * 3 + 10 * 6 = 75.
    """

    SCORES = {**SCORES, "medium": [0.5, 1.0, 0.0]}
    POLICY = make_policy(tiers=[{"models": {"tiny": 1, "mid": 1}}, {"model": "big"}])

    def test_worked_by_hand(self):
        """Of six pairs (tiny, mid) is kept: of (0, 0.5), a tie, either; of (0, 1) and (1, 1) a 1; of (1, 0.5)
        tiny's 1; of (0, 0) and (1, 0) mid's 0. A match of big (1 or 0.5): 0 never does, 0.5 half of the
        time, 1 always. So quality is (0.25 + 3) / 6, and match too, the tie being worth (0 + 0.5) / 2.
        """
        found = replay(self.POLICY, records(record_of("q", self.SCORES)), None).replay
        assert found.labels == ("mid@1+tiny@1", "big@1")
        np.testing.assert_allclose(found.quality, [[3.25 / 6, 0.75]])
        np.testing.assert_allclose(found.match, [[3.25 / 6, 0.75]])
        np.testing.assert_allclose(found.cost * 1e6, [[25 + 75, 350]])
        np.testing.assert_allclose(found.single, [[0.5, 0.75]])

    def test_all_of_every_model_keep_the_best_of_all(self):
        policy = make_policy(tiers=[{"models": {"tiny": 2, "mid": 3}}, {"model": "big"}])
        found = replay(policy, records(record_of("q", self.SCORES)), None, margin=0.5).replay
        assert (found.quality[0, 0], found.match[0, 0]) == (0.0, pytest.approx(0.5))  # 0 reaches 0.5 less 0.5
        assert found.cost[0, 0] * 1e6 == pytest.approx(2 * 25 + 3 * 75)

    def test_single_is_weighted_by_the_responses(self):
        policy = make_policy(tiers=[{"models": {"tiny": 1, "big": 3}}, {"model": "big"}])
        scores = {"small": [0.0], "large": [1.0, 1.0, 1.0]}
        found = replay(policy, records(record_of("q", scores)), None).replay
        assert found.single[0].tolist() == [0.75, 1.0]

    def test_plain_arms_beside_it_are_what_they_were(self):
        plain = [{"model": "tiny", "n": 2}, {"model": "mid", "n": 3}, {"model": "big"}]
        alone = replay(make_policy(tiers=plain), records(record_of("q", self.SCORES)), None).replay
        policy = make_policy(tiers=[{"models": {"tiny": 1, "mid": 1}}, *plain])
        beside = replay(policy, records(record_of("q", self.SCORES)), None).replay
        for name in ("quality", "cost", "single", "match"):
            np.testing.assert_array_equal(getattr(beside, name)[:, 1:], getattr(alone, name))

    def test_one_response_of_each_model_needs_rewards(self):
        raw = record_of("q", self.SCORES)
        del raw["responses"]["medium"][0]["reward"]
        with pytest.raises(InputError, match="1 without rewards, or texts to reward, of mid"):
            replay(self.POLICY, records(raw), None)

    def test_every_model_needs_its_responses(self):
        policy = make_policy(tiers=[{"models": {"tiny": 1, "mid": 4}}, {"model": "big"}])
        with pytest.raises(InputError, match="1 with fewer than 4 responses of mid"):
            replay(policy, records(record_of("q", self.SCORES)), None)

    def test_responses_that_are_kept_have_their_rewards(self):
        """The reference's too, where they compete with another model's."""
        policy = make_policy(tiers=[{"models": {"tiny": 1, "big": 1}}, {"model": "big"}])
        raw = record_of("q", SCORES)
        for text, item in zip(("right", "wrong"), raw["responses"]["large"], strict=True):
            item["text"] = text
            del item["reward"]
        for item in raw["responses"]["small"]:
            item["text"] = "small"
        reward = FakeReward({"right": 0.9, "wrong": 0.1})
        collector = Collector(policy, reward, keep_responses=True)
        record = parse_record(raw)
        collector.add(record, query_of(record))
        (recorded,) = collector.finish().recorded
        assert [item.reward for item in recorded.responses["big"]] == pytest.approx([0.9, 0.1])
        assert reward.seen == [("q", ("right", "wrong"))]  # once, though it is asked of the arm and of plans


def test_what_is_not_recorded_is_estimated():
    """`abcdefgh` is two tokens as a prompt and as a response."""
    raw = record_of("abcdefgh", SCORES, input_tokens=None)
    for items in raw["responses"].values():
        for item in items:
            item.pop("output_tokens")
            item["text"] = "abcdefgh"
    found = replay(POLICY, records(raw), None).replay
    np.testing.assert_allclose(found.cost * 1e6, [[2 + 4, 12, 20 + 60]])


def test_rewards_are_the_models_where_one_is_missing():
    raw = record_of("q", SCORES)
    for text, item in zip(("right", "wrong"), raw["responses"]["small"], strict=True):
        item["text"] = text
    del raw["responses"]["small"][0]["reward"]
    reward = FakeReward({"right": 0.9, "wrong": 0.1})  # the reverse of what was recorded
    assert replay(POLICY, records(raw), reward).replay.quality[0, 1] == 0.0
    assert reward.seen == [("q", ("right", "wrong"))]


def test_a_reward_model_that_does_not_reward_is_told():
    raw = record_of("q", SCORES)
    for item in raw["responses"]["small"]:
        item["text"] = "a"
        item.pop("reward", None)
    with pytest.raises(InputError, match="^reward: FakeReward.rewards gave .* for 2 responses"):
        replay(POLICY, records(raw), FakeReward({"a": float("nan")}))


def test_a_blank_response_is_never_kept():
    raw = record_of("q", SCORES)
    for text, item in zip(("wrong", " "), raw["responses"]["small"], strict=True):
        item["text"] = text
        del item["reward"]
    assert replay(POLICY, records(raw), FakeReward({" ": 0.9})).replay.quality[0, 1] == 0.0


def test_a_single_response_needs_no_reward():
    raw = record_of("q", SCORES)
    for item in raw["responses"]["large"]:
        del item["reward"]
    assert replay(POLICY, records(raw), None).left_out == {}


def test_what_cannot_be_replayed_is_counted_with_its_reason():
    bare = record_of("d", SCORES)
    for item in bare["responses"]["small"]:
        del item["reward"]
    mute = record_of("e", SCORES)
    del mute["responses"]["large"][0]["output_tokens"]
    lacking = [
        record_of("a", {"small": [1, 1]}),
        record_of("b", {"large": [1]}),
        record_of("c", {"small": [1], "large": [1]}),
        bare,
        mute,
    ]
    found = replay(POLICY, records(record_of("q", SCORES), *lacking), None)
    assert found.replay.texts == ("q",)
    assert found.left_out == {
        "without responses of big": 1,
        "without responses of tiny": 1,
        "with fewer than 2 responses of tiny": 1,
        "without rewards, or texts to reward, of tiny": 1,
        "without output tokens, or texts to count them, of big": 1,
    }


def test_every_model_that_is_wanting_is_counted():
    found = replay(POLICY, records(record_of("q", SCORES), record_of("a", {"other": [1]})), None)
    assert found.left_out == {"without responses of tiny": 1, "without responses of big": 1}
    assert found.unknown == {"other": 1}


def test_names_that_the_policy_does_not_know_are_told():
    with pytest.raises(InputError, match=r"not know: 1 of 'tinny' \(did you mean 'tiny'\?\); give records"):
        replay(POLICY, records(record_of("a", {"tinny": [1, 1], "large": [1]})), None)


def test_nothing_to_replay_is_an_error_that_says_why():
    with pytest.raises(InputError, match="1 with fewer than 2 responses of tiny"):
        replay(POLICY, records(record_of("c", {"small": [1], "large": [1]})), None)
    with pytest.raises(InputError, match="there is none"):
        replay(POLICY, [], None)


def test_arms_are_the_tiers_then_what_rules_route_to_then_the_reference():
    rule = {"name": "r", "when": {"keywords": ["x"]}, "route": {"model": "mid", "n": 2}}
    tiers = [{"model": "tiny", "max_gap": 0.0}, {"model": "big"}, {"model": "tiny"}, {"model": "big"}]
    labels = [arm.label for arm in arms_of(make_policy(tiers=tiers, rules=[rule]))]
    assert labels == ["tiny@1", "mid@2", "big@1"]


def test_the_query_has_the_records_messages_and_metadata():
    messages = [{"role": "system", "content": "be kind"}, {"role": "user", "content": "hi"}]
    raw = record_of("q", SCORES, messages=messages, metadata={"plan": "free"})
    del raw["query"]
    query = query_of(parse_record(raw))
    assert (query.text, query.metadata, query.id) == ("hi", {"plan": "free"}, "q")


def test_the_collector_counts_what_it_holds():
    collector = Collector(POLICY, None)
    record = parse_record(record_of("q", SCORES))
    collector.add(record, query_of(record))
    assert len(collector) == 1
