r"""What a response says once the thinking is taken off: the one place that knows how servers mark thought.

Most servers give thinking in a field of its own; what is read here is left in the text where one does not:
`<think>...</think>` and tags like it, also without the opening tag (many templates open it in the prompt) or
never closed (the response was cut off while thinking), and the channels of gpt-oss,
`<|channel|>analysis<|message|>...<|channel|>final<|message|>...`. Marks that stand in code or in quotes are
part of the answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from bestroute.text import clean

_TAGS = "think|thinking|thought|thoughts|reason|reasoning|seed:think"
_MARKS = (
    rf"(?P<open><(?:{_TAGS})(?:\s[^<>\n]{{0,80}})?>|\[THINK\]|◁think▷|<\|begin_of_thought\|>"
    r"|<\|START_THINKING\|>|<\|inner_prefix\|>|<\|channel>thought\b|<unused94>(?:thought\b)?)"
    rf"|(?P<close></(?:{_TAGS})\s*>|\[/THINK\]|◁/think▷|<\|end_of_thought\|>"
    r"|<\|END_THINKING\|>|<\|inner_suffix\|>|<channel\|>|<unused95>)"
)
_MARK = re.compile(rf"(?i)(?=[<\[◁])(?:{_MARKS})")
_MARK_OR_CODE = re.compile(rf"(?i)(?=[<\[◁`\n])(?:{_MARKS}|(?P<ticks>`+)|(?P<blank>\n\s*\n))")
_FENCE = 3  # backticks of a code block; fewer make a span
_QUOTES = frozenset("\"'“”‘’«»")
_CHANNELS = re.compile(r"\A\s*(?:<\|(?:start|channel)\|>|(?:analysis|commentary|final)<\|message\|>)")
_CHANNEL_MARK = re.compile(r"<\|(start|channel|message|constrain|end|return|call)\|>")
_BARE_FINAL = "assistantfinal"  # the channels of a server that leaves out the marks between them
_WRAPPINGS = (
    ("<|begin_of_solution|>", "<|end_of_solution|>"),
    ("<|START_RESPONSE|>", "<|END_RESPONSE|>"),
)


def without_thought(text: str) -> str:
    """The text without the thinking in it; the same text where there is none, "" where there is no more.

    Never raises, and takes time in proportion to the length of the text.
    """
    text = clean(text)
    said = _final_channel(text) if _CHANNELS.search(text) else _after_bare_channels(text)
    if _MARK.search(said):
        said = "".join(_outside(said)).strip()
    for opening, closing in _WRAPPINGS:
        if said.lstrip().startswith(opening):
            return said.strip().removeprefix(opening).removesuffix(closing).strip()
    return said


def _final_channel(text: str) -> str:
    """What stands in `final` channels; the header before a message names its channel."""
    kind, header, said = "channel", "", []
    for place, part in enumerate(_CHANNEL_MARK.split(text)):
        if place % 2:
            kind = part
        elif kind == "channel":
            header = part
        elif kind == "message" and header.split()[:1] == ["final"]:
            said.append(part)
    return "".join(said).strip()


def _after_bare_channels(text: str) -> str:
    if text.startswith("analysis") and _BARE_FINAL in text:
        return text.rpartition(_BARE_FINAL)[2].strip()
    return text


def _outside(text: str) -> list[str]:
    """The parts of a text outside its thoughts."""
    said: list[str] = []
    start, opened, closed, end = 0, None, False, len(text.rstrip())
    for mark in _marks(text):
        if opened is not None:
            if mark.group("close"):
                opened, start, closed = None, mark.end(), True
        elif mark.group("open"):
            said.append(text[start : mark.start()])
            opened = mark.start()
        elif closed and mark.end() == end:  # one closing mark too many
            said.append(text[start : mark.start()])
            start = len(text)
        else:  # opened in the prompt: all so far was thought
            said.clear()
            start, closed = mark.end(), True
    if opened is None:
        said.append(text[start:])
    elif not _starts_line(text, opened):  # spoken of, not used
        said.append(text[opened:])
    return said


def _marks(text: str) -> Iterator[re.Match[str]]:
    """Marks of thought, but for those that stand in code or in quotes outside a thought."""
    tokens = list(_MARK_OR_CODE.finditer(text))
    ends = _code_ends(tokens)
    thinking, quoted, after_code = False, False, 0
    for place, token in enumerate(tokens):
        if place < after_code or token.group("blank"):
            continue
        if token.group("ticks"):
            after_code = after_code if thinking else ends.get(place, place) + 1
        elif not thinking and (_in_quotes(text, token) or (quoted and token.group("close"))):
            quoted = token.group("open") is not None
        else:
            thinking = token.group("open") is not None
            yield token


def _code_ends(tokens: Sequence[re.Match[str]]) -> dict[int, int]:
    """For each run of backticks the next one that is as long; that of a span in the same paragraph."""
    ends: dict[int, int] = {}
    following: dict[int, int] = {}
    for place in range(len(tokens) - 1, -1, -1):
        if tokens[place].group("blank"):
            for length in range(1, _FENCE):
                following.pop(length, None)
        elif tokens[place].group("ticks"):
            length = len(tokens[place].group())
            if length in following:
                ends[place] = following[length]
            following[length] = place
    return ends


def _in_quotes(text: str, mark: re.Match[str]) -> bool:
    before, after = text[max(mark.start() - 1, 0) : mark.start()], text[mark.end() : mark.end() + 1]
    return before in _QUOTES and (mark.group("open") is not None or after in _QUOTES)


def _starts_line(text: str, place: int) -> bool:
    return not text[text.rfind("\n", 0, place) + 1 : place].strip()
