"""A question with options: which one does a response choose, and does what it says go with that?"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property

from bestroute.artefacts.facts.sums import numbers_of

NAMES = (
    "options are given", "chooses one", "names several", "the chosen one was said", "words of the chosen one",
    "number of the chosen one", "another's number is nearer", "chose the longest", "length of the chosen one",
)  # fmt: skip
_LINES = re.compile(r"(?m)^[ \t]*\(?([A-P])[.):][ \t]+(\S.{0,400})$")
_INLINE = re.compile(r"\(([A-P])\)[ \t]*([^()\n]{1,200})")
_CHOSEN = re.compile(
    r"(?:(?i:answer|option|choice)\b[^\w\n]{0,8}(?:is\b)?[^\w\n]{0,8}|boxed\{(?:\\text\{)?\(?)([A-P])\b(?!')"
    r"|\A\W{0,4}([A-P])(?:[).:]|\W*\Z)"
)
_WORD = re.compile(r"\w+")
_NEAR = 500  # characters before the choice, whose words are compared
_LAST = 4  # numbers before the choice
_SAME = 0.011  # relative distance of a number that was rounded


class Options:
    """The options of a query; none where it gives fewer than two."""

    def __init__(self, query: str) -> None:
        found = dict(_LINES.findall(query))
        if len(found) < 2:
            found = dict(_INLINE.findall(query))
        self._texts = {letter: text.strip() for letter, text in found.items()} if len(found) > 1 else {}

    def facts(self, text: str) -> list[float]:
        """The facts by NAMES of a response."""
        if not self._texts:
            return [0.0] * len(NAMES)
        chosen = [match for match in _CHOSEN.finditer(text) if _letter(match) in self._texts]
        if not chosen:
            return [1.0, *[0.0] * (len(NAMES) - 1)]
        letter, before = _letter(chosen[-1]), text[: chosen[-1].start()]
        sizes = {name: len(option) for name, option in self._texts.items()}
        return [
            1.0,
            1.0,
            float(len(set(map(_letter, chosen))) > 1),
            float(self._texts[letter].lower().rstrip(".") in before.lower()),
            _ahead(self._shares(before[-_NEAR:]), letter),
            *self._distances(numbers_of(before)[-_LAST:], letter),
            float(sizes[letter] == max(sizes.values())),
            sizes[letter] * len(sizes) / sum(sizes.values()),
        ]

    @cached_property
    def _words(self) -> dict[str, set[str]]:
        return {letter: set(_WORD.findall(text.lower())) for letter, text in self._texts.items()}

    @cached_property
    def _numbers(self) -> dict[str, float]:
        """The first number of each option that has one."""
        found = {letter: numbers_of(text) for letter, text in self._texts.items()}
        return {letter: numbers[0] for letter, numbers in found.items() if numbers}

    def _shares(self, said: str) -> dict[str, float]:
        """The share of each option's words that were said."""
        near = set(_WORD.findall(said.lower()))
        return {letter: len(words & near) / max(1, len(words)) for letter, words in self._words.items()}

    def _distances(self, said: Sequence[float], letter: str) -> tuple[float, float]:
        """How near a number that was said is to that of the chosen option, 1 to -1, and whether one is nearer
        to another option's."""
        if not said or letter not in self._numbers:
            return 0.0, 0.0
        found = {name: min(_distance(number, one) for one in said) for name, number in self._numbers.items()}
        own = found.pop(letter)
        return (1.0 if own < _SAME else -min(1.0, own)), float(min(found.values(), default=own) < own - 1e-9)


def _letter(match: re.Match[str]) -> str:
    return match[1] or match[2]


def _ahead(shares: Mapping[str, float], letter: str) -> float:
    return shares[letter] - max(share for name, share in shares.items() if name != letter)


def _distance(one: float, other: float) -> float:
    return abs(one - other) / max(abs(one), abs(other), 1e-9)
