r"""Where a response states its answer: `{"answer": ...}`, tags, `#### ...` and short last lines.

Boxes and "the answer is" have modules of their own. All of it is plain scanning of a bounded text, so that no
response can make it slow.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import re2

from bestroute.answering.agreement.cues import unusual
from bestroute.answering.agreement.sentences import last_sentence
from bestroute.answering.agreement.words import CORRECTED
from bestroute.text import clean

_HEAD, _TAIL = 16_000, 48_000
_KEY = re2.compile(
    r"(?i)[\"'](?:the[ _])?(?:final|correct|short|right)?[ _]?(?:answer|antwort|réponse|respuesta|答案)[\"']"
    r"\s*:\s*"
)
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_FENCED = re2.compile(r"(?s)^\s*```[\w+-]*[ \t]*\n(.*?)\n?[ \t]*```\s*$")
_TAGGED = re2.compile(
    r"(?is)\[(?:ANSWER|PYTHON)\](.*?)(?:\[/(?:ANSWER|PYTHON)\]|\z)"
    r"|<(?:final_)?answer>(.*?)(?:</(?:final_)?answer>|\z)"
)
_HASHES = re2.compile(r"(?m)^[ \t]*####[ \t]*([^\n]+)$")
_SAYS = re.compile(r"(?i)\b(?:is|are|was|equals?|makes?|gives?|ist|sind|est|son)\b|[=:→]")
_SIGNS = frozenset(["plus", "minus", "times", *"+-−*/÷×·"])
_DENIES = re.compile(r"(?i)\b(?:not|no|wrong\w*|incorrect\w*|false\w*|never|mistake\w*|error\w*|if|\w+n't)\b")
_NUMBERED = re.compile(r"\s*(?:[-*•+]|\d{1,3}[.)])(?:\s|$)")
_LETTERED = re.compile(r"\s*\(?[A-Za-z][.)](?:\s|$)")
_LAST = 2_000  # characters among which the last lines are looked for
_MOST = 16  # tags, counted from the end
_SHORT = 80  # characters of a response that is nothing but an answer
_FEW = 5  # words of one


@dataclass(frozen=True, slots=True)
class Found:
    """A value of JSON, or a text, that stands in a place made for the answer."""

    start: int
    value: Any


def clip(text: str) -> str:
    """The text, or the head and the tail of one that is longer than 64,000 characters."""
    text = clean(text)
    return text if len(text) <= _HEAD + _TAIL else f"{text[:_HEAD]}\n{text[-_TAIL:]}"


def json_value(text: str) -> Found | None:
    """The value that a response is, where it is a JSON object or list and nothing else, fenced or not.

    Of an object with an "answer" it is that answer.
    """
    fenced = _FENCED.search(text)
    inner = (text if fenced is None else fenced.group(1)).strip()
    if inner[:1] not in ("{", "["):
        return None
    try:
        value = json.loads(inner, strict=False)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, dict):
        value = next((item for key, item in reversed(value.items()) if _KEY.search(f'"{key}":')), value)
    return None if _is_broken(value) else Found(0, value)


def json_answer(text: str) -> Found | None:
    """The last value of an "answer" key, also in JSON that does not parse as a whole."""
    match = next(iter(list(_KEY.finditer(text))[:-2:-1]), None)
    if match is None:
        return None
    at = match.end()
    try:
        value, _ = json.JSONDecoder(strict=False).raw_decode(text, at)
    except (ValueError, RecursionError):
        return Found(match.start(), _loose(text[at:]))
    return Found(match.start(), _loose(text[at:]) if _is_broken(value) else value)


def _is_broken(value: Any) -> bool:
    r"""Whether a text lost its backslashes: \frac and \times begin like JSON's form feed and tab."""
    return isinstance(value, str) and any(ord(character) in (8, 9, 12) for character in value)


def _loose(text: str) -> str:
    """A value of broken JSON: what stands in double quotes, or the rest of the line."""
    quoted = _STRING.match(text)
    if quoted is not None:
        return quoted.group(1).replace('\\"', '"').replace("\\\\", "\\").strip()
    return text.split("\n", 1)[0].strip().rstrip("}`,; ").strip()


def tagged(text: str) -> tuple[Found, ...]:
    """What stands in [ANSWER], [PYTHON] or <answer> tags: in all of them after the last correction."""
    together: list[re2.Match] = []
    for match in list(_TAGGED.finditer(text))[: -_MOST - 1 : -1]:
        if together and CORRECTED.search(text[match.end() : together[-1].start()]):
            break
        together.append(match)
    return tuple(
        Found(match.start(), (match.group(1) or match.group(2) or "").strip()) for match in reversed(together)
    )


def hashed(text: str) -> Found | None:
    """What follows the last `####` of a line; a heading of Markdown looks the same."""
    match = next(iter(list(_HASHES.finditer(text))[:-2:-1]), None)
    return None if match is None else Found(match.start(), match.group(1).strip())


def all_of_it(text: str) -> str | None:
    """A response that is nothing but an answer: five words at most, in one line."""
    bare = text.strip()
    short = "\n" not in bare and len(bare) <= _SHORT and len(bare.split()) <= _FEW
    return bare if bare and short else None


def last_lines(text: str) -> tuple[str, str]:
    """The last line and the one right before it; "" for one that is blank, or an item of a cut off list."""
    *before, line = ["", *text.rstrip()[-_LAST:].rsplit("\n", 2)][-2:]
    listed = _NUMBERED.match(line) or (_LETTERED.match(line) and any(map(_LETTERED.match, before)))
    return "" if listed and "\n" in text.strip() else line.strip(), before[0].strip()


def last_result(text: str) -> str | None:
    """What the last sentence says after "it is", or a sum after its equals sign; None of any other one."""
    sentence = last_sentence(text.rstrip().rsplit("\n", 1)[-1])
    match = next(iter(list(_SAYS.finditer(sentence))[:-2:-1]), None)
    if match is None:
        return None
    before = sentence[: match.start()]
    summed = before.rpartition(":")[2].split()
    if match.group() == "=" and summed and all(map(_is_of_sum, summed)) and not _DENIES.search(before):
        return sentence[match.end() :].strip()  # what the sum comes to, whatever stands before the colon
    said = unusual(word for word in before.split() if not _is_of_sum(word))
    return None if said else sentence[match.end() :].strip()


def _is_of_sum(word: str) -> bool:
    return word in _SIGNS or word.strip("$()").replace(",", "").replace(".", "", 1).isdecimal()
