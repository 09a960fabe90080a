r"""Where a response says its answer: the passages to look at, likeliest first.

`{"answer": ...}`, `\boxed{...}`, `#### ...`, `[ANSWER]...[/ANSWER]`, "The answer is ...", fenced code. All of
it is plain scanning of a bounded text, so that no response can make it slow.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import re2

from bestroute.text import clean

_HEAD, _TAIL = 16_000, 48_000
_MOST = 8  # of each kind of passage, counted from the end
_CUE_CHARACTERS = 300

_JSON = re2.compile(
    r"(?i)[\"'](?:final_?|correct_?)?answer[\"']\s*:\s*(?:(?P<text>\"(?:[^\"\\]|\\.)*\")|(?P<bare>[^\n]+))"
)
_CUE = re2.compile(
    r"(?i)(?:\banswer\b[^\n:=]{0,60}?(?:\b(?:is|are|equals|would be|should be)\b|[:=])"
    r"|答案\s*[是为:\x{ff1a}]|答えは)"
    r"(?:\s*[:=])?[*_\s]*"
)
_HASHES = re2.compile(r"(?m)####\s*([^\n]*)")
_TAGS = re2.compile(
    r"(?is)\[(?:ANSWER|PYTHON)\](.*?)(?:\[/(?:ANSWER|PYTHON)\]|\z)|<answer>(.*?)(?:</answer>|\z)"
)
_FENCE = re2.compile(r"(?s)```[\w+-]*\n?(.*?)(?:```|\z)")


def clip(text: str) -> str:
    """The text, or the head and the tail of one that is longer than 64,000 characters."""
    text = clean(text)
    return text if len(text) <= _HEAD + _TAIL else f"{text[:_HEAD]}\n{text[-_TAIL:]}"


def marked(text: str) -> Iterator[str]:
    """What stands in a place made for the answer: JSON, a box, hash marks, or tags."""
    yield from json_answers(text)
    yield from boxes(text)
    yield from hashed(text)
    yield from tagged(text)


def json_answers(text: str) -> Iterator[str]:
    """Values of "answer" keys, the last one first; also in JSON that does not parse as a whole."""
    for match in _last(_JSON, text):
        if match.group("text") is None:
            yield match.group("bare").strip().rstrip("}`,; ").strip()
            continue
        quoted = match.group("text")
        try:
            value = json.loads(quoted, strict=False)
        except ValueError:  # a stray backslash, as in "\frac"
            value = quoted[1:-1].replace('\\"', '"')
        if "\\" in quoted and any(ord(character) in (8, 9, 12) for character in value):
            value = quoted[1:-1]  # \frac and \times begin like JSON's form feed and tab
        yield clean(value).strip()


def boxes(text: str) -> Iterator[str]:
    r"""Contents of `\boxed{...}`, braces balanced, the last one first; what never closes runs to the end."""
    end = len(text)
    for _ in range(_MOST):
        end = text.rfind("boxed", 0, end)
        if end < 0:
            return
        content = text[end + len("boxed") :].lstrip()
        yield _braced(content) if content.startswith("{") else content.split("\n", 1)[0].split(" ", 1)[0]


def hashed(text: str) -> Iterator[str]:
    """What follows `####` to the end of its line, the last one first; headings of Markdown look the same."""
    return (match.group(1).strip() for match in _last(_HASHES, text))


def tagged(text: str) -> Iterator[str]:
    """What stands in [ANSWER], [PYTHON] or <answer> tags, the last one first."""
    for match in _last(_TAGS, text):
        yield (match.group(1) or match.group(2) or "").strip()


def fences(text: str) -> Iterator[str]:
    """Contents of fenced code blocks, the last one first."""
    return (match.group(1).strip() for match in _last(_FENCE, text))


def cued(text: str) -> Iterator[str]:
    """What follows "the answer is", to the end of its line (or the next line), the last one first."""
    for match in _last(_CUE, text):
        rest = text[match.end() : match.end() + _CUE_CHARACTERS].lstrip()
        yield rest.split("\n", 1)[0].strip()


def sentence(text: str) -> str:
    """The text up to its first full stop that ends a sentence."""
    match = re2.search(r"[.!?](?:\s|$)", text)
    return text if match is None else text[: match.start()]


def lines(text: str) -> list[str]:
    """The lines that are not blank, without the space around them."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def _braced(content: str) -> str:
    depth = 0
    for index, character in enumerate(content):
        if character == "{":
            depth += 1
        elif character == "}":
            depth -= 1
            if not depth:
                return content[1:index].strip()
    return content[1:].strip()


def _last(pattern: re2.Pattern, text: str) -> list[re2.Match]:
    return list(pattern.finditer(text))[: -_MOST - 1 : -1]
