"""Queries: what is routed on, what it needs and what it is billed."""

import pytest

from bestroute.errors import InputError
from bestroute.query import Query
from bestroute.text import estimate_tokens

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}


def test_the_text_routed_on_is_the_users():
    query = Query.of(
        [
            {"role": "system", "content": "You are terse."},
            {"role": "user", "content": "First."},
            {"role": "assistant", "content": "Answer."},
            {"role": "tool", "content": "42"},
            {"role": "user", "content": [{"type": "text", "text": "Second"}, IMAGE, "and third."]},
        ]
    )
    assert query.text == "First.\n\nSecond\nand third."
    assert query.turns == 2
    assert query.needs == {"image", "tools"}
    assert query.tokens == 7  # 26 bytes
    assert query.input_tokens == 7 + 4 + 2 + 1 + 765  # 14, 7 and 2 bytes, and a picture


def test_where_the_user_says_nothing_the_application_asks():
    alone = [{"role": "system", "content": "Name a colour."}, {"role": "developer", "content": "Any."}]
    query = Query.of(alone)
    assert (query.text, query.turns) == ("Name a colour.\n\nAny.", 2)
    assert query.input_tokens == 4 + 1  # 14 and 4 bytes, once
    assert query.last_turn.text == "Any."
    both = Query.of([*alone, {"role": "user", "content": [IMAGE]}])
    assert (both.text, both.turns) == ("", 1)


@pytest.mark.parametrize(
    ("text", "tokens"), [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2), ("你好", 2), ("สวัสดี", 5), ("🙂", 1)]
)
def test_estimate_tokens(text, tokens):
    assert estimate_tokens(text) == tokens


def test_tools_are_needed_when_offered_called_or_answered():
    call = [
        {"role": "user", "content": "x"},
        {"role": "assistant", "tool_calls": [{"id": "1"}]},
    ]
    assert Query.of({"query": "x", "tools": [{"type": "function"}]}).needs == {"tools"}
    assert Query.of(call).needs == {"tools"}
    assert Query.of({"query": "x", "tools": []}).needs == frozenset()


def test_an_image_alone_is_a_query():
    assert Query.of([{"role": "user", "content": [IMAGE]}]).text == ""


def test_half_characters_are_replaced():
    assert Query.of("a\ud800b").text.encode("utf-8").decode("utf-8").startswith("a")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("", "the query is empty"),
        ("  \n", "the query is empty"),
        ([], "the query is empty"),
        ([{"role": "assistant", "content": "hi"}], "the query is empty"),
        ([{"role": "system", "content": " "}], "the query is empty"),
        ([{"role": "system", "content": "hi"}, {"role": "user", "content": ""}], "the query is empty"),
        ({}, "exactly one of"),
        ({"query": "a", "messages": []}, "exactly one of"),
        ({"query": 1}, '"query" is int'),
        ({"query": "a", "metadata": 3}, '"metadata" is int'),
        ({"query": "a", "metdata": {"plan": "free"}}, "unknown key 'metdata' .did you mean 'metadata'.."),
        ({"query": "a", "Meta_Data": {}, "note": 1}, "unknown key 'Meta_Data'"),
        ({"messages": "hi"}, "messages is str"),
        ([{"role": "robot", "content": "x"}], r"messages\[0\] has role 'robot'"),
        (["x"], r"messages\[0\] is str"),
        ([{"role": "user", "content": 3}], r"messages\[0\].content"),
        ([{"role": "user", "content": [3]}], r"messages\[0\].content"),
    ],
)
def test_what_is_no_query_is_told(value, words):
    with pytest.raises(InputError, match=words):
        Query.of(value)


def test_other_keys_are_the_users_own():
    asked = {"query": "a", "query_id": 3, "message": "b", "meta": {}, 7: 8}
    assert Query.of(asked).text == "a"
    assert Query.of({"query": "a", "metadata": {}, "metadata2": {}}).text == "a"


def test_what_looks_like_metadata_is_no_matter_where_it_is_given_beside():
    assert Query.of({"query": "a", "meta_data": {}}, metadata={"plan": "gold"}).metadata == {"plan": "gold"}


def test_metadata_given_beside_replaces_that_of_the_query():
    query = Query.of({"query": "a", "metadata": {"plan": "free"}, "id": 7})
    assert (query.metadata, query.id) == ({"plan": "free"}, "7")
    assert Query.of(query) is query
    assert Query.of(query, metadata={"plan": "pro"}).metadata == {"plan": "pro"}


@pytest.mark.parametrize("metadata", ["pro", 5, ["x"]])
@pytest.mark.parametrize("value", ["a", [{"role": "user", "content": "a"}], {"query": "a"}, Query.of("a")])
def test_metadata_of_another_kind_are_told(value, metadata):
    with pytest.raises(InputError, match=rf"^metadata is {type(metadata).__name__}; give an object$"):
        Query.of(value, metadata=metadata)


@pytest.mark.parametrize("soon", ["soon", -4, 0, float("nan"), 10**400, [1]])
def test_a_time_that_is_none_is_told_before_any_rule_asks(soon):
    metadata = {"max_latency_ms": soon}
    for value in ("a", Query.of("a")):
        with pytest.raises(InputError, match=r"^metadata.max_latency_ms is .*; give milliseconds, above 0$"):
            Query.of(value, metadata=metadata)
    with pytest.raises(InputError, match="max_latency_ms"):
        Query.of({"query": "a", "metadata": metadata})
