"""What an endpoint complains of, in whatever shape its server or the gateway before it says so.

Errors come as OpenAI's object, as FastAPI's `detail`, as text, as the HTML page of a gateway, nested in one
another, and with status 200.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import re2

from bestroute.text import clean

_MESSAGES = ("message", "msg", "detail", "details", "error", "errors", "error_message", "title", "reason")
_HTML = re2.compile(r"(?is)\A\s*<(?:!doctype|!--|html|head|body|title|h1|center)\b.*")
_TITLE = re2.compile(r"(?is)<(?:title|h1)[^>]*>(.*?)</(?:title|h1)>")
_TAG = re2.compile(r"(?s)<[^>]*>")
_READ = 100_000  # characters of an error that are looked at


@dataclass(frozen=True)
class Complaint:
    """An error: `message` for people, `text` all words in it, one thing said a line, `param` and `code` as in
    OpenAI's, where they are texts."""

    message: str
    text: str
    param: str | None = None
    code: str | None = None


def read_complaint(error: Any) -> Complaint:
    """What an error object, a list of them, or a text says."""
    if isinstance(error, str):
        error = _parsed(error)
    inner = error.get("error") if isinstance(error, Mapping) else None
    fields = inner if isinstance(inner, Mapping) else error if isinstance(error, Mapping) else {}
    return Complaint(
        error_text(error),
        clean("\n".join(_sayings(error))[:_READ]),
        _text_field(fields, "param"),
        _text_field(fields, "code"),
    )


def error_text(error: Any) -> str:
    """The message of an error object, or the object itself as text; a page of HTML by its title."""
    message = _message(error)
    return _page(message) or message


def is_page(text: str) -> bool:
    """Whether a text is a page of HTML."""
    return _HTML.match(text[:_READ]) is not None


def _message(error: Any) -> str:
    if isinstance(error, str):
        return clean(error)
    if isinstance(error, list) and len(error) == 1 and isinstance(error[0], Mapping) and "error" in error[0]:
        return _message(error[0])  # as Gemini wraps one
    if isinstance(error, Mapping):
        for name in _MESSAGES:
            if error.get(name):
                return _with_upstream(_message(error[name]), error)
    if (
        isinstance(error, list)
        and error
        and all(isinstance(one, Mapping) and one.get("msg") for one in error)
    ):
        return "; ".join(_fault(one) for one in error)
    return clean(json.dumps(error, ensure_ascii=False))


def _fault(one: Mapping[str, Any]) -> str:
    """One of FastAPI's faults, with its place."""
    place = one.get("loc")
    where = ".".join(map(str, place)) + ": " if isinstance(place, (list, tuple)) else ""
    return f"{where}{_message(one['msg'])}"


def _with_upstream(message: str, error: Mapping[str, Any]) -> str:
    """The message with what the server behind a gateway said, which OpenRouter puts beside it."""
    metadata = error.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, Mapping) else None
    return f"{message}: {clean(raw)}" if isinstance(raw, str) and raw else message


def _page(text: str) -> str:
    if not is_page(text):
        return ""
    title = _TITLE.search(text[:_READ])
    words = " ".join(_TAG.sub(" ", title.group(1) if title else text[:_READ]).split())
    return f"an HTML page: {words}" if words else "an HTML page"


def _sayings(error: Any) -> Iterator[str]:
    """All texts in an error; what one object holds directly in one line."""
    if isinstance(error, Mapping):
        yield " ".join(_plain(error))
        for value in error.values():
            if isinstance(value, (Mapping, list)):
                yield from _sayings(value)
    elif isinstance(error, list):
        for value in error:
            yield from _sayings(value)
    elif isinstance(error, str):
        yield error


def _plain(fault: Mapping[str, Any]) -> Iterator[str]:
    """The texts of one object, its place (FastAPI's `loc`) before them."""
    place = fault.get("loc")
    if isinstance(place, (list, tuple)):
        yield ".".join(map(str, place))
    yield from (value for value in fault.values() if isinstance(value, str))


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _text_field(fields: Mapping[str, Any], name: str) -> str | None:
    value = fields.get(name)
    return value if isinstance(value, str) else None
