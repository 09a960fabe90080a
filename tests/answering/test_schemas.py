"""How a value breaks a schema; neither of them is trusted."""

import sys
import time

import pytest

from bestroute.answering.schemas import breach

POINT = {
    "type": "object",
    "properties": {"x": {"type": "number"}},
    "required": ["x"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("schema", "value", "words"),
    [
        (POINT, {"x": 1}, None),
        (POINT, {"x": "1"}, r"$.x: '1' is not of type 'number'"),
        (POINT, {}, "'x' is a required property"),
        (POINT, {"x": 1, "y": 2}, "'y' is not declared"),
        (POINT, {"x": 1, "y": 2, "z": 3}, "'y', 'z' are not declared"),
        (POINT, [1], "[1] is not of type 'object'"),
        ({"pattern": "^a+$"}, "ab", "'ab' does not match '^a+$'"),
        ({"pattern": "(?=a)"}, "b", None),  # look-ahead is not read
        ({"patternProperties": {"^n": {"type": "number"}}}, {"n1": "x"}, "$.n1: 'x' is not of type 'number'"),
        ({"patternProperties": {"^n": {}}, "additionalProperties": False}, {"n1": 1}, None),
        ({"additionalProperties": {"type": "number"}}, {"a": "x"}, "$.a: 'x' is not of type 'number'"),
        ({"$defs": {"n": {"type": "number"}}, "$ref": "#/$defs/n"}, "x", "'x' is not of type 'number'"),
        (False, 1, "False schema does not allow 1"),
        (True, 1, None),
    ],
)
def test_what_breaks_it(schema, value, words):
    assert breach(schema, value) == words


@pytest.mark.parametrize(
    "schema", [{"type": "strng"}, {"required": 3}, {"properties": []}, {"$ref": "http://127.0.0.1:9/none"}, 7]
)
def test_a_faulty_schema_is_broken_by_nothing(schema):
    assert breach(schema, {"x": 1}) is None


def test_patterns_take_linear_time():
    started = time.thread_time()
    assert breach({"pattern": "^(a+)+$"}, "a" * 50_000 + "b") is not None
    assert time.thread_time() - started < 2


def test_a_long_value_is_not_quoted_whole():
    assert len(breach({"type": "number"}, "x" * 5000)) == 200


def test_without_the_extra_nothing_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "jsonschema", None)
    assert breach(POINT, {}) is None
