"""What is the answer in a response, and is it the right one?

`extract_answer` finds it, `same_answer` compares; both take a kind: `number`, `choice` (a letter), `literal`
(a Python value) or `text`. `kind_of` tells the kind from the right answer.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Literal

import re2

from bestroute.score.literals import asserted, is_literal, same_literal, trimmed
from bestroute.score.numbers import Number, find_numbers, plain, whole_number
from bestroute.score.passages import boxes, clip, cued, fences, json_answers, lines, marked, sentence, tagged

Kind = Literal["number", "choice", "literal", "text"]
KINDS: tuple[Kind, ...] = ("number", "choice", "literal", "text")

_LETTER = re2.compile(
    r"^[\s(\[{*_`\"'$]*(?:\\(?:text|mathrm|mathbf|textbf)\s*\{)?[(\s*]*([A-Z])[\s)\]}*_`\"'$.:,;]*$"
)
_LEADING = re2.compile(
    r"^[\s(\[{*_`\"'$]*(?:\\(?:text|mathrm|mathbf|textbf)\s*\{\(?)?([A-Z])(?:[)\]}*_`\"'$.:,;]|\s*$)"
)
_NAMED = re2.compile(
    r"(?:(?i:\boption|\bchoice|\banswer|\bselect|\bchoose|\bpick)s?(?i:\s+is|\s+would be|\s+should be)?"
    r"\s*[:=]?|答案\s*[是为:\x{ff1a}]?)[\s*_(\[{\"'`]*([A-Z])(?:[^\w'’]|$)"
)
_PARENTHESISED = re2.compile(r"\(([A-Z])\)")
_BOLD = re2.compile(r"\*\*([^*\n]{1,60})\*\*")
_SPAN = re2.compile(r"`([^`\n]+)`")
_MATHS = re2.compile(r"[\\^_={}<>+*/]|\d")
_DROPPED = re2.compile(
    r"\\(?:left|right|displaystyle|,|;|!|quad| )|\^\s*(?:\\circ|\{\s*\\circ\s*\})"
    r"|\\(?:text|mathrm|mathbf|textbf)\b|[\s$]"
)
_FRACTION = re2.compile(r"\\[dt]frac")
_SHORT_FRACTION = re2.compile(r"\\frac(\d)(\d)")
_ARTICLES = re2.compile(r"\b(?:a|an|the)\b")


def kind_of(answer: str) -> Kind:
    """The kind of a right answer, by its form.

    One capital letter (`C`, `(C)`) is a choice; a number with nothing but currency or percent, or a solution
    that ends in `#### 42`, a number; True, False, None, quoted texts, lists, tuples, dicts and sets are
    literals; all else is text.
    """
    answer = clip(answer).strip()
    if len(answer) <= 3 and _LETTER.match(answer) and not answer.startswith(("'", '"', "{", "[")):
        return "choice"
    if whole_number(answer) is not None or (
        "####" in answer and any(find_numbers(answer.rsplit("####", 1)[1]))
    ):
        return "number"
    if answer in ("True", "False", "None") or (answer[:1] in "'\"[({bBrR" and is_literal(answer)):
        return "literal"
    return "text"


def extract_answer(text: str, kind: Kind) -> str | None:
    r"""The answer that a response gives, as a short text; None where it gives none of this kind.

    Looked at in this order: `{"answer": ...}`, `\boxed{...}`, `#### ...`, [ANSWER] tags, "the answer is ...",
    then what is usual for the kind (the last number, a letter alone on a line, fenced code, the last line).
    Of a text longer than 64,000 characters the head and the tail are looked at. Never raises.
    """
    text = clip(text)
    found = {"number": _numbers, "choice": _choices, "literal": _literals, "text": _texts}[kind](text)
    return next(found, None)


def same_answer(found: str, right: str, kind: Kind) -> bool:
    """Whether an extracted answer is the right one.

    Numbers are compared exactly (3/4 = 0.75, 1,000 = 1000, 75% = 0.75 = 75), letters as letters, literals as
    Python's == does, texts without case, punctuation and articles, mathematical ones without spacing.
    """
    found, right = clip(found), clip(right)
    if kind == "number":
        ours, theirs = _one_number(found), _one_number(right)
        return bool(ours and theirs and ours.matches(theirs))
    if kind == "choice":
        letter = _letter(right)
        return letter is not None and letter == _letter(found)
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


def _choices(text: str) -> Iterator[str]:
    for passage in (*marked(text), *cued(text)):
        match = _LETTER.match(passage) or _LEADING.match(passage)
        if match:
            yield match.group(1)
    named = [match.group(1) for match in _NAMED.finditer(text) if match.group(1) != "I" or _ends(text, match)]
    yield from reversed(named[-1:])
    alone = [match.group(1) for line in lines(text) if (match := _LETTER.match(line))]
    yield from reversed(alone[-1:])
    bold = [match.group(1) for part in _BOLD.finditer(text) if (match := _LEADING.match(part.group(1)))]
    yield from reversed(bold[-1:])
    leading = [match.group(1) for line in lines(text)[:1] if (match := _LEADING.match(line))]
    yield from leading
    yield from [match.group(1) for match in _PARENTHESISED.finditer(text)][-1:]


def _ends(text: str, match: re2.Match) -> bool:
    """Whether an I is a letter and not the pronoun: a bracket, mark or line end follows it."""
    after = text[match.end(1) : match.end(1) + 1]
    return not after.isspace() or after == "\n"


def _letter(text: str) -> str | None:
    match = _LETTER.match(text) or _LEADING.match(text)
    return None if match is None else str(match.group(1))


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


def _one_number(text: str) -> Number | None:
    whole = whole_number(text)
    if whole is not None:
        return whole
    part = text.rsplit("####", 1)[-1]
    return next(find_numbers(part), None)
