"""A policy written out reads as the same policy, whatever its models are called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestroute.policy import load_policy, parse_policy
from bestroute.policy.arms import Model, Price
from bestroute.policy.first import first_policy
from bestroute.policy.layout import write_policy
from tests import ROOT
from tests.policy.files import GOOD, write_artefacts

WRITTEN = """\
# yaml-language-server: $schema=policy.schema.json
version: 1

models:
  - name: small                         # what tiers, rules and decisions call it
    class: small                        # what the router has learned it as: small, medium or large
    price: {input: 0.18, output: 0.00}  # US$ per million tokens
    # endpoint: {base_url: 'https://api.openai.com/v1', api_key_env: OPENAI_API_KEY}   # needed by `ask`, not by `route`
    # params: {reasoning_effort: low}   # request fields; two entries may be one endpoint's two efforts
  - name: 'big:free'
    class: large
    price: {input: 2.50, output: 10.00}
    # endpoint: {base_url: 'https://api.openai.com/v1', api_key_env: OPENAI_API_KEY}

reference: 'big:free'                   # whose quality must be matched
max_gap: 0.03                           # the dial: quality points (of 1) that a query may be expected to lose

tiers:                                  # tried top to bottom, cheapest first; the last is the reference
  - {model: small}
  - {model: small, n: 3}
  - {model: 'big:free'}

rules:                                  # before the router; the first whose conditions all hold decides
  - name: greetings
    when: {turns: {max: 1}, tokens: {max: 12}, pattern: '(?i)^\\W*(hi|hello|hey|thanks|thank you|hallo|danke|bonjour|merci|hola|gracias|你好|谢谢|こんにちは|ありがとう)( (there|all|everyone|again|a lot|so much|very much))?\\W*$'}
    route: {model: small}
"""  # noqa: E501


def first(name, reference, amount=0.18, output=0.0):
    small = Model(name=name, class_="small", price=Price(input=amount, output=output))
    large = Model(name=reference, class_="large", price=Price(input=2.5, output=10.0))
    return first_policy([small, large], reference)


def test_as_people_write_it():
    assert write_policy(first("small", "big:free"), "policy.schema.json") == WRITTEN


def test_no_schema_no_comment_on_it():
    assert write_policy(first("small", "big:free")) == WRITTEN.split("\n", 1)[1]


def test_whose_list_a_price_is_from():
    text = write_policy(first("small", "large"), listed={"small": "one, 2026-11-26", "large": "two"})
    assert "output: 0.00}  # US$ per million tokens, as of one, 2026-11-26\n" in text
    assert "output: 10.00}  # as of two\n" in text


WORDS = st.sampled_from(
    ["yes", "true", "NULL", "1e5", "0x1F", "4o", "a: b", "a #b", "it's", "~", "- a", "n", "契約"]
)
NAMES = WORDS | st.text(
    st.characters(exclude_categories=["Cc", "Cs"]) | st.sampled_from("\n\t'\"\\"), min_size=1
)


@given(NAMES, NAMES, st.floats(0, 2), st.floats(0, 1e-7))
def test_any_name_and_price_is_read_back(name, reference, amount, output):
    name = name[:100]
    policy = first(name, name + reference[:100], amount, output)
    assert parse_policy(write_policy(policy), "policy.yaml").digest == policy.digest


@pytest.mark.parametrize("name", ["balanced", "escalating", "quality-first"])
def test_policies_are_read_back(name):
    policy = load_policy(ROOT / "policies" / f"{name}.yaml")
    assert parse_policy(write_policy(policy), policy.path).digest == policy.digest


def test_every_kind_of_value_is_read_back(tmp_path):
    text = GOOD + "abstain: false\nsampling: {escalate: true, temperature: 1}\n"
    path = write_artefacts(tmp_path) / "policy.yaml"
    policy = parse_policy(text, path)
    assert parse_policy(write_policy(policy), path).digest == policy.digest
