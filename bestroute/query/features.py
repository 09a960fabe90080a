"""Whether a text looks like code or mathematics, at a glance.

Heuristics, kept narrow: a word of English that is also a keyword must not make a text look like code.
"""

from __future__ import annotations

import re2

_CODE = re2.compile(
    r"```|(?m:^\s*(?:def \w+\(|class \w+\s*[:({]|fn \w+\(|func \w+\(|function \w*\(|#include\s*[<\"]|@\w+$))"
    r"|(?m:^\s*(?:from [\w.]+ import \w|import \w+(?:\.\w+)*;?$|(?:const|let|var) \w+\s*=))"
    r"|(?m:^\s*SELECT\s.+\sFROM\s)|[;{]\s*\n|\b\w+\([\w, \"']*\)\s*(?:[{;]|=>)"
)
_MATH = re2.compile(
    r"\$[^$\n]*[\\^_=+][^$\n]*\$|\\(?:frac|sqrt|sum|int|begin|left|cdot|times|pi|theta)\b|\\[(\[]"
    r"|\d\s*[+*^=×÷]\s*\(?-?\d|\d\s+[-/]\s+\d|\b[a-z]\s*[\^=]\s*-?\d|[∑∫√≤≥≠π∞]"
)


def features(text: str) -> frozenset[str]:
    """`code` and `math`, where the text looks like them."""
    looks = (("code", _CODE), ("math", _MATH))
    return frozenset(name for name, pattern in looks if pattern.search(text))
