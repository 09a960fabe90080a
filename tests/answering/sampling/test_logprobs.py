"""How sure a model was of its tokens: by hand, and of whatever an endpoint may send."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestroute.answering.sampling import Sample
from bestroute.answering.sampling.logprobs import read_sureness
from bestroute.artefacts.sureness import MOST, SURENESS_FEATURES, UNKNOWN, Sureness

JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def token(written, logprob, **others):
    tops = [{"token": written, "logprob": logprob}]
    tops += [{"token": name, "logprob": value} for name, value in others.items()]
    return {"token": written, "logprob": logprob, "top_logprobs": tops}


def test_the_mean_and_the_least_margin_by_hand():
    found = read_sureness({"content": [token("4", -0.1, five=-2.5), token("2", -0.7, three=-0.9)]})
    assert found == Sureness(-0.4, 0.2)


def test_a_token_that_was_not_the_likeliest_has_a_margin_below_0():
    assert read_sureness({"content": [token("4", -2.0, five=-0.5)]}).least_margin == -1.5


def test_without_others_there_is_no_margin():
    assert read_sureness({"content": [{"token": "4", "logprob": -0.5}]}) == Sureness(-0.5, None)
    one_without = [token("4", -0.5, five=-1.0), {"token": "2", "logprob": -0.5, "top_logprobs": []}]
    assert read_sureness({"content": one_without}) == Sureness(-0.5, None)


def test_never_is_bounded():
    found = read_sureness({"content": [token("4", 0.0, five=-9999.0), token("2", -9999.0, three=-0.0)]})
    assert found == Sureness(-MOST / 2, -MOST)


@pytest.mark.parametrize(
    "given",
    [None, {}, {"content": None}, {"content": []}, {"content": [{"token": "4"}]}, [], "logprobs",
     {"content": [token("4", -0.1), {"token": "2", "logprob": None}]}, {"content": [token("4", math.nan)]}],
)  # fmt: skip
def test_what_does_not_tell_all_is_unknown(given):
    assert read_sureness(given) == UNKNOWN
    assert Sample("42", logprobs=given).sureness == UNKNOWN


@given(st.fixed_dictionaries({"content": st.lists(st.fixed_dictionaries({"logprob": JSON}) | JSON)}) | JSON)
def test_whatever_comes_gives_numbers_or_nothing(value):
    found = read_sureness(value)
    assert len(found.features()) == len(SURENESS_FEATURES)
    assert all(map(math.isfinite, found.features()))
    assert found.mean_logprob is None or -MOST <= found.mean_logprob <= 0
