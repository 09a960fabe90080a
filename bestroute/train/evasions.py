"""Responses that answer nothing: "I do not know." is worth nothing where another response answers.

Some judges of truthfulness give them full marks, and recorded responses hold few of them beside good answers.
A reward model that knows no better keeps the one of n samples that gave up. So those that were recorded are
left out of its training, and one of ours stands beside a part of the queries, with the lowest score.
"""

from __future__ import annotations

import re

from bestroute.records.record import bucket

EVASIONS = (
    "I do not know.", "I don't know.", "I don't know the answer.", "I have no idea.", "No idea.",
    "I'm not sure.", "I am not sure about that.", "Sorry, I don't know.",
    "I'm sorry, but I can't help with that.", "I cannot answer this question.", "I can't do that.",
    "I'm unable to answer that.", "Sorry, I can't help you.",
    "I am sorry, I do not know the answer to that question.", "It is not clear.",
    "I would need more information.", "Hard to say.", "I cannot help with this request.",
    "Let me think about it.", "...", "I don't understand.", "Das weiß ich nicht.", "Ich weiß es nicht.",
    "Das kann ich leider nicht beantworten.", "Keine Ahnung.", "Je ne sais pas.",
    "Je ne peux pas répondre à cette question.", "Aucune idée.", "No lo sé.",
    "No puedo responder a esa pregunta.", "Non lo so.", "Não sei.", "わかりません。",
    "申し訳ありませんが、お答えできません。", "我不知道。", "抱歉，我无法回答这个问题。", "모르겠습니다.",
    "죄송하지만 답변할 수 없습니다.", "Не знаю.",
)  # fmt: skip
"""Whole responses, in several languages."""
ONE_IN = 3
"""Of so many queries one has an evasion beside its responses."""
_SELF = r"(?:well\W+)?(?:(?:i'?m|i am)?\s*sorry\W+(?:but )?)?"
_EVADES = re.compile(
    rf"(?i)\W*{_SELF}(?:i (?:really |honestly )?(?:do not|don'?t) know(?: the answer| what to say)?"
    r"|(?:i have )?no (?:idea|comment|clue)|i(?:'m| am) not (?:sure|certain)"
    r"|i (?:cannot|can'?t|am unable to|won'?t) (?:help|answer|assist|say|do)(?: you)?)"
    r"(?: (?:to|with|about|on))?(?: (?:this|that|it))?(?: question| request)?\W*"
)
_KNOWN = frozenset(text.casefold() for text in EVASIONS)


def evades(response: str) -> bool:
    """Whether a whole response says no more than that there is no answer."""
    said = response.strip()
    return said.casefold() in _KNOWN or (len(said) <= 120 and _EVADES.fullmatch(said) is not None)


def evasion_for(query: str) -> str | None:
    """The evasion that stands beside the responses to a query, always the same; None for most."""
    drawn = bucket(query, "evasion", ONE_IN * len(EVASIONS))
    return EVASIONS[drawn // ONE_IN] if drawn % ONE_IN == 0 else None
