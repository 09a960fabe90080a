"""Rules and their conditions, worked by hand."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bestroute.policy.rules import Rule, When, first_match
from bestroute.policy.rules.conditions import Has, Metadata, Pattern, Tokens, Turns
from bestroute.policy.rules.keywords import Keywords, fold
from bestroute.query import Query


def rule(name="r", when=None, **action):
    return Rule.model_validate(
        {"name": name, "when": when or {"pattern": "."}, **(action or {"max_gap": 0.0})}
    )


def found(keyword, text):
    return Keywords((keyword,)).matches(Query.of(text))


@pytest.mark.parametrize(
    ("keyword", "text", "expected"),
    [
        ("lawsuit", "A LAWSUIT!", True),
        ("lawsuit", "lawsuit", True),
        ("law", "lawsuit", False),
        ("suit", "lawsuit", False),
        ("law", "law_suit", False),
        ("law", "in-law", True),
        ("v2", "v22", False),
        ("terms of service", "Terms  of\nService apply", True),
        ("c++", "Is C++17 out?", True),
        (".net", "use .NET", True),
        ("契約", "この契約書を確認してください", True),
        ("合同", "请看合同。", True),
        ("合同", "合 同", False),
        ("サーバー", "新サーバーを買う", True),
        ("สัญญา", "ช่วยตรวจสัญญานี้", True),
        ("lawsuit", "请问lawsuit怎么办", True),
        ("lawsuit", "ถามlawsuitหน่อย", True),
        ("straße", "HAUPTSTRASSE 1", False),
        ("straße", "Welche STRASSE?", True),
        ("strasse", "die Straße", True),
        ("İstanbul", "istanbul nerede?", True),
        ("istanbul", "İSTANBUL", True),
        ("ısı", "ısı nedir", True),
        ("sik", "sık sorulan", False),
        ("café", "un cafe\u0301 noir", True),
        ("cafe", "un café noir", False),
        ("ＡＢＣ", "the abc of it", True),
        ("bomb", "b\u200bo\u00adm\u2060b", True),
        ("bomb", "\u202ebomb\u202c", True),
        ("bo\u200bmb", "bomb", True),
        ("عقد", "هذا عقد بيع", True),
        ("договор", "Проверьте ДОГОВОР.", True),
        ("a.b", "axb", False),
        (r"\d", "5", False),
    ],
)
def test_keywords(keyword, text, expected):
    assert found(keyword, text) is expected


def test_any_keyword_is_enough():
    keywords = Keywords(("tort", "契約", "c++"))
    assert [keywords.matches(Query.of(text)) for text in ("a tort", "契約", "C++", "torte")] == [
        True,
        True,
        True,
        False,
    ]


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=30))
def test_a_word_is_found_in_itself(text):
    if not fold(text).split() or not text.strip():
        return
    assert found(text[:200], f"x {text} y")


@given(st.text(max_size=50))
def test_folding_twice_is_folding_once_for_ascii_and_never_fails(text):
    once = fold(text)
    assert not text.isascii() or fold(once) == once


@pytest.mark.parametrize("text", ["word " * 200_000, "你好，世界 " * 60_000, "a" + "\u0300\u0316" * 400_000])
def test_a_megabyte_is_looked_through_at_once(text):
    query, started = Query.of(text), time.perf_counter()
    assert not Keywords(("lawsuit", "契約")).matches(query)
    assert not Pattern("(a+)+$x").matches(query)
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize("pattern", ["(", r"(a)\1", "(?=a)", "a{2000}", "", "[z-a]"])
def test_patterns_that_re2_refuses(pattern):
    with pytest.raises(ValidationError):
        Pattern(pattern)


def test_case_counts_in_patterns():
    assert not Pattern("^hi").matches(Query.of("Hi"))
    assert Pattern("(?i)^hi").matches(Query.of("Hi"))


@pytest.mark.parametrize(
    ("wanted", "metadata", "expected"),
    [
        ({"plan": "pro"}, {"plan": "pro"}, True),
        ({"plan": "pro"}, {"plan": "Pro"}, False),
        ({"plan": "pro"}, {}, False),
        ({"plan": ("pro", "max")}, {"plan": "max"}, True),
        ({"plan": "pro", "seats": 3}, {"plan": "pro", "seats": 3.0}, True),
        ({"plan": "pro", "seats": 3}, {"plan": "pro"}, False),
        ({"beta": True}, {"beta": 1}, False),
        ({"beta": 1}, {"beta": True}, False),
        ({"beta": True}, {"beta": True}, True),
        ({"beta": False}, {"beta": 0}, False),
        ({"level": 1}, {"level": "1"}, False),
        ({"tags": "a"}, {"tags": ["a"]}, False),
        ({"tags": "a"}, {"tags": None}, False),
    ],
)
def test_metadata(wanted, metadata, expected):
    assert Metadata(wanted).matches(Query.of("x", metadata=metadata)) is expected


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
