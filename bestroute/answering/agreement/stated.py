"""Where does a response state its answer, and of which kind is it? Without knowing what is looked for."""

from __future__ import annotations

from collections.abc import Iterator

import re2

from bestroute.answering.agreement.choices import letter_of
from bestroute.answering.agreement.kinds import Kind, kind_of
from bestroute.answering.agreement.numbers import find_numbers, plain
from bestroute.answering.agreement.passages import boxes, clip, cued, hashed, json_answers, sentence, tagged

_LONGEST = 80  # characters of an answer in words that is stated in a sentence
_BARE = 5  # words of a response that is nothing but an answer
_WORDS = re2.compile(
    r"(?:(?:\\(?:text|mathrm|textbf|mathbf)\b|\\?[()\[\]]|\*\*|[\s,.:;{}'\"$€£°-])(?:\pL|\pM|/\pL)*)*"
)
_FUNCTION = re2.compile(r"\pL[(\[]")
_UNIT = re2.compile(r"^\pL{2,4}\W*$")  # 5km, 6th, not 6i: what begins as a number may be a text else


def stated(text: str) -> str | None:
    r"""What a response says in a place made for an answer; None where it has no such place.

    `{"answer": ...}`, `\boxed{...}`, `#### ...`, tags, "the answer is ..."; or five words at most in all.
    """
    return next(filter(None, _places(clip(text))), None)


def _places(text: str) -> Iterator[str]:
    yield from json_answers(text)
    yield from boxes(text)
    yield from (part for part in hashed(text) if form_of(part) != "text")
    yield from tagged(text)
    for part in map(sentence, cued(text)):
        part = part.strip("*_` ")
        if len(part) <= _LONGEST or form_of(part) != "text":
            yield part
    bare = text.strip()
    if "\n" not in bare and len(bare) <= _LONGEST and len(bare.split()) <= _BARE:
        yield bare


def form_of(passage: str) -> Kind:
    """The kind of a passage, as `kind_of`; `(B) Paris` is a choice and `18 eggs a day` a number too."""
    kind = kind_of(passage)
    if kind != "text":
        return kind
    if letter_of(passage) is not None:
        return "choice"
    return "number" if len(passage) <= _LONGEST and _number_in_words(passage) else "text"


def _number_in_words(passage: str) -> bool:
    part = plain(re2.split(r"[=≈]", passage)[-1])
    numbers = list(find_numbers(part))
    if len(numbers) != 1 or _FUNCTION.search(part):
        return False
    before, _, after = part.partition(numbers[0].text)
    return all(_WORDS.fullmatch(side) for side in (f" {before}", _UNIT.sub(" ", after)))
