"""Arms and what they cost; addresses and variables that a policy may not hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bestroute.policy.arms import Arm, Endpoint, Model, Price
from bestroute.policy.params import FORBIDDEN


def model(**endpoint) -> Model:
    content = {"name": "m", "class": "small", "price": {"input": 2.0, "output": 10.0}}
    if endpoint:
        content["endpoint"] = {"base_url": "http://x/v1", **endpoint}
    return Model.model_validate(content)


def test_an_arm_is_written_in_one_way():
    assert Arm(model="llama", n=4).label == "llama@4"
    assert Arm(models={"qwen": 1, "llama": 2}).label == "llama@2+qwen@1"


class TestPortfolio:
    def test_its_order_does_not_matter(self):
        one, other = Arm(models={"b": 1, "a": 2}), Arm(models={"a": 2, "b": 1})
        assert (one, hash(one), one.parts) == (other, hash(other), (("a", 2), ("b", 1)))
        assert (one.model, one.n, one.models) == ("a+b", 3, {"a": 2, "b": 1})
        assert one != Arm(models={"a": 1, "b": 2})

    def test_of_one_model_is_the_plain_arm(self):
        plain = Arm(model="a", n=2)
        assert (Arm(models={"a": 2}), hash(Arm(models={"a": 2}))) == (plain, hash(plain))
        assert (plain.parts, plain.models) == ((("a", 2),), {"a": 2})
        assert Arm(models={"a": 1}).model_dump() == Arm(model="a").model_dump() == {"model": "a", "n": 1}

    @given(st.dictionaries(st.text(min_size=1, max_size=3), st.integers(1, 8), min_size=1, max_size=4))
    def test_what_is_written_is_read_again(self, models):
        arm = Arm(models=models)
        assert Arm.model_validate(arm.model_dump()) == Arm.model_validate_json(arm.model_dump_json()) == arm
        assert dict(arm.parts) == models
        assert arm.n == sum(models.values())

    @pytest.mark.parametrize(
        ("written", "message"),
        [
            ({}, "needs exactly one of model and models; this has none"),
            ({"n": 2}, "needs exactly one of model and models; this has none"),
            ({"model": "a", "models": {"b": 1}}, "this has model and models"),
            ({"n": 1, "models": {"a": 1, "b": 1}}, "has an n beside models, .*; remove n"),
            ({"models": {"a": 33, "b": 32}}, "asks for 65 responses in all; at most 64"),
            ({"models": {}}, "at least 1 item"),
            ({"models": {"a": 0}}, "greater than or equal to 1"),
            ({"models": {"a": True}}, "valid integer"),
            ({"models": {"": 1}}, "at least 1 character"),
        ],
    )
    def test_what_is_refused(self, written, message):
        with pytest.raises(ValidationError, match=message):
            Arm.model_validate(written)


@pytest.mark.parametrize(
    ("endpoint", "dollars"),
    [
        ({"samples": "native"}, (1 * 100 * 2 + 3 * 50 * 10) / 1e6),  # the prompt is billed once
        ({"samples": "parallel"}, (3 * 100 * 2 + 3 * 50 * 10) / 1e6),
        ({}, (3 * 100 * 2 + 3 * 50 * 10) / 1e6),
    ],
)
def test_cost_is_what_the_endpoint_bills(endpoint, dollars):
    assert model(**endpoint).cost(3, 100, 50) == pytest.approx(dollars)


def test_what_a_cache_holds_costs_its_own_price():
    """100 tokens at 2 US$ a million, of which 80 at 0.5, and 50 at 10; three calls, then one for all."""
    price = {"input": 2, "cached_input": 0.5, "output": 10}
    assert model().model_copy(update={"price": Price(**price)}).cost(3, 100, 50, 80) == pytest.approx(
        3 * (20 * 2 + 80 * 0.5 + 50 * 10) / 1e6
    )
    native = model(samples="native").model_copy(update={"price": Price(**price)})
    assert native.cost(3, 100, 50, 80) == pytest.approx((20 * 2 + 80 * 0.5 + 3 * 50 * 10) / 1e6)
    assert model().cost(1, 100, 50, 80) == model().cost(1, 100, 50)
    assert Price(input=1, cached_input=2, output=0).cached == 1


def test_thinking_is_billed_beside_what_a_class_writes():
    thinker = model().model_copy(update={"thinking_tokens": 400.0})
    assert (thinker.written(50, 1024, False), thinker.written(5000, 1024, False)) == (450, 1424)
    assert thinker.written(450, 1024, adapted=True) == 450  # was learned of the model, thinking and all
    assert model().written(50, 1024, False) == 50


@pytest.mark.parametrize("name", sorted(FORBIDDEN))
def test_a_variant_may_not_set_what_is_anothers(name):
    content = {"name": "mine", "price": {"input": 0, "output": 0}, "params": {name: 1}}
    with pytest.raises(ValidationError, match=f"must not hold '{name}': {FORBIDDEN[name]}"):
        Model.model_validate(content)


def test_a_variant_is_known_by_its_fields():
    content = {"name": "mine", "price": {"input": 0, "output": 0}}
    low = Model.model_validate({**content, "params": {"reasoning": {"effort": "low"}, "seed": 1}})
    same = Model.model_validate({**content, "params": {"seed": 1, "reasoning": {"effort": "low"}}})
    assert low.variant == same.variant != Model.model_validate(content).variant == ""
    with pytest.raises(ValidationError, match="values that JSON has"):
        Model.model_validate({**content, "params": {"seed": float("nan")}})


def test_the_class_is_the_name_where_none_is_given():
    bare = Model.model_validate({"name": "mine", "price": {"input": 0, "output": 0}})
    assert bare.column == "mine"
    assert model().column == "small"


def test_how_an_endpoint_knows_and_serves_a_model():
    assert (model().served_as, model().native) == ("m", False)
    assert model(model="there").served_as == "there"
    assert (model(samples="native").native, model(samples="parallel").native) == (True, False)


@pytest.mark.parametrize("temperature", [-0.1, 2.1, float("nan"), "hot"])
def test_temperatures_that_are_refused(temperature):
    with pytest.raises(ValidationError):
        model(temperature=temperature)
    assert model(temperature=0.0).endpoint.temperature == 0.0


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("localhost:8000/v1", "must be an http:// or https:// address"),
        ("http://localhost:port/v1", "must have a port between 0 and 65535"),
        ("http://localhost:99999/v1", "must have a port between 0 and 65535"),
        ("http://user:secret@host/v1", "must not hold a key"),
        ("http://host/v1?key=secret", "must not hold a key"),
        ("http://host/v1?api-version=2024-10-21&api-key=secret", "must not hold a key"),
        ("http://host/v1?api-version=sk-secret", "must not hold a key"),
        ("http://host/v1?api-version=2024-10-21#secret", "must not hold a key"),
        ("http://host/v1?sig=secret", "must not hold a key"),
    ],
)
def test_addresses_that_are_refused(url, message):
    with pytest.raises(ValidationError, match=message):
        Endpoint(base_url=url)


@pytest.mark.parametrize("version", ["2024-10-21", "2025-04-01-preview", "preview", "v1"])
def test_azures_version_is_part_of_an_address(version):
    url = f"https://mine.openai.azure.com/openai/deployments/gpt-4o?api-version={version}"
    assert Endpoint(base_url=url).base_url == url


def test_a_pasted_key_is_no_variable():
    with pytest.raises(ValidationError):
        Endpoint(base_url="http://host/v1", api_key_env="sk_live_abc")
