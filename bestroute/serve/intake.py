"""A body, read within limits, to an object. What cannot be one is refused here, and nowhere later."""

from __future__ import annotations

import asyncio
import json
from typing import Any, NoReturn

from starlette.requests import ClientDisconnect, Request

from bestroute.answering.clock import in_time
from bestroute.serve.refusals import Refusal
from bestroute.serve.settings import Limits
from bestroute.text import finite


async def read_object(request: Request, limits: Limits) -> dict[str, Any]:
    """The JSON object that a request sends. Raises Refusal where it is too large, too slow, or none."""
    _check_encoding(request.headers.get("content-encoding", ""))
    _check_length(request.headers.get("content-length"), limits)
    try:
        body = await in_time(limits.body_s, _read(request, limits))
    except asyncio.TimeoutError:
        raise Refusal(408, f"the body did not come within {limits.body_s:g} s", "request_timeout") from None
    except ClientDisconnect:
        raise Refusal(499, "the caller went away", "caller_gone") from None
    return parse_object(body, limits)


def parse_object(body: bytes, limits: Limits) -> dict[str, Any]:
    """The object that a body is. Raises Refusal."""
    try:
        text = body.decode("utf-8").removeprefix("\ufeff")
        value = json.loads(text, parse_constant=_no_number, parse_float=finite)
    except UnicodeDecodeError as error:
        raise Refusal(400, f"the body is not UTF-8 (byte {error.start + 1})", "invalid_json") from None
    except RecursionError:
        raise _too_deep(limits) from None
    except ValueError as error:
        raise Refusal(400, f"the body is not JSON: {error}", "invalid_json") from None
    if not isinstance(value, dict):
        raise Refusal(400, "the body must be a JSON object", "invalid_json")
    _check_depth(value, limits)
    return _whole_characters(value) if b"\\ud" in body.lower() else value


def _check_encoding(told: str) -> None:
    if told.strip().lower() not in ("", "identity"):
        raise Refusal(
            415,
            f"the body is said to be encoded as {told[:100]!r}; send it as it is, without content-encoding",
            "unsupported_media_type",
            headers={"accept-encoding": "identity"},
        )


def _check_length(told: str | None, limits: Limits) -> None:
    if told is not None and told.isdecimal() and int(told) > limits.body_bytes:
        raise _too_large(limits)


async def _read(request: Request, limits: Limits) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > limits.body_bytes:
            raise _too_large(limits)
    return bytes(body)


def _too_large(limits: Limits) -> Refusal:
    return Refusal(413, f"the body is larger than {limits.body_bytes} bytes", "request_too_large")


def _too_deep(limits: Limits) -> Refusal:
    return Refusal(400, f"the body is nested deeper than {limits.depth} levels", "too_deep")


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _check_depth(value: Any, limits: Limits) -> None:
    level = [value]
    for _ in range(limits.depth):
        level = [
            inner
            for one in level
            for inner in (one.values() if isinstance(one, dict) else one)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return
    raise _too_deep(limits)


def _whole_characters(value: dict[str, Any]) -> dict[str, Any]:
    """The same with `?` for halves of characters, which no endpoint could be sent."""
    text = json.dumps(value, ensure_ascii=False)
    whole: dict[str, Any] = json.loads(text.encode("utf-8", "replace"))
    return whole
