"""Does a response give the right answer, where that is known?"""

from __future__ import annotations

import re

from bestroute.answering.agreement.group import labels_of
from bestroute.answering.agreement.markdown import bare
from bestroute.answering.agreement.places import last_lines
from bestroute.answering.agreement.reading import read
from bestroute.answering.agreement.stated import stated, whole
from bestroute.answering.agreement.values import Answer, Kind
from bestroute.answering.thought import without_thought

_NO_FORMULA = re.compile(r"[\"'%.]|\A\Z")
_NUMBER = re.compile(r"(?<![\w.,])-?[$€£]?\d[\d,]*(?:\.\d+)?(?:/\d+)?%?(?![\w^/√²³}])")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|[。！？\n]")
_BECOMES = re.compile(
    r"(?:[=≈:]|\b(?:is|are|was|equals?|equal to|equivalent to|get|gets|gives|makes|has|have|leaves|total of))"
    r" {0,3}(?:actually|about|exactly|now|only|indeed)? {0,3}[*$(]{0,3}\Z"
)
_UNSURE = re.compile(
    r"(?i)\b(?:not|no|never|neither|nor|or|maybe|perhaps|between|might|could|wrong|incorrect|nicht|kein\w*|oder"
    r"|pas|ou)\b|n['’]t\b|\?"
)
_IN_A_TERM = re.compile(r"[-+*/^√×·÷−–{_\\] {0,3}\Z")
_NEAR = 40  # characters before a number in which that stands
_ARTICLES = ("the ", "a ", "an ")


def same_answer(one: Answer, other: Answer) -> bool:
    """Whether two answers agree; a unit, a name or an option's words may be missing in one of them."""
    first, second = labels_of([one, other])
    return first == second


def right_answer(text: str) -> Answer:
    """A right answer as a record has it: the answer alone, or a solution that ends in `#### 42` or a box."""
    stands_alone = "\n" not in text.strip() and "####" not in text and "boxed" not in text
    return read(text) if stands_alone else stated(text) or read(text)


def answers_of(response: str) -> tuple[Answer, ...]:
    """What a response may be taken to answer: what it states; else its last line, or all of it."""
    answer = stated(response)
    if answer is not None:
        return (answer,)
    line, _ = last_lines(without_thought(response))
    return (read(line), whole(response)) if line else (whole(response),)


def told_number(response: str) -> Answer | None:
    """The number that prose comes to, as in "So he has 7 + 8 = 15 apples."; None where another answer is
    stated, or no number is meant.

    It is the last one, as evaluations of GSM8K take it; of several in a sentence one that follows "=", "is"
    or the like.
    """
    answer = stated(response)
    if answer is not None and answer.kind != "text":
        return None
    said = without_thought(response) if answer is None else answer.written
    for sentence in reversed(_SENTENCE.split(said.replace("**", ""))):
        numbers = list(_NUMBER.finditer(sentence))
        if numbers:
            if _UNSURE.search(sentence):
                return None
            start, end = numbers[-1].span()
            before = sentence[max(0, start - _NEAR) : start]
            meant = _BECOMES.search(before) or (len(numbers) == 1 and not _IN_A_TERM.search(before))
            return read(sentence[start:end]) if meant else None
    return None


def is_right(answer: Answer, right: Answer, kind: Kind | None = None) -> bool:
    """Whether an answer is the right one; as `kind` compares, or as `same_answer` does where that is None.

    `number`, `choice`, `literal`: both must be of that kind. `text`: the words are compared, without case,
    a leading article and a full stop, and numbers as they are written.
    """
    if kind == "text":
        return _words(answer) == _words(right)
    if kind is not None and not (_is(answer, kind) and _is(right, kind)):
        return kind == "literal" and right.kind == "literal" and same_answer(answer, right)
    return same_answer(answer, right)


def formulas_of(answer: Answer, right: Answer) -> tuple[str, str] | None:
    """Two answers as formulas that a computer algebra system should compare; None of any others.

    Only what is mathematics whole may go there, as such a system drops words and units; two numbers, and
    lists, whose order counts, are compared here, and so are decimals, which it rounds.
    """
    forms = {_form(answer), _form(right)}
    if None in forms or forms == {"number"} or (len(forms) == 2 and forms != {"said", "number"}):
        return None
    return answer.written, right.written


def _form(answer: Answer) -> str | None:
    """What kind of formula an answer is; None where it is none."""
    form = answer.core[0] if isinstance(answer.core, tuple) else None
    formula = answer.firm and answer.extra is None and form in ("said", "number", "(", "[", "{", "(]", "[)")
    return str(form) if formula and not _NO_FORMULA.search(answer.written.rstrip(".")) else None


def _is(answer: Answer, kind: Kind) -> bool:
    return answer.kind == kind or (kind == "literal" and answer.kind == "number")


def _words(answer: Answer) -> str:
    words = bare(answer.written).casefold().rstrip(".!").strip()
    return next((words.removeprefix(article) for article in _ARTICLES if words.startswith(article)), words)
