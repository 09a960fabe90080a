"""Words that say that the answer comes now: "The answer is", "答案：", "Die Antwort lautet"."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import re2

from bestroute.answering.agreement.sentences import first_sentence
from bestroute.answering.agreement.words import word_set

_MOST = 8  # counted from the end
_CHARACTERS = 300
_TURNING = 80  # characters of a statement that is taken back at once
_COLON = r"[:\x{ff1a}=]"
_OTHERS = "|".join(
    (
        rf"\b(?:antwort|lösung|ergebnis)\s*(?:ist|lautet|{_COLON})",
        rf"\bréponse(?: (?:finale|correcte|exacte))?\s*(?:est\b|{_COLON})",
        rf"\brespuesta(?: (?:final|correcta))?\s*(?:es\b|{_COLON})",
        rf"\brisposta(?: (?:finale|corretta|esatta))?\s*(?:è|{_COLON})",
        rf"\bresposta(?: (?:final|correta|certa))?\s*(?:é|{_COLON})",
        rf"\bantwoord\s*(?:is\b|{_COLON})",
        rf"\bsvar(?:et)?\s*(?:är\b|er\b|{_COLON})",
        rf"\bodpowiedź\s*(?:to\b|{_COLON})",
        rf"ответ\s*(?:{_COLON}|[-–—])",
        rf"\bcevap\s*{_COLON}",
        rf"(?:đáp án|câu trả lời)(?: (?:đúng|cuối cùng))?\s*(?:là\s|{_COLON})",
        rf"(?:答案|答)\s*(?:就?是|为|為|应该是|應該是|应为|應為|{_COLON})\s*{_COLON}?",
        rf"答え\s*(?:は|{_COLON})",
        rf"(?:正解|回答|解答)\s*(?:は|是|{_COLON})",
        rf"(?:정답|답|답변)\s*(?:은|는|{_COLON})",
        r"(?:الإجابة|الاجابة|الجواب|إجابة|جواب)"
        rf"(?: (?:الصحيحة|النهائية|الصحيح|النهائي))?\s*(?:هو|هي|{_COLON})",
        rf"(?:उत्तर|जवाब)\s*(?:है|{_COLON})",
    )
)
_CUE = re2.compile(
    r"(?i)(?:\banswer\b(?P<middle>[^\n.:=!?;]{0,60}?)"
    rf"(?:\b(?:is|are|equals|would be|should be|must be|will be|was)\b|{_COLON})|{_OTHERS})"
    rf"(?:[*_]*\s|\s|[*_]*{_COLON})*"
)
_ENDINGS = re.compile(r"\s*(?:です|である|だ|となります|になります|입니다|이다|이에요|예요|है)?[.。！]*\s*\Z")
# Words that may stand around "answer" and make no other answer of what is stated.
NEUTRAL = word_set("""
the a an it my our your his final correct right best short full exact numeric numerical most likely
appropriate so thus therefore hence then and now finally in conclusion to this that question problem
exercise puzzle riddle of option choice letter is would be here above below value result well ok
okay as such i get we see conclude think believe say can which means means for one single simple
simplest simplified actual overall la le die der das richtige el es also there in all
altogether total sum output fits matches describes description correctly answers statement
""")
_SKIPPED = re.compile(
    r"(?i)^(?:(?:therefore|thus|then|hence|simply|indeed|clearly|definitely|given by|equal to|as follows"
    r"|found to be)\b[,:\s]*)+"
)
# What says where the answer stands, and is none.
_POINTERS = word_set("here see above below as follows following provided given shown this")
_TAKEN_BACK = re.compile(
    r"(?i)\?|[.,;!]*[\s*_]+(?:(?:wait|no|nope|actually|oops|sorry|hmm|correction|nein|non)\b"
    r"|that(?:'s|’s| is| was) (?:wrong|incorrect|not))|[。，]?\s*(?:不对|不對|更正)"
)
# How a correction begins; it makes no other answer of what follows.
_TURNED = re.compile(
    r"(?i)^[\s*_]*(?:(?:wait|actually|sorry|no|oh|oops|hmm|correction|yes|well|nein|doch)\b[\s,:.!]+)+"
)
_LABEL = re.compile(r"\([a-h]\)")
_ITEM = re.compile(r"\s*(?:\(?(?:[a-h]|[ivx]{1,4}|\d{1,2})[).]|[-*•|])\s")
_BLOCK = re.compile(r"(?s)```[\w+-]*\n(.*?)\n?```|(\$\$.*?\$\$|\\\[.*?\\\]|\\begin\{.*\\end\{\w+\*?\})")
_SHORT = 5  # words of a line that belongs to the one above
_START = re.compile(r"[.!?;:][\"'”’)\]*_]*\s|[。！？\n]")
_OPENER = re.compile(r"(?:^|[\s})\]$])(The|So|Thus|Therefore|Hence|Final|Finally)\b")


@dataclass(frozen=True, slots=True)
class Cue:
    """What is stated after a cue that starts there; `qualified`: words around the cue are part of it."""

    start: int
    said: str
    qualified: bool


def cues(text: str) -> Iterator[Cue]:
    """Statements after the last eight cues, the last one first.

    Where other words than "the final", "to this question" and such stand around the cue, as in "it is false
    that the answer is 5", they are part of what is said.
    """
    for match in list(_CUE.finditer(text))[: -_MOST - 1 : -1]:
        if (match.group("middle") or "")[:1] in ("'", '"'):  # a key of JSON
            continue
        before = _before(text, match.start())
        said = _unmarked(_stated(text, match.end()), before)
        around = f"{_TURNED.sub('', before)} {match.group('middle') or ''}".split()
        words = unusual(around)
        if said:
            yield Cue(match.start(), " ".join((*words, said)), bool(words))


def unusual(words: Iterable[str]) -> list[str]:
    """The words that may make another answer of what is stated beside them."""
    return [word for word in words if _plain(word) and (_LABEL.match(word) or _plain(word) not in NEUTRAL)]


def _plain(word: str) -> str:
    return word.strip("*_#>()[],.\"'-\\").casefold()


def _before(text: str, start: int) -> str:
    """What stands in the sentence before a cue."""
    part = text[max(start - _CHARACTERS, 0) : start]
    starts = [match.end() for match in _START.finditer(part)]
    starts += [match.start(1) for match in _OPENER.finditer(part)]
    return part[max(starts, default=0) :]


def _stated(text: str, start: int) -> str:
    """The sentence after a cue, or the lines of a list; none where it does not end soon."""
    part = text[start : start + _CHARACTERS]
    block = _BLOCK.match(part)
    if block is not None:
        return block.group(1) or block.group(2) or ""
    line, *others = [line for line in part.split("\n") if line.strip()] or [""]
    below = "\n" in text[max(start - 4, 0) : start]
    items = [line, *_going_on(line, others, below)]
    sentence = first_sentence(line) if len(items) == 1 else "; ".join(map(_unbulleted, items))
    if len(part) == _CHARACTERS and len(items) > len(others):
        return ""
    after = text[start + len(sentence) : start + _CHARACTERS] if len(items) == 1 else ""
    if _TAKEN_BACK.match(after):
        return " ".join(f"{sentence}{after}".split())[:_TURNING]
    said = str(_ENDINGS.sub("", _SKIPPED.sub("", sentence.strip())).strip())
    return "" if all(_plain(word.strip(":;")) in _POINTERS for word in said.split()) else said


def _going_on(line: str, others: Iterable[str], below: bool) -> Iterator[str]:
    """The lines that belong to the one after a cue: of a list, after a comma, or short ones below the cue."""
    listed = _ITEM.match(line) is not None
    for other in others:
        short = below and len(other.split()) <= _SHORT and len(line.split()) <= _SHORT
        item = (listed or below) and _ITEM.match(other)
        if not (item or short or line.rstrip().endswith((",", ":"))):
            return
        yield other
        line = other


def _unbulleted(item: str) -> str:
    return item.strip().lstrip("-*•").strip()


def _unmarked(said: str, before: str) -> str:
    """What is said without a closing mark of Markdown whose opening one stands before the cue."""
    for mark in ("**", "*", "__", "_"):
        if said.endswith(mark) and before.count(mark) % 2:
            return said.removesuffix(mark).rstrip()
    return said
