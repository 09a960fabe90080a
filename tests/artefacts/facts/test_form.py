"""How responses look, each counted by hand; and what holds of the facts of any text."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestroute.artefacts.facts import FACTS, facts_of


def facts(query, response):
    return dict(zip(FACTS, facts_of(query, [response])[0].tolist(), strict=True))


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ("a b c", {"characters": np.log(6), "words": np.log(4), "lines": np.log(2), "ends in a word": 1}),
        ("- one\n\n* two\n3. x\nno", {"bullets": np.log(4), "share of bullets": 0.75, "lines": np.log(5)}),
        ("```\nx = 1\n```\n```\n", {"code blocks": 1, "open code block": 1}),
        ("# A\n**b**\n## C", {"headings": np.log(3), "bold": np.log(3)}),
        ("a b c a b c d", {"repeated": 0.2, "different words": 4 / 7}),
        ("Sorry, I cannot do it.", {"apologies": 2, "ends whole": 1}),
        ("However, wait: maybe?", {"hedges": 0.4, "questions": np.log(2)}),
        ("やはり", {"kana": 1.0, "han": 0.0, "same main script": 0, "short": 1}),
        ('{"answer": 4}', {"starts as JSON": 1, "answer field": 1}),
        ("Therefore it is \\boxed{4}", {"states an answer": 1, "boxed": 1}),
        ("", {"characters": 0, "words": 0, "lines": 0, "repeated": 0, "ends whole": 0, "digits": 0}),
    ],
)
def test_what_is_counted(response, expected):
    found = facts("why is 7 here", response)
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-5)


def test_what_is_shared_with_the_query():
    found = facts("Add 12 and 7, please", "12 and 7 make 19")
    assert found["of the query's words"] == pytest.approx(3 / 5)
    assert found["new words"] == pytest.approx(2 / 5)


def test_of_a_long_response_the_end_is_read_too():
    found = facts("why", "word " * 3000 + "\nTherefore it ends so:")
    assert (found["ends with a colon"], found["states an answer"], found["long"]) == (1, 1, 1)
    assert found["characters"] == pytest.approx(np.log1p(15_022))


ANY = st.one_of(st.text(), st.text("0123456789.,-+*/x=() \n$%^\\", max_size=60), st.text("AB(). \nanswer is"))


@given(ANY, st.lists(ANY, max_size=4))
def test_any_text_has_finite_facts_of_its_own(query, responses):
    found = facts_of(query, responses)
    assert found.shape == (len(responses), len(FACTS))
    assert np.isfinite(found).all()
    for response, row in zip(responses, found, strict=True):
        assert facts_of(query, [response])[0].tolist() == row.tolist()


LONG = [
    "1" * 6000, "1+" * 3000, "1 + 1 = " + "1" * 6000 + "/", "1=" * 3000, "(" * 6000 + "=1", "1," * 3000,
    "1 a" * 2000, "1 aaa aaa" * 600 + "=1", "A. " * 2000, "(A) " * 1500, "answer " * 850, "\n" * 6000,
    "\\frac{" * 1000, "boxed{" * 1000, "1 " * 3000 + "=2",
    "\\" * 6000 + "=1", "\\frac{" * 990 + "=1", "1=" + "\\" * 6000,
]  # fmt: skip


@pytest.mark.parametrize("response", LONG, ids=lambda text: text[:9])
def test_what_repeats_is_read_in_passing(response):
    """Half a second and more, where what it is made of could be matched in several ways; else little."""
    started = time.thread_time()
    facts(response, response)
    assert time.thread_time() - started < 0.3
