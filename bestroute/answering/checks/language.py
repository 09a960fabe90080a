"""The language a response is in: by its script, and where that is Latin by its commonest words.

Languages are told apart only where the text leaves little doubt: eight such words at least, and three times
as many as of any other language.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from bestroute.answering.checks.asked import Sentence
from bestroute.answering.checks.values import Demand, Verdict, holds

_SEEN = 1200  # characters of a text that are looked at
_WORDS = {
    "en": "the of and to is that for it with as are was this be by on not have from or which you at an but "
    "they we can their has",
    "de": "der die das und ist nicht ein eine zu den mit von auf für sich dem des im auch es werden oder als "
    "wird sind einer einen zum bei",
    "fr": "le la les et est des une dans que pour pas qui sur du au plus avec ce par sont cette vous aux "
    "être ou nous leur ces en l' d'",
    "es": "el la los las y es una del que para por con no se su al más como pero sus esta este lo son está "
    "también puede entre ser muy",
    "it": "il la di che è un una per non con sono del della i le nel alla si da anche come più questo gli "
    "dei essere una degli",
    "pt": "o a os as e é um uma de que para não com do da em no na por mais dos das como ao ser são também "
    "pode sua seu",
    "nl": "de het een en van is dat niet op voor met zijn aan er om ook te bij als worden deze door maar "
    "naar hebben kan",
}
_STOPS = {name: frozenset(word for word in words.split() if len(word) > 1) for name, words in _WORDS.items()}
_NAMES = {
    "en": "english|anglais|inglés|englisch|英語|英文|英语|영어",
    "de": "german|deutsch|allemand|alemán|ドイツ語|德语|德文|독일어",
    "fr": "french|français|francés|französisch|フランス語|法语|法文|프랑스어",
    "es": "spanish|español|espagnol|spanisch|スペイン語|西班牙语|스페인어",
    "it": "italian|italiano|italien|italienisch|イタリア語|意大利语|이탈리아어",
    "pt": "portuguese|português|portugais|portugués|portugiesisch|ポルトガル語|葡萄牙语|포르투갈어",
    "nl": "dutch|nederlands|néerlandais|holandés|niederländisch|オランダ語|荷兰语|네덜란드어",
    "ja": "japanese|日本語|日语|日文|japonais|japonés|japanisch|일본어",
    "zh": "chinese|mandarin|中文|中国語|汉语|漢語|普通话|chinois|chino|chinesisch|중국어",
    "ko": "korean|韓国語|韩语|한국어|coréen|coreano|koreanisch|한글",
    "ru": "russian|russe|ruso|russisch|ロシア語|俄语|русск\\w+|bulgarian|ukrainian",
    "ar": "arabic|arabe|árabe|arabisch|アラビア語|阿拉伯语|urdu|persian|farsi",
    "hi": "hindi|marathi|nepali|ヒンディー語",
    "gu": "gujarati", "pa": "punjabi"
        "|panjabi", "bn": "bengali", "ta": "tamil", "te": "telugu", "kn": "kannada", "th": "thai|タイ語|泰语",
    "el": "greek|grec|griego|griechisch|ギリシャ語", "he": "hebrew|ヘブライ語",
}  # fmt: skip
_NAME = {
    name: re.compile(words if not words[0].isascii() else rf"(?:{words})") for name, words in _NAMES.items()
}
_ANY_NAME = re.compile(
    "|".join(_NAMES.values())
    + r"|translat\w+|traduc\w+|tradui\w+|übersetz\w+|翻訳|翻译|번역|language|langue|idioma|sprache|言語|语言"
    r"|\w語(?:\b|で)"
    r"|swahili|vietnamese|finnish|swedish|polish|turkish|latin\b|romaji|pinyin|ひらがな|平仮名|カタカナ"
    r"|片仮名|漢字|한자|ローマ字|letras|vocabulary|grammar|proofread|correct the"
)
_SCRIPTS = {
    "ja": re.compile("[\u3040-\u30ff]"),
    "ko": re.compile("[\uac00-\ud7a3]"),
    "zh": re.compile("[\u4e00-\u9fff]"),
    "ru": re.compile("[\u0400-\u04ff]"),
    "ar": re.compile("[\u0600-\u06ff]"),
    "hi": re.compile("[\u0900-\u097f]"),
    "bn": re.compile("[\u0980-\u09ff]"),
    "pa": re.compile("[\u0a00-\u0a7f]"),
    "gu": re.compile("[\u0a80-\u0aff]"),
    "ta": re.compile("[\u0b80-\u0bff]"),
    "te": re.compile("[\u0c00-\u0c7f]"),
    "kn": re.compile("[\u0c80-\u0cff]"),
    "th": re.compile("[\u0e00-\u0e7f]"),
    "el": re.compile("[\u0370-\u03ff]"),
    "he": re.compile("[\u0590-\u05ff]"),
}
_LATIN = re.compile("[A-Za-zÀ-ɏ]")
_WORD = re.compile(r"[^\W\d_]+'?")
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`|https?://\S+", re.S)
_ONLY = re.compile(
    r"\b(?:only|entire|entirely|no other language|should be in|must be in|respond in|answer in|reply in"
    r"|write in|response in"
    r"|in \w+ language|using the \w+ language|aucune autre langue|entièrement en|uniquement en"
    r"|ningún otro idioma|solamente en|completamente en"
    r"|répond\w* en|responde en|antworte auf|schreibe? auf|explain in|explique\w* en)\b|語で(?:答|書|回答"
    r"|説明|述)|他の言語|只用|用(?:中文|英文|英语|日语)回答|로 (?:답|대답|작성|써)"
)
_BILINGUAL = re.compile(
    r"\b(?:both|and also|bilingual|as well as|versions?|side by side|then in|and then)\b|両方|双语"
)


def language_of(text: str) -> str | None:
    """The language of a text, by its two letters; None where that is not plain."""
    seen = _CODE.sub(" ", text[: 2 * _SEEN])[:_SEEN]
    if not seen.isascii():
        scripted = _script(seen)
        if scripted is not None:
            return scripted or None
    return _by_words(seen)


def _script(text: str) -> str | None:
    """The language of a script other than Latin; "" where scripts are mixed, None where it is Latin."""
    latin = len(_LATIN.findall(text))
    counts = {name: found for name, pattern in _SCRIPTS.items() if (found := len(pattern.findall(text)))}
    others = sum(counts.values())
    if others * 10 < latin:
        return None
    if others < 10 or others < 2 * latin and others < 40:
        return ""
    name = max(counts, key=lambda one: counts[one])
    if name == "zh" and counts.get("ja", 0) * 20 > counts["zh"]:
        name = "ja"
    return name if others * 2 > latin else ""


def _by_words(text: str) -> str | None:
    words = Counter(_WORD.findall(text.casefold()))
    found = sorted(
        ((sum(words[stop] for stop in stops & words.keys()), name) for name, stops in _STOPS.items()),
        reverse=True,
    )
    (most, name), (second, _) = found[0], found[1]
    return name if most >= 8 and most >= 3 * second else None


def read(sentence: Sentence) -> list[Demand]:
    """The one language that a sentence asks for."""
    if not _ONLY.search(sentence.folded) or _BILINGUAL.search(sentence.folded):
        return []
    named = list(dict.fromkeys(_named(sentence.folded)))
    return [Demand("language", lambda text: _in(text, named[0]))] if len(named) == 1 else []


def of_query(query: str) -> Iterator[Demand]:
    """The language of the query, where nothing in it speaks of languages."""
    if _ANY_NAME.search(query.casefold()):
        return
    language = language_of(query)
    if language is not None:
        yield Demand("language", lambda text: _in(text, language))


def _named(folded: str) -> Iterator[str]:
    return (name for name, pattern in _NAME.items() if pattern.search(folded))


def _in(text: str, language: str) -> Verdict:
    found = language_of(text)
    return "unknown" if found is None else holds(found == language)
