"""JSON where JSON was asked for, a title in << >>, and code that parses."""

from __future__ import annotations

import ast
import json
import re
import warnings
from textwrap import dedent

from bestroute.answering.checks.asked import Sentence
from bestroute.answering.checks.values import Demand, Verdict, holds

_JSON = re.compile(r"\bjson\b|json")
_WANTS_JSON = re.compile(
    r"\b(?:in|as|into|to|using|use|with|a|valid|wrap\w*|entire|only|just|sous|au|en|formato?|format\w*"
    r"|als)\b[^.]*\bjson\b|json形式|json格式"
    r"|json 형식|json[^。]*(?:答え|出力|返)"
)
_NOT_JSON = re.compile(
    r"\b(?:parse|pars\w+|read|load|convert|schema|file|files|function|script|code|program|api|database"
    r"|endpoint|library|what is|explain|how|why"
    r"|difference|yaml|xml|csv|column|javascript|java|python|class|package|query|request|server)\b"
)
_SOLE = re.compile(
    r"\b(?:entire|only|nothing else|just|whole|wrap\w*|do not add|toute|seulement|uniquement|toda|solo|sólo"
    r"|únicamente|ausschließlich|nur)\b|のみ|だけ|只"
)
_FENCE = re.compile(r"```(?P<kind>[\w+-]*)[ \t]*\n(?P<body>.*?)```", re.S)
_VALUE = re.compile(r"[{\[]")
_TITLE = re.compile(r"<<[^\n<>]+>>")
_WANTS_TITLE = re.compile(r"\b(?:title|titre|título|titel)\b|タイトル|标题|제목")
_LONGEST = 20_000
_SHELL = re.compile(
    r"(?m)^[^\S\n]*(?:>>>|\.\.\.\s|In \[|%|!|\$ )|…|^[^\S\n]*\.\.\.\s*$|<[a-z_ ]+>|\{\{"
    r"|\bprint [^(=]|\bexec [^(=]|^[^\S\n]*except \w+, \w+:"
)


def read(sentence: Sentence) -> list[Demand]:
    """What a sentence asks of the form of a response."""
    found, said = [], sentence.folded
    if _JSON.search(said) and _WANTS_JSON.search(said) and not _NOT_JSON.search(said):
        sole = _SOLE.search(said) is not None
        found.append(Demand("json", lambda text: _is_json(text, sole)))
    if "<<" in said and ">>" in said and _WANTS_TITLE.search(said):
        found.append(Demand("marks", lambda text: holds(_TITLE.search(text) is not None)))
    return found


def _is_json(text: str, sole: bool) -> Verdict:
    """Whether the text, or the one block in it, is JSON; beside words it may be enough."""
    whole = text.strip()
    if _parses(whole):
        return "passed"
    blocks = [match for match in _FENCE.finditer(whole)]
    if not blocks:
        start = _VALUE.search(whole)
        inner = None if start is None else _first_value(whole[start.start() :])
        return "failed" if inner is None or sole else "unknown"
    if not any(_parses(match.group("body")) for match in blocks):
        return "failed"
    alone = len(blocks) == 1 and blocks[0].span() == (0, len(whole))
    return "passed" if alone else "unknown"


def _first_value(text: str) -> object | None:
    try:
        return (json.JSONDecoder().raw_decode(text),)
    except (ValueError, RecursionError):
        return None


def _parses(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def code(text: str) -> Verdict:
    """Whether every block that says it is Python or JSON parses; unknown where none does."""
    if "```" not in text:
        return "unknown"
    verdicts = {
        _block(match.group("kind").casefold(), match.group("body")) for match in _FENCE.finditer(text)
    }
    return "failed" if "failed" in verdicts else "passed" if "passed" in verdicts else "unknown"


def _block(kind: str, body: str) -> Verdict:
    if kind not in ("python", "py", "python3") or len(body) > _LONGEST or _SHELL.search(body):
        return "unknown"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(dedent(body))
    except SyntaxError:
        return "failed"
    except (ValueError, RecursionError, MemoryError):
        return "unknown"
    return "passed"
