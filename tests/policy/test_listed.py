"""Prices by a list: found by name and endpoint, told of where there is none, warned of where they moved."""

import sys

import pytest

from bestroute.errors import PolicyError
from bestroute.policy import check_policy, load_policy
from bestroute.policy import listed as module
from bestroute.policy.arms import Price
from bestroute.policy.listed import Unlisted, listed_price
from tests.policy.files import GOOD, write_artefacts
from tests.policy.listing import listing

__all__ = ["listing"]
ACME = "https://api.acme.example/v1"
TINY, BIG = "price: {input: 0.1, output: 0.2}", "price: {input: 2.5, output: 10}"
OWN = f"""price: auto
    endpoint: {{base_url: '{ACME}', model: road-large}}"""


@pytest.fixture
def path(tmp_path):
    return write_artefacts(tmp_path) / "policy.yaml"


def issues(text, path):
    path.write_text(text, "utf-8")
    with pytest.raises(PolicyError) as caught:
        load_policy(path)
    return [str(issue).removeprefix(f"{path}:") for issue in caught.value.issues]


def warnings(text, path):
    path.write_text(text, "utf-8")
    return [str(warning).removeprefix(f"{path}:") for warning in check_policy(path)[1]]


@pytest.mark.parametrize(
    ("name", "price"),
    [
        ("road-small", (0.1, 0.2)),
        ("ROAD-small", (0.1, 0.2)),
        ("road-long", (3.0, 15.0)),  # of a short prompt
        ("road-cut", (2.0, 4.0)),  # of today
    ],
)
@pytest.mark.usefixtures("listing")
def test_a_price_by_name(name, price):
    assert listed_price(name) == listed_price(name, ACME) == Price(input=price[0], output=price[1])


@pytest.mark.parametrize(
    ("name", "url", "message"),
    [
        ("road-smal", ACME, "lists no model 'road-smal' of acme (the nearest: road-small, road-talk, road-l"),
        ("road-smal", None, "lists no model 'road-smal' (the nearest: road-small, road-talk, road-long); "
            "set endpoint.base_url, which tells the provider, or write the price out"),
        ("?", None, "lists no model '?'; set endpoint.base_url"),
        ("road-small", "http://localhost:1/v1", "knows no provider at 'http://localhost:1/v1'; write the p"),
        ("road-talk", None, "lists no price by the token for 'road-talk'; write the price out, {input: ..."),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("listing")
def test_what_is_not_listed_names_the_mend(name, url, message):
    with pytest.raises(Unlisted) as caught:
        listed_price(name, url)
    assert message in str(caught.value)


@pytest.mark.usefixtures("listing")
def test_a_policy_takes_the_price_of_the_model_that_its_endpoint_serves(path):
    path.write_text(GOOD.replace(BIG, OWN), "utf-8")
    policy = load_policy(path)
    assert policy.model("big").price == Price(input=2.5, output=10.0)
    path.write_text(GOOD.replace(BIG, OWN.replace("auto", "{input: 2.5, output: 10}")), "utf-8")
    assert load_policy(path).digest == policy.digest


@pytest.mark.usefixtures("listing")
def test_every_price_that_is_not_listed_is_told_at_its_place(path):
    found = issues(GOOD.replace(TINY, "price: auto").replace(BIG, "price: auto"), path)
    assert [one.partition(": genai-prices")[0] for one in found] == [
        "7:12: models[0].price",
        "10:12: models[1].price",
    ]


@pytest.mark.usefixtures("listing")
def test_a_model_at_fault_is_told_of_once(path):
    text = GOOD.replace(BIG, OWN.replace("road-large", "3"))
    assert issues(text, path) == ["11:64: models[1].endpoint.model must be a text, not 3 (put it in quotes)"]
    assert issues(GOOD.replace("- name: big\n    class: large\n    " + BIG, "- price: auto"), path)[0] == (
        "8:5: missing key 'name' in models[1]"
    )


def test_without_the_extra_the_line_that_installs_it_is_told(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "genai_prices", None)
    module._package.cache_clear()
    module._data.cache_clear()
    [issue] = issues(GOOD.replace(BIG, "price: auto"), path)
    assert (
        'models[1].price: genai_prices is not installed; it comes with: pip install "bestroute[prices]"'
        in issue
    )
    assert warnings(GOOD.replace(BIG, OWN.replace("auto", "{input: 2, output: 10}")), path) == []


@pytest.mark.usefixtures("listing")
def test_a_price_that_moved_is_warned_of(path, monkeypatch):
    monkeypatch.setattr(module, "edition", lambda: "a list")
    text = GOOD.replace(BIG, OWN.replace("auto", "{input: 2.5, output: 15}"))
    assert warnings(text, path) == [
        "10:12: models[1].price: 'road-large' is listed at {input: 2.5, output: 10} (a list), not "
        "{input: 2.5, output: 15}; write that, or `price: auto`, unless yours is by contract"
    ]
    assert warnings(GOOD.replace(BIG, OWN), path) == []


@pytest.mark.parametrize(
    "endpoint",
    [
        "{base_url: 'http://localhost/v1', model: road-large}",
        f"{{base_url: '{ACME}', model: road-none}}",
        f"{{base_url: '{ACME}', model: road-talk}}",
        "{base_url: 'https://azure.example/openai/deployments/x', model: road-small}",  # named by its user
    ],
)
@pytest.mark.usefixtures("listing")
def test_a_model_in_doubt_is_not_warned_of(endpoint, path):
    assert (
        warnings(GOOD.replace(BIG, f"price: {{input: 1, output: 10}}\n    endpoint: {endpoint}"), path) == []
    )


def test_the_package_itself_knows_a_model_of_today():
    assert listed_price("gpt-4o", "https://api.openai.com/v1").input > 0
    assert module.edition().startswith("genai-prices ")
