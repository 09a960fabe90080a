"""Cheap facts about a response to a query, which stand beside what the encoder reads of it.

Each is a count or a share that a reader would look at; what they are worth is learnt, not said here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

FACTS = (
    "characters", "words", "lines", "bullets", "share of bullets", "code blocks", "open code block", "bold",
    "headings", "repeated", "different words", "of the query's words", "new words", "right equations",
    "wrong equations", "an equation is wrong", "all equations right", "kana", "hangul", "han", "latin",
    "other script", "same main script", "of the query's numbers", "numbers", "ends whole",
    "ends with a colon", "ends in a word", "apologies", "hedges", "questions", "exclamations", "boxed",
    "states an answer", "answer field", "starts as JSON", "digits", "short", "long",
)  # fmt: skip
_READ, _LANGUAGE = 6000, 1500  # characters that are looked at, and those that tell a script
_NUMERAL = r"\d[\d,]*(?:\.\d*)?"  # its digits match in one way alone, so that a long run of them costs little
_EQUATION = re.compile(
    rf"(?<![\d.,/^])(-?\$?{_NUMERAL})\s*([-+*/x×÷−])\s*\$?({_NUMERAL})\s*=\s*\$?(-?{_NUMERAL})(?![\d/^])"
)
_WORD, _NUMBER = re.compile(r"\w+"), re.compile(_NUMERAL)
_BULLET, _HEADING = re.compile(r"\s*(?:[-*•]|\d+[.)])\s"), re.compile(r"^#+ ", re.MULTILINE)
_SORRY = re.compile(r"\b(?:sorry|apologi[sz]e|cannot|can't|unable|as an ai|i don't have)\b", re.IGNORECASE)
_HEDGE = re.compile(
    r"\b(?:however|might|may|perhaps|possibly|wait|actually|hmm|assume|approximately|closest)\b",
    re.IGNORECASE,
)
_STATES = re.compile(r"answer is|the answer|therefore", re.IGNORECASE)
_FIELD = re.compile(r'"answer"\s*:')
_SCRIPTS = ((0x3040, 0x30FF), (0xAC00, 0xD7A3), (0x4E00, 0x9FFF))
_WHOLE = tuple('.!?。！？)"”`*}]$:')
_CLOSE = 0.006  # of the result: a rounded one is right


def facts_of(query: str, responses: Sequence[str]) -> NDArray[np.float32]:
    """The facts of each response, shape (responses, len(FACTS)); counts as log(1 + count)."""
    words, numbers = set(_WORD.findall(query[-_READ:].lower())), set(_numbers(query))
    scripts = _scripts(query)
    rows = [_facts(response[:_READ], len(response), words, numbers, scripts) for response in responses]
    return np.array(rows, np.float32).reshape(len(responses), len(FACTS))


def _facts(
    text: str, length: int, asked: set[str], numbers: set[str], scripts: NDArray[np.float64]
) -> list[float]:
    words = _WORD.findall(text.lower())
    different = set(words)
    lines = [line for line in text.split("\n") if line.strip()]
    bullets = sum(_BULLET.match(line) is not None for line in lines)
    fences = min(text.count("```"), 10)
    own = _scripts(text)
    known = _numbers(text)
    last = text.rstrip()[-1:] or " "
    return [
        *np.log1p([length, len(words), len(lines), bullets]),
        bullets / max(1, len(lines)),
        fences // 2,
        fences % 2,
        *np.log1p([text.count("**"), len(_HEADING.findall(text))]),
        _repeated(words),
        len(different) / max(1, len(words)),
        len(asked & different) / max(1, len(asked)),
        len(different - asked) / max(1, len(different)),
        *_equations(text),
        *own,
        float(np.abs(own - scripts).sum()),
        own.argmax() == scripts.argmax(),
        len(numbers & set(known)) / max(1, len(numbers)),
        np.log1p(len(known)),
        last in _WHOLE,
        last == ":",
        last.isalnum(),
        len(_SORRY.findall(text[:400])),
        min(len(_HEDGE.findall(text)), 5) / 5,
        *np.log1p([text.count("?"), text.count("!")]),
        "boxed" in text,
        _STATES.search(text[-300:]) is not None,
        _FIELD.search(text) is not None,
        text.lstrip()[:1] in ("{", "["),
        _digits(text) / max(1, len(text)),
        length < 20,
        length > 4000,
    ]


def _numbers(text: str) -> list[str]:
    return [number.rstrip(".,") for number in _NUMBER.findall(text[-_READ:])]


def _scripts(text: str) -> NDArray[np.float64]:
    """Shares of kana, hangul, han and latin letters."""
    codes = _codes(text[:_LANGUAGE])
    small = codes | 0x20
    counts = [np.count_nonzero((codes >= first) & (codes <= last)) for first, last in _SCRIPTS]
    latin = np.count_nonzero((small >= ord("a")) & (small <= ord("z")))
    return np.array([*counts, latin]) / max(1, len(codes))


def _digits(text: str) -> int:
    if not text.isascii():
        return sum(map(str.isdigit, text))
    codes = _codes(text)
    return int(np.count_nonzero((codes >= ord("0")) & (codes <= ord("9"))))


def _codes(text: str) -> NDArray[np.uint32]:
    """Code points; a half of a character stands for itself."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def _repeated(words: Sequence[str]) -> float:
    """Share of runs of three words that stood before."""
    runs = [(*pair, third) for pair, third in zip(pairwise(words), words[2:], strict=False)]
    return 1 - len(set(runs)) / len(runs) if runs else 0.0


def _value(number: str) -> float:
    return float(number.replace(",", "").replace("$", "").rstrip("."))


def _equations(text: str) -> list[float]:
    """Of sums like `3 x 4 = 12`: how many are right and wrong, whether one is wrong, and all are right."""
    right = wrong = 0
    for first, sign, second, result in _EQUATION.findall(text):
        a, b, c = map(_value, (first, second, result))
        if sign in "/÷" and b == 0:
            continue
        value = a + b if sign == "+" else a - b if sign in "-−" else a * b if sign in "*x×" else a / b
        if abs(value - c) <= max(0.011, abs(value) * _CLOSE):
            right += 1
        else:
            wrong += 1
    return [float(np.log1p(right)), float(np.log1p(wrong)), float(wrong > 0), float(right > 0 and wrong == 0)]
