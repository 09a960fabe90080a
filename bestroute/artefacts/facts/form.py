"""How a response looks: its length, lists, code, scripts, words, and how it begins and ends."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

NAMES = (
    "characters", "words", "lines", "bullets", "share of bullets", "code blocks", "open code block", "bold",
    "headings", "repeated", "different words", "of the query's words", "new words", "kana", "hangul", "han",
    "latin", "other script", "same main script", "ends whole", "ends with a colon", "ends in a word",
    "apologies", "hedges", "questions", "exclamations", "boxed", "states an answer", "answer field",
    "starts as JSON", "digits", "short", "long",
)  # fmt: skip
_LANGUAGE = 1500  # characters that tell a script
_WORD = re.compile(r"\w+")
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


class Form:
    """What responses to a query are held against."""

    def __init__(self, query: str) -> None:
        self._words, self._scripts = set(_WORD.findall(query.lower())), _scripts(query)

    def facts(self, text: str, length: int) -> list[float]:
        """The facts by NAMES of a response of which `text` is read; `length` is that of all of it."""
        words = _WORD.findall(text.lower())
        different = set(words)
        lines = [line for line in text.split("\n") if line.strip()]
        bullets = sum(_BULLET.match(line) is not None for line in lines)
        fences = min(text.count("```"), 10)
        own = _scripts(text)
        last = text.rstrip()[-1:] or " "
        return [
            *np.log1p([length, len(words), len(lines), bullets]),
            bullets / max(1, len(lines)),
            fences // 2,
            fences % 2,
            *np.log1p([text.count("**"), len(_HEADING.findall(text))]),
            _repeated(words),
            len(different) / max(1, len(words)),
            len(self._words & different) / max(1, len(self._words)),
            len(different - self._words) / max(1, len(different)),
            *own,
            float(np.abs(own - self._scripts).sum()),
            own.argmax() == self._scripts.argmax(),
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
