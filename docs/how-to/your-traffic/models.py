"""A log of prompts, and two made-up models that answer them on this machine, to try the commands on.

    python models.py log 1000 > log.jsonl
    python models.py serve 8097

The prompts are the word problems of records.py, which stands beside this file. The models slip as those
there do, the small one more often than there; the same model always gives the same answer to a prompt.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from records import Step, problem, solve

SLIPS = {"llama-3.1-8b": 0.08, "gpt-4o": 0.005}
MOST = 10_000  # prompts that the models know


def problems(count: int) -> Iterator[tuple[str, int, list[Step]]]:
    """Prompts in words, the number that each starts with, and its steps."""
    rng = random.Random(7)
    return (problem(rng) for _ in range(count))


@cache
def known() -> dict[str, tuple[int, list[Step]]]:
    """The problem of every prompt."""
    return {query: (start, steps) for query, start, steps in problems(MOST)}


class Models(BaseHTTPRequestHandler):
    """Chat completions, by the name of the model."""

    def do_POST(self) -> None:
        """Answer one prompt."""
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        model, query = asked["model"], asked["messages"][-1]["content"]
        start, steps = known()[query]
        text = solve(random.Random(f"{model} {query}"), start, steps, SLIPS[model])
        usage = {"prompt_tokens": len(query) // 4, "completion_tokens": len(text) // 3}
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        body = json.dumps({"object": "chat.completion", "choices": [choice], "usage": usage}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing of a request."""


if __name__ == "__main__":
    what, number = sys.argv[1], int(sys.argv[2])
    if what == "log":
        for query, start, steps in problems(number):
            right = solve(random.Random(0), start, steps, slip=0).split()[-1]
            print(json.dumps({"query": query, "answer": right}))
    else:
        known()
        with ThreadingHTTPServer(("127.0.0.1", number), Models) as server:
            print("listening", flush=True)
            server.serve_forever()
