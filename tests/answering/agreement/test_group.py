"""Responses that give the same answer are grouped, whatever the right one and the order of arrival is."""

import logging
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestroute.answering.agreement import group, same_answer
from bestroute.answering.agreement.likeness import alike, sketch
from bestroute.answering.agreement.literals import literal_key
from bestroute.answering.agreement.stated import form_of, stated

LONG = (
    "Photosynthesis turns light into chemical energy. Plants take in water through their roots and carbon "
    "dioxide through their leaves, and give off oxygen. The sugar that is left feeds the plant."
)
OTHER = (
    "A boat floats because the water that it pushes aside weighs as much as the boat itself. Steel is "
    "heavier than water, but a hull is mostly air, so on the whole it is lighter."
)


class TestAnswers:
    @pytest.mark.parametrize(
        ("texts", "of", "kind"),
        [
            (
                ["The answer is (B).", "I think that B fits.\n\nAnswer: B", '{"answer": "(C) Rome"}'],
                (0, 0, 1),
                "choice",
            ),
            (["#### 1,000", "The answer is $1000.", r"so \boxed{999}"], (0, 0, 1), "number"),
            (['{"answer": "18 eggs"}', '{"answer": 18}', "Answer: 18.0 eggs a day"], (0, 0, 0), "number"),
            ([r"\boxed{\frac{1}{2}}", r"\boxed{0.5}", r"\boxed{\dfrac12}"], (0, 0, 0), "number"),
            ([r"\boxed{12}", r"\boxed{12\pi}", r"\boxed{12 \pi}", r"\boxed{3}"], (1, 0, 0, 2), "number"),
            ([r"\boxed{x^2 - 1}", r"\boxed{x^2-1}", r"\boxed{x^2}"], (0, 0, 1), "text"),
            (
                ['{"answer": "[1, 2]"}', "[ANSWER]assert f(1) == [1,2][/ANSWER]", '{"answer": "(1, 2)"}'],
                (0, 0, 1),
                "literal",
            ),
            (['{"answer": "\'ab\'"}', '{"answer": "ab"}', '{"answer": "AB"}'], (0, 0, 1), "literal"),
            (["The answer is Paris.", "Answer: **paris**", "The answer is Rome."], (0, 0, 1), "text"),
            (["42", "**42**", "It is 41"], (0, 0, 1), "number"),
            (["yes", "Yes.", "No"], (0, 0, 1), "text"),
        ],
    )
    def test_are_compared_by_their_kind(self, texts, of, kind):
        grouping = group(texts)
        assert (grouping.of, grouping.kind) == (of, kind)

    def test_a_response_without_an_answer_is_alone(self):
        texts = [
            "Answer: 5",
            "I cannot tell.\nAsk a friend of yours.",
            "Answer: 5",
            "A matter of\ntaste, I think.",
        ]
        assert group(texts).of == (0, 2, 0, 1)

    def test_what_is_not_said_in_such_a_place_is_found_where_others_are(self):
        assert group(["The answer is 7.", "#### 7", "So there are 3 + 4 = 7 in\nall: 7 apples"]).of == (
            0,
            0,
            0,
        )

    def test_a_percentage_is_its_number_before_it_is_a_share(self):
        assert group(["Answer: 75%", "Answer: 75", "Answer: 0.75"]).of == (0, 0, 1)
        assert group(["Answer: 75%", "Answer: 0.75"]).of == (0, 0)
        assert group(["Answer: 75%", "Answer: 75 percent"]).of == (0, 0)

    def test_fewer_than_half_with_an_answer_are_free_text(self):
        assert group([LONG, OTHER, "The answer is 5."]).kind is None
        assert group([LONG, "The answer is 5."]).kind == "number"

    def test_blank_responses_agree_and_do_not_count(self):
        grouping = group(["", "Answer: 5", " \n", "", "Answer: 5"])
        assert (grouping.of, grouping.kind) == ((0, 1, 0, 0, 1), "number")
        assert group(["", " "]).of == (0, 0)

    def test_none_and_one(self):
        assert (group([]).of, group([]).kind) == ((), None)
        assert group(["Answer: 5"]).of == (0,)

    @pytest.mark.parametrize(
        ("passage", "form"),
        [
            ("about 5 miles", "number"),
            (r"\(18\)", "number"),
            (r"\text{18 dollars}", "number"),
            ("x = 5", "number"),
            ("72 km/h", "number"),
            ("6th", "number"),
            ("6i", "text"),
            ("2*x", "text"),
            ("sqrt(3)", "text"),
            (r"12\pi", "text"),
            ("5 and 7", "text"),
            ("23x John", "text"),
            ("(B) Paris", "choice"),
            ("[1]", "literal"),
        ],
    )
    def test_form_of_a_passage(self, passage, form):
        assert form_of(passage) == form

    @pytest.mark.parametrize(
        "text", [LONG, "#### A heading\nand what is under it", "The answer is " + "x" * 90]
    )
    def test_no_place_made_for_an_answer(self, text):
        assert stated(text) is None


class TestFreeText:
    def test_nearly_the_same_text_agrees(self):
        texts = [LONG, OTHER, LONG.replace("give off", "release").upper()]
        assert (group(texts).of, group(texts).kind) == ((0, 1, 0), None)

    def test_other_numbers_never_agree(self):
        assert not alike(sketch(f"{LONG} It was found in 1779."), sketch(f"{LONG} It was found in 1799."))
        assert alike(sketch(f"{LONG} It was found in 1779."), sketch(f"{LONG} In 1779 it was found."))

    def test_short_texts_agree_only_in_all_their_words(self):
        assert not alike(sketch("The capital of France is Paris."), sketch("The capital of France is Lyon."))
        assert alike(sketch("The capital of France is Paris."), sketch("the capital of France is “Paris”"))

    def test_agreement_is_passed_on(self):
        steps = [LONG, LONG[:-40], LONG[30:-40]]
        assert group([*steps, OTHER]).of == (0, 0, 0, 1)


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
        grouping = group(["", *texts], self.behave_alike)
        assert (grouping.of, grouping.kind) == ((2, 0, 0, 1, 0, 0, 1), None)

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


PARTS = st.sampled_from(
    [
        *"ABC",
        "5",
        "75%",
        "0.75",
        "75",
        "[1, 2]",
        "[1,2]",
        "'x'",
        "x",
        r"12\pi",
        "",
        "I do not know",
        LONG,
        OTHER,
    ]
)
FORMS = st.sampled_from(
    ["{}", "The answer is {}.", '{{"answer": "{}"}}', r"\boxed{{{}}}", "#### {}", "{}\n\nand so on and on"]
)
TEXTS = st.builds(lambda form, part: form.format(part), FORMS, PARTS) | st.text(max_size=6)


@given(st.data())
def test_the_order_of_arrival_does_not_matter(data):
    texts = data.draw(st.lists(TEXTS, max_size=7))
    order = data.draw(st.permutations(range(len(texts))))
    first, second = group(texts), group([texts[index] for index in order])
    assert second.of == tuple(first.of[index] for index in order)
    assert second.kind == first.kind


@given(st.lists(TEXTS, max_size=7))
def test_every_response_has_a_group_and_equal_ones_share_it(texts):
    of = group(texts).of
    sizes = [of.count(number) for number in range(len(set(of)))]
    assert sizes == sorted(sizes, reverse=True)
    assert sum(sizes) == len(texts)
    for one, first in zip(of, texts, strict=True):
        for other, second in zip(of, texts, strict=True):
            assert one == other or first != second
            assert one != other or bool(first.strip()) == bool(second.strip())


@pytest.mark.parametrize(
    "alike",
    [("1", "1.0", "True"), ("'a b'", "a b", '"a b"'), ("{1: [2]}", "{1:[2,]}"), ("{3, 1}", "{1, 3, 3}")],
)
def test_literals_of_equal_value_have_one_key(alike):
    assert len({literal_key(text) for text in alike}) == 1
    assert all(same_answer(text, alike[0], "literal") for text in alike)


@given(
    st.lists(
        st.sampled_from(["1", "'1'", "[1]", "(1,)", "{1}", "{1: [2]}", "{1: (2,)}", "[[1]]", "x", "'x'"])
    )
)
def test_literals_that_share_a_key_are_the_same(texts):
    for one in texts:
        for other in texts:
            same = same_answer(one, other, "literal") or same_answer(other, one, "literal")
            assert same or literal_key(one) != literal_key(other)


@pytest.mark.parametrize("part", ["word ", "$5 ", '"answer":"', "answer is ", "[1, ", r"\boxed{1} "])
def test_long_responses_take_bounded_time(part):
    texts = [f"{part * (100_000 // len(part))} {LONG[:place]}" for place in range(12)]
    started = time.process_time()
    assert len(group(texts).of) == len(texts)
    assert time.process_time() - started < 60  # about one second
