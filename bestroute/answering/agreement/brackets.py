"""Brackets among tokens: what stands in none, and what stands in one."""

from __future__ import annotations

from collections.abc import Sequence

from bestroute.answering.agreement.token import Token

PAIRS = {"(": ")", "[": "]", "{": "}"}


def nesting(token: Token) -> int:
    """1 for what opens a bracket or a matrix, -1 for what closes one."""
    value = str(token.value)
    opens = value in PAIRS or value.startswith("\\begin ")
    return opens - (value in PAIRS.values() or value.startswith("\\end "))


def split(tokens: Sequence[Token], at: frozenset[str]) -> list[Sequence[Token]]:
    """The parts of the tokens between separators that stand in no bracket; `, and` separates once."""
    parts: list[Sequence[Token]] = []
    depth = start = 0
    for place, token in enumerate(tokens):
        depth += nesting(token)
        if depth == 0 and token.value in at:
            if not (place == start and parts and token.value != tokens[place - 1].value):
                parts.append(tokens[start:place])
            start = place + 1
    return [*parts, tokens[start:]]


def is_one_bracket(tokens: Sequence[Token]) -> bool:
    """Whether the bracket that opens first closes last."""
    depth = 0
    for place, token in enumerate(tokens):
        depth += nesting(token)
        if not depth:
            return place == len(tokens) - 1
    return False


def unbracketed(tokens: Sequence[Token]) -> Sequence[Token]:
    """Tokens without the round brackets around all of them."""
    while len(tokens) > 2 and tokens[0].value == "(" and tokens[-1].value == ")" and is_one_bracket(tokens):
        tokens = tokens[1:-1]
    return tokens
