r"""Contents of `\boxed{...}`, with what belongs to them outside: `x = \boxed{5}`, `\boxed{5}` million."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bestroute.answering.agreement.quantities import read_quantity
from bestroute.answering.agreement.tokens import tokenize
from bestroute.answering.agreement.words import CORRECTED, QUALIFIERS

_MOST = 16  # counted from the end
_AROUND = 40
_LONGEST = 120  # characters of a content that what stands around it may belong to
_BEFORE = re.compile(
    r"(?P<name>(?:\\?[A-Za-z]{1,10}(?:_\{?\w{1,3}\}?)?|[a-z]\([a-z]\)))?\s*"
    r"(?P<sign>=|<=?|>=?|≤|≥|≠|≈|±|~|\\(?:leq?|geq?|neq?|lt|gt|approx|pm|sim)(?![A-Za-z]))\s*[\s$*{(\[\\]*$"
)
_AFTER = re.compile(r"(?:[\s$*)\]]|\\[)\]])*((?:[^\W\d_]|%|\\%|°|\\text)[^\n.,;:!?()\[\]$]{0,30})")
# What makes one formula with a box beside it; `**` is a mark of Markdown.
_FACTOR_BEFORE = re.compile(
    r"(?:(?<![\w*-])-|(?<![\w.])\d+|[+/^√]|\\(?:times|cdot|sqrt)\s*\{?|\\[dt]?frac(?:\{[^{}]*\})?\{)$"
)
_FACTOR_AFTER = re.compile(
    r"(?:\^(?!\{?\\circ)|/\w|\}\{|[A-Za-z](?![A-Za-z])|\s*(?:\\(?:times|cdot|div|pi|pm)(?![A-Za-z])|\+\s*\w))"
    r"[^\n$,;]{0,30}"
)
_DENIED = re.compile(r"(?i)\b(?:not (?:true|correct|the case)|false|incorrect|wrong|impossible) that\b")
_ARGUMENT = re.compile(r"\s{0,8}(\{|[^\s{]{1,40})")
_BRACE = re.compile(r"\\[{}]|[{}]")
_SENTENCE = re.compile(r"[.!?:;]\s|\n")
_WORD = re.compile(r"[\w'’]+")


@dataclass(frozen=True, slots=True)
class Box:
    """A box; `start`, `end`: where it stands in the text."""

    start: int
    end: int
    content: str


def last_boxes(text: str) -> tuple[Box, ...]:
    """The boxes that are one answer together: all of them after the last correction."""
    found = _boxes(text)
    together = found[:1]
    for box in found[1:]:
        between = text[box.end : together[-1].start]
        if CORRECTED.search(between):
            break
        together.append(box)
    return tuple(reversed(together))


def with_context(text: str, box: Box) -> str:
    """A box's content with the name, the sign or the qualifying words before it, and the unit after it."""
    before, after = text[max(box.start - _AROUND, 0) : box.start], text[box.end : box.end + _AROUND]
    content = box.content
    if len(content) > _LONGEST:
        return content
    unit = _AFTER.match(after)
    if unit is not None and read_quantity(tokenize(content, maths=True)) is not None:
        content = _with_unit(content, unit.group(1).split())
    if content == box.content:
        content = _with_factors(before, content, after)
    sign = _BEFORE.search(before)
    if sign is not None:
        named = sign.group("name") or sign.group("sign") != "="
        return f"{sign.group('name') or ''} {sign.group('sign')} {content}" if named else content
    sentence = _SENTENCE.split(before)[-1]
    words = _WORD.findall(sentence)[-3:]
    qualified = any(word.casefold() in QUALIFIERS for word in words) or _DENIED.search(sentence)
    return f"{' '.join(words)} {content}" if qualified else content


def _with_unit(content: str, words: Sequence[str]) -> str:
    """The content with as many of the words after it as are a unit or a scale."""
    for count in range(min(len(words), 3), 0, -1):
        longer = f"{content} \\text{{{' '.join(words[:count])}}}"
        if read_quantity(tokenize(longer, maths=True)) is not None:
            return longer
    return content


def _with_factors(before: str, content: str, after: str) -> str:
    """The content with what is multiplied, divided or added right beside its box."""
    left, right = _FACTOR_BEFORE.search(before), _FACTOR_AFTER.match(after)
    if left is None and right is None:
        return content
    return f"{left.group() if left else ''}{{{content}}}{right.group() if right else ''}"


def _boxes(text: str) -> list[Box]:
    """The last boxes, the last one first, without those inside another; what never closes runs to the end."""
    found: list[Box] = []
    end = len(text)
    for _ in range(_MOST):
        end = text.rfind("boxed", 0, end)
        if end < 0:
            break
        box = _box_at(text, end)
        while found and box.end > found[-1].start:
            found.pop()  # it stands inside this one
        found.append(box)
    return found


def _box_at(text: str, name: int) -> Box:
    """The box whose name begins there."""
    start = name - (text[name - 1 : name] == "\\")
    match = _ARGUMENT.match(text, name + len("boxed"))
    if match is None:
        return Box(start, name, "")
    if match.group(1) != "{":
        return Box(start, match.end(), match.group(1))
    end = _closing(text, match.start(1))
    return Box(start, end, text[match.end() : end].removesuffix("}").strip())


def _closing(text: str, opening: int) -> int:
    """Where the brace that opens there has been closed; the end of the text where it never is."""
    depth = 0
    for match in _BRACE.finditer(text, opening):
        if match.group() == "{":
            depth += 1
        elif match.group() == "}":
            depth -= 1
            if not depth:
                return match.end()
    return len(text)
