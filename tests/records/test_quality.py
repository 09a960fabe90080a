"""Order statistics against hand-worked cases and brute force; measures against their definitions."""

from itertools import combinations, product
from math import isnan, nan, pi, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestroute.records.quality import (
    auc,
    best_of_n_quality,
    bootstrap_interval,
    calibration_error,
    expected_max_normal,
    interval,
    match_probability,
    selection_weights,
    selection_weights_of,
)

few_rewards = st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=7)


def subsets_of(rewards, n):
    """Selection weights by their definition: every subset alike, the tied best of it alike."""
    weights = np.zeros(len(rewards))
    subsets = list(combinations(range(len(rewards)), n))
    for subset in subsets:
        top = max(rewards[i] for i in subset)
        winners = [i for i in subset if rewards[i] == top]
        weights[winners] += 1 / len(winners) / len(subsets)
    return weights


class TestSelectionWeights:
    @pytest.mark.parametrize(
        ("rewards", "n", "weights"),
        [
            ([0.7], 1, [1]),
            ([0.1, 0.5, 0.9, 0.3], 1, [1 / 4] * 4),
            ([0.1, 0.2, 0.3], 2, [0, 1 / 3, 2 / 3]),  # pairs 12 -> 2, 13 -> 3, 23 -> 3
            ([0.3, 0.1, 0.2], 2, [2 / 3, 0, 1 / 3]),
            ([0.1, 0.2, 0.3, 0.4], 2, [0, 1 / 6, 2 / 6, 3 / 6]),
            ([0.1, 0.2, 0.3, 0.4], 4, [0, 0, 0, 1]),
            ([0.5, 0.5, 0.5], 2, [1 / 3] * 3),
            ([0.1, 0.9, 0.9], 2, [0, 1 / 2, 1 / 2]),
            ([0.1, 0.1, 0.9], 2, [1 / 6, 1 / 6, 2 / 3]),  # one pair of three lacks the 0.9
        ],
    )
    def test_worked_by_hand(self, rewards, n, weights):
        assert selection_weights(rewards, n) == pytest.approx(weights)

    @given(few_rewards, st.data())
    def test_equals_brute_force_over_all_subsets(self, rewards, data):
        n = data.draw(st.integers(1, len(rewards)))
        weights = selection_weights(rewards, n)
        assert weights == pytest.approx(subsets_of(rewards, n))
        assert weights.sum() == pytest.approx(1)

    @given(few_rewards, st.randoms(use_true_random=False), st.data())
    def test_order_of_recording_does_not_matter(self, rewards, random, data):
        n = data.draw(st.integers(1, len(rewards)))
        order = random.sample(range(len(rewards)), len(rewards))
        shuffled = selection_weights([rewards[i] for i in order], n)
        assert shuffled == pytest.approx(selection_weights(rewards, n)[order])

    @pytest.mark.parametrize(("count", "n"), [(70, 35), (1100, 500)])
    def test_many_responses_outgrow_64_bits_but_not_the_weights(self, count, n):
        weights = selection_weights(np.arange(count), n)
        assert weights.dtype == float
        assert weights[-1] == pytest.approx(n / count)
        assert weights.sum() == pytest.approx(1)

    @pytest.mark.parametrize(("rewards", "n"), [([], 1), ([0.5], 0), ([0.5], 2), ([0.5], -1)])
    def test_impossible_n(self, rewards, n):
        with pytest.raises(ValueError, match=rf"between 1 and the {len(rewards)} .*, not {n}"):
            selection_weights(rewards, n)


def draws_of(lists, ns):
    """Selection weights of several lists by their definition: every draw alike, the tied best of it alike."""
    weights = [np.zeros(len(values)) for values in lists]
    each = [list(combinations(range(len(values)), n)) for values, n in zip(lists, ns, strict=True)]
    draws = list(product(*each))
    for draw in draws:
        drawn = [(place, index) for place, subset in enumerate(draw) for index in subset]
        top = max(lists[place][index] for place, index in drawn)
        winners = [(place, index) for place, index in drawn if lists[place][index] == top]
        for place, index in winners:
            weights[place][index] += 1 / len(winners) / len(draws)
    return weights


class TestSelectionWeightsOfSeveralLists:
    @pytest.mark.parametrize(
        ("lists", "ns", "weights"),
        [
            ([[0.1], [0.2]], [1, 1], [[0], [1]]),
            ([[0.2], [0.2]], [1, 1], [[1 / 2], [1 / 2]]),
            ([[0.1, 0.3], [0.2]], [1, 1], [[0, 1 / 2], [1 / 2]]),  # the 0.3 is drawn half of the time
            # Pairs of the first: 12, 13, 23 -> 2, 3, 3; the 0.25 of the second wins over the 0.2.
            ([[0.1, 0.2, 0.3], [0.25]], [2, 1], [[0, 0, 2 / 3], [1 / 3]]),
            # Both draws of two are all there is: three tie at 0.9, two of them in the first list.
            ([[0.9, 0.9], [0.9, 0.1]], [2, 2], [[1 / 3, 1 / 3], [1 / 3, 0]]),
            # As before, but of the second one is drawn: with the 0.9 a third each, else half each.
            ([[0.9, 0.9], [0.9, 0.1]], [2, 1], [[5 / 12, 5 / 12], [1 / 6, 0]]),
        ],
    )
    def test_worked_by_hand(self, lists, ns, weights):
        for found, known in zip(selection_weights_of(lists, ns), weights, strict=True):
            assert found == pytest.approx(known)

    @given(st.lists(st.lists(st.integers(1, 3), min_size=1, max_size=4), min_size=1, max_size=3), st.data())
    def test_equals_brute_force_over_all_draws(self, lists, data):
        ns = [data.draw(st.integers(1, len(values))) for values in lists]
        for found, known in zip(selection_weights_of(lists, ns), draws_of(lists, ns), strict=True):
            assert found == pytest.approx(known)

    @given(few_rewards, st.data())
    def test_of_one_list_are_those_of_the_list(self, rewards, data):
        n = data.draw(st.integers(1, len(rewards)))
        (weights,) = selection_weights_of([rewards], [n])
        assert weights == pytest.approx(selection_weights(rewards, n))

    @given(st.lists(few_rewards, min_size=1, max_size=4), st.data())
    def test_sum_to_one_whatever_the_order_of_the_lists(self, lists, data):
        ns = [data.draw(st.integers(1, len(values))) for values in lists]
        weights = selection_weights_of(lists, ns)
        assert sum(part.sum() for part in weights) == pytest.approx(1)
        for found, known in zip(selection_weights_of(lists[::-1], ns[::-1]), weights[::-1], strict=True):
            assert found == pytest.approx(known)

    def test_all_of_every_list_keep_the_best_of_all(self):
        """Nothing is left to chance, as in one list of them all."""
        first, second = selection_weights_of([range(0, 70, 2), range(1, 70, 2)], [35, 35])
        assert (first.sum(), second[-1]) == (0, pytest.approx(1))

    @pytest.mark.parametrize(("lists", "ns"), [([[0.5], []], [1, 1]), ([[0.5], [0.5]], [1, 2])])
    def test_impossible_n(self, lists, ns):
        with pytest.raises(ValueError, match=rf"between 1 and the {len(lists[1])} .*, not {ns[1]}"):
            selection_weights_of(lists, ns)


class TestBestOfN:
    def test_worked_by_hand(self):
        quality = best_of_n_quality([3, 1, 2], [0.0, 0.6, 0.9], 4)
        assert quality == pytest.approx([0.5, 0.3, 0.0, nan], nan_ok=True)  # n = 2: 2/3 * 0 + 1/3 * 0.9

    @given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
    def test_rewards_of_the_oracle_never_lose_by_more_samples(self, scores):
        assert (np.diff(best_of_n_quality(scores, scores, len(scores))) >= -1e-9).all()

    @given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
    def test_rewards_that_know_nothing_keep_the_mean(self, scores):
        quality = best_of_n_quality([0.5] * len(scores), scores, len(scores))
        assert quality == pytest.approx([np.mean(scores)] * len(scores))


class TestMatchProbability:
    @pytest.mark.parametrize(
        ("scores", "reference", "margin", "match"),
        [
            ([0.5], [0.5], 0.0, [1]),
            ([0.4], [0.5], 0.0, [0]),
            ([0.4], [0.5, 0.3], 0.0, [1 / 2]),
            ([0.4], [0.5], 0.2, [1]),
            ([0.7], [0.8], 0.1, [1]),  # 0.8 - 0.1 is more than 0.7 in floating point
            ([0.1, 0.9], [0.5], 0.0, [1 / 2, 1]),
            ([0.1, 0.5, 0.9], [0.6, 0.2], 0.0, [1 / 2, 5 / 6, 1]),  # 0, 1/2, 1; pairs 1/2 1 1
            ([0.5], [0.5], -0.1, [0]),
        ],
    )
    def test_worked_by_hand_with_the_oracle_as_proxy(self, scores, reference, margin, match):
        assert match_probability(scores, scores, reference, len(scores), margin) == pytest.approx(match)

    def test_a_proxy_that_is_wrong_way_round(self):
        assert match_probability([2, 1], [0.1, 0.9], [0.5], 2) == pytest.approx([1 / 2, 0])

    def test_nothing_is_known_beyond_the_recorded_responses(self):
        match = match_probability([1, 2], [0.1, 0.9], [0.5], 4)
        assert np.isnan(match).tolist() == [False, False, True, True]

    @given(few_rewards, few_rewards, st.floats(0, 0.5), st.floats(0, 0.5))
    def test_a_wider_margin_never_matches_less(self, scores, reference, margin, more):
        n = len(scores)
        narrow = match_probability(scores, scores, reference, n, margin)
        assert (match_probability(scores, scores, reference, n, margin + more) >= narrow - 1e-9).all()


def test_expected_max_normal():
    known = [0, 1 / sqrt(pi), 1.5 / sqrt(pi), 1.0293753730, 1.1629644736]
    assert expected_max_normal(5) == pytest.approx(known, abs=1e-6)
    assert expected_max_normal(10)[-1] == pytest.approx(1.5387527308, abs=1e-6)
    assert (np.diff(expected_max_normal(32)) > 0).all()


class TestAuc:
    @pytest.mark.parametrize(
        ("predictions", "qualities", "area"),
        [
            ([0.1, 0.9], [0, 1], 1),
            ([0.9, 0.1], [0, 1], 0),
            ([0.5, 0.5], [0, 1], 0.5),
            ([0.1, 0.5, 0.5, 0.9], [0, 0, 1, 1], 7 / 8),  # 4 pairs: 1, 1, 1/2, 1
            ([0.3], [0.5], 0.5),
        ],
    )
    def test_worked_by_hand(self, predictions, qualities, area):
        assert auc(predictions, qualities) == pytest.approx(area)

    @pytest.mark.parametrize("qualities", [[], [1, 1], [0.0, 0.0]])
    def test_nothing_to_tell_apart(self, qualities):
        assert isnan(auc([0.5] * len(qualities), qualities))

    @given(st.lists(st.tuples(st.sampled_from([0.1, 0.2, 0.3]), st.integers(0, 4)), min_size=1, max_size=8))
    def test_equals_brute_force_over_all_pairs(self, rows):
        """A quality of q/4 stands for four responses, q of them good."""
        good = [p for p, q in rows for _ in range(q)]
        bad = [p for p, q in rows for _ in range(4 - q)]
        area = auc([p for p, _ in rows], [q / 4 for _, q in rows])
        if not good or not bad:
            assert isnan(area)
        else:
            pairs = [(p > b) + (p == b) / 2 for p in good for b in bad]
            assert area == pytest.approx(np.mean(pairs))


class TestCalibrationError:
    @pytest.mark.parametrize(
        ("predictions", "outcomes", "bins", "error"),
        [
            ([0.2, 0.8], [0.2, 0.8], 10, 0),
            ([0.2, 0.8], [0, 1], 2, 0.2),
            ([0.1, 0.3, 0.6, 0.8], [0, 0, 1, 1], 2, 0.25),  # 0.2 and 0.7 against 0 and 1: 0.2, 0.3
            ([0.8, 0.1, 0.6, 0.3], [1, 0, 1, 0], 2, 0.25),
            ([0.2, 0.4, 0.9], [0, 0, 0], 2, 0.5),  # bins of 2 and 1: (2 * 0.3 + 0.9) / 3
        ],
    )
    def test_worked_by_hand(self, predictions, outcomes, bins, error):
        assert calibration_error(predictions, outcomes, bins) == pytest.approx(error)

    @pytest.mark.parametrize("outcomes", [[0, 0, 1, 1], [0, 1, 0, 1], [1, 1, 0, 0]])
    def test_a_constant_that_is_right_is_calibrated_in_any_order(self, outcomes):
        assert calibration_error([0.5] * 4, outcomes, bins=2) == 0

    def test_of_nothing(self):
        assert isnan(calibration_error([], []))


class TestBootstrapInterval:
    def test_of_a_constant(self):
        assert bootstrap_interval(lambda chosen: 3, 5, np.random.default_rng(0), draws=20) == (3.0, 3.0)

    def test_holds_the_mean_and_has_its_width(self):
        """A mean of 400 fair coins has standard error 0.025: 95 % lies within 1.96 of it."""
        coins = np.tile([0.0, 1.0], 200)
        low, high = bootstrap_interval(lambda i: coins[i].mean(), 400, np.random.default_rng(1))
        assert (low, high) == (pytest.approx(0.451, abs=0.01), pytest.approx(0.549, abs=0.01))

    def test_the_generator_decides(self):
        values = np.arange(30.0)
        first, again = (
            bootstrap_interval(lambda i: values[i].mean(), 30, np.random.default_rng(7), 50) for _ in "12"
        )
        assert first == again

    def test_draws_that_have_no_value_are_left_out(self):
        results = iter([nan, 1.0, nan, 1.0])
        assert bootstrap_interval(lambda i: next(results), 3, np.random.default_rng(0), 4) == (1.0, 1.0)

    def test_of_what_never_has_a_value(self):
        ends = bootstrap_interval(lambda i: nan, 3, np.random.default_rng(0), 4)
        assert ends == pytest.approx((nan, nan), nan_ok=True)


def test_interval_of_what_is_known():
    assert interval(np.array([0.0, 100.0, nan])) == pytest.approx((2.5, 97.5))
    assert np.isnan(interval(np.array([nan]))).all()
