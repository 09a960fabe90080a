"""What must hold of any responses: an equivalence, no merging, and no agreement of different answers."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bestroute.answering.agreement import group

VALUES = st.sampled_from(
    [
        "5",
        "5 km",
        "5 m",
        "5m",
        "$5",
        "5%",
        "75%",
        "0.75",
        "75",
        "0.05",
        "x = 5",
        "y = 5",
        "x = 5 km",
        "5.0",
        "-5",
    ]
    + ["A", "b", "(B) Paris", "B. Lyon", "A, C", "C, A", "'ab'", "ab", "Ab", "AB", "[1, 2]", "1, 2", "{1, 2}"]
    + [
        "True",
        "yes",
        "no",
        "Paris",
        "the Paris",
        "x = 1, y = 2",
        "y = 2 and x = 1",
        r"12\pi",
        r"\frac12",
        "'5'",
        "",
    ]
)
FORMS = st.sampled_from(
    [
        "{}",
        "The answer is {}.",
        '{{"answer": "{}"}}',
        r"\boxed{{{}}}",
        "We add.\n#### {}",
        "{}\n\nand so on and on and on",
    ]
    + [
        "<think>The answer is 3.</think>Answer: {}",
        "The answer is not {}.",
        "The answer is 7.\nWait, the answer is {}.",
    ]
)
RESPONSES = st.builds(lambda form, value: form.format(value), FORMS, VALUES) | st.text(max_size=6)


def together(*responses):
    return len(set(group(responses).of)) == 1


@given(st.data())
def test_no_order_of_arrival_changes_a_group(data):
    responses = data.draw(st.lists(RESPONSES, max_size=7))
    order = data.draw(st.permutations(range(len(responses))))
    first, second = group(responses).of, group([responses[index] for index in order]).of
    assert second == tuple(first[index] for index in order)


@given(st.lists(RESPONSES, min_size=1, max_size=7), st.lists(RESPONSES, min_size=1, max_size=3))
def test_no_further_response_joins_two_groups(responses, further):
    before, after = group(responses).of, group([*responses, *further]).of
    for one in range(len(responses)):
        for other in range(one):
            assert before[one] == before[other] or after[one] != after[other]


@given(st.lists(RESPONSES, max_size=7))
def test_every_response_has_a_group_and_equal_ones_share_it(responses):
    of = group(responses).of
    sizes = [of.count(number) for number in range(len(set(of)))]
    assert sizes == sorted(sizes, reverse=True)
    assert sum(sizes) == len(responses)
    for one, first in zip(of, responses, strict=True):
        for other, second in zip(of, responses, strict=True):
            assert one == other or first != second


NUMBERS = st.one_of(
    st.integers(-(10**7), 10**7).map(str),
    st.integers(0, 10**9).map("{:,}".format),
    st.decimals(-(10**6), 10**6, places=3).map("{:f}".format),
    st.fractions(max_denominator=99).map(str),
)
ANSWERS = NUMBERS | st.sampled_from(
    ["Paris", "Marie Curie", "yes", "x", "B", "(C)", "x = 5", "5 km", "[1, 2]", "$5", "π"]
)
STATED = st.sampled_from(
    [
        "The answer is {}.",
        "{}",
        "So it goes.\n\nAnswer: {}",
        "#### {}",
        r"\boxed{{{}}}",
        '{{"answer": "{}"}}',
        "答案：{}",
    ]
)
BEFORE = (
    *(
        "not",
        "never",
        "about",
        "approximately",
        "roughly",
        "nearly",
        "almost",
        "over",
        "under",
        "above",
        "half",
    ),
    *("twice", "double", "minus", "at least", "at most", "more than", "less than", "up to", "plus or minus"),
    *("between", "except", "mindestens", "höchstens", "au moins", "至少"),
)
AFTER = (
    *("million", "billion", "thousand", "hundred", "dozen", "trillion", "lakh", "crore", "times", "squared"),
    *("cubed", "factorial", "more", "less", "fewer", "tenths", "hundredths", "halves", "thirds", "pairs"),
    *("BC", "AD", "am", "pm", "ago", "later", "north", "Millionen", "以上", "or more", "or less", "or not"),
)


@given(ANSWERS, STATED, st.sampled_from(BEFORE))
def test_a_word_before_makes_another_answer(answer, form, word):
    assert not together(form.format(answer), form.format(f"{word} {answer}"))


@given(ANSWERS, STATED, st.sampled_from(AFTER))
def test_a_word_after_makes_another_answer(answer, form, word):
    assert not together(form.format(answer), form.format(f"{answer} {word}"))


POSITIVE = NUMBERS.map(lambda number: number.lstrip("-")).filter(lambda number: number.strip("0.,") != "")
SIGNS = st.sampled_from(["-", "–", "−", "±", "≥", "≤", "<", ">", "≠", "≈", "~", "√", "/", "x ≥ "])


@given(POSITIVE, STATED, SIGNS)
def test_a_sign_makes_another_answer(number, form, sign):
    assert not together(form.format(number), form.format(f"{sign}{number}"))


@given(
    st.integers(-(10**6), 10**6),
    st.integers(-(10**6), 10**6),
    STATED,
    st.sampled_from(["", " km", "%", " eggs"]),
)
def test_other_numbers_are_other_answers(one, other, form, unit):
    assert together(form.format(f"{one}{unit}"), form.format(f"{other}{unit}")) == (one == other)


SENTENCES = ["The answer is {}.", "It follows.\n\nAnswer: {}", "So the final answer is {}", "{}"]
TEXTS = [
    "Paris",
    "São Paulo",
    "Zürich",
    "Café Müller",
    "5 km",
    "42",
    "1,000",
    "B",
    "x = 5",
    "Å",
    "half past five",
]


@pytest.mark.parametrize("form", SENTENCES)
@pytest.mark.parametrize("answer", TEXTS)
def test_how_it_is_set_never_splits_a_group(form, answer):
    text = form.format(answer)
    settings = [
        unicodedata.normalize("NFC", text),
        unicodedata.normalize("NFD", text),
        text.replace(" ", "  "),
        f"  {text}\n\n",
        text.replace(" ", "\u00a0") if form == "{}" else text,
        form.format(f"**{answer}**"),
        form.format(f"*{answer}*"),
        form.format(f"__{answer}__"),
        form.format(f"`{answer}`"),
        f"**{text}**",
        f"{text.rstrip('.')}.",
        text.rstrip("."),
    ]
    assert together(*settings)


@example("^{")
@given(st.text(min_size=1, max_size=300))
def test_white_space_and_a_full_stop_never_split_free_text(text):
    text = f"Once upon a time there was a text of many words. {' '.join(text.split())} The end"
    assert together(text, f"{text}.", f" {text.replace(' ', '  ')}\n", unicodedata.normalize("NFD", text))
