"""What does a response say? Its stated answer, read; the last statement counts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Any

from bestroute.answering.agreement.boxes import last_boxes, with_context
from bestroute.answering.agreement.cues import cues
from bestroute.answering.agreement.literals import asserted
from bestroute.answering.agreement.markdown import bare
from bestroute.answering.agreement.places import (
    all_of_it,
    clip,
    hashed,
    json_answer,
    json_value,
    last_lines,
    last_result,
    tagged,
)
from bestroute.answering.agreement.reading import of_value, read, together, verbatim
from bestroute.answering.agreement.values import Answer
from bestroute.answering.thought import without_thought

_LONGEST = 80  # characters of an answer in words that is stated in a sentence
_PART = re.compile(
    r"(?m)^[ \t*_>-]{0,40}(?:[Pp]art\s+\(?([A-Ha-h1-9])\b|\(([a-h]|i{1,3}|iv|v)\)|([a-h])\)"
    r"|(\d{1,2})[).](?=[^\n]{0,60}(?:[Aa]nswer|boxed)))"
)
_LABELLED = 12  # parts at most
_READ = 200  # characters of a text without an answer that is read as one


def stated(text: str) -> Answer | None:
    """The answer that a response states; None where it states none.

    Thinking is taken off; of a text longer than 64,000 characters the head and the tail are looked at. Never
    raises.
    """
    text = clip(without_thought(text))
    json = json_value(text)
    if json is not None:
        return _of_place(json.value)
    parts = _parts(text)
    return parts if parts is not None else _last(text)


def _parts(text: str) -> Answer | None:
    """The statements of parts (a), (b) together; None where fewer than two parts state something."""
    labels = list(_PART.finditer(text))[-_LABELLED:]
    if len(labels) < 2:
        return None
    ends = [*(label.start() for label in labels[1:]), len(text)]
    said = {}
    for label, end in zip(labels, ends, strict=True):
        answer = _marked(text[label.end() : end])
        if answer is not None:
            said[label.group(label.lastindex or 0)] = answer
    if len(said) < 2:
        return None
    return Answer(("parts", tuple((name, answer.core, answer.extra) for name, answer in said.items())))


def _last(text: str) -> Answer | None:
    return _marked(text) or _unmarked(text)


def _marked(text: str) -> Answer | None:
    """The last statement in a place made for an answer; mere words in one that is not certain count last."""
    found = sorted(_statements(text), key=lambda statement: -statement[0])
    certain = (answer for _, answer, sure in found if sure)
    return next(certain, None) or next((answer for _, answer, _ in found), None)


def _statements(text: str) -> Iterator[tuple[int, Answer, bool]]:
    """Where something is stated, what, and whether it is surely the answer."""
    json = json_answer(text)
    if json is not None:
        yield json.start, _of_place(json.value), True
    tags = [tag for tag in tagged(text) if tag.value]
    if tags:
        yield tags[-1].start, together([_of_place(tag.value) for tag in tags]), True
    boxes = last_boxes(text)
    if boxes:
        yield boxes[-1].start, together([read(with_context(text, box), maths=True) for box in boxes]), True
    heading = hashed(text)
    if heading is not None and (answer := read(heading.value)).firm:
        yield heading.start, answer, True
    yield from _cued(text)


def _cued(text: str) -> Iterator[tuple[int, Answer, bool]]:
    """Statements after "the answer is"; "the first answer is", "the second answer is" are one together."""
    found = [(cue, read(cue.said)) for cue in cues(text)]
    parts = [answer for cue, answer in reversed(found) if cue.qualified]
    for cue, answer in found:
        if answer.firm or len(cue.said) <= _LONGEST:
            explains = cue.qualified or cue.said.startswith("that ")
            yield cue.start, together(parts) if cue.qualified else answer, answer.firm or not explains


def _of_place(value: Any) -> Answer:
    """The answer in JSON or in tags, where code may assert it."""
    if value == "":
        return Answer(("string", ""), kind="literal")
    return of_value(asserted(value) if isinstance(value, str) and "assert" in value else value)


def _unmarked(text: str) -> Answer | None:
    """What a short response is, or the value that the last line of a longer one gives."""
    code = asserted(text) if "assert" in text else None
    line, before = last_lines(text)
    if _is_value(before):  # one of several
        line = ""
    for part in (code, line, last_result(text)):
        if part and len(part) <= _READ and part != text.strip() and (answer := read(part)).firm:
            return answer
    short = all_of_it(text)
    return None if short is None else read(short)


def _is_value(line: str) -> bool:
    return 0 < len(line) <= _READ and read(line).firm


def whole(text: str) -> Answer:
    """What is compared of a response that states no answer: all of it."""
    text = unicodedata.normalize("NFC", without_thought(text))
    # A full stop goes first: a group of TeX that is left open would take it in.
    core = read(text.rstrip().rstrip(".") or text).core if len(bare(text).rstrip(".")) <= _READ else None
    if core is None or (core == ("said", ()) and text.strip()):
        return verbatim(text)
    return Answer(core, firm=False, written=text.strip())
