"""Own rewards: what they learn, that they never see what they judge, and that noise only breaks ties."""

from dataclasses import replace

import numpy as np
import pytest

from bestroute.artefacts.facts import FACTS
from bestroute.artefacts.reward import Sight
from bestroute.train.adapt.own_rewards import fit_own_rewards
from bestroute.train.adapt.sights import Scored

QUERIES, EACH, WIDTH = 60, 5, 12
K = len(FACTS)


def scored(of_score, seed=0, queries=QUERIES):
    """Responses whose score follows from their features and the reward model's odds."""
    generator = np.random.default_rng(seed)
    count = queries * EACH
    features, odds = generator.normal(size=(count, WIDTH)), generator.normal(size=count)
    keys = np.empty(count, object)
    keys[:] = [(f"query {row // EACH}", f"response {row}") for row in range(count)]
    query = np.arange(count) // EACH
    return Scored(
        keys=keys,
        score=1 / (1 + np.exp(-of_score(features, odds, generator.normal(size=count)))),
        odds=odds,
        characters=generator.integers(1, 900, count).astype(float),
        features=features,
        facts=generator.normal(size=(count, K)),
        query=query,
        rivals=query,
        fold=query % 5,
    )


@pytest.fixture(scope="module")
def by_feature():
    return scored(lambda features, odds, noise: 2 * features[:, 0] + 0.3 * noise)


def test_a_ridge_learns_what_the_reward_model_does_not_know(by_feature):
    found = fit_own_rewards(by_feature)
    assert found.report["adapted"]
    assert found.report["tells"]
    assert found.report["pairs"]["own"]["value"] > 0.85 > 0.6 > found.report["pairs"]["base"]["value"]
    assert found.report["share_of_gain"]["own"]["low"] > found.report["share_of_gain"]["base"]["high"]
    assert abs(found.own.response[0]) > 5 * np.abs(found.own.response[1:]).max()


def test_rewards_mean_scores(by_feature):
    found = fit_own_rewards(by_feature)
    assert found.held.mean() == pytest.approx(by_feature.score.mean(), abs=0.02)
    assert found.report["ece"] < found.report["base_ece"]


def test_a_reward_model_that_is_right_is_only_calibrated():
    right = scored(lambda features, odds, noise: 0.5 * odds - 1)
    found = fit_own_rewards(right)
    assert not found.report["adapted"]
    assert found.report["pairs"]["own"]["value"] == 1
    assert not found.own.response.any()
    assert not found.own.counted.any()
    assert found.own.slope == pytest.approx(0.5, abs=0.1)
    assert found.own.level == pytest.approx(-1, abs=0.1)


@pytest.mark.parametrize("seed", range(3))
def test_rewards_that_say_nothing_only_break_ties(seed):
    noise = scored(lambda features, odds, noise: noise, seed)
    found = fit_own_rewards(noise)
    assert not found.report["tells"]
    said = 1 / (1 + np.exp(-found.own.odds(Sight(noise.odds, noise.features, noise.facts))))
    for rewards in (said, found.held):
        assert 7 * rewards.max() < 8 * rewards.min()  # seven heads never outvote eight
        assert np.unique(rewards).size > QUERIES
        assert rewards.mean() == pytest.approx(noise.score.mean(), abs=0.01)


def test_no_reward_comes_from_a_fit_that_saw_its_query(by_feature):
    changed = by_feature.score.copy()
    changed[by_feature.fold == 2] = 0.5
    before, after = fit_own_rewards(by_feature), fit_own_rewards(replace(by_feature, score=changed))
    same = by_feature.fold == 2
    assert before.report["tells"]
    assert after.report["tells"]
    assert after.held[same] == pytest.approx(before.held[same])
    assert after.held[~same] != pytest.approx(before.held[~same])


def test_few_queries_change_nothing():
    assert fit_own_rewards(scored(lambda features, odds, noise: features[:, 0], queries=19)) is None
    alike = scored(lambda features, odds, noise: np.zeros(len(odds)))
    assert fit_own_rewards(alike) is None
