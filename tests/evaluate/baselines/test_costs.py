"""What a query is expected to cost, from its length."""

import numpy as np

from bestroute.evaluate.baselines.costs import expected_cost
from bestroute.evaluate.replay import Replay
from bestroute.policy.arms import Arm

ARMS = (Arm(model="small"), Arm(model="small", n=2), Arm(model="large"))


def test_expected_cost_follows_the_length_of_the_query():
    lengths = np.arange(1, 61)
    texts = tuple("abcd" * int(length) for length in lengths)  # one token each
    cost = np.column_stack([lengths * 1e-6, 5e-5 + lengths * 1e-5, np.zeros(60)])
    flat = np.zeros((60, 3))
    train = Replay(texts, ("mine",) * 60, ARMS, flat, cost, flat)
    expected = expected_cost(train, ["abcd" * 30, "abcd" * 90])
    np.testing.assert_allclose(expected, [[3e-5, 3.5e-4, 0], [9e-5, 9.5e-4, 0]], atol=1e-12)


def test_expected_cost_is_never_below_what_was_seen():
    cost = np.array([[5.0], [3.0], [1.0]])  # falls with length: two dollars a token
    zero = np.zeros((3, 1))
    train = Replay(("abcd", "abcd" * 2, "abcd" * 3), ("mine",) * 3, ARMS[-1:], zero, cost, zero)
    np.testing.assert_allclose(expected_cost(train, ["abcd" * 2, "abcd" * 9]), [[3.0], [1.0]])
