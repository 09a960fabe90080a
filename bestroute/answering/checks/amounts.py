"""How many of something a sentence asks for: "at least three paragraphs", "höchstens 100 Wörter".

A number without "exactly" and its like bounds only where the words before it ask ("in 3 sentences"); of
words and characters it is then taken as a rough measure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import inf
from typing import NamedTuple

from bestroute.answering.checks.asked import Sentence
from bestroute.answering.checks.values import Bound

_NAMES = (
    "one two three four five six seven eight nine ten eleven twelve",
    "ein zwei drei vier fünf sechs sieben acht neun zehn elf zwölf",
    "un deux trois quatre cinq six sept huit neuf dix onze douze",
    "uno dos tres cuatro cinco seis siete ocho nueve diez once doce",
    "一 二 三 四 五 六 七 八 九 十",
)
_VALUES = {word: value for names in _NAMES for value, word in enumerate(names.split(), 1)}
_VALUES |= {"eine": 1, "einem": 1, "einen": 1, "une": 1, "una": 1, "两": 2, "兩": 2}
_LATIN = "|".join(
    sorted((word for word in _VALUES if word.isascii() or "ü" in word or "ö" in word), key=len)[::-1]
)
_NUMBER = rf"\d{{1,3}}(?:,\d{{3}})+|\d+|(?:{_LATIN})(?!\w)"

_LEAST = (
    "at least|no (?:fewer|less) than|not less than|a? ?minimum(?: of)?|min\\.?|mindestens|wenigstens"
    "|au moins|un minimum de"
    "|minimum|al menos|por lo menos|como mínimo|un mínimo de|至少|不少于|不得少于|少なくとも|最低でも|최소"
    "|적어도"
)
_MOST = (
    "at most|only|just|no more than|not more than|not exceed(?:ing)?|not to exceed|up to|within"
    "|a? ?maximum(?: of)?|max\\.?|höchstens"
    "|maximal|nicht mehr als|au (?:maximum|plus)|pas plus de|un maximum de|pas dépasser|maximum|como máximo"
    "|no más de|un máximo de|不超过|不超過|最多|不多于|最大|最大で|최대"
)
_LESS = "less than|fewer than|under|below|weniger als|unter|moins de|menos de|少于|不到"
_MORE = "more than|over|above|mehr als|über|plus de|más de|超过|多于"
_EXACT = "exactly|precisely|genau|exactement|précisément|exactamente|precisamente|正好|恰好|ちょうど|정확히"
_UP = "or more|and above|or above|minimum|at least|at a minimum|oder mehr|ou plus|o más|以上|이상"
_DOWN = (
    "or less|or fewer|or under|max(?:imum)?|at most|oder weniger|ou moins|o menos"
    "|以内|以下|之内|이내|이하|まで"
)
_STRICT = "未満|未满|미만"
_ABOUT = "左右|程度|ほど|前後|정도|내외|上下|くらい"

NOUNS = {
    "words": r"words?|wörtern?|worten?|mots|palabras|단어",
    "characters": r"characters|zeichen|caractères|caracteres|文字|字|글자|자",
    "sentences": r"sentences?|sätzen?|phrases|oraciones|frases|文(?![字章])|句话?|문장",
    "paragraphs": r"paragraphs?|absätzen?|absatz|paragraphes?|párrafos?|段落|段(?!落)|단락|문단",
    "bullets": r"bullet(?:ed)?(?:[ -]?points?| items?|s)?|stichpunkten?|aufzählungspunkten?|puces|viñetas"
    r"|箇条書き|要点",
    "placeholders": r"placeholders?|marcador(?:es)? de posición|espaces? réservés?|プレースホルダー?",
    "highlights": r"highlighted (?:sections?|parts?)|(?:text )?sections? (?:that has"
    r"|with) titles in markdown",
    "exclamations": r"exclamation (?:marks?|points?)",
    "hashtags": r"hashtags?",
}
_ROUGH = ("words", "characters")
_NOUN = "|".join(NOUNS.values())
_JOINS = r"(?:or|and|to|oder|und|ou|et|o|y)\b"
_KIND = "|".join(f"(?P<{name}>{nouns})" for name, nouns in NOUNS.items())
_AMOUNT = re.compile(
    rf"(?:(?P<least>{_LEAST})|(?P<most>{_MOST})|(?P<less>{_LESS})|(?P<more>{_MORE})|(?P<exact>{_EXACT}))?\s*"
    rf"(?:of |de |von )?(?<![\da-zà-ÿ.,第])(?P<n>{_NUMBER}|[一二三四五六七八九十两兩]{{1,2}})"
    rf"(?:\s?(?:-|–|to|and|or|bis|oder|à|a|y|o|et|ou|~|〜|～|至|到)\s?(?P<m>{_NUMBER}))?(?P<plus>\+"
    rf"| ?(?:{_UP})\b)?"
    rf"[\s-]{{0,2}}(?:[个個つ개條条点點]の?의?\s?)?(?:(?!{_NOUN}|{_JOINS})[^\W\d][\w'-]* ){{0,2}}?"
    rf"(?:{_KIND})"
    rf"(?![\w']*[a-zà-ÿ]|目)(?:\s?(?:(?P<up>{_UP})|(?P<down>{_DOWN})|(?P<strict>{_STRICT})"
    rf"|(?P<about>{_ABOUT})))?"
)
_ASKS = re.compile(
    r"(?:^|\b)(?:in|into|with|using|use|contains?|containing|includes?|have|has|having|write|give(?: me)?"
    r"|list|provide"
    r"|create|add|be|makes?|divided into|consists? of|containing|must|mit|aus|schreibe?|enthält|enthalten|en"
    r"|avec|contenir"
    r"|contient|comporter|comprendre|compter|inclure|con|contener|contenga|tener|tenga|incluir|escribe|haber"
    r"|a|an|total of)\s*$"
)
_NOT_ASKS = re.compile(
    r"\b(?:the|these|those|first|last|next|all|any|both|of the|than|other|this|my|les|los|las|die|der)\s*$"
)
_OTHERS = re.compile(r"^\s*(?:\w+ )?(?:below|above|following|from|of the|in the (?:text|article)|given)\b")


class Amount(NamedTuple):
    """So many of a kind of thing (a key of NOUNS); `start` is where it stands in the sentence."""

    kind: str
    bound: Bound
    start: int


def amounts(sentence: Sentence) -> Iterator[Amount]:
    """Every amount that a sentence asks of the whole response; none where it speaks of parts of it."""
    if sentence.of_parts:
        return
    for match in _AMOUNT.finditer(sentence.folded):
        kind = next(name for name in NOUNS if match.group(name))
        before, after = sentence.folded[: match.start()], sentence.folded[match.end() :]
        if _NOT_ASKS.search(before) or _OTHERS.match(after):
            continue
        bound = _bound(match, kind, before)
        if bound is not None:
            yield Amount(kind, bound, match.start())


def times(text: str) -> Bound | None:
    """The bound in words such as "at least 3 times", "10 or more times", "once"; None for none."""
    match = _TIMES.search(text)
    if match is None:
        return None
    n, m = _value(match.group("n")), match.group("m")
    return _stated(match, n, None if m is None else _value(m)) or Bound(n)


_TIMES = re.compile(
    rf"(?:(?P<least>{_LEAST})|(?P<most>{_MOST})|(?P<less>{_LESS})|(?P<more>{_MORE})|(?P<exact>{_EXACT}))?\s*"
    rf"(?<![\da-zà-ÿ.,])(?P<n>{_NUMBER})(?:\s?(?:-|–|to|and|or|bis|à|a|y|et|ou|~|～)\s?(?P<m>{_NUMBER}))?"
    rf"(?P<plus>\+| ?(?:{_UP})\b)?\s?(?:times?|occurrences?|mal|fois|veces|vez|回|次|번)"
    rf"(?:\s?(?:(?P<up>{_UP})|(?P<down>{_DOWN})|(?P<strict>{_STRICT})))?"
)


def _bound(match: re.Match[str], kind: str, before: str) -> Bound | None:
    n, m = _value(match.group("n")), match.group("m")
    high = None if m is None else _value(m)
    stated = _stated(match, n, high)
    if stated is not None or match.group("about"):
        return stated
    if match.group(kind)[0] > "\u2e80":  # a script without spaces: no word before the number says more
        asks = kind != "sentences" and match.group("n").isdecimal() and n > 1
    else:
        asks = _ASKS.search(before) is not None
    if not asks:
        return None
    return Bound(n * 0.5, n * 2) if kind in _ROUGH else Bound(n, n)


def _stated(match: re.Match[str], n: int, high: int | None) -> Bound | None:
    """The bound where words beside the number say which; None where none does."""
    found = {name for name, part in match.groupdict().items() if part}
    if high is not None:
        return Bound(n, high) if high > n else None
    if found & {"least", "plus", "up"}:
        return Bound(n)
    if found & {"most", "down"}:
        return Bound(0, n)
    if "strict" in found or "less" in found:
        return Bound(0, n - 1)
    if "more" in found:
        return Bound(n + 1, inf)
    return Bound(n, n) if "exact" in found else None


def _value(number: str) -> int:
    if number in _VALUES:
        return _VALUES[number]
    if number.replace(",", "").isdecimal():
        return int(number.replace(",", ""))
    tens, _, ones = number.partition("十")
    return 10 * _VALUES.get(tens, 1) + _VALUES.get(ones, 0)
