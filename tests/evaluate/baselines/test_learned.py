"""The learned baselines: they find what is there to be found, and read nothing they must not."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bestroute.errors import InputError
from bestroute.evaluate.baselines import learned
from bestroute.evaluate.baselines.predict import PREDICTORS
from bestroute.evaluate.replay import Replay
from bestroute.policy.arms import Arm

ARMS = (Arm(model="small"), Arm(model="small", n=2), Arm(model="large"))
NAMES = ["knn", "logistic", "random_forest", "ridge", "n_class", "n_label", "clustering"]
COST = np.array([1.0, 2.0, 10.0]) / 1e3
SUMS, POEMS = ("add", "the", "numbers"), ("write", "a", "verse")


def two_topics(count: int, seed: int) -> Replay:
    """Sums, which every arm can do, and poems, which only the large one can."""
    generator = np.random.default_rng(seed)
    sums = np.arange(count) % 2 == 0
    words = [SUMS if is_sum else POEMS for is_sum in sums]
    texts = tuple(f"{' '.join(generator.permutation(part))} {generator.integers(1e6)}" for part in words)
    quality = np.where(sums[:, None], [0.9, 0.95, 0.95], [0.1, 0.15, 0.95])
    cost = np.tile(COST, (count, 1))
    return Replay(texts, ("mine",) * count, ARMS, quality, cost, quality[:, [0, 0, 2]])


def embed(texts):
    """Topic and noise, as unit vectors."""
    rows = []
    for text in texts:
        noise = np.random.default_rng(len(text) * 7919 + sum(map(ord, text))).normal(0, 0.3, 6)
        rows.append([*(2.0 if word in text else 0.0 for word in ("numbers", "verse")), *noise])
    return np.float32(rows / np.linalg.norm(rows, axis=1, keepdims=True))


TRAIN, JUDGED = two_topics(240, 0), two_topics(100, 1)


@pytest.fixture(scope="module")
def strategies():
    return {strategy.name: strategy for strategy in learned(TRAIN, JUDGED, embed)}


def quality_and_cost(strategy, replay):
    """Mean of each dial."""
    return tuple((strategy.shares * of).sum(axis=2).mean(axis=1) for of in (replay.quality, replay.cost))


@pytest.mark.parametrize("name", NAMES)
def test_each_finds_what_only_the_large_arm_can_do(strategies, name):
    quality, cost = quality_and_cost(strategies[name], JUDGED)
    # The oracle at no loss: small@2 for a sum, large@1 for a poem: (2 + 10) / 2 of a thousandth.
    near = quality >= 0.95 - 0.005
    assert cost[near].min() <= 0.0063
    assert cost.max() == pytest.approx(0.010)  # one end: always the reference


@pytest.mark.parametrize("name", ["knn", "logistic", "random_forest", "ridge", "clustering", "n_label"])
def test_the_other_end_of_the_dial_is_the_cheapest_arm(strategies, name):
    assert quality_and_cost(strategies[name], JUDGED)[1].min() == pytest.approx(0.001)


def test_what_comes_out(strategies):
    assert list(strategies) == NAMES
    for strategy in strategies.values():
        assert strategy.shares.shape == (len(strategy.dials), 100, 3)
        assert 2 <= len(strategy.dials) <= 41
        assert (np.diff(strategy.dials) > 0).all()
        assert (strategy.shares.sum(axis=2) == 1).all()
    predicting = {name for name, strategy in strategies.items() if strategy.predicted is not None}
    assert predicting == {*PREDICTORS, "clustering"}


@pytest.mark.parametrize("name", [*PREDICTORS, "clustering"])
def test_predicted_is_the_quality_of_one_response(strategies, name):
    predicted = strategies[name].predicted
    assert predicted.shape == (100, 3)
    np.testing.assert_array_equal(predicted[:, 0], predicted[:, 1])  # both are one response of `small`
    assert np.abs(predicted - JUDGED.single).mean() < 0.1


def test_the_paper_s_n_class_is_dial_zero(strategies):
    strategy = strategies["n_class"]
    (at,) = np.flatnonzero(strategy.dials == 0)
    # Best of a sum: small@2 ties with large@1 and is cheaper. Best of a poem: large@1.
    chosen = strategy.shares[at].argmax(axis=1)
    assert (chosen == np.where(np.arange(100) % 2 == 0, 1, 2)).mean() > 0.97


def test_a_seed_repeats_everything(strategies):
    for again in learned(TRAIN, JUDGED, embed):
        first = strategies[again.name]
        np.testing.assert_array_equal(again.shares, first.shares)
        np.testing.assert_array_equal(again.dials, first.dials)


SMALL_TRAIN, FEW = two_topics(30, 2), two_topics(8, 3)


@pytest.fixture(scope="module")
def before():
    return learned(SMALL_TRAIN, FEW, embed)


@settings(max_examples=5)
@given(st.integers(0, 2**32 - 1))
def test_nothing_is_read_of_what_the_judged_queries_gave_or_cost(before, seed):
    generator = np.random.default_rng(seed)
    quality, cost = generator.random((8, 3)), generator.random((8, 3))
    changed = replace(FEW, quality=quality, cost=cost, single=quality)
    for first, after in zip(before, learned(SMALL_TRAIN, changed, embed), strict=True):
        np.testing.assert_array_equal(first.dials, after.dials)
        np.testing.assert_array_equal(first.shares, after.shares)
        if first.predicted is not None:
            np.testing.assert_array_equal(first.predicted, after.predicted)


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_labels_that_are_all_alike_leave_the_cheapest_arm_best(value):
    flat = np.full((30, 3), value)
    train = replace(SMALL_TRAIN, quality=flat, single=flat)
    for strategy in learned(train, FEW, embed):
        assert quality_and_cost(strategy, FEW)[1].min() == pytest.approx(0.001), strategy.name
        if strategy.predicted is not None:
            np.testing.assert_allclose(strategy.predicted, value, atol=0.01)


@pytest.mark.parametrize("count", [1, 2, 3, 12])
def test_very_few_queries_to_fit_on(count):
    for strategy in learned(two_topics(count, 4), FEW, embed):
        assert np.isfinite(strategy.dials).all()
        assert (strategy.shares.sum(axis=2) == 1).all()


def test_one_arm_is_always_taken():
    def only(replay):
        last = {name: getattr(replay, name)[:, -1:] for name in ("quality", "cost", "single")}
        return replace(replay, arms=ARMS[-1:], **last)

    for strategy in learned(only(SMALL_TRAIN), only(FEW), embed):
        assert (strategy.shares == 1).all()
        assert strategy.shares.shape[1:] == (8, 1)


def test_queries_without_a_word():
    blank = replace(SMALL_TRAIN, texts=("", "?", " ") * 10)
    strategies = learned(blank, replace(FEW, texts=("",) * 8), lambda texts: np.ones((len(texts), 4)))
    assert [strategy.name for strategy in strategies] == NAMES
    for strategy in strategies:
        assert (strategy.shares.sum(axis=2) == 1).all()


def test_what_cannot_be_fitted_is_refused():
    nothing = replace(TRAIN, texts=(), sources=(), quality=np.empty((0, 3)), cost=np.empty((0, 3)))
    with pytest.raises(InputError, match="--fit"):
        learned(nothing, JUDGED, embed)
    with pytest.raises(ValueError, match="same arms"):
        learned(TRAIN, replace(JUDGED, arms=ARMS[::-1]), embed)
