r"""Numbers as people and LLMs write them, read exactly: no float, no eval, in bounded time.

`1,234,567.8` · `12,34,567` (lakh) · `1 234 567` · `1'234'567` · `1.234.567,8` · `3.5` · `.5` · `1.5e3`. Of
`3,5` nobody can tell whether it is a decimal or two numbers; it is read as two.
"""

from __future__ import annotations

import re
from fractions import Fraction

_MAX_DIGITS = 400  # longer ones, and larger powers of ten, are no answer and cost time
_POWER = r"(?:[eE][-+]?\d+(?!\w))?"
_END = r"(?!\d|[.,]\d)"
GROUPED = (
    r"(?<!\d[ ,'_])(?:"
    rf"\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?{_END}"
    rf"|\d{{1,2}}(?:,\d{{2}})+,\d{{3}}(?:\.\d+)?{_END}"
    rf"|[1-9]\d{{0,2}}(?:(?: \d{{3}})+|(?:'\d{{3}})+|(?:_\d{{3}})+)(?:[.,]\d+)?{_END}(?![ '_]\d)"
    rf"|[1-9]\d{{0,2}}(?:(?:\.\d{{3}}){{2,}}|(?:\.\d{{3}})+,\d+){_END}"
    r")"
)
DOTTED = r"\d+(?:\.\d+){2,}"  # a version or an address, no number
UNGROUPED = rf"(?:\d+(?:\.\d+)?|\.\d+){_POWER}(?!\d|\.\d)"
_EUROPEAN = re.compile(r"\d{1,3}(?:\.\d{3}){2,}|\d{1,3}(?:\.\d{3})+,\d+|\d{1,3}(?:[ '_]\d{3})+,\d+")


def value_of(text: str) -> Fraction | None:
    """The value of a text that is a number by the patterns above.

    None for one of more than 400 digits, and for `007`, which is a name.
    """
    if len(text) > 1 and text[0] == "0" and text[1].isdigit():
        return None
    if _EUROPEAN.fullmatch(text):
        text = text.replace(".", "").replace(",", ".")
    text = re.sub(r"[ ,'_]", "", text)
    power = re.split("[eE]", text)[1:]
    if len(text) > _MAX_DIGITS or (power and abs(int(power[0])) > _MAX_DIGITS):
        return None
    return Fraction(text)
