"""The first policy: classes by price, tiers in order of expected cost, and never a warning."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestroute.errors import InputError
from bestroute.policy.arms import Model, Price
from bestroute.policy.first import MAX_GAP, by_price, first_policy, guess_classes, learned_classes


def prices(**amounts):
    return {name: Price(input=input_, output=output) for name, (input_, output) in amounts.items()}


def models(told, classes):
    return [Model(name=name, class_=classes[name], price=price) for name, price in told.items()]


def labels(policy):
    return [tier.label for tier in policy.tiers]


def test_classes_are_those_of_the_embedded_router():
    assert learned_classes() == ("small", "medium", "large")


def test_order_of_price():
    assert by_price(prices(a=(3.0, 1.0), b=(1.0, 2.0), c=(0.0, 9.0))) == ["b", "a", "c"]


@pytest.mark.parametrize(
    ("reference", "classes"),
    [
        ("d", {"a": "small", "b": "medium", "c": "medium", "d": "large"}),
        ("c", {"a": "small", "b": "medium", "d": "medium", "c": "large"}),
        ("a", {"b": "small", "c": "medium", "d": "medium", "a": "large"}),
    ],
)
def test_classes_by_price(reference, classes):
    assert guess_classes(prices(d=(4.0, 4.0), a=(1.0, 1.0), c=(3.0, 3.0), b=(2.0, 2.0)), reference) == classes


def test_two_models_are_small_and_large():
    assert guess_classes(prices(a=(1.0, 1.0), b=(2.0, 2.0)), "b") == {"a": "small", "b": "large"}


def test_tiers_in_order_of_cost():
    # A prompt of 100 tokens and the mean responses, 158.2, 125.4 and 87.7 tokens, in millionths of US$:
    # small 1: 100 + 158.2 = 258.2, 3: 774.6; medium 2: 200 + 250.8 = 450.8, 3: 1352.4; large 20: 3754.
    told = prices(m=(2.0, 2.0), s=(1.0, 1.0), r=(20.0, 20.0))
    policy = first_policy(models(told, guess_classes(told, "r")), "r")
    assert labels(policy) == ["s@1", "m@1", "s@3", "m@3", "r@1"]
    assert policy.max_gap == MAX_GAP
    assert policy.rules[0].route.label == "s@1"


def test_a_tier_dearer_than_the_reference_is_left_out():
    # m once 450.8, thrice 1352.4; the reference at 5: 500 + 438.5 = 938.5.
    told = prices(m=(2.0, 2.0), r=(5.0, 5.0))
    assert labels(first_policy(models(told, {"m": "medium", "r": "large"}), "r")) == ["m@1", "r@1"]


def test_no_model_is_cheaper():
    told = prices(a=(1.0, 1.0), r=(1.0, 1.0))
    with pytest.raises(InputError, match="no other model is expected to cost less than the reference, r;"):
        first_policy(models(told, guess_classes(told, "r")), "r")


AMOUNTS = st.sampled_from([0.0, 0.1, 1.0, 2.5, 10.0]) | st.floats(0, 1000)


@given(st.lists(st.tuples(AMOUNTS, AMOUNTS), min_size=2, max_size=5), st.integers(0, 4))
def test_the_reference_is_last_and_each_arm_stands_once(amounts, chosen):
    told = prices(**{f"m{index}": amount for index, amount in enumerate(amounts)})
    reference = list(told)[chosen % len(told)]
    try:
        policy = first_policy(models(told, guess_classes(told, reference)), reference)
    except InputError:
        return
    assert labels(policy)[-1] == f"{reference}@1"
    assert len(set(labels(policy))) == len(policy.tiers) > 1
