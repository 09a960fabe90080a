"""How far models go: not further than helps, on traffic of which all is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bestroute.artefacts.odds import sigmoid
from bestroute.train.adapt.own import read_own
from bestroute.train.adapt.steps import Chosen, choose, features_of, fit_mapping, odds_of
from tests.fakes import QUALITY
from tests.train.adapt.traffic import POLICY, Router, hard_and_easy, records_of

COLUMNS = np.arange(3)
LEVELS = np.array(QUALITY)[:, 0]


def own_of(features, scores):
    return read_own(POLICY, records_of(scores), Router(features))


def coins(chances, count, seed=0):
    """Features that say nothing, and scores by chance alone."""
    generator = np.random.default_rng(seed)
    return generator.normal(size=(count, 40)), (generator.random((count, 3)) < chances).astype(float)


def test_where_the_router_model_is_right_it_stays_as_it_is():
    generator = np.random.default_rng(0)
    scores = np.clip(LEVELS + generator.normal(0, 0.01, size=(60, 3)), 0, 1)
    chosen, _ = choose(own_of(generator.normal(size=(60, 40)), scores), COLUMNS)
    assert set(chosen.steps) <= {"base", "level"}
    assert "base" in chosen.steps


def test_where_only_levels_are_off_levels_are_learned():
    chosen, held_out = choose(own_of(*coins([0.2, 0.3, 0.5], 200)), COLUMNS)
    assert "base" not in chosen.steps
    assert sigmoid(held_out).mean(axis=0) == pytest.approx([0.2, 0.3, 0.5], abs=0.08)
    assert sigmoid(held_out).std(axis=0).max() < 0.05


@pytest.mark.parametrize("count", [10, 30])
def test_few_records_bring_levels_nearer_and_features_that_say_nothing_do_little(count):
    """Mean over 15 draws of how far from the chances each model is predicted to be, of fresh queries."""
    chances = np.array([0.2, 0.3, 0.5])
    off = {"chosen": 0.0, "level": 0.0, "base": 0.0}
    for seed in range(15):
        own = own_of(*coins(chances, count + 50, seed))
        known, fresh = own.at(np.arange(count)), own.at(np.arange(count, len(own)))
        ways = {"chosen": choose(known, COLUMNS)[0]}
        ways |= {step: Chosen((step,) * 3, 1.0) for step in ("level", "base")}
        for name, way in ways.items():
            mapping = fit_mapping(known, COLUMNS, way)
            said = sigmoid(mapping(odds_of(fresh, COLUMNS), features_of(fresh)))
            off[name] += float(((said - chances) ** 2).mean()) / 15
    assert off["chosen"] < 2 * off["level"]
    assert off["chosen"] < 0.5 * off["base"]


def test_what_is_hard_is_learned_from_features():
    chosen, held_out = choose(own_of(*hard_and_easy(120)), COLUMNS)
    assert "features" in chosen.steps
    features, scores = hard_and_easy(120)
    own = own_of(features, scores)
    easy = own.said.features[:, 0] > 0
    assert sigmoid(held_out)[easy, 0].mean() > sigmoid(held_out)[~easy, 0].mean() + 0.4


def test_a_model_without_records_stands_as_the_others_do():
    features, scores = coins([0.2, 0.3, 0.5], 100)
    scores[:, 1] = np.nan
    own = own_of(features, scores)
    chosen, _ = choose(own, COLUMNS)
    assert chosen.steps[1] == "none"
    mapping = fit_mapping(own, COLUMNS, chosen)
    assert mapping.level[1] == pytest.approx((mapping.level[0] + mapping.level[2]) / 2)
    assert not mapping.ridge[:, 1].any()


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(5, 40))
def test_it_is_never_worse_than_the_router_model_on_what_fitted_nothing(seed, count):
    generator = np.random.default_rng(seed)
    own = own_of(generator.normal(size=(count, 40)), generator.random((count, 3)).round(1))
    _, held_out = choose(own, COLUMNS)
    errors, as_it_is = ((sigmoid(odds) - own.score) ** 2 for odds in (held_out, odds_of(own, COLUMNS)))
    assert (errors.mean(axis=0) <= as_it_is.mean(axis=0) + 1e-9).all()


def test_the_mapping_has_the_means_right():
    own = own_of(*hard_and_easy(150))
    chosen, _ = choose(own, COLUMNS)
    said = sigmoid(fit_mapping(own, COLUMNS, chosen)(odds_of(own, COLUMNS), features_of(own)))
    assert said.mean(axis=0) == pytest.approx(own.score.mean(axis=0), abs=0.03)
