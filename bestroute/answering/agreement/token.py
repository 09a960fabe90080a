"""A token of an answer."""

from __future__ import annotations

from fractions import Fraction
from typing import Literal, NamedTuple

Kind = Literal["number", "fraction", "word", "letter", "sign"]


class Token(NamedTuple):
    """A number, a fraction of LaTeX, a word, a letter of mathematics, or a sign.

    `spaced`: white space stands before it.
    """

    kind: Kind
    value: str | Fraction
    spaced: bool = False
