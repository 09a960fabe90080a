"""Rules and their conditions, worked by hand."""

import time

import pytest
from pydantic import ValidationError

from bestroute.policy.rules import Rule, When, first_match
from bestroute.policy.rules.conditions import Has, Tokens, Turns
from bestroute.query import Query


def rule(name="r", when=None, **action):
    return Rule.model_validate(
        {"name": name, "when": when or {"pattern": "."}, **(action or {"max_gap": 0.0})}
    )


def test_ranges_include_both_ends():
    assert [Tokens(min=2, max=3).matches(Query.of("x" * size)) for size in (4, 5, 12, 13)] == [
        False,
        True,
        True,
        False,
    ]
    turns = [{"role": "user", "content": "a"}] * 2
    assert Turns(min=2).matches(Query.of(turns))
    assert not Turns(max=1).matches(Query.of(turns))


def test_all_features_are_needed():
    query = Query.of({"query": "def f(x):\n    return 1", "tools": True})
    assert Has(("code", "tools")).matches(query)
    assert not Has(("code", "image")).matches(query)
    assert not Has(("math",)).matches(query)


def test_the_text_is_not_looked_at_for_an_image():
    query = Query.of("no picture")
    assert not Has(("image", "code")).matches(query)
    assert "has" not in vars(query)


def test_unmet_says_what_does_not_hold():
    when = {"tokens": {"max": 3}, "metadata": {"plan": "pro"}, "keywords": ("tort",), "has": ("image",)}
    strict = rule(when=when)
    text = {"query": "four tokens, I think"}
    assert strict.unmet(Query.of(text)) == "lacks metadata plan"
    assert strict.unmet(Query.of({**text, "metadata": {"plan": "free"}})) == "has metadata plan 'free'"
    assert strict.unmet(Query.of({**text, "metadata": {"plan": "pro"}})) == "has 5 tokens, more than 3"
    assert strict.unmet(Query.of("hi", metadata={"plan": "pro"})) == "has no image"
    assert rule(when={"keywords": ("a", "b")}).unmet(Query.of("c")) == "has none of the keywords 'a', 'b'"
    assert rule(when={"pattern": r"^x\b"}).unmet(Query.of("c")) == r"does not match the pattern '^x\b'"
    assert rule(when={"turns": {"min": 2}}).unmet(Query.of("c")) == "has 1 turns, fewer than 2"
    assert rule(when={"pattern": "c"}).unmet(Query.of("c")) is None


def test_conditions_are_tried_in_the_order_of_the_fields():
    when = When.model_validate({"pattern": "x", "keywords": ("x",), "tokens": {"max": 1}})
    assert [type(condition).__name__ for condition in when.conditions] == ["Tokens", "Keywords", "Pattern"]


@pytest.mark.parametrize("action", [{}, {"max_gap": 0, "exclude": ("a",)}, {"exclude": ()}, {"max_gap": 1.1}])
def test_a_rule_does_one_thing(action):
    with pytest.raises(ValidationError):
        Rule.model_validate({"name": "r", "when": {"pattern": "x"}, **action})


@pytest.mark.parametrize("when", [{}, {"tokens": {}}, {"keywords": ()}, {"metadata": {}}, {"has": ()}])
def test_a_rule_asks_something(when):
    with pytest.raises(ValidationError):
        When.model_validate(when)


THREAT = [
    {"role": "user", "content": "I will sue you. ```x```"},
    {"role": "assistant", "content": "I am sorry to hear that."},
    {"role": "user", "content": "thanks, all good"},
]


@pytest.mark.parametrize(
    ("when", "of_all", "of_last"),
    [
        ({"keywords": ("sue",)}, True, False),
        ({"keywords": ("thanks",)}, True, True),
        ({"pattern": "^thanks"}, False, True),
        ({"tokens": {"max": 4}}, False, True),
        ({"has": ("code",)}, True, False),
        ({"has": ("tools",)}, True, True),  # offered with the request
        ({"has": ("image",)}, True, False),
        ({"turns": {"min": 2}}, True, True),  # of the request, whatever `of` says
        ({"metadata": {"plan": "pro"}}, True, True),
    ],
)
def test_a_rule_may_look_at_the_last_turn_alone(when, of_all, of_last):
    picture = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}
    query = Query.of({"messages": [picture, *THREAT], "metadata": {"plan": "pro"}, "tools": [{"type": "f"}]})
    asked = rule(when=when), rule(when={**when, "of": "last_turn"})
    assert [one.matches(query) for one in asked] == [of_all, of_last]
    assert [one.unmet(query) is None for one in asked] == [of_all, of_last]


def test_of_alone_asks_nothing():
    with pytest.raises(ValidationError, match="needs a condition: one or more of metadata, turns"):
        When.model_validate({"of": "last_turn"})


def test_first_match_wins_and_routes_that_cannot_serve_are_passed_over():
    rules = (
        rule("never", {"pattern": "^never"}),
        rule("small", {"pattern": "x"}, route={"model": "small"}),
        rule("dial", {"pattern": "x"}, max_gap=0.1),
    )
    query = Query.of("x")
    assert first_match(rules, query, lambda _: True) is rules[1]
    assert first_match(rules, query, lambda _: False) is rules[2]
    assert first_match(rules, Query.of("y"), lambda _: True) is None


def test_rules_are_quick():
    rules = [
        rule(when={"pattern": r"(?i)^(hi|hello)\b", "tokens": {"max": 12}}),
        rule(when={"has": ("image",)}),
    ]
    rules += [rule(when={"keywords": ("lawsuit", "契約")}), rule(when={"metadata": {"plan": "enterprise"}})]
    query = Query.of("What is the capital of France?")
    best = 1.0
    for _ in range(200):
        started = time.perf_counter()
        assert first_match(rules, query, lambda _: True) is None
        best = min(best, time.perf_counter() - started)
    assert best < 50e-6
