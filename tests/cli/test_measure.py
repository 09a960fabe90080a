"""The bench runs and gives what it says; how fast is for nobody to assert."""

import pytest

from bestroute.cli.measure import STAGES, embedded_policy, measure_batch, measure_pick, measure_route, words
from bestroute.router import Router


@pytest.fixture(scope="module")
def router(predictor, reward_model):
    return Router(embedded_policy(), predictor=predictor, reward=reward_model)


def test_the_policy_covers_every_class(predictor):
    policy = embedded_policy()
    assert {model.column for model in policy.models} == set(predictor.manifest.classes)
    assert policy.tiers[-1].model == policy.reference == predictor.manifest.reference


@pytest.mark.parametrize("count", [0, 1, 16, 17, 100])
def test_words(count):
    assert len(words(count).split()) == count


@pytest.mark.parametrize("query", ["hi there", words(30)])
def test_measure_route(router, query):
    spans = measure_route(router, query, runs=4)
    assert tuple(spans) == STAGES
    for span in spans.values():
        assert span["p50"] + 1e-3 >= 0  # spans are rounded, so what is left may be a hair below 0
        assert span["p50"] <= span["p99"]


def test_measure_batch(router):
    rates = measure_batch(router, [words(5), words(9)], runs=2)
    assert 0 < rates["low"] <= rates["median"] <= rates["high"]


def test_measure_pick(router):
    spans = measure_pick(router, "How deep is the sea?", ["3.7 km", "deep"], runs=3)
    assert 0 < spans["p50"] <= spans["p99"]
