"""Queries: what is routed on, and what a file of them may hold."""

import gzip
import json

import pytest

from bestroute.errors import InputError
from bestroute.query import Query, read_queries
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
    assert query.input_tokens == 7 + 4 + 2 + 1  # 14, 7 and 2 bytes


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


@pytest.mark.parametrize(
    ("text", "has"),
    [
        ("Tell me a story.", set()),
        ("```\nx\n```", {"code"}),
        ("def f(x):\n    pass", {"code"}),
        ("What is 17 * 24?", {"math"}),
        ("Integrate $x^2$.", {"math"}),
    ],
)
def test_features(text, has):
    assert Query.of(text).has == has


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


def test_read_text_lines(tmp_path):
    path = tmp_path / "queries.txt"
    path.write_bytes("\ufeffone\n\n  two \r\nنعم\u202e\n".encode())
    assert [query.text for query in read_queries(path)] == ["one", "two", "نعم\u202e"]


def test_read_json_lines(tmp_path):
    path = tmp_path / "queries.jsonl.gz"
    lines = [
        {"query": "a\0b"},
        {"messages": [{"role": "user", "content": "hi"}], "metadata": {"a": 1}},
    ]
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, lines)).encode()))
    queries = list(read_queries(path))
    assert [query.text for query in queries] == ["a\0b", "hi"]
    assert queries[1].metadata == {"a": 1}


BAD_LINES = {
    b'{"query": ': "not JSON",
    b'"text"': "object",
    b"\xff\xfe": "not UTF-8",
    b'{"query": ""}': "the query is empty",
    b"[" * 100_000: "",
    b'{"messages": [1]}': "messages[0] is int",
}


@pytest.mark.parametrize("line", BAD_LINES, ids=lambda line: repr(line[:20]))
def test_a_bad_line_is_told_with_its_number(line, tmp_path):
    path = tmp_path / "queries.jsonl"
    path.write_bytes(b'{"query": "fine"}\n\n' + line + b'\n{"query": "after"}\n')
    with pytest.raises(InputError) as caught:
        list(read_queries(path))
    assert str(caught.value).startswith(f"{path}:3: ")
    assert BAD_LINES[line] in str(caught.value)
    bad = []
    assert [query.text for query in read_queries(path, bad.append)] == ["fine", "after"]
    assert [str(error) for error in bad] == [str(caught.value)]


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="unknown kind of query file"):
        list(read_queries(tmp_path / "queries.csv"))
    with pytest.raises(InputError, match=r"absent\.txt"):
        list(read_queries(tmp_path / "absent.txt"))


@pytest.mark.parametrize(
    "text",
    [
        "We go from Paris to London by train.",
        "Let me know what you think.",
        "Is a class action lawsuit expensive?",
        "Import duties rose again.",
        "Is it cheaper :)\nThanks",
        "Call 555-1234 on 2024-01-15.",
        "It costs $5 or $6 a day.",
    ],
)
def test_plain_english_is_neither_code_nor_mathematics(text):
    assert not Query.of(text).has


@pytest.mark.parametrize(
    ("text", "feature"),
    [
        ("```\nx\n```", "code"),
        ("def f(x):\n    return x", "code"),
        ("from os import path", "code"),
        ("import numpy\nprint(1)", "code"),
        ("const a = 1", "code"),
        ("SELECT name FROM users", "code"),
        ("for (;;) {\n}", "code"),
        ("Solve $x^2 = 4$.", "math"),
        ("What is \\frac{1}{2}?", "math"),
        ("What is 17 + 25?", "math"),
        ("12 / 4 is what?", "math"),
        ("Let x = 3", "math"),
        ("√2", "math"),
    ],
)
def test_code_and_mathematics_are_seen(text, feature):
    assert feature in Query.of(text).has
