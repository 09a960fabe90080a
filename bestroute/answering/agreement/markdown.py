"""The marks of Markdown, which make no other answer of what stands in them."""

from __future__ import annotations

import re

_EMPHASIS = re.compile(r"(?<![\w*\\])(\*{1,3})(?=[^\s*])([^*]*[^\s*])\1(?![\w*])")
_UNDERLINED = re.compile(r"(?!__[a-z]+__$)(_{1,2})([^_]*)\1")
_TICKS = 8  # layers of backticks that are taken off


def bare(text: str) -> str:
    """A text without the marks of Markdown, and the space, around and in it."""
    text = " ".join(text.split())
    for _ in range(3 if "*" in text else 0):  # marks inside marks
        text = _EMPHASIS.sub(r"\2", text)
    for _ in range(_TICKS):
        if len(text) > 2 and text[0] == text[-1] == "`":
            text = text[1:-1].strip()
    if len(text) > 2 and text[0] in "“„«" and text[-1] in "”“»":
        text = text[1:-1].strip()
    underlined = _UNDERLINED.fullmatch(text)
    text = text if underlined is None else underlined.group(2).strip()
    if text.count("**") % 2:
        text = text.removeprefix("**").removesuffix("**").strip()
    return text
