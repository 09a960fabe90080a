r"""Patterns that mean in every script what they mean in English.

RE2's \b, \w, \d and \s know ASCII alone: \b would stand inside "Hiérarchie" and nowhere in "договор". Here
they know all letters, digits and spaces, and texts are compared in Unicode's composed form (NFC). A text of
ASCII is searched as RE2 does it. For any other the classes are written out, and, as RE2 cannot look around,
boundaries are marked in the text itself: every character has a tag before it, every boundary some marks, and
each atom of the pattern passes over marks to the tag of its character. All of it is linear in the text.
What it cannot see: edges with something between them that may be empty, as in `\Bx*^`, which no text needs.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from typing import Any

import re2

_TOKEN = re.compile(
    r"(?P<quoted>\\Q.*?(?:\\E|\Z))"
    r"|(?P<set>\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\])"
    r"|(?P<escape>\\(?:[pP](?:\{[^}]*\}|.)|x(?:\{[^}]*\}|..)|[0-7]{1,3}|.))"
    r"|(?P<group>\((?:\?(?:P?<\w+>|[imsU-]*[:)]))?|[|)])"
    r"|(?P<repeat>(?:[*+?]|\{\d+(?:,\d*)?\})\??)"
    r"|(?P<edge>[\^$])"
    r"|(?P<character>.)",
    re.DOTALL,
)

# What stands in a set for each class.
_SPACES = r"\t\n\x0b\f\r\x1c-\x20\x{85}\p{Z}"
_CLASSES = {
    r"\d": r"\p{Nd}",
    r"\s": _SPACES,
    r"\w": r"\p{L}\p{M}\p{N}_",
    "[:alnum:]": r"\p{L}\p{M}\p{N}",
    "[:alpha:]": r"\p{L}\p{M}",
    "[:digit:]": r"\p{Nd}",
    "[:lower:]": r"\p{Ll}",
    "[:punct:]": r"[:punct:]\p{P}",
    "[:space:]": _SPACES,
    "[:upper:]": r"\p{Lu}",
    "[:word:]": r"\p{L}\p{M}\p{N}_",
}
_IN_SET = re.compile(r"\[:\w+:\]|\\p\{[^}]*\}|\\.|.", re.DOTALL)

_TAG, _EDGE, _INSIDE = "\x02", "\x03", "\x04"
_OWN = str.maketrans(dict.fromkeys((_TAG, _EDGE, _INSIDE), " "))
_MOST = 8
_MARKS = f"[{_EDGE}{_INSIDE}]*"
_RANK = {"^": 0, r"\A": 0, r"\b": 1, r"\B": 1, "$": 2, r"\z": 2}

_SPACELESS = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1950-\u19df\u1a20-\u1aaf\u1b00-\u1b7f\u3005-\u3007\u3040-\u30ff"
    "\u3100-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua980-\ua9ff\uaa60-\uaadf\uf900-\ufaff"
    "\uff66-\uff9f\U00020000-\U0003ffff"
)
_HANGUL = "\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3"

_UNLIKE = re2.compile(f"[{_HANGUL}{_SPACELESS}]")  # re takes ten times as long to compile it
_BOUNDARY = re.compile(r"\b")


def compile_pattern(pattern: str) -> Any:
    """Compile a regular expression with RE2, quietly; ValueError says what RE2 refuses."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 32 << 20
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        fault = error.args[0] if error.args else error
        raise ValueError(
            fault.decode("utf-8", "replace") if isinstance(fault, bytes) else str(fault)
        ) from None


def without_piles(text: str) -> str:
    """The text with at most eight combining marks on a letter: no language stacks more, and Unicode
    normalisation sorts a run of them in quadratic time."""
    if text.isascii():
        return text
    pile = _mark_pile()
    return str(pile.sub(r"\1", text)) if pile.search(text) else text


@cache
def _mark_pile() -> Any:
    """Compiled when first needed: that takes milliseconds."""
    return re2.compile(r"(\p{M}{8})\p{M}+")


def tokens_of(pattern: str) -> list[tuple[str, str]]:
    """The parts of a pattern, each with its kind: quoted, set, escape, group, repeat, edge or character."""
    return [(found.lastgroup or "", found[0]) for found in _TOKEN.finditer(pattern)]


def is_whole_message(pattern: str) -> bool:
    """Whether a pattern matches whole texts alone, and leaves no room for any words in between."""
    tokens = [token for _, token in tokens_of(pattern)]
    flags = "".join(token for token in tokens if token.startswith("(?"))
    while tokens and re.fullmatch(r"\(\?[imsU-]*\)", tokens[0]):
        tokens = tokens[1:]
    if not tokens or tokens[0] not in ("^", r"\A") or tokens[-1] not in ("$", r"\z") or "m" in flags:
        return False
    depth, pairs = 0, zip(tokens, tokens[1:], strict=False)
    for token in tokens:
        depth += token.startswith("(") and not token.endswith(")")
        depth -= token == ")"
        if token == "|" and depth == 0:
            return False
    return not any(_is_any(token) and after[0] in "*+{" for token, after in pairs)


def _is_any(token: str) -> bool:
    return token in (".", r"\S") or token.startswith("[^") or {r"\s", r"\S"} <= {*_IN_SET.findall(token)}


class UnicodePattern:
    """A compiled pattern. Raises ValueError, saying why, for what RE2 does not read.

    `is_wide`: whether it knows more than ASCII; false only where that would make it too large for RE2.
    """

    def __init__(self, pattern: str) -> None:
        source = unicodedata.normalize("NFC", pattern)
        tokens = tokens_of(source)
        self._plain = self._loose = compile_pattern(source)
        self._marked: Any = None
        self._counts = tuple(sum(token == edge for _, token in tokens) for edge in (r"\b", r"\B"))
        self.is_wide = True
        try:
            self._loose = compile_pattern("".join(_loose(tokens)))
            if any(self._counts):
                self._marked = compile_pattern("".join(_marked(tokens)))
        except ValueError:
            self._loose, self.is_wide = self._plain, False

    def search(self, text: str) -> bool:
        """Whether the pattern is found anywhere in the text."""
        if text.isascii():  # as bytes: for a text, places would be counted in characters
            return self._plain.search(text.encode("ascii")) is not None
        text = _composed(text)
        if self._loose.search(text) is None:
            return False
        return self._marked is None or self._marked.search(_with_marks(text, *self._counts)) is not None


@lru_cache(maxsize=4)
def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", without_piles(text))


def _loose(tokens: Iterable[tuple[str, str]]) -> Iterator[str]:
    """The pattern with its classes written out and without its boundaries: it finds no less."""
    for kind, token in tokens:
        yield "(?:)" if token in (r"\b", r"\B") else _wide(kind, token)


def _marked(tokens: Sequence[tuple[str, str]]) -> Iterator[str]:
    """The pattern for a text with marks."""
    edges = {
        r"\A": r"\A", r"\z": rf"(?:{_MARKS}\z)", r"\b": _EDGE, r"\B": _INSIDE,
        "^": "^", "$": f"(?:{_MARKS}{_TAG}?$)",
    }  # fmt: skip
    for kind, token in _in_order(tokens):
        if kind in ("group", "repeat") or token in edges:
            yield edges.get(token, token)
        elif kind == "quoted":
            literal = token[2:].removesuffix(r"\E")
            yield "".join(f"{_MARKS}{_TAG}{re2.escape(character)}" for character in literal)
        else:
            yield f"(?:{_MARKS}{_TAG}{_wide(kind, token)})"


def _in_order(tokens: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """The same, of edges side by side the starts first and the ends last: marks lie between the two."""
    run: list[tuple[str, str]] = []
    for place, (kind, token) in enumerate(tokens):
        repeated = place + 1 < len(tokens) and tokens[place + 1][0] == "repeat"
        if token in _RANK and not repeated:
            run.append((kind, token))
            continue
        yield from sorted(run, key=lambda edge: _RANK[edge[1]])
        run.clear()
        yield kind, token
    yield from sorted(run, key=lambda edge: _RANK[edge[1]])


def _wide(kind: str, token: str) -> str:
    """A token with its classes written out."""
    if kind == "escape" and token.lower() in _CLASSES:
        return f"[{'^' if token[1].isupper() else ''}{_CLASSES[token.lower()]}]"
    return _wide_set(token) if kind == "set" else token


def _wide_set(token: str) -> str:
    negated = token.startswith("[^")
    parts = _IN_SET.findall(token[2 if negated else 1 : -1])
    outside = [part for part in parts if part in (r"\S", r"\W")]
    inside = [
        _CLASSES.get(part, r"\P{Nd}" if part == r"\D" else part) for part in parts if part not in outside
    ]
    if not outside:
        return f"[{'^' if negated else ''}{''.join(inside)}]"
    if not negated:
        sets = [f"[^{_CLASSES[part.lower()]}]" for part in outside]
        return "(?:" + "|".join([*sets, *([f"[{''.join(inside)}]"] if inside else [])]) + ")"
    return _difference(outside, inside) or token


def _difference(outside: list[str], inside: list[str]) -> str | None:
    r"""The set of [^\W_], [^\S\n] and the like, a class without some of its members; None for others."""
    members = {
        r"\W": [r"\p{L}", r"\p{M}", r"\p{Nd}", r"\p{Nl}", r"\p{No}", "_"],
        r"\S": [r"\t", r"\n", r"\x0b", r"\f", r"\r", r"\x1c-\x1f", " ", r"\x{85}", r"\p{Z}"],
    }
    spelled = {"\t": r"\t", "\n": r"\n", "\f": r"\f", "\r": r"\r", r"\v": r"\x0b", r"\ ": " "}
    left = [spelled.get(part, part) for part in inside]
    whole = members[outside[0]]
    if len(outside) > 1 or not set(left) <= set(whole):
        return None
    return f"[{''.join(member for member in whole if member not in left)}]"


@lru_cache(maxsize=4)
def _with_marks(text: str, edges: int, insides: int) -> str:
    """The text with a tag before every character, so many marks on every boundary of a word as the pattern
    may ask for at one place, and so many of the other kind wherever none is."""
    inside = _INSIDE * min(insides, _MOST)
    pieces = _boundary_in(text).split(text.translate(_OWN))
    tagged = (_TAG + (inside + _TAG).join(piece) if piece else "" for piece in pieces)
    first, last = (inside if pieces[end] else "" for end in (0, -1))  # a text may begin or end inside
    return first + (_EDGE * min(edges, _MOST)).join(tagged) + last


def _boundary_in(text: str) -> re.Pattern[str]:
    """Finds the places in this text where a word may begin or end."""
    characters = {*text}
    marks = sorted(one for one in characters if unicodedata.category(one).startswith("M"))
    if not marks and not _UNLIKE.search("".join(characters)):
        return _BOUNDARY
    return _boundary_with("".join(marks))


@lru_cache(maxsize=64)
def _boundary_with(marks: str) -> re.Pattern[str]:
    """As `_boundary_in`, for scripts in which that is not Python's own boundary, and combining marks.

    In scripts without spaces words meet at every place; Hangul, whose particles join on to words of other
    scripts, is bounded against those.
    """
    word = rf"[\w{re.escape(marks)}]"
    hangul, spaceless = f"[{_HANGUL}]", f"[{_SPACELESS}]"
    return re.compile(
        rf"(?<!{word})(?={word})|(?<={word})(?!{word})|(?<={word})(?={spaceless})(?=\w)|(?<={spaceless})(?=\w)"
        rf"|(?<={hangul})(?=\w)(?!{hangul})|(?<={word})(?<!{hangul})(?={hangul})"
    )
