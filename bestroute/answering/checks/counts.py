"""How many words, sentences, paragraphs, ... a response has, by the strictest and by the loosest count."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from bestroute.answering.checks.amounts import amounts
from bestroute.answering.checks.asked import Sentence
from bestroute.answering.checks.values import Bound, Count, Demand, within

_UNSPACED = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u4e00-\u9fff]")
_WORD = re.compile(r"\w+")
# Not from within a run of underscores, nor, below, from a blank line over the next: each would be tried anew.
_SURE_END = re.compile(
    r"(?<=\w\w)(?<!__)[\"'”’)*_]*[.!?]+[\"'”’)*_]*(?=\s+[\"'“‘(*_¿¡]*[A-ZÀ-Þ]|\s*\Z)|[。！？]+"
)
_ABBREVIATED = re.compile(
    r"\b(?:Dr|Mr|Mrs|Ms|St|Prof|Jr|Sr|vs|etc|Inc|Ltd|Co|approx|No|Fig|cf|ca|bzw|usw|z\.B|p\.ex)\."
)
_PART = re.compile(r"[.!?。！？;:\n]+")
_LETTER = re.compile(r"[^\W\d_]")
_BLANK = re.compile(r"\n\s*\n")
_DIVIDER = re.compile(r"(?m)^[^\S\n]*(?:\*\s?\*\s?\*|-\s?-\s?-|_\s?_\s?_)[\s*_-]*$")
_HEADING = re.compile(r"\s*(?:#|\*\*[^*\n]+\*\*:?\s*\Z|<<)")
_BULLET = re.compile(r"(?m)^(?P<indent>[ \t]*)(?:-(?![-\d])|[•·‣▪◦・]|\*(?!\*))\s*(?=\S)")
_NUMBERED = re.compile(r"(?m)^[ \t]*\(?(?:\d{1,2}|[a-z])[.)]\s+\S")
_OF_A_PART = re.compile(
    r"capital|uppercase|all[- ]caps|majuscule|mayúscula|großbuchstaben|heading|title|key ?words?|slogan"
    r"|letters|accent|acento|repeat"
    r"|section|paragraph|párrafo|paragraphe|bullet|タイトル|标题|段落|ふりがな|出現"
)
_HIGHLIGHT = re.compile(r"\*[^\n*]+\*")


def _words(text: str) -> Count:
    if _UNSPACED.search(text):
        return Count(0, float("inf"))
    spaced = sum(1 for part in text.split() if _WORD.search(part))
    return Count(spaced, max(spaced, len(_WORD.findall(text))))


def _characters(text: str) -> Count:
    return Count(sum(map(len, _WORD.findall(text))), len(text.strip()))


def _sentences(text: str) -> Count:
    sure = len(_SURE_END.findall(_ABBREVIATED.sub("", text)))
    return Count(
        min(sure, 1) if sure < 2 else sure, sum(1 for part in _PART.split(text) if _LETTER.search(part))
    )


def _paragraphs(text: str) -> Count:
    """Blank lines part them, or dividers; a heading, a list or a line that closes may count or not."""
    if _DIVIDER.search(text):
        divided = [part for part in _DIVIDER.split(text) if part.strip()]
        return Count(len(divided), max(len(divided), len(_parted(text))))
    parts = _parted(text)
    plain = [part for part in parts if not _HEADING.match(part) and part.rstrip()[-1] in ".!?。！？…\"'”’)*"]
    running = [
        part for part in plain if not (_BULLET.match(part) or _NUMBERED.match(part)) and len(part) > 80
    ]
    lines = [line for line in text.splitlines() if line.strip()]
    return Count(len(running), max(len(parts), len(lines)))


def _parted(text: str) -> list[str]:
    return [part for part in _BLANK.split(text) if _LETTER.search(part)]


def _bullets(text: str) -> Count:
    indents = [len(match.group("indent")) for match in _BULLET.finditer(_DIVIDER.sub("", text).strip())]
    least = min(indents, default=0)
    top = sum(1 for indent in indents if indent <= least + 1)
    return Count(top, len(indents) + len(_NUMBERED.findall(text)))


def _placeholders(text: str) -> Count:
    found = re.findall(r"\[[^\[\]]+\](?!\()", text)
    return Count(len(found), len(found))


def _highlights(text: str) -> Count:
    found = len(_HIGHLIGHT.findall(text.replace("**", "*")))
    return Count(found, found)


def _marks(mark: str) -> Callable[[str], Count]:
    pattern = re.compile(mark)

    def count(text: str) -> Count:
        found = len(pattern.findall(text))
        return Count(found, found)

    return count


COUNTS: Mapping[str, tuple[str, Callable[[str], Count]]] = {
    "words": ("length", _words),
    "characters": ("length", _characters),
    "sentences": ("sentences", _sentences),
    "paragraphs": ("paragraphs", _paragraphs),
    "bullets": ("bullets", _bullets),
    "placeholders": ("marks", _placeholders),
    "highlights": ("marks", _highlights),
    "exclamations": ("marks", _marks("!")),
    "hashtags": ("marks", _marks(r"#\w")),
}
"""For each kind of amount the name of its check, and how it is counted."""


def read(sentence: Sentence) -> list[Demand]:
    """What a sentence asks for in numbers."""
    found = amounts(sentence)
    return [
        _demand(kind, bound) for kind, bound, place in found if _of_the_whole(kind, sentence.folded, place)
    ]


def _of_the_whole(kind: str, said: str, place: int) -> bool:
    """Whether words and sentences are those of the response; "words in capital letters" are not."""
    if kind not in ("words", "characters", "sentences"):
        return True
    return not _OF_A_PART.search(said[max(place - 40, 0) : place + 60])


def _demand(kind: str, bound: Bound) -> Demand:
    name, count = COUNTS[kind]
    return Demand(name, lambda text: within(count(text), bound))
