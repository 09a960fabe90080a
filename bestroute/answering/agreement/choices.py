"""Letters of multiple choice: `C`, `(c)`, `C. Paris`, `A, C`, "both (A) and (C)"."""

from __future__ import annotations

from collections.abc import Sequence

from bestroute.answering.agreement.token import Token
from bestroute.answering.agreement.words import word_set

_NAMES = word_set("option options choice choices letter letters answer answers both")
_BETWEEN = frozenset((",", ";", "and", "&", "und", "et", "和", "と"))
_AFTER = frozenset((")", ".", ":"))
_AFTER_BRACKET = _AFTER | {",", "-"}


def read_letters(tokens: Sequence[Token]) -> frozenset[str] | None:
    """The letters that an answer consists of; None for an answer of anything else."""
    letters, place = set(), 0
    if len(tokens) == 2 and tokens[1].value == ")":  # B)
        tokens = tokens[:1]
    if tokens and str(tokens[0].value).casefold() in _NAMES:
        tokens = tokens[1:]
    while place < len(tokens):
        length = _letter_at(tokens, place)
        if not length:
            return None
        letters.add(str(tokens[place + length // 2].value).upper())
        place += length
        before = place
        while place < len(tokens) and str(tokens[place].value).casefold() in _BETWEEN:
            place += 1
        if before < len(tokens) and place in (before, len(tokens)):
            return None  # two letters side by side, or nothing after a comma
    return frozenset(letters) or None


def split_choice(tokens: Sequence[Token]) -> tuple[str, Sequence[Token]] | None:
    """The letter that stands before the words of an option, and these words: `(B) Paris`, `B. Paris`."""
    if tokens and str(tokens[0].value).casefold() in _NAMES:
        tokens = tokens[1:]
    if _letter_at(tokens, 0) == 3:
        letter, rest = str(tokens[1].value), tokens[3:]
        if rest and rest[0].value in _AFTER_BRACKET:
            rest = rest[1:]
    elif len(tokens) > 2 and _is_letter(tokens[0]) and tokens[1].value in _AFTER and tokens[2].spaced:
        letter, rest = str(tokens[0].value), tokens[2:]
    else:
        return None
    return None if not rest or not letter.isupper() else (letter, rest)


def _letter_at(tokens: Sequence[Token], place: int) -> int:
    """How many tokens a letter takes there, with its brackets: 1 or 3; 0 where there is none."""
    if place < len(tokens) and _is_letter(tokens[place]):
        return 1
    three = tokens[place : place + 3]
    bracketed = len(three) == 3 and three[0].value in ("(", "[") and three[2].value in (")", "]")
    return 3 if bracketed and _is_letter(three[1]) else 0


def _is_letter(token: Token) -> bool:
    """Whether a token may name an option; small letters after j are hardly ever meant so."""
    value = str(token.value)
    return (
        token.kind in ("word", "letter") and len(value) == 1 and ("A" <= value <= "Z" or "a" <= value <= "j")
    )
