"""Is an extracted answer the right one?"""

from __future__ import annotations

import unicodedata

import re2

from bestroute.answering.agreement.choices import letter_of
from bestroute.answering.agreement.kinds import Kind
from bestroute.answering.agreement.literals import same_literal
from bestroute.answering.agreement.numbers import Number, find_numbers, whole_number
from bestroute.answering.agreement.passages import clip

_MATHS = re2.compile(r"[\\^_={}<>+*/]|\d")
_DROPPED = re2.compile(
    r"\\(?:left|right|displaystyle|,|;|!|quad| )|\^\s*(?:\\circ|\{\s*\\circ\s*\})"
    r"|\\(?:text|mathrm|mathbf|textbf)\b|[\s$]"
)
_FRACTION = re2.compile(r"\\[dt]frac")
_SHORT_FRACTION = re2.compile(r"\\frac(\d)(\d)")
_ARTICLES = re2.compile(r"\b(?:a|an|the)\b")


def same_answer(found: str, right: str, kind: Kind) -> bool:
    """Whether an extracted answer is the right one.

    Numbers are compared exactly (3/4 = 0.75, 1,000 = 1000, 75% = 0.75 = 75), letters as letters, literals as
    Python's == does, texts without case, punctuation and articles, mathematical ones without spacing.
    """
    found, right = clip(found), clip(right)
    if kind == "number":
        ours, theirs = one_number(found), one_number(right)
        return bool(ours and theirs and ours.matches(theirs))
    if kind == "choice":
        letter = letter_of(right)
        return letter is not None and letter == letter_of(found)
    if kind == "literal":
        return same_literal(found, right)
    return normalized(found) == normalized(right)


def normalized(text: str) -> str:
    """A text as it is compared."""
    text = unicodedata.normalize("NFKC", text).strip().rstrip(".").strip()
    if _MATHS.search(text):
        text = _SHORT_FRACTION.sub(r"\\frac{\1}{\2}", _FRACTION.sub(r"\\frac", text))
        return str(_DROPPED.sub("", text)).casefold()
    folded = "".join(" " if unicodedata.category(c).startswith(("P", "S")) else c for c in text.casefold())
    return " ".join(_ARTICLES.sub(" ", folded).split()) or text


def one_number(text: str) -> Number | None:
    """The number that an answer is, or the first after its last `####`; None where there is none."""
    whole = whole_number(text)
    if whole is not None:
        return whole
    part = text.rsplit("####", 1)[-1]
    return next(find_numbers(part), None)
