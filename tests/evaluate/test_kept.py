"""Which recorded response is kept: exact by reward, by every draw where responses vote."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestroute.answering.selection import ByReward, ByRewardedVote, ByVote
from bestroute.evaluate.kept import Pool, kept_weights
from bestroute.records.quality import selection_weights

REWARDS = st.lists(st.floats(0.01, 0.99), min_size=1, max_size=6)


def answers(*numbers):
    return tuple(f"The answer is {number}." for number in numbers)


@given(REWARDS, st.data())
def test_by_reward_it_is_order_statistics(rewards, data):
    n = data.draw(st.integers(1, len(rewards)))
    pool = Pool(answers(*range(len(rewards))), rewards)
    np.testing.assert_allclose(kept_weights(ByReward(), [pool], [n])[0], selection_weights(rewards, n))


@given(REWARDS, st.data())
def test_where_nobody_agrees_a_rewarded_vote_is_by_reward(rewards, data):
    n = data.draw(st.integers(1, len(rewards)))
    pool = Pool(answers(*range(len(rewards))), [reward + index / 1e6 for index, reward in enumerate(rewards)])
    np.testing.assert_allclose(
        kept_weights(ByRewardedVote(), [pool], [n])[0], selection_weights(pool.rewards, n)
    )


def test_a_majority_outvotes_the_highest_reward():
    pool = Pool(answers(1, 1, 2), [0.5, 0.4, 0.8])
    assert kept_weights(ByVote(), [pool], [3])[0].tolist() == [1, 0, 0]


def test_every_draw_counts_the_same():
    """Of the four ways to draw three of 1, 1, 2, 3, two hold both ones."""
    pool = Pool(answers(1, 1, 2, 3), [0.2, 0.1, 0.9, 0.8])
    assert kept_weights(ByVote(), [pool], [3])[0] == pytest.approx([0.5, 0, 0.5, 0])


def test_models_vote_together():
    """Two of three say 2; of those the higher reward is the small model's."""
    small, medium = Pool(answers(1, 2), [0.9, 0.3]), Pool(answers(2), [0.1])
    assert [part.tolist() for part in kept_weights(ByVote(), [small, medium], [2, 1])] == [[0, 1], [0]]


def test_without_texts_it_goes_by_reward():
    pool = Pool(None, [0.5, 0.4, 0.8])
    assert kept_weights(ByVote(), [pool], [3])[0].tolist() == [0, 0, 1]


def test_of_blank_responses_one_is_kept():
    weights = kept_weights(ByVote(), [Pool(("", " ", "\n"), [0.0, 0.0, 0.0])], [3])[0]
    assert weights.sum() == 1


def test_many_draws_are_sampled_alike_every_time():
    pool = Pool(answers(*(index % 4 for index in range(20))), list(np.linspace(0.1, 0.9, 20)))
    first, again = (kept_weights(ByVote(), [pool], [10])[0] for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert first.sum() == pytest.approx(1)


def test_one_that_fails_a_check_is_kept_only_where_all_do():
    pool = Pool(answers(1, 1, 2), [0.9, 0.8, 0.1], [1, 1, 0])
    assert kept_weights(ByRewardedVote(), [pool], [3])[0].tolist() == [0, 0, 1]
    assert kept_weights(ByReward(), [pool], [2])[0] == pytest.approx([1 / 3, 0, 2 / 3])
