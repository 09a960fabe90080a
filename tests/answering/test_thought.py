"""What was thought is no part of the answer, however a server marks it."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestroute.answering.thought import without_thought

CHANNELS = (
    "<|channel|>analysis<|message|>The answer is 5?<|end|><|start|>assistant<|channel|>final<|message|>7"
)


@pytest.mark.parametrize(
    "text",
    [
        "<think>The answer is 5? no</think>\n\n7",
        "<think>\n\n</think>\n\n7",
        "Hmm the answer is 5? no</think>\n\n7",
        "Hmm the answer is 5? no</think>7",
        "<thinking>5?</thinking> 7",
        "<THINK>5?</THINK> 7",
        '<think time="3s">5?</think> 7',
        "<think>5?</think>\n<think>6?</think>\n7",
        "<think>Do I write <think>? No.</think> 7",
        "<think>a<think>b</think>c</think> 7",
        "<think>5?</thinking> 7",
        "<thought>5?</thought>7",
        "<reasoning>5?</reasoning>7",
        "<seed:think>5?</seed:think>7",
        "[THINK]5?[/THINK]7",
        "◁think▷5?◁/think▷7",
        "<|begin_of_thought|>5?<|end_of_thought|>\n<|begin_of_solution|>\n7\n<|end_of_solution|>",
        "<|START_THINKING|>5?<|END_THINKING|><|START_RESPONSE|>7<|END_RESPONSE|>",
        "<unused94>thought\n5?<unused95>7",
        CHANNELS,
        f"<|start|>assistant{CHANNELS}<|return|>",
        CHANNELS.removeprefix("<|channel|>"),
        "<|channel|>commentary<|message|>I look it up.<|end|><|start|>assistant<|channel|>final<|message|>7",
        "analysisThe user wants a sum.assistantfinal7",
        "7\n<think>5? Never mind.</think>",
        "<think>In code: ``` </think> 7",
        "<think>5?</think>7</think>",
    ],
)
def test_is_taken_off(text):
    assert without_thought(text) == "7"


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 7 \n",
        "I think <b>so</b>.",
        "Put it between `<think>` and `</think>`.",
        "Look:\n```python\ntext = text.split('x</think>')[-1]\n<think>\n```\nThat is all.",
        'Use re.sub(r"<think>.*?</think>", "", text).',
        'It ends with "</think>", always.',
        "The mark <think> opens a thought.",
        "The analysis is as follows: <|channel|> names a channel.",
        "analysis of the data: 7",
    ],
)
def test_a_text_without_thought_stays_as_it_is(text):
    assert without_thought(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "<think>The answer is 5",
        "  \n<think>\nThe answer is 5",
        "The answer is 5</think>",
        "<|channel|>analysis<|message|>The answer is 5",
        "[THINK]",
    ],
)
def test_what_was_cut_off_while_thinking_says_nothing(text):
    assert without_thought(text) == ""


def test_what_was_said_before_a_later_thought_stays():
    assert without_thought("Let me see.\n<think>5?</think>\n7") == "Let me see.\n\n7"
    assert without_thought("It is 7.\n<think>Is it? I wonder") == "It is 7."


MARKS = st.sampled_from(
    [
        "<think>",
        "</think>",
        "`",
        "```",
        '"',
        "\n\n",
        "<|channel|>",
        "<|message|>",
        "final",
        "analysis",
        "7",
        "x ",
    ]
)


@given(st.lists(MARKS | st.text(st.characters(exclude_categories=["Cs"]), max_size=3)).map("".join))
def test_any_text_keeps_nothing_that_it_does_not_have(text):
    said = without_thought(text)
    assert len(said) <= len(text)
    assert set(said) <= set(text)


def test_half_characters_of_broken_json_are_replaced():
    assert without_thought("<think>\ud800</think>7\ud800").strip("\ufffd") == "7"


@pytest.mark.parametrize(
    "part",
    [
        "<think>",
        "</think>x ",
        "<think></think>",
        "`",
        "` `` ",
        "\n\n`",
        "<|channel|>",
        "<|channel|>final<|message|>7",
        '"<think>',
    ],
)
def test_a_long_text_takes_bounded_time(part):
    text = part * (200_000 // len(part))
    started = time.process_time()
    without_thought(f"{text} ")
    assert time.process_time() - started < 30  # about half a second
