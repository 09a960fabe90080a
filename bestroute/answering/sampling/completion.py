"""Read a chat completion: bytes from an endpoint in, samples and errors out.

Endpoints call themselves OpenAI-compatible and answer with HTML, other shapes, or an error with status 200.
Only what is used is looked at, and nothing that comes is trusted: a wrong shape becomes an error text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bestroute.answering.sampling.billing import read_usage
from bestroute.answering.sampling.complaints import error_text, is_page
from bestroute.answering.sampling.content import read_message
from bestroute.answering.sampling.stream import unstreamed
from bestroute.answering.sampling.values import Sample, Sampled, Usage
from bestroute.answering.toolcall import read_calls
from bestroute.text import clean


def read_document(body: bytes) -> Any:
    """The JSON value of a body, also with a byte order mark, broken characters, or streamed; None where it is
    none."""
    text = body.decode(json.detect_encoding(body), "replace")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return unstreamed(text)
    except (AttributeError, RecursionError, TypeError, ValueError):  # events of another kind
        return None


def is_completion(document: Any) -> bool:
    """Whether a document has the shape of a chat completion, if an empty one."""
    return isinstance(document, Mapping) and isinstance(document.get("choices"), list)


def read_completion(body: bytes) -> Sampled:
    """Samples of a chat completion, and an error for each choice without text; `usage` as it was reported.

    A body that is no completion, or has no choices, gives no samples and one error that quotes it.
    """
    document = read_document(body)
    try:
        return _read(document, body)
    except RecursionError:
        return Sampled(errors=("the answer is nested too deeply",), usage=read_usage(document))


def completion_of(document: Any) -> Sampled:
    """As `read_completion`, of a body that is read already."""
    return _read(document, b"")


def _read(document: Any, body: bytes) -> Sampled:
    fields = document if isinstance(document, Mapping) else {}
    choices, usage, failure = fields.get("choices"), read_usage(document), _failure(fields)
    errors = [f"the endpoint answered with an error: {error_text(failure)}"] if failure else []
    if not isinstance(choices, list) or not choices:
        nothing = "the endpoint answered with no choices" if choices == [] else _not_a_completion(body)
        return Sampled(errors=tuple(errors or [nothing]), usage=usage)
    if failure:  # as OpenRouter tells of a server that failed while it answered
        choices = [choice for choice in choices if _is_ended(choice)]
    read = [_read_choice(choice, usage, alone=len(choices) == 1) for choice in choices]
    samples = tuple(one for one in read if isinstance(one, Sample))
    errors += [one for one in read if isinstance(one, str)]
    return Sampled(samples, tuple(errors), usage)


def _is_ended(choice: Any) -> bool:
    """Whether a choice says itself that it is whole."""
    reason = choice.get("finish_reason") if isinstance(choice, Mapping) else None
    return isinstance(reason, str) and bool(reason) and not Sample("", reason).truncated


def _failure(fields: Mapping[str, Any]) -> Any:
    """The error in a body; some servers give its fields alone, without a name around them."""
    bare = "choices" not in fields and any(
        isinstance(fields.get(name), str) for name in ("message", "detail")
    )
    return fields.get("error") or (fields if bare else None)


def _read_choice(choice: Any, usage: Usage | None, *, alone: bool) -> Sample | str:
    """A sample, or what is wrong with the choice."""
    fields = choice if isinstance(choice, Mapping) else {}
    message = fields.get("message", fields.get("text"))
    if isinstance(message, str):
        message = {"content": message}
    if not isinstance(message, Mapping):
        return f"a response that is no message: {choice}"
    failure = fields.get("error") or message.get("error")
    if failure:
        return f"a response that failed: {error_text(failure)}"
    said, reason = read_message(message), _reason(fields.get("finish_reason"))
    calls = read_calls(message)
    if said.text is None and said.raw is None and not calls:
        return f"a response without text (finish_reason: {reason})"
    known = usage or Usage(0, 0)
    return Sample(
        text=said.text or "",
        finish_reason=reason,
        input_tokens=known.input_tokens or None,
        output_tokens=known.output_tokens or None if alone else None,
        raw=said.raw,
        calls=calls,
        message=cleaned(message),
        logprobs=cleaned(fields.get("logprobs")),
    )


def cleaned(value: Any) -> Any:
    """A JSON value whose texts are clean: half characters could not be sent on."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return list(map(cleaned, value))
    return {clean(name): cleaned(one) for name, one in value.items()} if isinstance(value, dict) else value


def _reason(value: Any) -> str | None:
    """A finish_reason; what is no text is a reason that nobody knows."""
    if value is None:
        return None
    return clean(value) if isinstance(value, str) else json.dumps(value)


def _not_a_completion(body: bytes) -> str:
    text = body.decode("utf-8", "replace")
    if not text.strip():
        return "the endpoint answered with an empty body"
    return (
        f"not a chat completion but {error_text(text)}" if is_page(text) else f"not a chat completion: {text}"
    )
