r"""Numbers as people and LLMs write them, read exactly: no float, no eval, linear time.

`1,000`, `$5`, `-3.5`, `75%`, `3/4`, `2 1/2`, `1.5e3`, `1.5 × 10^3`, `\frac{3}{4}`, `1\,000`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import re2

from bestroute.text import clean

_MAX_DIGITS = 400  # longer ones, and larger powers of ten, are no answer and cost time
_REWRITES = [
    (re2.compile(pattern), to)
    for pattern, to in (
        (r"\x{2212}", "-"),
        (r"\\([$%#&])", r"\1"),
        (r"\{,\}", ","),
        (r"\.{2,}|…", " "),
        (r"(\d)\s*\\[dt]?frac", r"\1 \\frac"),
        (r"\\[dt]?frac\s*\{\s*([\d.,]+)\s*\}\s*\{\s*([\d.,]+)\s*\}", r"\1/\2"),
        (r"\\[dt]?frac\s*\{\s*-\s*([\d.,]+)\s*\}\s*\{\s*([\d.,]+)\s*\}", r"-\1/\2"),
        (r"\\[dt]?frac\s*(\d)\s*(\d)", r"\1/\2"),
        (
            r"(\d)\s*(?:\\times|\\cdot|[×·x*])\s*10\s*(?:\^|\*\*)\s*(?:\{\s*([-+]?\d+)\s*\}|([-+]?\d+))",
            r"\1e\2\3",
        ),
        (r"(\d)(?:\\[,;! ]|[\x{a0}\x{2009}\x{202f}])(\d{3})", r"\1\2"),
        (r"(\d)(?:\\[,;! ]|[\x{a0}\x{2009}\x{202f}])(\d{3})", r"\1\2"),  # again: groups of one digit overlap
    )
]
# A number starts neither inside a word nor inside another number. `whole` may hold commas, of any meaning.
_NUMBER = re2.compile(
    r"(?:^|[^\w.])"
    r"(?P<number>(?P<sign>[-+]?)(?:(?:[$€£¥₹₩]|USD|EUR|GBP|Rs\.?)\s?)?(?P<inner>[-+]?)"
    r"(?:(?P<mixed>\d+) (?P<top>\d+)\s?/\s?(?P<bottom>\d+)"
    r"|(?:(?P<whole>\d[\d,]*)(?P<part>\.\d+)?|(?P<bare>\.\d+))(?:[eE](?P<power>[-+]?\d+))?"
    r"(?:\s?/\s?(?P<under>\d[\d,]*))?)"
    r"(?P<percent>\s?(?:%|percent\b|per cent\b))?)"
)
_GROUPED = re2.compile(r"\d{1,3}(?:,\d{3})+")


@dataclass(frozen=True, slots=True)
class Number:
    """An exact number as it was written; `percent` tells of a percent sign (`value` is not divided)."""

    value: Fraction
    percent: bool
    text: str

    def matches(self, other: Number) -> bool:
        """Whether both are the same; where one alone has a percent sign, 75% is 75 and is 0.75."""
        if self.value == other.value:
            return True
        if self.percent == other.percent:
            return False
        share, bare = (self, other) if self.percent else (other, self)
        return share.value / 100 == bare.value


def plain(text: str) -> str:
    """The text with LaTeX and typographic ways of writing numbers made plain."""
    text = clean(text)
    for pattern, to in _REWRITES:
        text = pattern.sub(to, text)
    return text


def find_numbers(text: str) -> Iterator[Number]:
    """The numbers in a text, in order; what has more than 400 digits is passed over."""
    for match in _NUMBER.finditer(plain(text)):
        number = _number_of(match.groupdict())
        if number is not None:
            yield number


def whole_number(text: str) -> Number | None:
    """The number that a text is, but for surrounding space and a full stop; None for any other text."""
    match = _NUMBER.fullmatch(plain(text).strip().rstrip(".").strip(" $"))
    return None if match is None else _number_of(match.groupdict())


def _number_of(part: dict[str, Any]) -> Number | None:
    text = str(part["number"])
    if len(text) > _MAX_DIGITS or abs(int(part["power"] or 0)) > _MAX_DIGITS:
        return None
    if part["mixed"] is not None:
        value = _ratio(int(part["top"]), int(part["bottom"]))
        if value is not None and value < 1:
            value += int(part["mixed"])
    else:
        whole = _digits(part["whole"] or "0")
        value = Fraction(f"{whole}{part['part'] or part['bare'] or ''}") * Fraction(10) ** int(
            part["power"] or 0
        )
        if part["under"] is not None:
            value = _ratio(value, int(_digits(part["under"])))
    if value is None:
        return None
    negative = "-" in (part["sign"], part["inner"])
    return Number(-value if negative else value, part["percent"] is not None, text.strip(" ,"))


def _digits(text: str) -> str:
    """Digits without thousands separators; of a list such as `3,4` the last."""
    text = text.strip(",")
    return text.replace(",", "") if _GROUPED.fullmatch(text) else text.rsplit(",", 1)[-1]


def _ratio(top: int | Fraction, bottom: int) -> Fraction | None:
    return Fraction(top) / bottom if bottom else None
