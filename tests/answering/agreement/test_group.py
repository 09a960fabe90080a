"""Responses that state the same answer are grouped; a user's checker may decide instead."""

import logging
import time

import pytest

from bestroute.answering.agreement import group

LONG = (
    "Photosynthesis turns light into chemical energy. Plants take in water through their roots and carbon "
    "dioxide through their leaves, and give off oxygen. The sugar that is left feeds the plant."
)


class TestWhatMayBeMissing:
    def test_a_unit_joins_the_bare_number_where_no_other_is_named(self):
        assert group(["Answer: 5 km", "Answer: 5", "Answer: 5 kilometers"]).of == (0, 0, 0)
        assert group(["Answer: 5 km", "Answer: 5", "Answer: 5 m"]).of == (1, 0, 2)

    def test_a_percentage_is_its_number_before_it_is_a_share(self):
        assert group(["Answer: 75%", "Answer: 75", "Answer: 0.75"]).of == (0, 0, 1)
        assert group(["Answer: 75%", "Answer: 0.75"]).of == (0, 0)
        assert group(["Answer: 75%", "Answer: 0.75", "Answer: 0.75 kg"]).of == (2, 0, 1)

    def test_words_are_the_string_that_another_quotes(self):
        assert group(['{"answer": "\'ab\'"}', '{"answer": "ab"}', '{"answer": "Ab"}']).of == (0, 0, 1)
        assert group(['{"answer": "ab"}', '{"answer": "Ab"}']).of == (0, 0)

    def test_a_quoted_number_is_none(self):
        assert group(['{"answer": "\'5\'"}', '{"answer": "5"}']).of == (0, 1)


class TestFreeText:
    def test_the_same_text_agrees(self):
        assert group([LONG, f"  {LONG[:-1]}\n", LONG.replace("Plants", "**Plants**")]).of == (0, 0, 0)

    def test_a_denial_in_a_long_text_makes_another_answer(self):
        assert group([LONG, LONG.replace("turns", "never turns")]).of == (1, 0)

    def test_a_cut_off_list_is_no_number(self):
        assert group([f"{LONG}\n1. Water\n2. ", "Boats float.\n1. Steel\n2. "]).of == (1, 0)
        assert group([f"{LONG}\nH. Water\nJ.", "Boats float.\nH. Steel\nJ."]).of == (1, 0)

    def test_a_response_that_states_nothing_is_alone(self):
        assert group(
            ["Answer: 5", "I cannot tell.\nAsk a friend.", "Answer: 5", "A matter of\ntaste."]
        ).of == (0, 2, 0, 1)

    def test_blank_responses_agree(self):
        assert group(["", "Answer: 5", " \n", "", "Answer: 5", "."]).of == (0, 1, 0, 0, 1, 2)

    def test_none_and_one(self):
        assert group([]).of == ()
        assert group(["Answer: 5"]).of == (0,)


class TestChecker:
    CODE = ("def f(x): return 2 * x", "def f(x): return x + x", "def f(x): return x ** 2")

    @staticmethod
    def behave_alike(one, other):
        def values(code):
            names = {}
            exec(code, names)
            return [names["f"](x) for x in (0, 1, 2, 3)]

        return values(one) == values(other)

    def test_code_of_equal_behaviour_agrees(self):
        texts = [f"{code}  # {place}" for place, code in enumerate(self.CODE * 2)]
        assert group(["", *texts], self.behave_alike).of == (2, 0, 0, 1, 0, 0, 1)

    def test_alone_decides(self):
        assert group(["Answer: 5", "Answer: 5 ", "x"], lambda one, other: "x" in other).of == (0, 0, 0)

    def test_is_asked_once_of_a_pair_and_never_of_equal_or_blank_ones(self):
        asked = []
        group(["b", "a", "b", "", "c"], lambda one, other: asked.append((one, other)))
        assert sorted(asked) == [("a", "b"), ("a", "c"), ("b", "c")]

    def test_that_fails_loses_nothing(self, caplog):
        with caplog.at_level(logging.WARNING):
            assert group(["a", "no code", "a"], self.behave_alike).of == (0, 1, 0)
        assert "the checker failed" in caplog.text


HOSTILE = [
    "word ",
    "$5 ",
    '"answer":"',
    "answer is ",
    "[1, ",
    r"\boxed{1} ",
    "{",
    r"\boxed{",
    "(",
    "-",
    "'",
    "1,",
    "9",
]
HOSTILE += [
    "== ",
    "`1`",
    "assert ==1\n",
    "** ",
    "__a ",
    "a. ",
    "<answer>",
    "#### 1\n",
    "(a) ",
    "<think>",
    "</think>",
]
HOSTILE += [
    r"\frac",
    "^",
    r"\sqrt{",
    "1/",
    "x = ",
    "x=(",
    "and ",
    "½",
    "٣",
    "\ud800",
    "e\u0301",
    "```\n",
    "Dr. ",
    "“",
    "no, ",
    "_",
    "`",
    "\n\n ",
]


@pytest.mark.parametrize("part", HOSTILE)
def test_long_responses_take_bounded_time(part):
    long = part * (500_000 // len(part))
    texts = [
        f"{long}\nThe answer is 42.",
        "The answer is 42.",
        f"Answer: {long}",
        rf"\boxed{{{part * 600}}}",
        long,
    ]
    started = time.process_time()
    of = group(texts).of
    assert time.process_time() - started < 5  # about half a second
    assert of[0] == of[1] or "think" in part or "box" in part
