"""Tool calls agree where names and arguments are equal as JSON values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestroute.answering.agreement.calls import calls_key, group_with_calls
from bestroute.answering.agreement.group import group
from bestroute.answering.toolcall import ToolCall as Call

ONE = Call("weather", '{"city": "Bern", "days": 1}')


@pytest.mark.parametrize(
    ("arguments", "same"),
    [
        ('{"days":1,"city":"Bern"}', True),
        ('{"city": "Bern", "days": 1.0}', True),
        ('{"city": "B\\u0065rn", "days": 1}', True),
        ('{"city": "Bern", "days": "1"}', False),
        ('{"city": "Bern", "days": true}', False),
        ('{"city": "bern", "days": 1}', False),
        ('{"city": "Bern"}', False),
        ('{"city": "Bern", "days": 1, "unit": null}', False),
        ('{"city": "Bern", "days": 1', False),
        ("", False),
    ],
)
def test_arguments_are_compared_as_json(arguments, same):
    assert (calls_key([ONE]) == calls_key([Call("weather", arguments)])) is same


def test_names_count_and_no_arguments_are_empty_ones():
    assert calls_key([ONE]) != calls_key([Call("forecast", ONE.arguments)])
    assert calls_key([Call("now", "")]) == calls_key([Call("now", "{}")])


def test_the_order_of_calls_side_by_side_does_not_matter_but_their_number_does():
    other = Call("time", "[1, 2]")
    assert calls_key([ONE, other]) == calls_key([other, ONE])
    assert calls_key([ONE, ONE]) != calls_key([ONE])
    assert calls_key([other]) != calls_key([Call("time", "[2, 1]")])


@given(st.lists(st.builds(Call, st.text(max_size=3), st.text(max_size=9))))
def test_any_arguments_have_a_key(calls):
    assert calls_key(calls) == calls_key(reversed(calls))


def test_what_is_nested_without_end_is_compared_as_it_is_written():
    deep = Call("f", "[" * 100_000)
    assert calls_key([deep]) == calls_key([deep])


def test_responses_that_call_agree_by_their_calls_and_the_others_by_their_texts():
    again = Call("weather", '{"days": 1.0, "city": "Bern"}')
    texts = ["Let me see.", "Answer: A", "", "The answer is A", "Answer: B", "Answer: A"]
    calls = [(ONE,), (), (again,), (), (), (Call("time", "{}"),)]
    of = group_with_calls(texts, calls, lambda some: group(some).of)
    assert of[0] == of[2]
    assert of[1] == of[3]
    assert len(set(of)) == 4


def test_where_all_call_no_text_is_grouped():
    def never(texts):
        raise AssertionError(texts)

    assert group_with_calls(["", "a"], [(ONE,), (ONE,)], never) == (0, 0)
