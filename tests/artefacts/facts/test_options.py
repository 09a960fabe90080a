"""Which option a response chooses, and whether what it says goes with that."""

import pytest

from bestroute.artefacts.facts import FACTS, facts_of

QUERY = "How fast is it?\nOptions:\nA. 2.750 m/s\nB. 4.000 m/s, or a little more\nC. It stands still"


def facts(query, response):
    return dict(zip(FACTS, facts_of(query, [response])[0].tolist(), strict=True))


@pytest.mark.parametrize(
    "response",
    [
        "The answer is (C).", "the best option: C", "**Answer:** C", 'so {"answer": "C"}', "C",
        "C) as it stands", r"Thus \boxed{C}", r"\boxed{\text{C}}", "The answer is A? No. The answer is C",
    ],
)  # fmt: skip
def test_the_last_choice_counts(response):
    found = facts(QUERY, response)
    assert found["chooses one"] == 1
    assert found["length of the chosen one"] == pytest.approx(15 / ((9 + 27 + 15) / 3))


@pytest.mark.parametrize(
    "response", ["It is fast.", "The answer is (D).", "the answer a student gave", "", "Cars."]
)
def test_none_is_chosen(response):
    found = facts(QUERY, response)
    assert (found["options are given"], found["chooses one"]) == (1, 0)


def test_no_options():
    assert facts("How fast?\nA. is no list", "The answer is A")["options are given"] == 0


def test_options_in_a_line():
    found = facts("Pick: (A) red (B) light blue", "It is light blue. Answer: B")
    assert (found["the chosen one was said"], found["chose the longest"]) == (1, 1)
    assert found["words of the chosen one"] == 1


def test_a_number_that_was_reckoned_is_held_against_the_options():
    right = facts(QUERY, "sqrt(68 / 9) = 2.749. The answer is (A).")
    assert (right["number of the chosen one"], right["another's number is nearer"]) == (1, 0)
    wrong = facts(QUERY, "sqrt(68 / 9) = 2.749. The answer is (B).")
    assert wrong["number of the chosen one"] == pytest.approx(-(4 - 2.749) / 4)
    assert wrong["another's number is nearer"] == 1
    assert facts(QUERY, "It is 2.75. The answer is (C).")["number of the chosen one"] == 0


def test_several_that_are_named():
    assert facts(QUERY, "The answer is A. Or: the answer is B.")["names several"] == 1
    assert facts(QUERY, "The answer is B. Yes, answer: B.")["names several"] == 0
