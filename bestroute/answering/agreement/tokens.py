r"""A short answer as tokens: numbers, words and signs, in one spelling. Nothing but white space is left out.

What LaTeX writes in several ways becomes one: `\dfrac12` and `1/2`, `\geq` and `>=`, `e^{x}` and `e^x`,
`\left(` and `(`. Which tokens mean what is read elsewhere (reading).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction

from bestroute.answering.agreement.brackets import is_one_bracket
from bestroute.answering.agreement.characters import plain
from bestroute.answering.agreement.numbers import DOTTED, GROUPED, UNGROUPED, value_of
from bestroute.answering.agreement.symbols import COMMANDS, DROPPED, FRACTIONS, MATRICES, SIGNS, TEXTS, WORDS
from bestroute.answering.agreement.token import Token
from bestroute.answering.agreement.units import CURRENCIES

_REST = (
    r"|(?P<command>\\(?:[A-Za-z]+|.))"
    rf"|(?P<dotted>{DOTTED})"
    r"|(?P<word>[^\W\d_]+(?:'[^\W\d_]+)*)"
    r"|(?P<sign><=|>=|!=|<>|==|=>|->|\*\*|\+/-|\+-|\.\.\.|.))"
)
_OUTSIDE = re.compile(rf"(?s)\s*(?:(?P<number>{GROUPED}|{UNGROUPED}){_REST}")
_INSIDE = re.compile(rf"(?s)\s*(?:(?P<number>{UNGROUPED}){_REST}")  # (1,234) is a pair
_CURRENCY = "|".join(filter(str.isalpha, CURRENCIES))
_NAME = re.compile(rf"(?!(?:{_CURRENCY})$)(?:[a-z]?[A-Z][^\W\d_]+|v|version|section|chapter|figure|rule)")
_LATEX = re.compile(r"\\|[\^_]\{")
_GAPS = re.compile(
    r"\\\\|\\[,;:> ]|\\!|\\(?:thinspace|enspace|quad|qquad|nobreakspace)(?![A-Za-z])|(?<=[\w}.)])~"
)
_APART = re.compile(r"(?<=\d)(?:~|\{,\})(?=\d{3})")  # what TeX puts between thousands
_DELIMITED = re.compile(r"(?<!\\)\$\$?(?=\S)([^$]*?[^\s\\])\$\$?(?!\d)")


def tokenize(text: str, maths: bool = False) -> tuple[Token, ...]:
    """The tokens of an answer; `maths`: it stood in a place of LaTeX, where single letters are variables."""
    text = plain(text)
    text, delimited = _DELIMITED.subn(r" \1 ", text)
    maths = maths or delimited > 0 or _LATEX.search(text) is not None
    if maths:
        text = _GAPS.sub(_gap, text)
    text = _APART.sub(lambda match: " " if match.group() == "~" else ",", text)
    return tuple(_tidy(_Spelling(list(_split(text)), maths).all()))


def _gap(match: re.Match[str]) -> str:
    return {"\\\\": "\\\\", "\\!": ""}.get(match.group(), " ")


def _split(text: str) -> Iterator[Token]:
    at, depth, before = 0, 0, ""
    end = len(text.rstrip())
    while at < end:
        match = (_INSIDE if depth else _OUTSIDE).match(text, at)
        assert match is not None  # any character is a sign
        kind = match.lastgroup or "sign"
        value, start = match.group(kind), match.start(kind)
        spaced, at = start > at, match.end()
        before, name = value, before
        if kind == "number":
            number = value_of(value)
            if number is None or (value[-1] == "0" and "." in value and _NAME.fullmatch(name)):
                yield Token("word", value, spaced)  # Python 3.10 is not Python 3.1
            else:
                yield Token("number", number, spaced)
            continue
        depth = max(depth + (value in ("(", "[", "\\{")) - (value in (")", "]", "\\}")), 0)
        yield Token("word" if kind in ("word", "dotted") else "sign", value, spaced)


class _Spelling:
    """Walks over the tokens of LaTeX or plain text and gives each thing its one spelling."""

    def __init__(self, raw: list[Token], maths: bool) -> None:
        self._raw, self._at, self._maths = raw, 0, maths

    def all(self) -> list[Token]:
        said: list[Token] = []
        while self._at < len(self._raw):
            said += self._item(said)
        return said

    def _next(self) -> Token | None:
        return self._raw[self._at] if self._at < len(self._raw) else None

    def _item(self, before: Sequence[Token]) -> list[Token]:
        """The next thing, whole: a token, a command with its arguments, a group."""
        token = self._raw[self._at]
        self._at += 1
        if token.kind == "word":
            return [self._word(token)]
        if token.kind == "number":
            return [token]
        value = str(token.value)
        if value.startswith("\\") and len(value) > 1:
            return self._command(value[1:], token.spaced)
        if value in ("^", "_", "**"):
            return self._raised(value, before)
        if value == "{" and self._maths:
            return self._until("}")
        return [] if value == "`" else [Token("sign", SIGNS.get(value, value), token.spaced)]

    def _word(self, token: Token) -> Token:
        value = str(token.value)
        if value in WORDS:
            return Token("sign", WORDS[value], token.spaced)
        return Token("letter", value, token.spaced) if self._maths and len(value) == 1 else token

    def _command(self, name: str, spaced: bool) -> list[Token]:
        if name in DROPPED:
            return []
        if name in FRACTIONS:
            return _ratio(self._digit_or_argument(), self._digit_or_argument())
        if name in TEXTS:
            return self._as_text()
        if name == "sqrt":
            return [Token("sign", "√", spaced), *self._index(), *_wrapped(self._argument())]
        if name in ("begin", "end"):
            return self._environment(name)
        if name.isalpha() and name not in COMMANDS:
            return [Token("sign", f"\\{name}", spaced)]
        value = COMMANDS.get(name, name)
        return [Token("word" if value.isascii() and value.isalpha() else "sign", value, spaced)]

    def _argument(self) -> list[Token]:
        token = self._next()
        if token is None:
            return []
        if token.value == "{":
            self._at += 1
            return self._until("}")
        return self._item(())

    def _digit_or_argument(self) -> list[Token]:
        r"""As in `\frac12`, where each argument is one digit."""
        token = self._next()
        if token is None or token.kind != "number" or len(str(token.value)) == 1:
            return self._argument()
        digits = str(token.value)
        self._raw[self._at] = Token("number", Fraction(digits[1:])) if digits.isdigit() else token
        return [Token("number", Fraction(digits[0]))] if digits.isdigit() else self._argument()

    def _until(self, closer: str) -> list[Token]:
        """What stands in a group, which may be left open."""
        said: list[Token] = []
        while (token := self._next()) is not None:
            if token.value == closer:
                self._at += 1
                break
            said += self._item(said)
        return said

    def _as_text(self) -> list[Token]:
        said = self._argument()
        return [Token("word", *token[1:]) if token.kind == "letter" else token for token in said]

    def _index(self) -> list[Token]:
        """The `[3]` of a cube root."""
        token = self._next()
        if token is None or token.value != "[":
            return []
        self._at += 1
        return [Token("sign", "["), *self._until("]"), Token("sign", "]")]

    def _environment(self, name: str) -> list[Token]:
        kind = "".join(str(token.value) for token in self._argument())
        if kind.rstrip("*") in MATRICES:
            if name == "begin" and kind == "array":
                self._argument()
            kind = "matrix"
        return [Token("sign", f"\\{name} {kind}")]

    def _raised(self, sign: str, before: Sequence[Token]) -> list[Token]:
        """A power, an index, the ring of degrees, or the letters of an ordinal."""
        inner = self._argument()
        if len(inner) == 1 and sign == "^" and before and isinstance(before[-1].value, Fraction):
            if inner[0].value in ("°", "∘"):
                return [Token("sign", "°")]
            if inner[0].value in ("st", "nd", "rd", "th"):
                return [Token("word", inner[0].value)]
        return [Token("sign", "_" if sign == "_" else "^"), *_wrapped(inner)]


def _wrapped(inner: list[Token]) -> list[Token]:
    if len(inner) == 1:
        return inner
    if inner and inner[0].value == "(" and is_one_bracket(inner):
        return inner
    return [Token("sign", "("), *inner, Token("sign", ")")]


def _ratio(top: list[Token], bottom: list[Token]) -> list[Token]:
    """A fraction: one number where both are, `top / bottom` else."""
    minus = bool(top) and top[0].value == "-"
    numbers = [part[0].value for part in (top[minus:], bottom) if len(part) == 1]
    if len(numbers) == 2 and all(isinstance(value, Fraction) for value in numbers) and numbers[1]:
        value = Token("fraction", Fraction(numbers[0]) / Fraction(numbers[1]), True)
        return [Token("sign", "-"), value] if minus else [value]
    return [*_wrapped(top), Token("sign", "/"), *_wrapped(bottom)]


def _tidy(tokens: list[Token]) -> Iterator[Token]:
    """Without brackets around one token after `√ ^ _ /`, and without `*` between a number and a letter."""
    skip = -1
    for place, token in enumerate(tokens):
        if place == skip:
            continue
        around = tokens[place - 1 : place] or [Token("sign", "")]
        after = tokens[place + 1 : place + 3]
        if (
            token.value == "("
            and around[0].value in ("√", "^", "_", "/")
            and after[1:]
            and after[1].value == ")"
        ):
            skip = place + 2
            continue
        if token.value == "*" and _is_amount(around[0]) and after and _is_factor(after[0]):
            continue
        yield token


def _is_amount(token: Token) -> bool:
    return token.kind in ("number", "fraction", "letter")


def _is_factor(token: Token) -> bool:
    single = token.kind == "word" and len(str(token.value)) == 1
    return single or token.kind == "letter" or token.value in ("√", "π", "(")
