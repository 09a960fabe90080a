"""Checks: what a query asks for, what passes, what fails, and where no check may say anything."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestroute.answering.checks import Checks
from bestroute.policy.sampling import CHECKS
from bestroute.query import Query

EVERY = Checks(CHECKS)
ENGLISH = "Rain is the water that is in the clouds and it falls to the ground, as you can see."
KOREAN = "비는 구름에서 떨어지는 물입니다. 그렇습니다."

# A query; a response that does what it asks; one that does not; the check that says so.
CASES = [
    ("Name three rivers in JSON format.", '```json\n["Rhine", "Po", "Don"]\n```', "Rhine, Po, Don", "json"),
    ("Put your entire answer into JSON.", '{"a": 1}', 'Here it is: {"a": 1}', "json"),
    ("Explain rain in under 10 words.", "Water falls from clouds.", "word " * 30, "length"),
    ("Schreibe höchstens 5 Wörter über Regen.", "Wasser fällt.", "Wort " * 30, "length"),
    ("猫について20文字以内で書いてください。", "猫はかわいい。", "ねこ" * 40, "length"),
    ("Describe it in exactly 2 sentences.", "It rains. We stay.", "It rains. We stay. It ends.", "sentences"),
    ("Escribe 2 párrafos separados por ***.", "Uno.\n***\nDos.", "Uno.\n***\nDos.\n***\nTres.", "paragraphs"),
    ("Answer with exactly 3 bullet points.", "* a\n* b\n* c", "* a\n* b", "bullets"),
    ("Answer with three bullet points.", "- **a**\n- b\n  - b1\n- c", "- a\n- b", "bullets"),
    ("Include the keywords 'sea' and 'salt'.", "Salt of the sea.", "Water of the sea.", "keywords"),
    ("Write on it and do not use the word \"sea\".", "The seaside.", "By the sea.", "keywords"),
    ("The word sun should appear at least 2 times.", "Sun and sun.", "The sun.", "keywords"),
    ("「海」という単語を使わないで書いてください。", "水は青い。", "海は青い。", "keywords"),
    ('End your response with "That is all."', "Rain. That is all.", "Rain. That is all. Bye.", "ends"),
    ('Start your answer with "Well,"', "Well, it rains.", "It rains.", "ends"),
    ("Wrap your entire response with double quotation marks.", '"Rain."', "Rain.", "ends"),
    ("Tell it, and add a postscript starting with P.S.", "Rain.\nP.S. Snow.", "Rain.", "ends"),
    ("Your response should be in all lowercase letters.", "it rains.", "It rains.", "case"),
    ("Write the entire answer in capital letters.", "IT RAINS.", "It rains.", "case"),
    ("Tell me a story without using any commas.", "It rains and snows.", "It rains, and snows.", "commas"),
    ("Give it a title, such as <<rain>>.", "<<Rain>>\nIt rains.", "# Rain\nIt rains.", "marks"),
    ("Use at least 2 placeholders like [name].", "Dear [name], see [place].", "Dear [name].", "marks"),
    ("Respond in Korean only: what is rain?", KOREAN, ENGLISH, "language"),
    ("비가 오는 이유를 자세히 설명해 주세요.", KOREAN, ENGLISH, "language"),
    ("Sum a list", "```python\nsum([1, 2])\n```", "```python\nsum([1, 2\n```", "code"),
]  # fmt: skip


def failed(query, text):
    return EVERY.of(Query.of(query))(text)


@pytest.mark.parametrize(("query", "good", "bad", "name"), CASES, ids=[case[0] for case in CASES])
def test_what_is_asked_for_is_checked(query, good, bad, name):
    assert failed(query, good) == ()
    assert set(failed(query, bad)) == {name}


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("Summarize these 3 paragraphs.", "One paragraph."),
        ("If you are unsure, answer with 3 bullet points.", "No bullets here."),
        ('Translate "Write exactly 3 sentences" into French.', "Écrivez."),
        ("Each section must have 3 sentences.", "One. Two."),
        ("Use at least 3 words in all capital letters.", "ONE WORD."),
        ("Explain how a program can parse a JSON file in Python.", "Use the json module."),
        ("No other words should follow the phrase \"That's it\".", "That's it"),
        ("How do I avoid the 'sea' when I travel?", "Stay away from the sea."),
        ("What is the difference between the words 'sea' and 'ocean'?", "They differ in size."),
        ("Translate to French: where is the station?", "Elle est dans la ville et pas au port, au nord."),
        ("Write a 500 word essay.", "word " * 620),
        ("List 2 facts; the answer may use Python 2.", "```python\nprint 'a'\n```"),
        ("Write exactly 100 words in Chinese.", "水" * 400),
    ],
)  # fmt: skip
def test_what_cannot_be_told_never_fails(query, text):
    assert failed(query, text) == ()


def test_only_the_last_turn_asks():
    turns = [
        {"role": "user", "content": "Answer in exactly 3 bullet points."},
        {"role": "assistant", "content": "* a\n* b\n* c"},
        {"role": "user", "content": "Now tell me which one is best."},
    ]
    assert EVERY.of(Query.of(turns))("The first one.") == ()


def test_thinking_is_not_checked():
    assert failed("Tell it without commas.", "<think>a, b</think>It rains.") == ()
    assert failed("Tell it without commas.", "  ") == ()


def test_only_the_named_checks_are_made():
    query = Query.of("Write it without commas, in exactly 3 bullet points.")
    assert Checks(["commas"]).of(query)("a, b") == ("commas",)
    assert Checks([]).of(query)("a, b") == ()


def test_a_checker_of_the_callers_own():
    seen = []

    def own(query, response):
        seen.append((query, response))
        return {"right": "passed", "wrong": "failed"}.get(response, "unknown")

    def broken(query, response):
        raise ValueError("no")

    checked = Checks([], [own, broken]).of(Query.of("Add"))
    assert [checked(text) for text in ("right", "wrong", "?", "wrong")] == [(), ("own",), (), ("own",)]
    assert seen == [("Add", "right"), ("Add", "wrong"), ("Add", "?")]


@given(st.text(max_size=300), st.text(max_size=300))
def test_never_raises(query, text):
    for name in failed(query + " q", text):
        assert name in CHECKS


@pytest.mark.parametrize(
    "query",
    [
        "다음 단어 목록: " + ", ".join(f'"단어{number}"' for number in range(90)),
        "Use the words " + ", ".join(f'"w{number}"' for number in range(200)) + " twice each.",
        "the words " + " " * 1_000_000 + "not",
        "Include the words \ue0005\ue001 and \ue000x\ue001 in it.",
    ],
)
def test_no_query_takes_long_or_fails(query):
    """A list that a pattern could split in more ways than one would not end within a lifetime."""
    assert EVERY.of(Query.of(query)) is not None


def test_a_word_of_a_million_letters_is_read_through():
    """Once every letter was tried as a beginning of the name of a language, which took hours."""
    assert EVERY.of(Query.of("x" * 1_000_000))("It is long.") == ()
    assert "language" not in EVERY.of(Query.of("タガログ語で書いてください。"))(ENGLISH)


@pytest.mark.parametrize(
    ("asked", "response"),
    [
        ("Why?", "```python\n" + " " * 300_000 + "x"),
        ("Write three paragraphs.", "\n" * 300_000 + "x"),
        ("Write exactly 3 sentences.", "_" * 300_000 + "x"),
        ("Use exactly 4 bullet points.", "- a\n" * 50_000),
        ("Finish your response with 'Bye'.", "!" * 300_000 + "x"),
    ],
    ids=lambda text: text[:30],
)
def test_no_response_takes_long(asked, response):
    """Each had a place from which a pattern went through the whole run again, for every place in the run."""
    assert EVERY.of(Query.of(asked))(response) is not None


def test_what_bounds_the_time_of_a_count_leaves_it_as_it_is():
    def fails(asked, response):
        return bool(EVERY.of(Query.of(asked))(response))

    spaced = "One is here.\n\n  ***  \n\nTwo is here."
    assert [fails(f"Write exactly {n} paragraphs.", spaced) for n in (2, 5)] == [False, True]
    marked = "It __ends__. It is _said_. It (ends)."
    assert [fails(f"Write exactly {n} sentences.", marked) for n in (3, 5)] == [False, True]
    block = "```python\n\n  >>> x = (\n  ```"
    assert not fails("Why?", block)  # a shell's
    assert fails("Why?", block.replace(">>>", ""))


def test_a_checker_of_ones_own_that_gives_no_verdict_is_told_once(caplog):
    for said in (True, None, "ok", np.array(["passed", "failed"])):

        def mine(query, response, said=said):
            return said

        caplog.clear()
        checks = Checks((), [mine])
        for query in ("Why?", "How?"):
            checked = checks.of(Query.of(query))
            assert (checked("So."), checked("Thus.")) == ((), ())
        (told,) = caplog.records
        assert "mine" in told.getMessage()
        assert f"said {said!r}, which is none of" in told.getMessage()
