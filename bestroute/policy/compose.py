"""YAML text to nodes, and a scalar's text to its value; PyYAML does no more than that here.

Scalars follow the YAML 1.2 core schema, so `no`, `on`, `12:30`, `2024-01-01`, `0777` and `1_000` are texts,
never surprises. A file has at most MAX_BYTES, MAX_NODES and MAX_DEPTH.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import yaml

MAX_BYTES = 1_000_000
MAX_NODES = 20_000
MAX_DEPTH = 40
_MOST_DIGITS = 300  # as large as a float may be; Python writes whole numbers of some thousand no more

TAG = "tag:yaml.org,2002:"
_NULL = re.compile(r"~|null|Null|NULL|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(
    r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_ODD = r"[\t\x85\xa0\xad\u034f\u061c\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff]"
_ODD_SPACE = re.compile(_ODD)
_ODD_INDENT = re.compile(rf"( *)({_ODD})\s*[^\s#]")
_ODD_AFTER = re.compile(rf"(?:[:,{{\[]|^ *-) *({_ODD})")
_NEAR = 10  # lines that an odd space may stand above where YAML gives up
TOO_MANY = f"more than {MAX_NODES:,} values, aliases followed; make the file smaller"
TOO_DEEP = f"nested more than {MAX_DEPTH} levels deep"


@dataclass(frozen=True)
class Form:
    """What messages call a kind of file, how it starts, and a file to start from."""

    noun: str
    start: str
    example: str


POLICY = Form("policy", "version: 1", "policy.example.yaml")


@dataclass(frozen=True, order=True)
class Place:
    """Line and column, both from 1."""

    line: int
    column: int


@dataclass(frozen=True)
class Fault:
    """Something wrong at a place, before the place has its file name."""

    place: Place
    message: str


class Unreadable(Exception):
    """The text is no YAML document that can be looked at further; carries the one fault."""

    def __init__(self, place: Place, message: str) -> None:
        self.fault = Fault(place, message)
        super().__init__(message)


def place_of(where: Any) -> Place:
    """The place of a PyYAML mark, or of where a node starts."""
    mark = getattr(where, "start_mark", where)
    return Place(mark.line + 1, mark.column + 1)


def odd_space(text: str) -> str:
    """The name of the first character that looks like a space, or like nothing, and is no space to YAML;
    empty where there is none."""
    found = _ODD_SPACE.search(text)
    if not found:
        return ""
    name = unicodedata.name(found[0], "tab" if found[0] == "\t" else "control character").lower()
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name} (U+{ord(found[0]):04X})"


def compose(source: str | bytes, form: Form) -> yaml.Node | None:
    """The one document in a text; None where it is empty. Raises Unreadable where it is not YAML."""
    text = _decode(source)
    _refuse_unprintable(text, form)
    loader = _Loader(text)
    try:
        return loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        begun = "simple key" in str(error.context) or "end of stream" in str(error.problem)
        mark = error.context_mark if begun else error.problem_mark
        place = place_of(mark or error.context_mark or loader.get_mark())
        odd = None if "'\\t'" in str(error.problem) else _odd_space_near(text, place)
        if odd is not None:
            raise Unreadable(odd.place, f"not valid YAML: {odd.message}") from None
        message = _plain_yaml_error(error, text, form)
    except (ValueError, OverflowError):
        place = place_of(loader.get_mark())
        message = "not valid YAML: an escape or a directive with a number out of range"
    finally:
        loader.dispose()
    raise Unreadable(place, message)


def read_scalar(kind: str, text: str) -> Any:
    """The value of a scalar of this YAML type; ValueError for another form, LookupError for another type."""
    regex, read = _SCALARS[kind]
    if not regex.fullmatch(text):
        raise ValueError(text)
    return read(text)


def _read_int(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError(digits)
    return int(digits, 0) if digits[:2] in ("0x", "0o") else int(digits)


def _read_float(digits: str) -> float:
    return float(digits.lower().replace(".inf", "inf").replace(".nan", "nan"))


_SCALARS: dict[str, tuple[re.Pattern[str], Callable[[str], Any]]] = {
    "str": (re.compile(r"(?s:.*)"), str),
    "null": (_NULL, lambda _: None),
    "bool": (_BOOL, lambda word: word.lower() == "true"),
    "int": (_INT, _read_int),
    "float": (_FLOAT, _read_float),
}


class _Loader(yaml.SafeLoader):
    """Composes nodes, of which there may be only so many and so deep."""

    yaml_implicit_resolvers: dict[str, Any] = {}
    nodes = 0
    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        place = place_of(self.peek_event())  # type: ignore[no-untyped-call]
        self.nodes += 1
        self.depth += 1
        if self.nodes > MAX_NODES:
            raise Unreadable(place, TOO_MANY)
        if self.depth > MAX_DEPTH:
            raise Unreadable(place, TOO_DEEP)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


for _tag, _regex, _first in (
    ("bool", _BOOL, "tTfF"),
    ("int", _INT, "-+0123456789"),
    ("float", _FLOAT, "-+.0123456789"),
    ("null", _NULL, ["~", "n", "N", ""]),
):
    _Loader.add_implicit_resolver(TAG + _tag, re.compile(rf"(?:{_regex.pattern})\Z"), list(_first))


_OR = ", a `,` is missing, or a text needs quotes"
_MENDS = {
    r"character '\t'": "a tab stands here; indent with spaces",
    "another document": "a second document starts here; a {noun} is one document",
    "mapping values are not allowed": "not valid YAML: a second `: ` on this line; put the text in quotes",
    "could not find expected ':'": "not valid YAML: a key without `: `",
    "unexpected end of stream": "not valid YAML: this quote is never closed",
    "unknown escape character": "not valid YAML: \\ has a meaning in double quotes; use single quotes",
    "cannot start any token": "not valid YAML: a text may not start with this character; put it in quotes",
    "expected ',' or '}'": "not valid YAML: the `{{` on line {line} is not closed before this" + _OR,
    "expected ',' or ']'": "not valid YAML: the `[` on line {line} is not closed before this" + _OR,
    "but found '<scalar>'": "not valid YAML: text after a closing quote or bracket; in '...' write '' for '",
    "expected <block end>": "not valid YAML: the value ended before this; remove it, or put all in quotes",
    "expected '<document start>'": "not valid YAML: the {noun} has ended above; its keys start in one column",
    "expected the node content": "not valid YAML: a value is missing before this",
    "sequence entries are not allowed": "not valid YAML: a `- ` begins a line, as an item of a list",
    "undefined alias": "this alias names no anchor above it",
    "duplicate anchor": "this anchor has the name of one above",
}


def _plain_yaml_error(error: yaml.MarkedYAMLError, text: str, form: Form) -> str:
    problem, line = str(error.problem), 1
    if error.problem_mark and _is_indentation(problem, text.splitlines()[error.problem_mark.line :][:1]):
        return (
            "not valid YAML: this line is indented unlike its neighbours; keys of one mapping, and items of "
            "one list, start in the same column"
        )
    if error.context and error.context_mark:
        line = error.context_mark.line + 1
        problem = f"{error.context} that starts on line {line}, {problem}"
    mends = (mend.format(noun=form.noun, line=line) for sign, mend in _MENDS.items() if sign in problem)
    return next(mends, f"not valid YAML: {problem}")


def odd_indent(lines: list[str], first: int) -> Fault | None:
    """Where the last of some lines that an odd space indents stands; `first` is the number of the first of
    them. What YAML takes for a letter looks right to the eye, and is the likeliest fault near where it gave
    up."""
    for number, line in reversed([*enumerate(lines, first)]):
        found = _ODD_INDENT.match(line)
        if found:
            place = Place(number, found.end(1) + 1)
            return Fault(place, f"{odd_space(found[2])} indents this line; use plain spaces")
    return None


def _odd_space_near(text: str, place: Place) -> Fault | None:
    lines = text.split("\n")[: place.line]
    found = _ODD_AFTER.search(lines[-1])
    if found:
        at = Place(place.line, found.start(1) + 1)
        return Fault(at, f"{odd_space(found[1])} stands here; use plain spaces")
    first = max(0, place.line - _NEAR)
    return odd_indent(lines[first:], first + 1)


def _is_indentation(problem: str, line: list[str]) -> bool:
    """Whether a fault that PyYAML found in a line is one of indentation: the commonest slip in YAML."""
    if "expected <block end>, but found" in problem:
        return "'?'" in problem or "block" in problem.split("found")[1]
    return "mapping values are not allowed" in problem and all(text.count(": ") < 2 for text in line)


def _decode(source: str | bytes) -> str:
    if len(source) > MAX_BYTES:
        raise Unreadable(Place(1, 1), f"the file is over {MAX_BYTES // 1_000_000} MB; make it smaller")
    if isinstance(source, str):
        return source.removeprefix("\ufeff")
    try:
        return source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = source[: error.start].decode("utf-8", "replace")
        raise Unreadable(_end_of(before), "not UTF-8; save the file as UTF-8") from None


def _end_of(text: str) -> Place:
    lines = text.split("\n")
    return Place(len(lines), len(lines[-1]) + 1)


def _refuse_unprintable(text: str, form: Form) -> None:
    found = UNPRINTABLE.search(text)
    if found:
        message = f"the character U+{ord(found[0]):04X} may not stand in a {form.noun}; remove it"
        raise Unreadable(_end_of(text[: found.start()]), message)
