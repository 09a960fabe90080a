"""Words that make another answer of a number or a name: denials, and words of quantity and relation."""

from __future__ import annotations

import re2


def word_set(text: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(text.split())


def word_map(text: str) -> dict[str, str]:
    """`name:value` pairs of a text, as a dictionary."""
    return dict(pair.split(":", 1) for pair in text.split())


DENIALS = word_set("""
not no never neither nor without cannot isn't isn’t aren't wasn't nicht kein keine nie ne pas non
sin не нет
""")
QUALIFIERS = DENIALS | word_set("""
least most more less fewer than over under above below about around approximately approx roughly
nearly almost exceeding up minus plus times half double twice only incorrect wrong false except
mindestens höchstens mehr weniger moins plus menos más
""")
SCALES = word_set("""
hundred hundreds thousand thousands million millions billion billions trillion trillions dozen dozens
lakh crore score pair pairs couple tenth tenths hundredths thousandths halves thirds quarters percent
squared cubed factorial ago later earlier before after or and north south east west am pm bc ad
hundert tausend millionen milliarden dutzend mille millions milliards douzaine mil millones docena
百 千 万 亿 億 百万 倍 以上 以下 이상 이하
""")
CORRECTED = re2.compile(
    r"(?i)\b(?:wait|actually|instead|correction|corrected|sorry|mistake|wrong|incorrect|oops|final answer"
    r"|falsch|korrektur|faux|erreur|perdón)\b|\b(?:no|nein|non)[,:.!]|不对|更正|错|誤り|訂正|아니"
)
