"""Reads a stated answer whole: a number with its unit, letters, a set, a list, equations, or else words.

Each reader takes all tokens or none: what it does not know makes it give up, so nothing is dropped on the
way. What no reader knows is compared token by token.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from bestroute.answering.agreement.brackets import PAIRS, is_one_bracket, split, unbracketed
from bestroute.answering.agreement.choices import read_letters, split_choice
from bestroute.answering.agreement.literals import NoLiteral, literal_key, parse_literal
from bestroute.answering.agreement.markdown import bare
from bestroute.answering.agreement.quantities import read_quantity
from bestroute.answering.agreement.symbols import FUNCTIONS
from bestroute.answering.agreement.token import Token
from bestroute.answering.agreement.tokens import tokenize
from bestroute.answering.agreement.values import Answer
from bestroute.answering.agreement.words import QUALIFIERS, SCALES

_LONGEST = 2_000  # characters; longer ones are compared as they are written
_QUOTED = re.compile(r"[bru]{0,2}['\"]|[\[({]", re.IGNORECASE)
_CODE = re.compile(
    r"(?sm)(?!\s*(?:```json\s*)?[\[{]).*"
    r"(?:```|^[ \t]*(?:def|class|for|while|if|with)\b[^\n]{1,200}:[ \t]*\n[ \t])"
)
_LOUD = (frozenset(("YES", "NO")), frozenset(("AM", "PM")))  # alone, and after others
_ARTICLES = frozenset(("the", "a", "an"))
_RELATIONS = frozenset("<>≤≥≠≈≡≅~→⇒∈∉⊂⊆")
_SEPARATORS = frozenset((",", ";", "and", "&", "und", "et"))
_ARITHMETIC = frozenset(("+", "-", "*", "/", "^", "(", ")", "√", "π", "$", "%"))
_BECAUSE = frozenset(("because", "since"))


def read(text: str, maths: bool = False) -> Answer:
    r"""The answer that a text is. Never raises.

    `maths`: it stood in a place of LaTeX, such as `\boxed{...}`.
    """
    written = text.strip()
    literal = _literal(written.strip("`"))
    if literal is not None:
        return literal
    if not maths and _CODE.match(written):
        return verbatim(written)
    plain = bare(written)
    if len(plain) > _LONGEST:
        return verbatim(plain)
    try:
        answer = _read(_trimmed(tokenize(plain, maths)))
    except RecursionError:  # thousands of brackets
        return verbatim(plain)
    return replace(answer, written=written)


def of_value(value: Any) -> Answer:
    """The answer that a value of JSON is; a text is read as any other."""
    if isinstance(value, str):
        return read(value)
    try:
        return Answer(literal_key(value), kind="number" if _is_number(value) else "literal")
    except RecursionError:
        return Answer(("written", repr(value)[:_LONGEST]), firm=False)


def together(answers: Sequence[Answer]) -> Answer:
    """Several answers as one: equations in any order, other values in theirs; equal ones count once."""
    distinct = list(dict.fromkeys((answer.core, answer.extra) for answer in answers))
    if len(distinct) == 1:
        return answers[0]
    if all(_has_name(extra) for _, extra in distinct):
        return Answer(("equations", frozenset(distinct)))
    return Answer(("list", tuple(distinct)))


def _read(tokens: Sequence[Token]) -> Answer:
    for reader in _READERS:
        answer = reader(tokens)
        if answer is not None:
            return answer
    return _words(tokens)


def _trimmed(tokens: Sequence[Token]) -> Sequence[Token]:
    """The tokens without a full stop, brackets around all of them, and a reason."""
    while len(tokens) > 1 and (tokens[-1].value == "." or _exclaims(tokens)):
        tokens = tokens[:-1]
    return _without_reason(unbracketed(tokens) if _is_value(tokens) else tokens)


def _exclaims(tokens: Sequence[Token]) -> bool:
    """Whether an exclamation mark ends the tokens, and is no factorial."""
    before = tokens[-2]
    single = len(str(before.value)) == 1
    return tokens[-1].value == "!" and before.kind == "word" and not single


def verbatim(text: str) -> Answer:
    """A text that is compared as it is written; in code the space counts, but for the ends of lines."""
    lines = text.splitlines() if _CODE.match(text) else [bare(text)]
    text = "\n".join(map(str.rstrip, lines))
    return Answer(("written", text.rstrip(".")), firm=False, written=text)


def _literal(written: str) -> Answer | None:
    """A Python literal in quotes or brackets, or a constant."""
    text = written.rstrip(".") if not written.endswith("'") else written
    if not _QUOTED.match(text) and text.lower() not in ("true", "false", "none", "null"):
        return None
    try:
        value = parse_literal(text)
        key = literal_key(value)
    except (NoLiteral, RecursionError):
        return None
    kind = "number" if _is_number(value) else "literal"
    return Answer(key, kind=kind, written=written)  # type: ignore[arg-type]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _quantity(tokens: Sequence[Token]) -> Answer | None:
    quantity = read_quantity(tokens)
    if quantity is None:
        return None
    return Answer(("number", quantity.value), quantity.unit or None, "number")


def _letters(tokens: Sequence[Token]) -> Answer | None:
    letters = read_letters(tokens)
    return None if letters is None else Answer(("letters", letters), kind="choice")


def _option(tokens: Sequence[Token]) -> Answer | None:
    """A letter with the words of its option; not two of them, nor one with words of quantity, `B or more`."""
    parts = split_choice(tokens)
    if parts is None:
        return None
    letter, rest = parts
    if split_choice(rest) is not None or any(token.value == "(" for token in rest):
        return None
    if all(str(token.value).casefold() in QUALIFIERS | SCALES for token in rest):
        return None
    return Answer(("letters", frozenset(letter)), ("option", _folded(rest)), "choice")


def _equation(tokens: Sequence[Token]) -> Answer | None:
    """`x = 5` is 5 with a name that may be missing; what is worked out, as `3 + 4 = 7`, is its result."""
    parts = split(tokens, frozenset("="))
    if len(parts) < 2 or not all(parts) or _related(tokens):
        return None
    names = [part for part in parts[:-1] if not _is_sum(part)]
    if len(names) > 1 or (names and not _is_name(names[0])):
        return None
    result = _read(unbracketed(parts[-1]) if _is_value(parts[-1]) else parts[-1])
    if not names:
        return result
    return Answer(result.core, ("name", _folded(names[0]), result.extra), result.kind)


def _equations(tokens: Sequence[Token]) -> Answer | None:
    """Several equations with a name each, in any order."""
    parts = split(tokens, _SEPARATORS)
    if len(parts) < 2 or not all(any(token.value == "=" for token in part) for part in parts):
        return None
    answers = [_equation(part) for part in parts]
    if not all(answer is not None and _has_name(answer.extra) for answer in answers):
        return None
    return Answer(("equations", frozenset((answer.core, answer.extra) for answer in answers if answer)))


def _has_name(extra: Hashable) -> bool:
    return isinstance(extra, tuple) and extra[:1] == ("name",)


def _bracketed(tokens: Sequence[Token]) -> Answer | None:
    """`[1, 2]`, `(1, 2)`, `{2, 1}` and intervals such as `[0, 1)`, of numbers, expressions or brackets."""
    if len(tokens) < 2 or tokens[0].value not in PAIRS:
        return None
    opener, closer = str(tokens[0].value), str(tokens[-1].value)
    if closer not in PAIRS.values() or not is_one_bracket(tokens):
        return None
    parts = split(tokens[1:-1], frozenset(",;"))
    if parts and not parts[-1]:
        parts = parts[:-1]  # (1,)
    if not all(parts):
        return None
    items = tuple(_item(part) for part in parts)
    if opener == "{" and closer == "}":
        return Answer(("{", frozenset(items)), kind="literal")
    form = opener if PAIRS[opener] == closer else opener + closer
    return Answer((form, items), kind="literal")


def _list(tokens: Sequence[Token]) -> Answer | None:
    """Several numbers or expressions, in this order."""
    parts = split(tokens, _SEPARATORS)
    if len(parts) < 2 or not all(parts):
        return None
    answers = [_read(part) for part in parts]
    if not all(answer.firm for answer in answers):
        return None
    return Answer(("list", tuple((answer.core, answer.extra) for answer in answers)))


def _words(tokens: Sequence[Token]) -> Answer:
    """Any other answer: its tokens."""
    if tokens and tokens[-1].value in _LOUD[len(tokens) > 1]:
        tokens = [*tokens[:-1], Token("word", str(tokens[-1].value).casefold())]
    firm = all(map(_is_maths, tokens)) and any(token.kind != "sign" for token in tokens)
    if len(tokens) > 1 and str(tokens[0].value).casefold() in _ARTICLES and tokens[1].kind == "word":
        tokens = tokens[1:]
    return Answer(("said", _folded(tokens)), firm=firm)


_READERS: tuple[Callable[[Sequence[Token]], Answer | None], ...] = (
    _quantity,
    _letters,
    _option,
    _equation,
    _equations,
    _bracketed,
    _list,
)


def _item(tokens: Sequence[Token]) -> Hashable:
    """What is compared of a thing in brackets."""
    answer = _read(tokens)
    return answer.core if answer.extra is None else (answer.core, answer.extra)


def _folded(tokens: Sequence[Token]) -> tuple[str | Fraction, ...]:
    return tuple(folded(token) for token in tokens)


def folded(token: Token) -> str | Fraction:
    """A token's value; a word that is written small, or with one capital, without its case."""
    value = token.value
    if isinstance(value, str) and len(value) > 1 and (value.istitle() or value.islower()):
        return value.casefold()
    return value


def _is_value(tokens: Sequence[Token]) -> bool:
    """Whether brackets around the tokens mean nothing: `(5)`, but neither `(1, 2)` nor `(A)`."""
    several = any(token.value in (",", ";") for token in tokens)
    return not several and (len(tokens) != 3 or tokens[1].kind in ("number", "fraction"))


def _is_name(tokens: Sequence[Token]) -> bool:
    """`x`, `x_1`, `f(x)`, `(x, y)`, `total cost`: what may stand before an equals sign and be left out."""
    values = [token.value for token in tokens]
    return (
        len(tokens) <= 6
        and any(token.kind in ("word", "letter") for token in tokens)
        and not any(str(value).casefold() in QUALIFIERS for value in values)
        and all(
            token.kind in ("word", "letter")
            or token.value in ("(", ")", ",", "_")
            or (place and values[place - 1] in ("_", "("))
            for place, token in enumerate(tokens)
        )
    )


def _is_sum(tokens: Sequence[Token]) -> bool:
    """Whether a side of an equation is worked out from numbers alone."""
    return all(
        isinstance(token.value, Fraction) or token.value in _ARITHMETIC or (token.value == "x" and place)
        for place, token in enumerate(tokens)
    )


def _related(tokens: Sequence[Token]) -> bool:
    return any(token.value in _RELATIONS for token in tokens)


def _is_maths(token: Token) -> bool:
    """Whether a token belongs to a formula and to no sentence."""
    if token.kind != "word":
        return token.value not in ("?", "\\", '"', "'", "|", "#")
    return len(str(token.value)) == 1 or token.value in FUNCTIONS


def _without_reason(tokens: Sequence[Token]) -> Sequence[Token]:
    """The tokens before "because": the reason makes no other answer."""
    for place, token in enumerate(tokens):
        if place and token.value in _BECAUSE:
            return tokens[: place - (tokens[place - 1].value == "," and place > 1)]
    return tokens
