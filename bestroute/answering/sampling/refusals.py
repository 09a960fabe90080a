"""Fields that an endpoint does not take: read from its complaint, left out of the next request, remembered.

Servers, and gateways before them, say it in many words and rarely in a code. What is read here is at worst a
guess that costs one more request: a field is remembered only once the endpoint has answered without it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import re2

from bestroute.answering.sampling.complaints import Complaint

Place = tuple[object, ...]
Refused = Mapping[str, str | None]
"""Fields that are not taken, each with the one to send in its place (None: there is none)."""

_MOST_PLACES = 256
_OTHER_NAME = "max_completion_tokens"
_CODES = ("unsupported_parameter", "unsupported_value")
_SEVERAL = r"(?:choice|candidate|completion|generation|response|sequence)s?"
_NAMES = {
    "max_tokens": r"\bmax_?tokens\b|\bmax_?(?:new|output)_?tokens\b",
    _OTHER_NAME: r"\bmax_?completion_?tokens\b",
    "temperature": r"\btemperature\b",
    "n": r"\bn\b|\bcandidate_?count\b|\bnum_return_sequences\b"
    rf"|\b(?:multiple|multi|one|single)[ -](?:\w+ )?{_SEVERAL}\b",
}
FIRM = frozenset(
    {
        "audio", "function_call", "functions", "instructions", "messages", "modalities", "model",
        "output_config", "output_format", "parallel_tool_calls", "response_format", "stop", "stream",
        "system", "toolConfig", "tool_choice", "tools", "web_search_options",
    }
)  # fmt: skip
"""Fields that are never left out: without them the answer would be one to another request."""
_IDLE = frozenset({"metadata", "prompt_cache_key", "safety_identifier", "store", "user"})
"""Fields that no answer depends on: left out for any fault that is found with them."""
_BESIDE = {"logprobs": "top_logprobs"}
"""Fields that mean nothing, and are refused, without another."""
_TAKEN = (
    r"(?:supported|permitted|allowed|accepted|recogni[sz]ed|available|compatible|enabled|implemented|"
    r"configurable|used|set|specified|changed|modified|expected)"
)
_NOT_TAKEN = re2.compile(
    r"(?i)"
    + "|".join(
        (
            rf"(?:\bnot?|n['’]t) (?:be |currently |yet |longer )*{_TAKEN}\b",
            r"(?:\bnot|n['’]t|\bcannot) (?:\w+ )?(?:support|accept|allow|take|permit|recogni[sz]e|be|have)\b",
            r"\b(?:unsupported|unrecogni[sz]ed|unknown|unexpected|extraneous|deprecated|removed|disabled)\b",
            r"\b(?:forbidden|incompatible|ignored|additional properties)\b|\bextra[_ ]|\bcan(?:not|['’]t)\b",
            r"\bonly (?:the )?\(?(?:default|one|1)\b",
            r"\bonly \S+ ?(?:=|is|are) ?(?:1|one|allowed|supported|accepted)\b",
            r"\b(?:must|may only|can only|has to|should) (?:be |equal )?(?:set to |left |exactly )?"
            r"(?:1|one|unset|default|omitted|none)\b",
            r"(?:\bnot|n['’]t|\bin) ?(?:valid|applicable) (?:for|in|on|to|with)\b",
            "不支持|不允许|未知|只能|サポートされていません|지원(?:되|하)지",
        )
    )
)
_OUT_OF_RANGE = re2.compile(
    r"(?i)\b(?:range|between|maximum|minimum|integer|number|above|below)\b|\bexceed|[<>≤≥]"
    r"|\btoo (?:large|high|big|small|low|long|many)\b|\b(?:less|greater|more) than\b|\bat (?:most|least) "
)
_SENTENCE_END = re2.compile(r"[.;!?]\s+|\n")


class _Found(NamedTuple):
    name: str
    start: int
    end: int


class Refusals:
    """What endpoints were found not to take, of the latest 256 places; safe to share between threads."""

    def __init__(self) -> None:
        self._known: OrderedDict[Place, Refused] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, place: Place) -> Refused:
        """The fields that this place does not take."""
        with self._lock:
            return self._known.get(place, MappingProxyType({}))

    def add(self, place: Place, refused: Refused) -> None:
        """Remember further fields."""
        with self._lock:
            self._known[place] = MappingProxyType({**self._known.pop(place, {}), **refused})
            while len(self._known) > _MOST_PLACES:
                self._known.popitem(last=False)


def without(body: Mapping[str, Any], refused: Refused) -> dict[str, Any]:
    """A request as the endpoint takes it."""
    kept = {name: value for name, value in body.items() if name not in refused}
    renamed = {other: body[name] for name, other in refused.items() if other and name in body}
    return kept | renamed


def notes(body: Mapping[str, Any], refused: Refused) -> tuple[str, ...]:
    """What a request lacks for it, in words; of n, whoever wants several responses tells."""
    lost = [name for name, other in refused.items() if other is None and name in body and name != "n"]
    return tuple(f"asked without {name}, which the endpoint does not take" for name in lost)


def refused_by(complaint: Complaint, sent: Iterable[str], asked: Iterable[str] = ("max_tokens",)) -> Refused:
    """The field among those sent that a complaint is about, where it says that it is not taken at all.

    `asked` are the fields before any had another name. Empty where it says nothing of the kind: a value out
    of range is the user's to mend; and for a field that cannot be left out.
    """
    name = _named(complaint, frozenset(sent))
    if name is None or name in FIRM:
        return {}
    if name == _OTHER_NAME:
        return {"max_tokens": None} if "max_tokens" in asked else {_OTHER_NAME: "max_tokens"}
    renames = name == "max_tokens" and (complaint.code in _CODES or _OTHER_NAME in complaint.text)
    beside = {_BESIDE[name]: None} if name in _BESIDE else {}
    return {name: _OTHER_NAME if renames else None, **beside}


def _named(complaint: Complaint, sent: frozenset[str]) -> str | None:
    param = complaint.param or ""
    idle = _IDLE.intersection(sent, param.split("."))
    if idle:
        return min(idle)
    last = param.rpartition(".")[2]
    sentences = [part for part in _SENTENCE_END.split(complaint.text) if not _OUT_OF_RANGE.search(part)]
    if last in sent and (complaint.code in _CODES or any(map(_NOT_TAKEN.search, sentences))):
        return last
    mentions = _mentions_of(sent)
    for sentence in sentences:
        name = _nearest(sentence, mentions)
        if name in sent:
            return name
    return None


def _mentions_of(sent: Iterable[str]) -> Mapping[str, str]:
    """What names a field, by field: those sent by their own names, some in the words of many servers."""
    own = (name for name in sent if name not in ("messages", "model"))
    return {**{name: rf"\b{re2.escape(name)}\b" for name in own}, **_NAMES}


def _nearest(sentence: str, mentions: Mapping[str, str]) -> str | None:
    """The field nearest to the words that say that it is not taken."""
    phrases = [(match.start(), match.end()) for match in _NOT_TAKEN.finditer(sentence)]
    names, any_of = [*mentions], re2.compile("(?i)" + "|".join(f"({words})" for words in mentions.values()))
    fields = [
        _Found(names[match.lastindex - 1], match.start(), match.end()) for match in any_of.finditer(sentence)
    ]
    return min(
        ((_distance(field, *phrase), field.start, field.name) for field in fields for phrase in phrases),
        default=(0, 0, None),
    )[2]


def _distance(field: _Found, start: int, end: int) -> int:
    return max(0, field.start - end, start - field.end)
