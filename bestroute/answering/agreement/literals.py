"""Python and JSON values in a response: read by ast.literal_eval, never evaluated, and made comparable.

`[1, 2]` of JSON, of Python and of a list written out in brackets have one key. A boolean is no number, and a
quoted `'5'` is not 5.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Hashable, Mapping
from fractions import Fraction
from math import isfinite
from typing import Any

import re2

_MAX_CHARACTERS = 20_000
_NAME = re.compile(r"\(?[^\W\d]\)?")  # a letter is no literal, nor worth a parser
_MAX_SPLITS = 8
_CONSTANTS = {"true": True, "false": False, "none": None, "null": None}
_STRING = re2.compile(r"(?s)\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'")
_TOKEN = re2.compile(r"\w+")
_ALLOWED = re2.compile(r"True|False|None|set|[bruBRU]{1,2}|0[xobXOB][0-9a-fA-F_]+|[\d_]+(?:[eE]\d*)?[jJ]?")
_RAW_PREFIX = re2.compile(r"(?i)\b(?:r|br|rb)['\"]")
# A backslash that begins no Python escape; Python keeps it, with a warning that nobody here wants.
_ODD_ESCAPE = re2.compile(r"(\\[\\'\"abfnrtvxuUN0-7\n])|\\")


class NoLiteral(ValueError):
    """The text is no Python literal."""


def parse_literal(text: str) -> Any:
    """The value of a Python literal; `true`, `false`, `none` and `null` count in any case.

    Raises NoLiteral for anything else, and for texts of more than 20,000 characters.
    """
    text = text.strip()
    if text.lower() in _CONSTANTS:
        return _CONSTANTS[text.lower()]
    if len(text) > _MAX_CHARACTERS or _NAME.fullmatch(text):
        raise NoLiteral("too long")
    if not all(map(_ALLOWED.fullmatch, _TOKEN.findall(_STRING.sub(" ", text)))):
        raise NoLiteral("a name stands in it")  # also what Python would warn of, such as 1in
    if not _RAW_PREFIX.search(text):
        text = _ODD_ESCAPE.sub(lambda match: match.group(1) or "\\\\", text)
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError, OverflowError) as error:
        raise NoLiteral(str(error)) from error


def is_literal(text: str) -> bool:
    """Whether a text is a Python literal."""
    try:
        parse_literal(text)
    except NoLiteral:
        return False
    return True


def asserted(text: str) -> str:
    """What an `assert f(x) == value` says; the text itself where it asserts nothing."""
    for line in reversed(text.strip().splitlines()[-50:]):
        _, equals, after = line.partition("==")
        tries = 0
        while line.lstrip().startswith("assert") and equals and tries < _MAX_SPLITS:
            for value in (after, after.rpartition("#")[0]):
                if is_literal(value):
                    return value.strip()
            _, equals, after = after.partition("==")
            tries += 1
    return text.strip()


def literal_key(value: Any) -> Hashable:
    """Equal for equal values of Python or JSON; a tuple is no list, 1 is 1.0 and not True.

    Raises RecursionError for what is nested too deeply.
    """
    if value is None or isinstance(value, bool):
        return ("constant", str(value))
    if isinstance(value, int):
        return ("number", Fraction(value))
    if isinstance(value, float):
        return ("number", Fraction(repr(value))) if isfinite(value) else ("float", repr(value))
    if isinstance(value, str):
        return ("string", value)
    if isinstance(value, (list, tuple)):
        return ("[" if isinstance(value, list) else "(", tuple(map(literal_key, value)))
    if isinstance(value, (set, frozenset)):
        return ("{", frozenset(map(literal_key, value)))
    if isinstance(value, Mapping):
        return ("dict", frozenset((literal_key(key), literal_key(item)) for key, item in value.items()))
    return ("python", repr(value))
