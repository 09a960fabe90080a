"""Own traffic is known, other traffic is not."""

import numpy as np
import pytest

from bestroute.train.adapt.novelty import farthest_of, fit_cloud, upper


def traffic(count, seed=0, away=0.0):
    generator = np.random.default_rng(seed)
    return generator.normal(size=(count, 60)) * np.linspace(0.2, 2, 60) + away


def test_few_values_have_their_largest_as_the_limit_and_many_a_quantile():
    assert upper(np.arange(10.0)) == 9
    assert upper(np.arange(1000.0)) == 980


@pytest.mark.parametrize("count", [12, 100, 400])
def test_fresh_queries_of_own_traffic_are_known_and_others_are_not(count):
    own = traffic(count)
    cloud, limit = fit_cloud(own), farthest_of(own, np.arange(count) % 5)
    assert (cloud.distance(traffic(500, 1)) <= limit).mean() > 0.9
    assert (cloud.distance(traffic(500, 2, away=3.0)) > limit).mean() > 0.95


def test_directions_are_orthonormal_and_distance_of_the_centre_is_0():
    cloud = fit_cloud(traffic(100))
    assert cloud.directions.T @ cloud.directions == pytest.approx(np.eye(10), abs=1e-9)
    assert cloud.distance(cloud.centre[None]) == pytest.approx([0])


def test_one_query_is_enough_to_go_on():
    assert np.isfinite(fit_cloud(traffic(1)).distance(traffic(3))).all()
