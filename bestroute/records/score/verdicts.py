"""What did the judge say? Verdicts and grades, read from whatever form a model gives them."""

from __future__ import annotations

from typing import Literal

import re2

from bestroute.answering.agreement.places import clip
from bestroute.answering.thought import without_thought

Verdict = Literal["A", "B", "tie"]

_SUBJECT = r"(?:the\s+)?(?:answer|response|assistant|option|model)?[\s_]*"
_WHICH = rf"{_SUBJECT}(?P<which>A|B|C|tie|draw|equal|both|neither)"
_MARKS = r"[\s*_`\"'\[(:=]*"
# Likeliest first; of each, the last occurrence counts. C is a tie, as MT-Bench's judge prompt has it.
_VERDICTS = [
    re2.compile(pattern)
    for pattern in (
        rf"(?i)(?:final\s+)?\b(?:verdict|winner){_MARKS}(?:is\b)?{_MARKS}{_WHICH}\b",
        r"(?i)\[\[(?P<which>A|B|C|tie)\]\]",
        rf"(?im)^[\s*_`\"'(\[#>-]*{_WHICH}[\s*_`\"')\].!]*$",
        rf"(?i)[\"']?\b(?:better|best|preferred|choice|preference|answer)\b[\"']?\s*(?:is\b|:){_MARKS}{_WHICH}\b",
        r"(?i)\b(?:answer|response|assistant|option)\s+(?P<which>A|B)\s+(?:is|was|wins)\b"
        r"(?:\s+(?:clearly|slightly|much|somewhat|significantly|the|overall))*"
        r"(?:\s+(?:better|best|superior|stronger|preferable|winner)|[\s.!]*$)",
        r"(?i)\b(?:it is|it's|this is|call it|I declare)\s+a\s+(?P<which>tie|draw)\b",
    )
]
_GRADES = [
    re2.compile(pattern)
    for pattern in (
        r"(?i)\b(?:grade|score|rating)\b[\s*_`\"'\[(]*(?::|=|is\b|of\b)[\s*_`\"'\[(]*(?P<grade>-?\d+(?:\.\d+)?)",
        r"\[\[(?P<grade>-?\d+(?:\.\d+)?)\]\]",
        r"(?P<grade>-?\d+(?:\.\d+)?)\s*(?:/|out of)\s*10\b",
    )
]
_ALONE = re2.compile(r"(?m)^[\s*_`]*(-?\d+(?:\.\d+)?)[\s*_`.]*$")
_HIGHEST = 10


def parse_verdict(text: str) -> Verdict | None:
    """Which answer the judge prefers; None where it does not say."""
    text = clip(without_thought(text))
    for pattern in _VERDICTS:
        found = [match.group("which").upper() for match in pattern.finditer(text)]
        if found:
            return {"A": "A", "B": "B"}.get(found[-1], "tie")  # type: ignore[return-value]
    return None


def parse_grade(text: str) -> float | None:
    """The grade from 0 to 10 that the judge gives, as 0 to 1; None where it gives none in that range."""
    text = clip(without_thought(text))
    for pattern in _GRADES:
        found = [match.group("grade") for match in pattern.finditer(text)]
        if found:
            return _share(float(found[-1]))
    alone = _ALONE.findall(text)
    return _share(float(alone[-1])) if alone else None


def _share(grade: float) -> float | None:
    return grade / _HIGHEST if 0 <= grade <= _HIGHEST else None
