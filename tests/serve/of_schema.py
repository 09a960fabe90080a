"""Values that a JSON Schema allows, as far as the gateway's document uses it.

@given(body=of_schema({"type": "object", "properties": {"stream": {"type": "boolean"}}}))
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

_NAMES = st.text("abcxyz_", min_size=1, max_size=6)
_LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=8)


def of_schema(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """The values; of a schema in which nothing is referred to."""
    if "anyOf" in schema:
        options = st.one_of(*map(of_schema, schema["anyOf"]))
        beside = _fields({"properties": schema.get("properties", {})})
        return st.builds(lambda one, more: {**more, **one} if isinstance(one, dict) else one, options, beside)
    if "enum" in schema or "const" in schema:
        return st.sampled_from(schema.get("enum") or [schema["const"]])
    kinds = schema.get("type", [*_KINDS])
    return st.one_of(*(_KINDS[kind](schema) for kind in ([kinds] if isinstance(kinds, str) else kinds)))


def _fields(schema: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    made = {name: of_schema(one) for name, one in schema.get("properties", {}).items()}
    must = {name: made.pop(name) for name in schema.get("required", ())}
    return st.fixed_dictionaries(must, optional=made)


def _object(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    if schema.get("additionalProperties") is False:
        return _fields(schema)
    more = st.dictionaries(_NAMES, _LEAVES, max_size=2)
    return st.builds(lambda own, others: {**others, **own}, _fields(schema), more)


def _array(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    return st.lists(
        of_schema(schema.get("items", {"type": "null"})), min_size=schema.get("minItems", 0), max_size=3
    )


_KINDS = {
    "array": _array,
    "boolean": lambda schema: st.booleans(),
    "integer": lambda schema: st.integers(schema.get("minimum"), schema.get("maximum")),
    "null": lambda schema: st.none(),
    "number": lambda schema: st.floats(allow_nan=False, allow_infinity=False),
    "object": _object,
    "string": lambda schema: st.text(min_size=schema.get("minLength", 0), max_size=20),
}
