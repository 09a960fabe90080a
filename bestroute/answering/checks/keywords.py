"""Words that a query wants to find in the response, so many times, or not at all."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from bestroute.answering.checks.amounts import times
from bestroute.answering.checks.asked import Sentence
from bestroute.answering.checks.values import Bound, Count, Demand, Verdict, holds, within

_CUE = (
    r"(?:\b(?:key ?words?|words?|terms?|phrases?|letters?|mots?(?:[- ]clés?)?|termes?|palabras?(?: clave)?"
    r"|términos?|wort|wörter"
    r"|schlüsselw\w+|begriffe?|buchstaben?|lettres?|letras?)\b|単語|キーワード|文字|关键词|關鍵詞|字母|词"
    r"|단어|키워드)"
)
_NOT = r"\b(?:not|never|no|refrain|\w+n['’]t|ne|n['’]\w+|ni|nicht|kein\w*)\b"
_SHUN = r"\b(?:avoid\w*|without|exclud\w*|forbidden|sans|évite\w*|éviter|sin|evit\w+|ohne|vermeid\w+)\b"
_WANT = (
    r"\b(?:includ\w+|contain\w*|mention\w*|us(?:e|ing)|with|appear\w*|insert\w*|incorporat\w+|inclu\w+"
    r"|intégr\w+|incorpor\w+|utilis\w+"
    r"|utili[cz]\w+|emplo\w+|contenir|contener|contenga|enth\w+|verwende\w*|benutze\w*)\b"
)
_BETWEEN = r"[^\w\ue000\ue001]{0,6}(?:(?:and|or|et|ou|y|o|und|と|や|和)[^\w\ue000\ue001]{0,4})?"
_HOLES = rf"\ue000\d+\ue001(?:{_BETWEEN}\ue000\d+\ue001)*"  # one way to match: a list of any length is linear
_BEFORE = re.compile(
    rf"(?P<gap>[^\ue000]*?{_CUE}[^\ue000]{{0,30}}?)(?P<holes>{_HOLES})(?P<after>[^\ue000]{{0,40}})"
)
_SCRIPTED = re.compile(
    rf"(?P<holes>{_HOLES})[^\ue000、。]{{0,20}}?(?:(?P<shun>使わ|用いず|用いな|含めな|含まな|避け"
    rf"|使用し(?:な|ては)|不要|사용하지|쓰지)|(?P<want>含め|使って|用いて|포함|사용하))"
)
_ELSEWHERE = re.compile(
    r"\b(?:instead of|replac\w+|synonym\w*|mean\w*|defin\w+|translat\w+|example|e\.g|such as|like|called"
    r"|titled|named?|starting with|starts?"
    r"|begins?|beginning|ends?|ending|first word|last word|heading|title\w*|exact phrase|indicat\w*"
    r"|separat\w*|repeat\w*|or less|or fewer|follow\w*|reads?"
    r"|other words|additional|either|one of|marked|comme suit|comme|como|commen\w+|début\w+|titre|título"
    r"|empie\w+|comien\w+|termin\w+"
    r"|conclu\w+|autre|otra)\b|例えば|たとえば|始め|始まる|段落|フレーズ|題|以上"
)
_ONE = re.compile(
    r"\bword (?P<one>[\w'-]+) (?:should |must )?(?:appear\w* |at |in )|\b(?:use|mention"
    r"|include) the word (?P<used>[\w'-]+)\b"
    r"|\bletter (?P<letter>[^\W\d_])\b"
)
_CLAUSE = re.compile(r",|;| and the (?:word|letter) ")


def read(sentence: Sentence) -> list[Demand]:
    """What a sentence wants to find, or not to find."""
    if sentence.of_parts or not (re.search(_CUE, sentence.folded) or _SCRIPTED.search(sentence.folded)):
        return []
    bare = list(_bare(sentence))
    if bare or not sentence.quoted or _ELSEWHERE.search(sentence.folded):
        return bare
    return list(_quoted(sentence))


def _bare(sentence: Sentence) -> Iterator[Demand]:
    """Words that are named without quotes, each with the number that follows it."""
    for match in _ONE.finditer(sentence.folded):
        word = match.group("one") or match.group("used") or match.group("letter")
        bound = times(_CLAUSE.split(sentence.folded[match.end() - 1 :])[0])
        if bound is not None and not re.search(_NOT, sentence.folded[: match.start()]):
            yield _counted(word, bound)


def _quoted(sentence: Sentence) -> Iterator[Demand]:
    start = int(re.findall(r"\ue000(\d+)\ue001", sentence.folded)[0])
    for match in [*_BEFORE.finditer(sentence.folded), *_SCRIPTED.finditer(sentence.folded)]:
        words = [
            sentence.quoted[int(place) - start] for place in re.findall(r"\ue000(\d+)", match.group("holes"))
        ]
        if match.re is _SCRIPTED:
            yield from (
                Demand("keywords", (_absent if match.group("shun") else _present)(word)) for word in words
            )
            continue
        bound = times(match.group("gap") + " " + match.group("after"))
        if bound is not None:
            yield from (_counted(word, bound) for word in words if len(words) == 1)
        else:
            wanted = _wanted(match.group("gap"))
            if wanted is not None:
                yield from (Demand("keywords", (_present if wanted else _absent)(word)) for word in words)


def _wanted(gap: str) -> bool | None:
    """Whether the words after `gap` are wanted or shunned, by the last verb in it; None where none says."""
    found = [*re.finditer(_SHUN, gap), *re.finditer(_WANT, gap)]
    if not found:
        return None
    verb = max(found, key=lambda match: match.start())
    near = gap[max(verb.start() - 30, 0) : verb.start()]
    around = near + verb[0] + gap[verb.end() :]
    shunned = re.search(_SHUN, around) or re.search(_NOT, around)
    return None if " or " in near else not shunned


def _folded(text: str) -> str:
    return " ".join(text.casefold().replace("’", "'").split())


def _present(word: str) -> Callable[[str], Verdict]:
    wanted = _folded(word).strip(".,;:!?")
    return lambda text: holds(wanted in _folded(text).replace("*", ""))


def _absent(word: str) -> Callable[[str], Verdict]:
    unwanted = _whole(word)
    return lambda text: holds(not unwanted.search(_folded(text)))


def _counted(word: str, bound: Bound) -> Demand:
    part, whole = _folded(word), _whole(word)

    def of(text: str) -> Verdict:
        said = _folded(text)
        most = said.count(part)
        return within(Count(most if len(part) == 1 else len(whole.findall(said)), most), bound)

    return Demand("keywords", of)


def _whole(word: str) -> re.Pattern[str]:
    """The word as a whole; where scripts have no spaces, no part of a longer one in the same letters."""
    folded = _folded(word)
    around = (
        "[\u4e00-\u9fff]"
        if "\u4e00" <= folded[-1:] <= "\u9fff"
        else "[\u30a0-\u30ff]"
        if "\u30a0" <= folded[-1:] <= "\u30ff"
        else r"\w"
    )
    return re.compile(rf"(?<!{around}){re.escape(folded)}(?!{around})")
