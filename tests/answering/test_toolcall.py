"""Calls of tools, as servers write them."""

import pytest

from bestroute.answering.toolcall import ToolCall, read_calls


@pytest.mark.parametrize(
    ("message", "calls"),
    [
        ({"tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "{}"}}]}, [ToolCall("f", "{}")]),
        (
            {"tool_calls": [{"function": {"name": "f", "arguments": {"a": "é"}}}]},
            [ToolCall("f", '{"a": "é"}')],
        ),
        ({"tool_calls": [{"function": {"name": "f"}}]}, [ToolCall("f", "")]),
        ({"tool_calls": [{"custom": {"name": "sh", "input": "ls"}}]}, [ToolCall("sh", "ls", free=True)]),
        ({"function_call": {"name": "f", "arguments": "{"}}, [ToolCall("f", "{")]),
        ({"tool_calls": None, "function_call": None}, []),
        ({"tool_calls": ["f", {"function": "f"}, {"function": {"name": ""}}, {"function": {"name": 3}}]}, []),
        ({"tool_calls": "f"}, []),
    ],
)
def test_calls_are_read(message, calls):
    assert read_calls(message) == tuple(calls)


def test_half_characters_are_replaced():
    (call,) = read_calls({"function_call": {"name": "f\ud800", "arguments": '"\ud800"'}})
    f"{call}".encode()


def test_a_call_as_text():
    assert str(ToolCall("add", '{"a": 1}')) == 'add({"a": 1})'
