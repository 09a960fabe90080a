"""Strategies without parameters: shares, and that none is above the oracle."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bestroute.evaluate.curve import aiq, curves, ends_of
from bestroute.evaluate.fixed import fixed_strategies, oracle, random_mix, static_mix
from bestroute.evaluate.report import Judge
from bestroute.evaluate.weights import everything
from bestroute.policy.arms import Arm
from tests.evaluate.replays import one_hot, replay_of

ARMS = (Arm(model="a"), Arm(model="a", n=2), Arm(model="z"))
REPLAY = replay_of([[0, 1, 1], [1, 1, 0], [0, 0, 0], [0, 0, 1]], [1, 2, 9], arms=ARMS)


def curve(strategy, replay=REPLAY):
    return curves(strategy, replay, everything(replay.sources))[0]


def test_names_and_shares():
    found = fixed_strategies(REPLAY)
    assert [part.name for part in found] == [
        "fixed:a@1", "fixed:a@2", "fixed:z@1", "static_mix", "random", "oracle",
    ]  # fmt: skip
    for strategy in found:
        assert strategy.shares.shape == (len(strategy.dials), 4, 3)
        np.testing.assert_allclose(strategy.shares.sum(axis=2), 1)


def test_a_fixed_arm_gives_what_it_gives():
    found = curve(fixed_strategies(REPLAY)[1])
    assert (found.quality.tolist(), found.cost.tolist()) == ([0.5], [2.0])


def test_the_static_mix_holds_every_arm_and_every_pair():
    shares = static_mix(REPLAY).shares[:, 0]
    assert len(shares) == 3 * 101
    for wanted in ([1, 0, 0], [0, 1, 0], [0, 0, 1], [0.5, 0, 0.5], [0.25, 0.75, 0]):
        assert np.isclose(shares, wanted).all(axis=1).any()


def test_random_runs_from_the_reference_to_any_arm():
    shares = random_mix(REPLAY).shares[:, 0]
    np.testing.assert_allclose(
        shares[[0, 50, 100]], [[0, 0, 1], [1 / 6, 1 / 6, 2 / 3], [1 / 3, 1 / 3, 1 / 3]]
    )


def test_the_oracle_by_hand():
    """For nothing it takes the best, the cheapest of several: a@2, a, a, z. For much, the cheapest."""
    found = oracle(REPLAY)
    assert found.dials[0] == 0
    assert found.shares[0].argmax(axis=1).tolist() == [1, 0, 0, 2]
    assert (found.shares[-1].argmax(axis=1) == 0).all()


def test_where_all_arms_are_alike_the_oracle_takes_the_cheapest():
    replay = replay_of([[1, 1], [0, 0]], [1, 9])
    assert (oracle(replay).shares[:, :, 0] == 1).all()


def test_one_arm_alone():
    replay = replay_of([[1], [0]], [3], arms=ARMS[2:])
    assert [part.name for part in fixed_strategies(replay)] == ["fixed:z@1", "static_mix", "random", "oracle"]
    assert all(np.isnan(Judge(replay).assess(part).overall["aiq"]) for part in fixed_strategies(replay))


@given(
    arrays(float, (6, 3), elements=st.integers(0, 4).map(lambda points: points / 4)),
    arrays(int, (2, 6), elements=st.integers(0, 2)),
)
def test_nothing_has_a_higher_hull_than_the_oracle(quality, choices):
    replay = replay_of(quality, [1, 2, 9], arms=ARMS)
    best = curve(oracle(replay), replay)
    ends = ends_of(quality.mean(axis=0), replay.cost.mean(axis=0))
    for strategy in (*fixed_strategies(replay), one_hot(choices, 3)):
        assert aiq(curve(strategy, replay), ends) <= aiq(best, ends) + 1e-9
