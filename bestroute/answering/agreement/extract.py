"""What is the answer in a response?"""

from __future__ import annotations

from collections.abc import Iterator

import re2

from bestroute.answering.agreement.choices import find_letters
from bestroute.answering.agreement.kinds import Kind
from bestroute.answering.agreement.literals import asserted, is_literal, trimmed
from bestroute.answering.agreement.numbers import find_numbers, plain, whole_number
from bestroute.answering.agreement.passages import (
    boxes,
    clip,
    cued,
    fences,
    json_answers,
    lines,
    marked,
    sentence,
    tagged,
)

_BOLD = re2.compile(r"\*\*([^*\n]{1,60})\*\*")
_SPAN = re2.compile(r"`([^`\n]+)`")


def extract_answer(text: str, kind: Kind) -> str | None:
    r"""The answer that a response gives, as a short text; None where it gives none of this kind.

    Looked at in this order: `{"answer": ...}`, `\boxed{...}`, `#### ...`, [ANSWER] tags, "the answer is ...",
    then what is usual for the kind (the last number, a letter alone on a line, fenced code, the last line).
    Of a text longer than 64,000 characters the head and the tail are looked at. Never raises.
    """
    text = clip(text)
    found = {"number": _numbers, "choice": find_letters, "literal": _literals, "text": _texts}[kind](text)
    return next(found, None)


def _numbers(text: str) -> Iterator[str]:
    for passage in (*marked(text), *map(sentence, cued(text)), *cued(text), *_bold_numbers(text)):
        number = _said_number(passage)
        if number is not None:
            yield number
    yield from (number.text for number in list(find_numbers(text))[-1:])


def _said_number(passage: str) -> str | None:
    """The number that a short passage means: the first after its last equals sign, else its first."""
    for part in (re2.split(r"[=≈]", plain(passage))[-1], passage):
        number = next(find_numbers(part), None)
        if number is not None:
            return number.text
    return None


def _bold_numbers(text: str) -> Iterator[str]:
    for match in reversed(list(_BOLD.finditer(text))[-8:]):
        words = match.group(1).strip(" .:").rsplit(" ", 2)
        if any(whole_number(" ".join(words[:count])) for count in range(1, len(words) + 1)):
            yield match.group(1)


def _literals(text: str) -> Iterator[str]:
    objects = [trimmed(part) for part in json_answers(text)]
    told = [*objects, *map(trimmed, boxes(text)), *map(asserted, tagged(text))]
    told += [trimmed(part) for passage in cued(text) for part in (asserted(passage), passage)]
    yield from (part for part in told if is_literal(part))
    yield from filter(None, objects)  # a text without its quotes
    blocks = [asserted(part) for part in fences(text)]
    yield from (part for part in blocks if is_literal(part))
    said = asserted(text)
    if said != text.strip() or is_literal(said):
        yield said
    yield from (
        match.group(1) for match in reversed(list(_SPAN.finditer(text))[-8:]) if is_literal(match.group(1))
    )
    yield from filter(None, (*told, *(trimmed(line) for line in lines(text)[-1:])))


def _texts(text: str) -> Iterator[str]:
    yield from filter(None, (trimmed(part) for part in marked(text)))
    yield from filter(None, (trimmed(sentence(part)).strip("*_` ") for part in cued(text)))
    yield from (trimmed(line) for line in lines(text)[-1:])
