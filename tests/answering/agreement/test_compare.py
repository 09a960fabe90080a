"""Answers are found in the forms that LLMs give them, compared exactly, and in bounded time."""

import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestroute.answering.agreement import KINDS, extract_answer, kind_of, same_answer
from bestroute.answering.agreement.literals import NoLiteral, parse_literal
from bestroute.answering.agreement.numbers import find_numbers, whole_number


def right(text, answer, kind):
    found = extract_answer(text, kind)
    return found is not None and same_answer(found, answer, kind)


class TestNumbers:
    @pytest.mark.parametrize(
        ("text", "answer"),
        [
            ("The answer is $1,000.", "1000"),
            ("The answer is 1000", "1,000"),
            (r"so \boxed{\frac{3}{4}}", "0.75"),
            (r"so \boxed{\dfrac34}", "3/4"),
            (r"\boxed{-\frac{1}{2}}", "-0.5"),
            ("We had 7 apples.\n#### -42", "-42"),
            ("It is 75%.", "0.75"),
            ("It is 75 percent", "75%"),
            ("It is 0.75", "75%"),
            (r"The answer is 1.5 \times 10^{3} meters.", "1500"),
            ("The answer is 1.5 x 10^-3", "0.0015"),
            ("answer: 1e3", "1000"),
            ("Answer:\n\n**42**", "42"),
            ("the total is 2 1/2 cups", "2.5"),
            (r"\boxed{\text{18 dollars}}", "18"),
            (r"\boxed{x = 18}", "18"),
            ("The answer is 3 + 4 = 7.", "7"),
            ("The answer is 18. That is 2 more than 16.", "18"),
            ("The answer is 18. I hope this answer helps: do ask.", "18"),
            ("He walks **5 miles** every day of the 7.", "5"),
            ("1 + 1 makes 2, and 2 + 2 makes 4", "4"),
            (r"$10{,}000$", "10000"),
            (r"1\,000\,000", "1000000"),
            ("1\u202f000", "1000"),
            ("\u22125", "-5"),
            ("-$5", "-5"),
            ("USD 12.50", "12.5"),
            ('```json\n{"reasoning": "2 * 9 = 18", "answer": "$18"}\n```', "18"),
            ('{"answer": 18, "sure": 1}', "18"),
            ('{"answer": "\\\\frac{1}{2}"}', "0.5"),
            ('{"answer": "\\frac{1}{2}"}', "0.5"),
            ("答案是42。", "42"),
            ("It is .5", "1/2"),
            ("It is ...5", "5"),
            (r"first \boxed{1}, no: \boxed{2}", "2"),
            (r"\boxed 7 is it", "7"),
            (r"\boxed{\sqrt{4} = 2", "2"),
        ],
    )
    def test_is_found_and_right(self, text, answer):
        assert right(text, answer, "number")

    @pytest.mark.parametrize(
        ("text", "answer"),
        [
            ("The answer is 1000.5", "1000"),
            ("The answer is 0.3333", "1/3"),
            ("It is 75%", "7.5"),
            ("0.75%", "75%"),
            ("-5", "5"),
            ("1e3", "3"),
            ("no idea", "5"),
            ("x2 and H2O", "2"),
            ("5/0", "5"),
        ],
    )
    def test_is_wrong(self, text, answer):
        assert not right(text, answer, "number")

    def test_lists_ratios_and_versions(self):
        assert [number.value for number in find_numbers("3,4 and 1,2,3 and 12,345")] == [4, 3, 12345]
        assert [number.value for number in find_numbers("5-3, 5 -3, v1.2")] == [5, 3, 5, -3]
        assert [number.value for number in find_numbers("1/3 and 2 / 8")] == [Fraction(1, 3), Fraction(1, 4)]

    @pytest.mark.parametrize("text", ["9" * 401, "1e401", "1e-99999999999999999999", "five", "", "1 2"])
    def test_no_number(self, text):
        assert whole_number(text) is None

    @given(
        st.fractions(max_denominator=1000).map(lambda value: value.limit_denominator(1000)),
        st.sampled_from(["{}", "The answer is {}.", r"\boxed{{{}}}", "#### {}", '{{"answer": "{}"}}']),
    )
    def test_any_fraction_is_found_again(self, value, form):
        shown = f"{value.numerator}/{value.denominator}"
        latex = rf"\frac{{{value.numerator}}}{{{value.denominator}}}"
        assert right(form.format(shown), shown, "number")
        assert right(form.format(latex), shown, "number")

    @given(
        st.decimals(min_value=-(10**12), max_value=10**12, places=4),
        st.sampled_from(["{:f}", "{:,f}", "${:,f}", "{:f}%", "{:e}", "{:f} dollars", "{:f} kg"]),
        st.sampled_from(
            [
                "{}",
                "So it is {}.",
                r"\boxed{{{}}}",
                "1 + 2\n#### {}",
                "The answer is **{}**.",
                r"\boxed{{x = {}}}",
            ]
        ),
    )
    def test_any_decimal_is_found_again(self, value, shown, form):
        assert right(form.format(shown.format(value)), f"{value:f}", "number")


class TestChoices:
    @pytest.mark.parametrize(
        ("text", "letter"),
        [
            ("The answer is (A).", "A"),
            ("**C**", "C"),
            ("Answer: B", "B"),
            (r"\boxed{D}", "D"),
            (r"$\boxed{\text{(H) 42}}$", "H"),
            ("the correct option is (E)", "E"),
            ('{"reasoning": "A is wrong", "answer": "F"}', "F"),
            ('{"answer": "(F) Paris"}', "F"),
            ("B. Because the others are wrong", "B"),
            ("I think that the right choice is G", "G"),
            ("The answer is I", "I"),
            ("I", "I"),
            ("Answer: **J) gold**", "J"),
            ("I believe it is so.\n\nC", "C"),
            ("A good thing is meant here: (B)", "B"),
            ("Answer is B because A is wrong", "B"),
            ("The best answer is **(D) None**", "D"),
            ("The answer is (A). Wait, no.\nThe answer is (C).", "C"),
            ("Let us see.\n#### B", "B"),
            ("正确答案是 C。", "C"),
        ],
    )
    def test_is_found(self, text, letter):
        assert extract_answer(text, "choice") == letter
        assert right(text, f"({letter})", "choice")

    @pytest.mark.parametrize("text", ["", "I do not know", "The answer is a prime", "A cat sat", "42"])
    def test_none(self, text):
        assert extract_answer(text, "choice") is None


class TestLiterals:
    @pytest.mark.parametrize(
        ("text", "answer"),
        [
            ("[ANSWER]assert f('x') == 'yz'[/ANSWER]", "'yz'"),
            ("[PYTHON]\nassert f('a == b') == 'c == d'\n[/PYTHON]", '"c == d"'),
            ("The output is `[1, 2]`.", "[1,2]"),
            ("```python\nassert f(1) == {'a': 1}  # done\n```", '{"a": 1}'),
            ('{"answer": "\'3.12\'"}', "'3.12'"),
            ('{"answer": "abc"}', "'abc'"),
            ('{"answer": [1, 2]}', "[1, 2]"),
            ("The answer is true.", "True"),
            ("the answer is None", "None"),
            ('"abc"', "'abc'"),
            (r"The answer is '\d'", r"'\\d'"),
            ("answer: (1,)", "(1,)"),
            ("answer: {3, 1}", "{1, 3}"),
            ("Answer: `-1.50`", "-1.5"),
        ],
    )
    def test_is_found_and_right(self, text, answer):
        assert right(text, answer, "literal")

    @pytest.mark.parametrize(
        ("text", "answer"),
        [
            ("answer: 'a'", "'b'"),
            ("answer: (1)", "(1,)"),
            ("answer: '1'", "1"),
            ("answer: [1", "[1]"),
            ("", "1"),
        ],
    )
    def test_is_wrong(self, text, answer):
        assert not right(text, answer, "literal")

    @pytest.mark.parametrize(
        "text",
        ["f(1)", "1in 2", "[" * 1000, "-" * 19_000 + "1", "1+" * 9000 + "1", "9" * 30_000, "{[]}", "nul\0"],
    )
    def test_what_is_no_literal(self, text):
        with pytest.raises(NoLiteral):
            parse_literal(text)

    @given(
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.text(max_size=8)
            | st.floats(allow_nan=False, width=16),
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
            ),
            max_leaves=6,
        ).filter(lambda value: "inf" not in repr(value))
    )
    def test_any_literal_is_found_again(self, value):
        assert same_answer(repr(value), repr(value), "literal")
        assert right(f"[ANSWER]assert f(1) == {value!r}[/ANSWER]", repr(value), "literal")


class TestTexts:
    @pytest.mark.parametrize(
        ("text", "answer"),
        [
            ("The answer is Paris.", "paris"),
            ("So it is\nThe Eiffel Tower!", "eiffel tower"),
            (r"\boxed{\dfrac{\pi}{2}}", r"\frac{\pi}{2}"),
            (r"\boxed{x^2 - 1}", "x^2-1"),
            ("Final answer: **Marie Curie**", "Marie Curie"),
            ('{"answer": "São Paulo"}', "são paulo"),
        ],
    )
    def test_is_found_and_right(self, text, answer):
        assert right(text, answer, "text")

    @pytest.mark.parametrize(
        ("found", "answer"), [("x^2-1", "x^2+1"), ("Paris, France", "Paris"), ("!", "?"), ("", "a")]
    )
    def test_is_wrong(self, found, answer):
        assert not same_answer(found, answer, "text")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        *[
            (text, "number")
            for text in ("42", "3/4", "$18", "1,000", "75%", "-3.5", ".5", "1e5", "a\n#### 5")
        ],
        *[(text, "choice") for text in ("A", "(B)", "I", "C.")],
        *[(text, "literal") for text in ("'x'", "[1]", "True", "{1: 2}", "None", '"A"')],
        *[(text, "text") for text in ("x", "Paris", "18 dollars", r"\sqrt{2}", "a,b", "[see above]")],
    ],
)
def test_kind_of_a_right_answer(answer, kind):
    assert kind_of(answer) == kind
    assert same_answer(answer, answer, kind)


FRAGMENTS = st.sampled_from(
    [
        "answer",
        '"answer": "',
        "\\boxed{",
        "\\frac{",
        "####",
        "[ANSWER]",
        "```",
        "assert f == ",
        "the answer is ",
    ]
    + ["(A)", "**", "1,000", "3/0", "%", "1e9", "'", "\\", "{", "}", "\n", "\ud800", "\0", "é", "¾", "٣"]
)


@given(st.lists(FRAGMENTS | st.text(max_size=5)).map("".join), st.text(max_size=10), st.sampled_from(KINDS))
def test_any_text_gives_an_answer_or_none(text, answer, kind):
    found = extract_answer(text, kind)
    assert found is None or isinstance(found, str)
    assert same_answer(found or "", answer, kind) in (True, False)
    assert kind_of(text) in KINDS


@pytest.mark.parametrize(
    "part",
    [
        "1 ",
        "{",
        r"\boxed{",
        "answer is ",
        "(",
        "-",
        "'",
        "1,",
        "9",
        "é1/",
        "== ",
        "`1`",
        "==1\n",
        '"answer":"',
    ],
)
def test_a_megabyte_of_anything_is_looked_at_in_part(part):
    text = part * (1_000_000 // len(part))
    started = time.process_time()
    for kind in KINDS:
        extract_answer(f"{text} The answer is 42.", kind)
    assert time.process_time() - started < 60  # about one second; without a bound, hours
    assert right(f"{text}\nThe answer is 42.", "42", "number")
