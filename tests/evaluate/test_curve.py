"""Curves, hulls and areas, worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestroute.evaluate.curve import (
    Curve,
    Ends,
    Strategy,
    aiq,
    call_apgr,
    call_cpt,
    cost_apgr,
    cost_cpt,
    curves,
    ends_of,
    hull,
    mean_curve,
)
from bestroute.evaluate.weights import everything, halves
from tests.evaluate.replays import one_hot, replay_of

ENDS = Ends(cheapest_cost=1, cheapest_quality=0.2, reference_cost=5, reference_quality=0.8)


def curve_of(cost, quality, calls_to_reference=None):
    reference = np.zeros(len(cost)) if calls_to_reference is None else np.asarray(calls_to_reference, float)
    shares = np.stack([1 - reference, reference], axis=1)
    return Curve(
        np.arange(len(cost), dtype=float),
        np.array(quality, float),
        np.array(cost, float),
        shares,
        np.ones(len(cost)),
    )


class TestHull:
    def test_worked_by_hand(self):
        """(2, 0.3) lies under the line from (1, 0.2) to (3, 0.6); (6, 0.7) is no better than (5, 0.8)."""
        xs, ys = hull(np.array([6, 1, 2, 3, 5, 1]), np.array([0.7, 0.2, 0.3, 0.6, 0.8, 0.1]))
        assert (xs.tolist(), ys.tolist()) == ([1, 3, 5], [0.2, 0.6, 0.8])

    def test_points_on_a_line_are_no_vertices(self):
        xs, _ = hull(np.array([1, 2, 3]), np.array([0.25, 0.5, 0.75]))
        assert xs.tolist() == [1, 3]

    @given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=30))
    def test_no_point_lies_above_and_it_is_concave(self, points):
        cost, quality = np.array(points, float).T
        xs, ys = hull(cost, quality)
        assert (np.interp(cost, xs, ys) >= quality - 1e-9).all()
        slopes = np.diff(ys) / np.diff(xs)
        assert (slopes > 0).all()
        assert (np.diff(slopes) < 0).all()


class TestAreas:
    def test_aiq_by_hand(self):
        """Trapezoids (0.2 + 0.6) / 2 * 2 + (0.6 + 0.8) / 2 * 2 = 2.2 over a range of 4."""
        assert aiq(curve_of([3], [0.6]), ENDS) == pytest.approx(0.55)

    def test_of_the_ends_alone(self):
        assert aiq(curve_of([5], [0.8]), ENDS) == pytest.approx(0.5)
        assert cost_apgr(curve_of([5], [0.8]), ENDS) == pytest.approx(0.5)

    def test_what_is_dearer_or_cheaper_than_the_ends_is_cut_off(self):
        """From (0, 0.4) level to nothing better but (5, 0.8): 0.48 at cost 1, so (0.48 + 0.8) / 2."""
        assert aiq(curve_of([0, 9], [0.4, 0.8]), ENDS) == pytest.approx(0.64)

    def test_cost_apgr_and_cpt_by_hand(self):
        """Half of the gain, 0.5, is reached at 1 + 2 * 3 / 4 = 2.5, 80 %, 0.68, at 3 + 2 * 0.4 = 3.8."""
        curve = curve_of([3], [0.6])
        assert cost_apgr(curve, ENDS) == pytest.approx(0.35 / 0.6)
        assert cost_cpt(curve, ENDS, 0.5) == pytest.approx(1.5 / 4)
        assert cost_cpt(curve, ENDS, 0.8) == pytest.approx(2.8 / 4)

    def test_cpt_is_nothing_where_the_cheapest_will_do(self):
        assert cost_cpt(curve_of([1], [0.7]), ENDS, 0.8) == 0.0

    @pytest.mark.parametrize("ends", [Ends(1, 0.8, 5, 0.8), Ends(1, 0.9, 5, 0.8)])
    def test_without_a_gain_there_is_no_share_of_it(self, ends):
        curve = curve_of([3], [0.8])
        for figure in (cost_apgr, call_apgr):
            assert np.isnan(figure(curve, ends))
        for figure in (cost_cpt, call_cpt):
            assert np.isnan(figure(curve, ends, 0.5))

    def test_without_a_range_there_is_no_area(self):
        assert np.isnan(aiq(curve_of([5], [0.8]), Ends(5, 0.8, 5, 0.8)))
        assert np.isnan(cost_cpt(curve_of([5], [0.8]), Ends(5, 0.2, 5, 0.8), 0.5))

    def test_calls_by_hand(self):
        """PGR 0, 1, 0.5, 1 at 0, 25, 50, 100 % of the calls: 0.125 + 0.1875 + 0.375; the first crossing."""
        curve = curve_of([1, 2, 3, 5], [0.2, 0.8, 0.5, 0.8], [0, 0.25, 0.5, 1])
        assert call_apgr(curve, ENDS) == pytest.approx(0.6875)
        assert call_cpt(curve, ENDS, 0.5) == pytest.approx(0.125)
        assert call_cpt(curve, ENDS, 0.8) == pytest.approx(0.2)

    def test_the_ends_of_calls_are_anyones(self):
        curve = curve_of([2], [0.5], [0.4])
        assert call_cpt(curve, ENDS, 0.5) == pytest.approx(0.4)
        assert call_cpt(curve, ENDS, 0.75) == pytest.approx(0.7)

    def test_ends(self):
        """Of two cheapest arms the better one."""
        found = ends_of(np.array([0.1, 0.2, 0.9]), np.array([1.0, 1.0, 7.0]))
        assert found == Ends(1.0, 0.2, 7.0, 0.9)


class TestCurves:
    replay = replay_of(
        [[0, 1], [1, 1], [0, 1], [0.4, 0.6]], [[1, 10], [3, 10], [1, 20], [1, 40]], ["a", "a", "a", "b"]
    )

    def test_two_sources_count_equally(self):
        """At the second dial q0 and q3 go to the cheap arm: source a (0 + 1 + 1) / 3, source b 0.4."""
        strategy = one_hot([[1, 1, 1, 1], [0, 1, 1, 0]], 2)
        weighting = everything(self.replay.sources)
        a, b = curves(strategy, self.replay, weighting)
        assert weighting.names == ("a", "b")
        np.testing.assert_allclose(a.quality, [1, 2 / 3])
        np.testing.assert_allclose(b.cost, [40, 1])
        both = mean_curve([a, b])
        np.testing.assert_allclose(both.quality, [(1 + 0.6) / 2, (2 / 3 + 0.4) / 2])
        np.testing.assert_allclose(both.cost, [(40 / 3 + 40) / 2, (31 / 3 + 1) / 2])
        np.testing.assert_allclose(both.shares, [[0, 1], [(1 / 3 + 1) / 2, (2 / 3) / 2]])
        assert both.frontier[1]["calls"] == pytest.approx(1)

    def test_one_mix_for_all_is_the_same_spelled_out(self):
        table = np.array([[0.25, 0.75], [1.0, 0.0]])
        view = np.broadcast_to(table[:, None], (2, 4, 2))
        weighting = halves(self.replay.sources, 3, 0)
        np.testing.assert_allclose(
            weighting.means(view, self.replay.cost), weighting.means(view.copy(), self.replay.cost)
        )


def test_a_strategy_may_be_a_view():
    view = np.broadcast_to(np.array([[[0.0, 1.0]]]), (1, 4, 2))
    (part, _) = curves(
        Strategy("always", np.zeros(1), view), TestCurves.replay, everything(("a", "a", "b", "b"))
    )
    assert part.quality == pytest.approx(1.0)
