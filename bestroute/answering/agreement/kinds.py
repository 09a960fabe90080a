"""The kind of an answer, which says how it is found and compared."""

from __future__ import annotations

from typing import Literal

from bestroute.answering.agreement.choices import is_letter
from bestroute.answering.agreement.literals import is_literal
from bestroute.answering.agreement.numbers import find_numbers, whole_number
from bestroute.answering.agreement.passages import clip

Kind = Literal["number", "choice", "literal", "text"]
KINDS: tuple[Kind, ...] = ("number", "choice", "literal", "text")


def kind_of(answer: str) -> Kind:
    """The kind of a right answer, by its form.

    One capital letter (`C`, `(C)`) is a choice; a number with nothing but currency or percent, or a solution
    that ends in `#### 42`, a number; True, False, None, quoted texts, lists, tuples, dicts and sets are
    literals; all else is text.
    """
    answer = clip(answer).strip()
    if len(answer) <= 3 and is_letter(answer) and not answer.startswith(("'", '"', "{", "[")):
        return "choice"
    if whole_number(answer) is not None or (
        "####" in answer and any(find_numbers(answer.rsplit("####", 1)[1]))
    ):
        return "number"
    if answer in ("True", "False", "None") or (answer[:1] in "'\"[({bBrR" and is_literal(answer)):
        return "literal"
    return "text"
