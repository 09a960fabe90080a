"""What a message holds: texts, images, sound, films, files, calls of tools. What each needs of a model, and
how many tokens it is billed, about.

Parts are known by words in their `type`, so that those of every server are: `input_image` and `image_url`,
`tool_result` and `function_call_output`. A part without one, as Gemini has them, is known by its keys and its
MIME type. Parts inside a part, as in the result of a tool, count too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from bestroute.text import estimate_tokens

Message: TypeAlias = Mapping[str, Any]
Part: TypeAlias = Mapping[str, Any]

IMAGE_TOKENS = 765  # of 1024 x 1024 pixels in high detail (OpenAI); other sizes and servers: 85 to some 1,600
LOW_DETAIL_TOKENS = 85
LEAST_TOKENS = {"audio": 320, "video": 3000, "file": 1500}
"""Ten seconds of sound or film (32 and some 300 tokens a second, Gemini), and a page of a document: what is
counted where the data is elsewhere."""
_CHARACTERS_A_TOKEN = {"audio": 650, "video": 550, "file": 4}
"""How much of the data that a part holds is one token: base64 of MP3 at 128 kbit/s, of film at 1 Mbit/s, and
any file as the text that it may be."""

_TEXTS = frozenset({"input_text", "output_text", "text"})
_WORDS = {
    "tools": ("tool", "function", "_call"),
    "image": ("image", "screenshot"),
    "audio": ("audio",),
    "video": ("video",),
    "file": ("file", "document", "pdf", "container_upload"),
}
_OPEN = frozenset({"fileData", "file_data", "inlineData", "inline_data", "media"})  # the MIME type tells
_MIME_TYPES = ("mime_type", "mimeType", "media_type", "mediaType")
_INNER = ("content", "output", "parts")
_CALLS = ("tool_calls", "function_call")
_OF_TOOLS = ("function", "tool")


def kind_of(part: Part) -> str | None:
    """`text`, or what a model must be able to take for this part; None where that cannot be told."""
    given = part.get("type")
    names = [given] if isinstance(given, str) else [str(key) for key in part]
    if any(name in _TEXTS for name in names):
        return "text"
    for name in names:
        if name in _OPEN:
            return _kind_of_mime(part)
        spelled = name.replace("-", "_").lower()
        for kind, words in _WORDS.items():
            if any(word in spelled for word in words):
                return kind
    return None


def _kind_of_mime(part: Part) -> str:
    for holder in (part, *part.values()):
        for key in _MIME_TYPES if isinstance(holder, Mapping) else ():
            kind = str(holder.get(key)).partition("/")[0]
            if kind in ("image", "audio", "video"):
                return kind
    return "file"


def parts_of(content: Any) -> Iterator[Part]:
    """The parts of a message's content, a text being one."""
    if isinstance(content, str):
        yield {"type": "text", "text": content}
    elif isinstance(content, Mapping):
        yield content
    elif isinstance(content, Sequence):
        for part in content:
            if isinstance(part, (str, Mapping)):
                yield {"type": "text", "text": part} if isinstance(part, str) else part


def text_of(message: Message) -> str:
    """The texts of a message, a line each."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts = parts_of(content)
    texts = (str(part.get("text") or "") for part in parts if kind_of(part) == "text")
    return "\n".join(text for text in texts if text)


def holds_answers_only(message: Message) -> bool:
    """Whether a message has only results of tools, as the user's side gives them at some servers."""
    content = message.get("content")
    return not isinstance(content, str) and {kind_of(part) for part in parts_of(content)} == {"tools"}


def is_plain(message: Message) -> bool:
    """Whether a message is a role and a text, as most are: nothing else of it need be looked at."""
    return len(message) == 2 and isinstance(message.get("content"), str)


def needs_of(message: Message) -> set[str]:
    """What a model must be able to take for this message, beyond text."""
    if is_plain(message) and message["role"] not in _OF_TOOLS:
        return set()
    found = {"tools"} if message["role"] in _OF_TOOLS or any(map(message.get, _CALLS)) else set()
    if isinstance(message.get("audio"), Mapping):  # an answer that was spoken, by its id
        found.add("audio")
    if _images(message):
        found.add("image")
    kinds = {kind_of(part) for part in _with_inner(message.get("content"))}
    return found | {kind for kind in kinds if kind is not None and kind != "text"}


def _images(message: Message) -> Sequence[Any]:
    """Images beside the content, as Ollama takes them from a user and OpenRouter gives them back."""
    images = message.get("images")
    return images if isinstance(images, (list, tuple)) else ()


def _with_inner(content: Any) -> Iterator[Part]:
    todo = list(parts_of(content))
    while todo:
        part = todo.pop()
        yield part
        todo += [inner for content in _inner(part).values() for inner in parts_of(content)]


def _inner(part: Part) -> dict[str, Any]:
    """What a part holds parts in, by key."""
    source = part.get("source")
    holders = {key: part[key] for key in _INNER if isinstance(part.get(key), (list, tuple, Mapping))}
    if isinstance(source, Mapping) and isinstance(source.get("content"), (list, tuple)):
        holders["source"] = source["content"]
    return holders


def tokens_of(message: Message) -> int:
    """Tokens that a message is billed, about; those of the user's own texts are left out."""
    if is_plain(message) and message["role"] == "user":
        return 0
    images = _images(message)
    fields = {
        key: value
        for key, value in message.items()
        if key not in ("content", "role") and not (images and key == "images")
    }
    own = message["role"] == "user"
    parts = [part for part in parts_of(message.get("content")) if not (own and kind_of(part) == "text")]
    return tokens_in([*fields.values()]) + len(images) * IMAGE_TOKENS + sum(map(_part_tokens, parts))


def _part_tokens(part: Part) -> int:
    total, todo = 0, [part]
    while todo:
        part = todo.pop()
        inner = _inner(part)
        total += _tokens_alone(
            {key: part[key] for key in part.keys() - inner.keys() - {"type"}}, kind_of(part)
        )
        todo += [one for content in inner.values() for one in parts_of(content)]
    return total


def _tokens_alone(fields: Mapping[str, Any], kind: str | None) -> int:
    """Tokens of a part without those inside it, from what it holds beside its type."""
    if kind == "image":
        return LOW_DETAIL_TOKENS if _has_low_detail(fields) else IMAGE_TOKENS
    if kind not in LEAST_TOKENS:
        return tokens_in([*fields.values()])
    held = sum(len(leaf.encode("utf-8", "replace")) for leaf in _leaves([*fields.values()]))
    return max(LEAST_TOKENS[kind], -(-held // _CHARACTERS_A_TOKEN[kind]))


def _has_low_detail(fields: Mapping[str, Any]) -> bool:
    holders = (fields, *fields.values())
    return any(isinstance(holder, Mapping) and holder.get("detail") == "low" for holder in holders)


def tokens_in(value: Any) -> int:
    """Tokens of any JSON value, about: of its keys, texts and numbers."""
    return sum(map(estimate_tokens, _leaves(value)))


def _leaves(value: Any) -> Iterator[str]:
    todo = [value]
    while todo:
        value = todo.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, (bytes, bytearray)):  # as Bedrock's client takes files; base64 is as long
            yield value.decode("latin-1")
        elif isinstance(value, Mapping):
            todo += [*map(str, value.keys()), *value.values()]
        elif isinstance(value, (list, tuple)):
            todo += value
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            yield str(value)
