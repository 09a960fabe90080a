"""Keywords: words and phrases found in a text of any script, whatever its case, quotes, hyphens or invisible
characters.

A keyword is a whole word: a hyphen or an apostrophe ends one, so `law` is found in "in-law". In scripts
without spaces it is found anywhere; in Korean it begins a word, whatever particles follow; in Arabic and
Hebrew an article, preposition or conjunction may be joined on before it. One that ends in `*` is the
beginning of a word.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import cached_property, lru_cache
from typing import Annotated, Any

import re2
from pydantic import AfterValidator, ConfigDict, Field, RootModel, model_validator

from bestroute.policy.arms import Name
from bestroute.policy.rules.patterns import compile_pattern, without_piles
from bestroute.query import Query

# Scripts written without spaces: a keyword in them is found inside running text, and a word of another script
# may stand against them. U+30FC, the long vowel mark, belongs to both kana and so to no script.
_SPACELESS = (
    r"\p{Han}\p{Hiragana}\p{Katakana}\p{Bopomofo}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Javanese}\p{Balinese}"
    r"\p{Tai_Le}\p{New_Tai_Lue}\p{Tai_Tham}\p{Tai_Viet}\x{30FC}"
)
_IN_WORD = r"\p{L}\p{N}\p{M}_"
_NOT_IN_WORD = rf"(?:[^{_IN_WORD}]|[{_SPACELESS}\p{{Hangul}}])"
_SPACE = r"[\s\p{Z}\x0b\x1c-\x1f\x{85}]+"  # what str.split splits on
_INVISIBLE = compile_pattern(r"[\p{Cf}\x{034F}\x{FE00}-\x{FE0F}\x{E0100}-\x{E01EF}]+")
_POINTS = compile_pattern(  # tatweel and vowel signs of Arabic and Hebrew, which most writers leave out
    r"[\x{0591}-\x{05BD}\x{05BF}\x{05C1}\x{05C2}\x{05C4}\x{05C5}\x{05C7}\x{0610}-\x{061A}\x{0640}"
    r"\x{064B}-\x{065F}\x{0670}\x{06D6}-\x{06DC}\x{06DF}-\x{06E8}\x{06EA}-\x{06ED}\x{08D3}-\x{08FF}]+"
)

_ALIKE = str.maketrans(
    dict.fromkeys("‘’‚‛′ʹʻʼʽˈ´׳＇", "'")
    | dict.fromkeys("“”„‟″«»״", '"')
    | dict.fromkeys("‐‑‒–—―−⁃﹘﹣－־", "-")
    | dict.fromkeys("أإآٱ", "ا")
    | {"ی": "ي", "ى": "ي", "ک": "ك"}
)

_WORD_START = rf"(?:\A|{_NOT_IN_WORD})"
_EDGES = (
    # a keyword's first or last character, what must come before it, what after
    (rf"[{_SPACELESS}]", "", r"(?:\z|\P{M})"),
    (r"\p{Hangul}", r"(?:\A|\P{Hangul})", ""),
    (r"\p{Arabic}", _WORD_START + "[وف]?(?:[بك]?ال|لل|[بكلس])?", rf"(?:\z|{_NOT_IN_WORD})"),
    (r"\p{Hebrew}", _WORD_START + "[והבכלמש]{0,3}", rf"(?:\z|{_NOT_IN_WORD})"),
    (rf"[{_IN_WORD}]", _WORD_START, rf"(?:\z|{_NOT_IN_WORD})"),
    (r"(?s:.)", "", ""),
)
_COMPILED = tuple((compile_pattern(first), before, after) for first, before, after in _EDGES)


@lru_cache(maxsize=4)
def fold(text: str) -> str:
    """The form in which keywords are compared: case folded, NFKC, without invisible characters and vowel
    points, with one kind of apostrophe, quote and hyphen.

    Turkish İ folds to plain i. The last few texts are kept, as several rules look at one query.
    """
    if text.isascii():
        return text.lower()
    visible = without_piles(_INVISIBLE.sub("", text))
    folded = unicodedata.normalize("NFKC", visible.translate(_ALIKE)).casefold().replace("i\u0307", "i")
    return str(_POINTS.sub("", unicodedata.normalize("NFKC", folded).translate(_ALIKE)))


def is_prefix(keyword: str) -> bool:
    """Whether a keyword stands for all words that begin so."""
    return keyword.endswith("*") and bool(fold(keyword[:-1]).split())


def _edges(character: str) -> tuple[str, str]:
    """What must come before and after a keyword that begins, or ends, with this character."""
    return next((before, after) for first, before, after in _COMPILED if first.search(character))


def _alternation(keywords: Iterable[str]) -> str:
    """One regular expression that finds any of the keywords, those with the same edges side by side."""
    groups: dict[tuple[str, str], list[str]] = {}
    for keyword in keywords:
        words = fold(keyword[:-1] if is_prefix(keyword) else keyword).split()
        after = "" if is_prefix(keyword) else _edges(words[-1][-1])[1]
        groups.setdefault((_edges(words[0][0])[0], after), []).append(_SPACE.join(map(re2.escape, words)))
    return "|".join(
        f"{before}(?:{'|'.join(alternatives)}){after}" for (before, after), alternatives in groups.items()
    )


def _visible(keyword: str) -> str:
    if not fold(keyword).split():
        raise ValueError("must have a visible character")
    return keyword


class Keywords(RootModel[tuple[Annotated[Name, AfterValidator(_visible)], ...]]):
    """Holds where the text has any of these words or phrases, in any case, as whole words."""

    model_config = ConfigDict(frozen=True, strict=True)
    root: tuple[Annotated[Name, AfterValidator(_visible)], ...] = Field(min_length=1, max_length=2000)

    @cached_property
    def _regex(self) -> Any:
        return compile_pattern(_alternation(self.root))

    @model_validator(mode="after")
    def _compiles(self) -> Keywords:
        try:
            _ = self._regex
        except ValueError:
            raise ValueError("are too many or too long for one rule; split the rule in two") from None
        return self

    def matches(self, query: Query) -> bool:
        """Whether any keyword stands in the query's text."""
        return self._regex.search(fold(query.text)) is not None

    def why_not(self, query: Query) -> str:
        """Name the keywords."""
        return f"has none of the keywords {listed(self.root)}"


def listed(values: Iterable[object]) -> str:
    """The first few values, as a reader sees them in a sentence."""
    shown = [repr(value) for value in values]
    return ", ".join(shown[:5]) + (f" and {len(shown) - 5} more" if len(shown) > 5 else "")
