"""A response is graded by what it states, whole; the kind of comparison may be fixed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestroute.answering.agreement.compare import answers_of, is_right, right_answer, told_number
from bestroute.answering.agreement.values import KINDS


def right(said, answer, kind=None):
    return any(is_right(found, right_answer(answer), kind) for found in answers_of(said))


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("The answer is $1,000.", "1000"),
        (r"so \boxed{\dfrac34}", "3/4"),
        ("We had 7 apples.\n#### -42", "-42"),
        ("It is 75%.", "0.75"),
        ("It is 75 percent", "75%"),
        (r"The answer is 1.5 \times 10^{3} meters.", "1500"),
        ("Answer:\n\n**42**", "42"),
        (r"\boxed{\text{18 dollars}}", "18"),
        ("The answer is 18. I hope this answer helps: do ask.", "18"),
        ("2 + 2 makes 4", "4"),
        ("6 plus 9 is 15", "15"),
        ("To add 6 + 9, you simply add them together: 6 + 9 = 15", "15"),
        ("To find the price of one, divide: $1,400 / 200 = $7.", "7"),
        ("It is 42.", "Add 40 and 2.\n#### 42"),
        ('```json\n{"reasoning": "2 * 9 = 18", "answer": "$18"}\n```', "18"),
        (r"first \boxed{1}, no: \boxed{2}", "2"),
        ("The answer is (A).", "A"),
        ("I believe it is so.\n\nC", "(C)"),
        ("The best answer is **(D) None**", "D"),
        ("[ANSWER]assert f('x') == 'yz'[/ANSWER]", "'yz'"),
        ("```python\nassert f(1) == {'a': 1}  # done\n```", '{"a": 1}'),
        ('{"answer": "abc"}', "'abc'"),
        (r"The answer is '\d'", r"'\\d'"),
        ("The answer is true.", "True"),
        ("answer: {3, 1}", "{1, 3}"),
        ("So it is\nThe Eiffel Tower!", "eiffel tower"),
        (r"\boxed{x^2 - 1}", "x^2-1"),
        ("<think>The answer is 41.</think>The answer is 42.", "42"),
    ],
)
def test_right(said, answer):
    assert right(said, answer)


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("The answer is 0.3333", "1/3"),
        ("0.75%", "75%"),
        ("no idea", "5"),
        ("", "5"),
        ("x2 and H2O", "2"),
        ("The answer is 5 km.", "5 m"),
        ("The wrong way: 5 + 2 = 8", "8"),
        ("Let us check it with another number: x = 7", "7"),
        ("answer: (1)", "(1,)"),
        ("answer: '1'", "1"),
        ("answer: 1", "True"),
        ("Paris, France", "Paris"),
        ("<think>The answer is 42.", "42"),
    ],
)
def test_wrong(said, answer):
    assert not right(said, answer)


def test_a_kind_that_is_fixed_is_kept_to():
    assert right("The answer is 42.0", "42", "number")
    assert not right("The answer is 42.0", "42", "text")
    assert right("The answer is the Eiffel Tower.", "Eiffel tower", "text")
    assert right("The answer is ab", "'ab'", "literal")
    assert not right("The answer is (B).", "42", "choice")


@given(st.text(max_size=40), st.text(max_size=10), st.sampled_from([None, *KINDS]))
def test_any_text_is_right_or_wrong(said, answer, kind):
    assert right(said, answer, kind) in (True, False)


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("Tom has 7 apples and buys 8 more. So, he has 7 + 8 = 15 apples.", "15"),
        ("A spider has 8 legs.", "8"),
        ("3 times 3 is actually 9.", "9"),
        ("The answer to this classic math problem is 14.", "14"),
        ("The answer is 3 * 4, which equals 12.", "12"),
        ("He pays **$1,250.50** in all.", "1250.5"),
        ("7 * 6 = 42\n\nThis is a classic problem.", "42"),
        ("<think>It is 4.</think>He has 5 apples.", "5"),
        ("The war ended in 1945. It was long.", "1945"),
    ],
)
def test_prose_comes_to_a_number(said, number):
    found = told_number(said)
    assert found is not None
    assert is_right(found, right_answer(number))


@pytest.mark.parametrize(
    "said",
    [
        "", "no number", "There are 7 and 8 of them.", "It has not 8 legs.", "It has 7 or 8 legs.",
        "Has it 8 legs?", "It isn't 8.", "He has 8 legs.\n#### 7", "The answer is 7.", "the root √2",
        r"a side of \sqrt{2} here", "x^2 grows", "It has 2x legs.", "v2 came", "It has 8 legs. Or 7?",
        "One half of them, 1/x",
    ],
)  # fmt: skip
def test_prose_comes_to_no_number(said):
    assert told_number(said) is None
