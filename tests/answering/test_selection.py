"""Selectors: worked by hand, the same in any order, and what may not win never does."""

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestroute.answering.agreement import group
from bestroute.answering.selection import SELECTORS, ByReward, ByRewardedVote, ByVote
from bestroute.policy import Sampling
from bestroute.policy.sampling import DEFAULT_SELECTOR

EVERY = pytest.mark.parametrize("selector", [kind() for kind in SELECTORS.values()], ids=list(SELECTORS))


@pytest.mark.parametrize(
    ("rewards", "groups", "kept"),
    [
        # By reward, by vote, by rewarded vote.
        ((0.9, 0.2, 0.3, 0.1), (0, 1, 1, 1), (0, 2, 0)),  # 0.9 against 0.6
        ((0.5, 0.2, 0.3, 0.1), (0, 1, 1, 1), (0, 2, 2)),  # 0.5 against 0.6
        ((0.5, 0.7, 0.4, 0.1), (0, 1, 0, 1), (1, 1, 0)),  # 0.9 against 0.8
        ((0.4, 0.3, 0.2, 0.1), (0, 1, 2, 3), (0, 0, 0)),
        ((0.25, 0.5, 0.25, 0.5), (0, 0, 1, 1), (1, 1, 1)),  # all even: the shorter text, then the alphabet
    ],
)
def test_worked_by_hand(rewards, groups, kept):
    texts = ("dd", "cc", "bbb", "ccc")
    chosen = tuple(kind().select(texts, rewards, groups) for kind in (ByReward, ByVote, ByRewardedVote))
    assert chosen == kept


@EVERY
def test_ties_go_to_the_shorter_text_then_to_the_alphabet(selector):
    texts = ["long one", "b", "a"]
    assert selector.select(texts, [0.5] * 3, [0, 1, 2]) == 2
    assert selector.select(texts, [nan] * 3, [0, 1, 2]) == 2
    assert selector.select(texts[:2], [0.5] * 2, [0, 1]) == 1


def test_without_rewards_heads_are_counted():
    texts, groups = ["a", "bb", "bbb"], [0, 1, 1]
    assert ByReward().select(texts, [nan] * 3, groups) == 0
    assert ByVote().select(texts, [nan] * 3, groups) == 1
    assert ByRewardedVote().select(texts, [nan] * 3, groups) == 1


def test_one_without_a_reward_among_others_adds_nothing():
    texts, groups = ["a", "bb", "bbb"], [0, 1, 1]
    assert ByReward().select(texts, [nan, 0.25, inf], groups) == 1
    assert ByRewardedVote().select(texts, [0.5, 0.25, nan], groups) == 0
    assert ByVote().select(texts, [0.5, 0.25, nan], groups) == 1


@EVERY
def test_who_may_not_win_has_no_say(selector):
    texts, rewards = ["aa", "b", "b ", "b  ", "c"], [0.5, 0.9, 0.9, 0.9, 0.4]
    assert selector.select(texts, rewards, [0, 1, 1, 1, 2], eligible=[0, 4]) == 0
    assert selector.select(texts, rewards, [0, 1, 1, 1, 2], eligible=[4]) == 4


@EVERY
def test_blank_ones_may_not_win_unless_told(selector):
    assert selector.select(["", " ", "\n", "x"], [1.0, 1.0, 1.0, 0.0], [0, 0, 0, 1]) == 3
    with pytest.raises(ValueError, match="empty"):
        selector.select(["", " "], [0.5, 0.5], [0, 0])


@EVERY
@given(data=st.data())
def test_the_order_of_arrival_does_not_matter(selector, data):
    texts = data.draw(
        st.lists(st.sampled_from(["", " ", "Answer: 1", "#### 1", "Answer: 2", "3", "x", "y"]), min_size=1)
        .map(lambda texts: texts[:7])
        .filter(lambda texts: any(text.strip() for text in texts))
    )
    values = st.sampled_from([0.1, 0.2, 0.3, 0.6, 0.7, nan])
    reward = {text: data.draw(values) for text in texts}
    shuffled = data.draw(st.permutations(texts))
    kept = [
        order[selector.select(order, [reward[text] for text in order], group(order).of)]
        for order in (texts, shuffled)
    ]
    assert kept[0] == kept[1]
    assert kept[0].strip()


def test_a_policy_knows_every_name():
    assert Sampling().select == DEFAULT_SELECTOR
    for name in SELECTORS:
        assert Sampling.model_validate({"select": name}).select == name
