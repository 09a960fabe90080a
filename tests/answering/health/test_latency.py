"""Quantiles that forget."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestroute.answering.health.latency import HALF_LIFE_S, Latency


def seen(*observations):
    latency = Latency()
    for now, seconds in observations:
        latency.add(now, seconds)
    return latency


def test_nothing_is_known_before_the_first():
    assert Latency().quantile_s(0.0, 0.5) is None


def test_quantiles_are_within_five_per_cent():
    latency = seen(*((0.0, part / 100) for part in range(1, 101)))
    assert latency.quantile_s(0.0, 0.5, 0.9) == pytest.approx((0.5, 0.9), rel=0.05)


def test_the_recent_counts_for_more():
    """Of three old ones and two that are two half-lives younger the young ones weigh 2 of 2.75."""
    latency = seen((0.0, 1.0), (0.0, 1.0), (0.0, 1.0), (2 * HALF_LIFE_S, 0.1), (2 * HALF_LIFE_S, 0.1))
    assert latency.quantile_s(2 * HALF_LIFE_S, 0.5) == pytest.approx((0.1,), rel=0.05)


def test_what_was_seen_long_ago_is_not_known_any_more():
    latency = seen((0.0, 9.0))
    assert latency.quantile_s(HALF_LIFE_S, 0.9) is not None
    assert latency.quantile_s(HALF_LIFE_S * 1.01, 0.9) is None
    latency.add(1e6 * HALF_LIFE_S, 0.2)  # weights are taken down before they grow out of a float
    assert latency.quantile_s(1e6 * HALF_LIFE_S, 0.9) == pytest.approx((0.2,), rel=0.05)


@given(st.lists(st.tuples(st.floats(0, 1e5), st.floats(0, 1e5)), min_size=1, max_size=30))
def test_a_quantile_lies_between_the_least_and_the_most(observations):
    ordered = sorted(observations)
    known = seen(*ordered).quantile_s(ordered[-1][0], 0.1, 0.5, 0.99)
    least, most = (
        min(max(end, 0.001), 4000.0) for end in (min(s for _, s in ordered), max(s for _, s in ordered))
    )
    assert list(known) == sorted(known)
    assert least * 0.94 <= known[0] <= known[-1] <= most * 1.06
