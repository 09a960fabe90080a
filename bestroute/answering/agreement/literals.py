"""Python literals in a response: read by ast.literal_eval, never evaluated."""

from __future__ import annotations

import ast
from collections.abc import Hashable
from typing import Any

import re2

_MAX_CHARACTERS = 20_000
_WORDS = {"true": True, "false": False, "none": None, "null": None}
_STRING = re2.compile(r"(?s)\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'")
_TOKEN = re2.compile(r"\w+")
_ALLOWED = re2.compile(r"True|False|None|set|[bruBRU]{1,2}|0[xobXOB][0-9a-fA-F_]+|[\d_]+(?:[eE]\d*)?[jJ]?")
_RAW_PREFIX = re2.compile(r"(?i)\b(?:r|br|rb)['\"]")
# A backslash that begins no Python escape; Python keeps it, with a warning that nobody here wants.
_ODD_ESCAPE = re2.compile(r"(\\[\\'\"abfnrtvxuUN0-7\n])|\\")
_MAX_SPLITS = 8


class NoLiteral(ValueError):
    """The text is no Python literal."""


def parse_literal(text: str) -> Any:
    """The value of a Python literal; `true`, `false`, `none` and `null` count in any case.

    Raises NoLiteral for anything else, and for texts of more than 20,000 characters.
    """
    text = text.strip()
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if len(text) > _MAX_CHARACTERS:
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
        before, equals, after = line.partition("==")
        tries = 0
        while equals and tries < _MAX_SPLITS:
            if is_literal(trimmed(after)):
                return trimmed(after)
            before, equals, after = after.partition("==")
            tries += 1
    return text.strip()


def trimmed(text: str) -> str:
    """The text without the marks around it: space, backticks, bold, a full stop, a comment."""
    text = text.strip().strip("`").strip()
    if text.startswith("**") and text.endswith("**"):
        text = text.strip("*").strip()
    if is_literal(text):
        return text
    for end in (".", "`.", ",", "`,", "**", "**."):
        if text.endswith(end) and is_literal(text.removesuffix(end).strip("`* ")):
            return text.removesuffix(end).strip("`* ")
    code, hash_, _ = text.rpartition("#")
    return code.strip() if hash_ and is_literal(code.strip()) else text


def same_literal(found: str, right: str) -> bool:
    """Whether both are literals of equal value, as Python's == sees it; a text may come without quotes."""
    try:
        expected = parse_literal(right)
    except NoLiteral:
        return found.strip() == right.strip()
    try:
        value = parse_literal(found)
    except NoLiteral:
        value = found.strip()
    try:
        equal = bool(value == expected)
    except RecursionError:
        return False
    return equal or (isinstance(expected, str) and found.strip() == expected)


def literal_key(text: str) -> Hashable:
    """Equal for texts of equal value, as Python's == sees it; what is no literal is a text without quotes."""
    try:
        return _frozen(parse_literal(text))
    except NoLiteral:
        return text.strip()


def _frozen(value: Any) -> Hashable:
    if isinstance(value, (list, tuple)):
        return (type(value).__name__, *map(_frozen, value))
    if isinstance(value, dict):
        return ("dict", frozenset((key, _frozen(item)) for key, item in value.items()))
    if isinstance(value, set):
        return ("set", frozenset(value))
    known: Hashable = value
    return known
