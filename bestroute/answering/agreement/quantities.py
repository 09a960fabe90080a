r"""Numbers as whole answers, with sign, currency, scale and unit: `-$5`, `2 1/2 cups`, `2 million`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from bestroute.answering.agreement.token import Token
from bestroute.answering.agreement.units import CURRENCIES, Unit, read_unit
from bestroute.answering.agreement.words import word_map

_SCALES = {
    **dict.fromkeys(("hundred", "hundert", "百"), 10**2),
    **dict.fromkeys(("thousand", "tausend", "mille", "mil", "千", "천", "тысяч", "тысяча"), 10**3),
    **dict.fromkeys(("万", "萬", "만"), 10**4),
    **dict.fromkeys(("lakh", "lakhs"), 10**5),
    **dict.fromkeys(("million", "millionen", "millions", "millón", "millones", "百万", "миллион"), 10**6),
    **dict.fromkeys(("crore", "crores"), 10**7),
    **dict.fromkeys(("亿", "億", "억"), 10**8),
    **dict.fromkeys(("billion", "milliarde", "milliarden", "milliard", "milliards"), 10**9),
    **dict.fromkeys(("trillion",), 10**12),
}
_NAMED = word_map("""
zero:0 one:1 two:2 three:3 four:4 five:5 six:6 seven:7 eight:8 nine:9 ten:10 eleven:11 twelve:12
thirteen:13 fourteen:14 fifteen:15 sixteen:16 seventeen:17 eighteen:18 nineteen:19 twenty:20
thirty:30 forty:40 fifty:50 sixty:60 seventy:70 eighty:80 ninety:90
""")
_MAX_POWER = 400
_MAX_BITS = 4_000


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number and its unit; the unit is empty where none is named."""

    value: Fraction
    unit: Unit


def read_quantity(tokens: Sequence[Token]) -> Quantity | None:
    """The number with its unit that the tokens are, all of them; None for anything else."""
    reader = _Reader(tokens)
    negative = reader.sign()
    currency = reader.currency()
    negative ^= reader.sign() if currency else False
    value = reader.number()
    if value is None:
        return None
    if reader.is_decade(value):
        return None
    value = reader.scaled(value)
    unit = read_unit([token.value for token in reader.rest()], reader.has_letters()) if reader.rest() else ()
    if unit is None:
        return None
    return Quantity(-value if negative else value, (*currency, *unit))


class _Reader:
    """Takes one part of a quantity after another from the front of the tokens."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens, self._at = tokens, 0

    def rest(self) -> Sequence[Token]:
        return self._tokens[self._at :]

    def has_letters(self) -> bool:
        """Whether single letters are words, as they are outside mathematics."""
        return not any(token.kind == "letter" for token in self.rest())

    def sign(self) -> bool:
        if self._value(0) in ("-", "+"):
            self._at += 1
            return self._value(-1) == "-"
        return False

    def is_decade(self, value: Fraction) -> bool:
        """Whether it is the 1990s, and no time in seconds."""
        glued = self._value(0) == "s" and not self._tokens[self._at].spaced
        return glued and 1000 <= value < 3000 and value % 10 == 0

    def currency(self) -> Unit:
        name = CURRENCIES.get(str(self._value(0)))
        if name is None or (not isinstance(self._value(1), Fraction) and self._value(1) != "-"):
            return ()
        self._at += 1
        return (name,)

    def number(self) -> Fraction | None:
        value = self._value(0)
        if isinstance(value, Fraction):
            self._at += 1
            return self._fraction(value)
        return self._named(value)

    def scaled(self, value: Fraction) -> Fraction:
        """Times a thousand or a million; nothing is told apart by that where the number is 0."""
        while value and str(self._value(0)).casefold() in _SCALES:
            value *= _SCALES[str(self._value(0)).casefold()]
            self._at += 1
        return value

    def _fraction(self, value: Fraction) -> Fraction | None:
        second, sign, third = self._value(0), self._value(1), self._value(2)
        if sign == "/" and self._proper(value, second, third):  # 2 1/2
            self._at += 3
            return value + second / third  # type: ignore[operator]
        if isinstance(second, Fraction):
            if value.denominator == 1 and 0 < second < 1 and self._kind(0) == "fraction":  # 2\frac{1}{2}
                self._at += 1
                return value + second
            return None
        if second == "/" and isinstance(sign, Fraction):
            if not sign or third == "/" or third == "^":
                return None
            self._at += 2
            return value / sign
        if second == "^":
            return self._power(value)
        if (second == "*" or (second == "x" and self._kind(0) == "word")) and sign == 10 and third == "^":
            self._at += 2
            power = self._power(Fraction(10))
            return None if power is None else value * power
        return value

    @staticmethod
    def _proper(whole: Fraction, top: Any, bottom: Any) -> bool:
        if not (isinstance(top, Fraction) and isinstance(bottom, Fraction)):
            return False
        return 0 < top < bottom and whole.denominator == top.denominator == bottom.denominator == 1

    def _power(self, base: Fraction) -> Fraction | None:
        """A whole number to a whole power, `^` being next."""
        values = [token.value for token in self._tokens[self._at + 1 : self._at + 5]]
        if values[:2] == ["(", "-"] and values[3:] == [")"]:
            values, length = values[1:3], 5
        else:
            length = 3 if values[:1] == ["-"] else 2
        negative = values[:1] == ["-"]
        exponent = next(iter(values[negative:]), None)
        if not isinstance(exponent, Fraction) or not _is_small_power(base, exponent):
            return None
        self._at += length
        return None if negative and not base else base ** (-int(exponent) if negative else int(exponent))

    def _named(self, value: object) -> Fraction | None:
        name = str(value).casefold()
        if name not in _NAMED:
            return None
        self._at += 1
        value, ones = int(_NAMED[name]), int(_NAMED.get(str(self._value(1)).casefold(), 0))
        if value >= 20 and self._value(0) == "-" and 0 < ones < 10:  # twenty-one
            self._at += 2
            return Fraction(value + ones)
        return Fraction(value)

    def _value(self, ahead: int) -> str | Fraction | None:
        place = self._at + ahead
        return self._tokens[place].value if 0 <= place < len(self._tokens) else None

    def _kind(self, ahead: int) -> str | None:
        place = self._at + ahead
        return self._tokens[place].kind if place < len(self._tokens) else None


def _is_small_power(base: Fraction, exponent: Fraction) -> bool:
    """Whether both are whole, and the power is soon worked out."""
    whole = base.denominator == exponent.denominator == 1
    return whole and exponent <= _MAX_POWER and int(exponent) * base.numerator.bit_length() <= _MAX_BITS
