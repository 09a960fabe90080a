"""Numbers and sums: are the sums that a response does right, and does its last number come out of them?"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from math import log1p, log10
from typing import NamedTuple

NAMES = (
    "of the query's numbers", "numbers", "right sums", "wrong sums", "a sum is wrong", "all sums right",
    "results", "numbers from nowhere", "last is a whole number", "last is of the query", "last is negative",
    "last is the last result", "last stood before", "times the last stood before", "size of the last",
    "last beside the largest of the query",
)  # fmt: skip
_NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")
_MINUS = re.compile(r"(?<![\w)])-")
_MOST = 64  # sums of a text
_WIDE = 60  # characters of one side
_CLOSE = 0.006  # of the result: a rounded one is right
_SIDE = r"[\d.()+\-*/ ]"
_LEFT, _RIGHT = re.compile(rf"(?<![\w.^_}}]){_SIDE}*$"), re.compile(rf"({_SIDE}*)([\w^{{]?)")
_OPERATION = re.compile(r"[\d)] *[-+*/]")
_TEX = r"(?<!\\)\\+"  # from the first of a run on, which is read once
_FRACTION = re.compile(_TEX + r"[dt]?frac\{([^{}]{1,30})\}\{([^{}]{1,30})\}")
_TIMES = re.compile(_TEX + r"(?:times|cdot)|[×·]|(?<=[\d)]) ?x ?(?=[\d(])")
_OVER = re.compile(_TEX + r"div|÷")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3})")
_LEFT_OUT = re.compile(_TEX + r"(?:left|right)|[$\\%\"°€£]")
_UNIT = re.compile(r"(?<=\d)[ -]?[a-zA-Z]{3,}(?: [a-zA-Z]{3,}){0,3}(?:/[a-zA-Z]+)? *(?=[-+*/=≈)])")
_EQUALS = re.compile(r"[=≈]")
_OPERATIONS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


class Sums(NamedTuple):
    """How many sums of a text are right and wrong, and what stands to the right of each `=`."""

    right: int
    wrong: int
    results: list[float]


def numbers_of(text: str) -> list[float]:
    """All numbers, as they stand."""
    found = []
    for match in _NUMBER.finditer(text):
        value, before = float(match[0].replace(",", "")), match.start() - 1
        found.append(-value if before >= 0 and _MINUS.match(text, before) else value)
    return found


def facts(text: str, asked: set[float]) -> list[float]:
    """The facts by NAMES; `asked` are the numbers of the query."""
    numbers = numbers_of(text)
    known, sums = set(numbers), sums_of(text)
    return [
        len(asked & known) / max(1, len(asked)),
        log1p(len(numbers)),
        log1p(sums.right),
        log1p(sums.wrong),
        float(sums.wrong > 0),
        float(sums.right > 0 and sums.wrong == 0),
        log1p(len(sums.results)),
        len(known - asked - set(sums.results)) / max(1, len(known)),
        *_of_last(numbers, asked, sums.results),
    ]


def _of_last(numbers: Sequence[float], asked: set[float], results: Sequence[float]) -> list[float]:
    if not numbers:
        return [0.0] * 8
    last, before = numbers[-1], numbers[:-1].count(numbers[-1])
    return [
        float(last.is_integer()),
        float(last in asked),
        float(last < 0),
        float(bool(results) and abs(results[-1] - last) <= 1e-6 * max(1, abs(last))),
        float(before > 0),
        log1p(before),
        min(_size(last), 6.0),
        max(-4.0, min(4.0, _size(last) - max(map(_size, asked), default=0.0))),
    ]


def _size(number: float) -> float:
    return log10(1 + min(abs(number), 1e300))


def sums_of(text: str) -> Sums:
    """The sums of a text, in plain writing or TeX, units left out: `8 x 30 feet = 240`."""
    right = wrong = 0
    results = list[float]()
    sides = _EQUALS.split(_plain(text), _MOST) if _EQUALS.search(text) else []
    for before, after in pairwise(sides):
        result = _value(_right_of(after))
        if result is None:
            continue
        results.append(result)
        value = _value(_left_of(before))
        if value is not None:
            close = abs(value - result) <= max(0.011, abs(value) * _CLOSE)
            right, wrong = right + close, wrong + (not close)
    return Sums(right, wrong, results)


def _plain(text: str) -> str:
    text = _FRACTION.sub(r"(\1)/(\2)", text.replace("\\n", "\n"))
    text = _LEFT_OUT.sub("", _OVER.sub("/", _TIMES.sub("*", text.replace("−", "-"))))
    return _UNIT.sub(" ", _THOUSANDS.sub("", text))


def _right_of(after: str) -> str:
    """The side of a sum that a text begins with; "" where letters or powers belong to it."""
    found = _RIGHT.match(after[:_WIDE])
    if found is None or (found[2] and found[1][-1:] not in (" ", "")):
        return ""
    return found[1].partition(". ")[0].rstrip(" .(+-*/")


def _left_of(before: str) -> str:
    """The side of a sum that a text ends with; "" where it is a number alone, or only a part."""
    line = before[-_WIDE:].rpartition("\n")[2].rpartition(". ")[2]
    found = _LEFT.search(line)
    side = found[0].strip() if found else ""
    if found and found.start() == 0:
        side = side.removeprefix("- ").removeprefix("* ")  # of a list
    return side if _OPERATION.search(side) and not side.startswith(("- ", "+", "*", "/")) else ""


def _value(written: str) -> float | None:
    """The value of numbers, brackets and the four operations; None of anything else."""
    written, more = written.strip(), written.count("(") - written.count(")")
    written = written.lstrip("(") if more > 0 else written.rstrip(")") if more < 0 else written
    try:
        return _evaluate(ast.parse(written, mode="eval").body)
    except (SyntaxError, ValueError, ArithmeticError):
        return None


def _evaluate(node: ast.expr) -> float:
    match node:
        case ast.Constant(value=int() | float() as value):
            return float(value)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_evaluate(operand)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATIONS:
            return _OPERATIONS[type(op)](_evaluate(left), _evaluate(right))
    raise ValueError("not a sum")
