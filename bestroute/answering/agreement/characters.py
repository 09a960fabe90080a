r"""One spelling for characters that mean the same: dashes, digits, spaces, quotes, powers and fractions.

`－５` and `–5` become `-5`, `x²` becomes `x^2`, `2½` becomes `2 1/2`, `٣٫٥` becomes `3.5`. What has a meaning
of its own (`≥`, `±`, `√`, `°`) stays.
"""

from __future__ import annotations

import re
import unicodedata

_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"
_SPACES = "\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_UNSEEN = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u200e\u200f\u061c"
_SINGLE = {
    **dict.fromkeys(_DASHES, "-"),
    **dict.fromkeys(_SPACES, " "),
    **dict.fromkeys(_UNSEEN, ""),
    **dict.fromkeys("‘’‛′´", "'"),
    **dict.fromkeys("“”„‟«»", '"'),
    **dict.fromkeys("×∙·⋅∗✕✖", "*"),
    **dict.fromkeys("÷∕⁄", "/"),
    **dict.fromkeys("。．", "."),
    **dict.fromkeys("、，،", ","),
    "⩾": "≥",
    "⩽": "≤",
    "∶": ":",
    "٫": ".",
    "٬": ",",
    "٪": "%",
    "…": "...",
}
_RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ", "0123456789+-n", strict=True))
_LOWERED = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋", "0123456789+-", strict=True))
_TABLE = str.maketrans(_SINGLE)
_POWERS = re.compile(f"[{''.join(_RAISED)}]+")
_INDICES = re.compile(f"[{''.join(_LOWERED)}]+")
_VULGAR = re.compile("[¼-¾⅐-⅞]")
_DIGITS = re.compile(r"[^\x00-\x7f]")


def plain(text: str) -> str:
    """A short text in one spelling of its characters."""
    if text.isascii():
        return text
    text = _POWERS.sub(lambda match: f"^{_grouped(match.group(), _RAISED)}", text)
    text = _INDICES.sub(lambda match: f"_{_grouped(match.group(), _LOWERED)}", text)
    text = _VULGAR.sub(lambda match: f" {unicodedata.normalize('NFKC', match.group())}", text)
    text = unicodedata.normalize("NFKC", text.translate(_TABLE)).translate(_TABLE)
    return _DIGITS.sub(_digit, text)


def _grouped(text: str, table: dict[str, str]) -> str:
    """Raised or lowered characters on the line, in brackets where there are several."""
    plain = "".join(table[character] for character in text)
    return plain if len(plain) == 1 else f"({plain})"


def _digit(match: re.Match[str]) -> str:
    """The digit that a character of any script is, in ASCII; any other character itself."""
    value = unicodedata.decimal(match.group(), None)
    return match.group() if value is None else str(value)
