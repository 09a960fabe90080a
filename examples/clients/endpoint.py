"""An endpoint without a model, to try clients and gateways on: it says the same to all, whole or in pieces.

    python examples/clients/endpoint.py [--port 8089]

Where tools are offered it calls the first, with "Paris" for all that it requires, and then tells what came.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

USAGE = {"prompt_tokens": 14, "completion_tokens": 8, "total_tokens": 22}


def message_to(request: Mapping[str, Any]) -> dict[str, Any]:
    """What the assistant says to a request."""
    last = request["messages"][-1]
    if last["role"] == "tool":
        return {"role": "assistant", "content": f"The tool says: {last['content']}."}
    for tool in request.get("tools") or ():
        function = tool["function"]
        arguments = {name: "Paris" for name in function["parameters"].get("required", ())}
        call = {"name": function["name"], "arguments": json.dumps(arguments)}
        return {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "call_1", "type": "function", "function": call}],
        }
    return {"role": "assistant", "content": "The capital of France is Paris."}


def completion(message: Mapping[str, Any]) -> dict[str, Any]:
    """A message as a whole chat completion."""
    choice = {"index": 0, "message": message, "finish_reason": _reason(message)}
    return {**_head("chat.completion"), "choices": [choice], "usage": USAGE}


def chunks(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A message as the chunks of a stream, a word each."""
    deltas: list[dict[str, Any]] = [{"role": "assistant"}]
    for place, call in enumerate(message.get("tool_calls") or ()):
        deltas.append({"tool_calls": [{"index": place, **call}]})
    for word in (message["content"] or "").split():
        deltas.append({"content": word if len(deltas) == 1 else f" {word}"})
    for delta in deltas:
        yield _chunk([{"index": 0, "delta": delta, "finish_reason": None}])
    yield _chunk([{"index": 0, "delta": {}, "finish_reason": _reason(message)}])
    yield {**_chunk([]), "usage": USAGE}


def _chunk(choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {**_head("chat.completion.chunk"), "choices": choices}


def _head(kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-1", "object": kind, "created": 1, "model": "none"}


def _reason(message: Mapping[str, Any]) -> str:
    return "tool_calls" if message.get("tool_calls") else "stop"


class Handler(BaseHTTPRequestHandler):
    """Answers every POST as a Chat Completions request."""

    def do_POST(self) -> None:
        """Answer."""
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        message, streams = message_to(request), bool(request.get("stream"))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream" if streams else "application/json")
        self.end_headers()
        if streams:
            for chunk in chunks(message):
                self.wfile.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
            self.wfile.write(b"data: [DONE]\n\n")
        else:
            self.wfile.write(json.dumps(completion(message)).encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=8089)
    ThreadingHTTPServer(("127.0.0.1", parser.parse_args().port), Handler).serve_forever()
