"""Streams of a real model on this machine: what reaches the caller, and when.

    python benchmarks/local_streams.py

Serves SmolLM2-135M by llama.cpp (examples/local_model.py) and streams four requests through
`Router.astream`: one response, four sampled, two asked before a dearer tier by `escalate`, and one with
tools, a seed and a stop. For each the events, the first chunk and the end in seconds, the arms that were
asked, tokens as billed, and how sure the model was of what was kept.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections import Counter
from pathlib import Path
from time import perf_counter
from typing import Any

from bestroute import Chunk, Ended, Policy, Router
from bestroute.table import table

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))
from local_model import serving  # type: ignore[import-not-found]

QUESTION = "What is 12 times 12?"
TOOL = {
    "name": "multiply",
    "parameters": {
        "type": "object",
        "properties": {"a": {"type": "number"}, "b": {"type": "number"}},
        "required": ["a", "b"],
    },
}
TOOLS = {"tools": [{"type": "function", "function": TOOL}], "seed": 3, "stop": ["\n\n"]}
ALL = {"name": "all", "when": {"tokens": {"min": 1}}, "route": {"model": "small", "n": 4}}
CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "one response": ({}, {}),
    "four sampled": ({"rules": (ALL,)}, {}),
    "escalated": ({"sampling": {"escalate": True}, "max_gap": 0.1}, {}),
    "tools, seed, stop": ({}, TOOLS),
}


def policy_of(base_url: str, tokens: int, **parts: Any) -> Policy:
    """One endpoint as two models, the second dearer."""
    endpoint = {"base_url": base_url, "timeout_s": 600.0}
    asked = {"logprobs": True, "top_logprobs": 2}
    models = tuple(
        {"name": name, "class": name, "price": {"input": price, "output": price}, "endpoint": endpoint,
         "params": asked, "capabilities": ("tools",)}
        for name, price in (("small", 0.1), ("large", 1.0))
    )  # fmt: skip
    sampling = {"max_tokens": tokens, "timeout_s": 600.0, "deadline_s": 600.0, **parts.pop("sampling", {})}
    whole = {
        "version": 1, "models": models, "reference": "large", "max_gap": 0.5,
        "tiers": ({"model": "small"}, {"model": "small", "n": 2}, {"model": "large"}), "abstain": False,
        "sampling": sampling,
    }  # fmt: skip
    return Policy.model_validate(whole | parts)


async def row(name: str, policy: Policy, fields: dict[str, Any]) -> list[str]:
    """One stream."""
    kinds: Counter[str] = Counter()
    first, began = float("nan"), perf_counter()
    request = {"messages": [{"role": "user", "content": QUESTION}], **fields}
    async for event in Router(policy).astream(request):
        if isinstance(event, Chunk) and not kinds["Chunk"]:
            first = perf_counter() - began
        kinds[type(event).__name__] += 1
        if isinstance(event, Ended):
            answer = event.answer
    arms = ", ".join(attempt.arm for attempt in answer.attempts)
    usage = f"{answer.usage.input_tokens} + {answer.usage.output_tokens}" if answer.usage else "-"
    sure = answer.sample.sureness
    events = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    ends = perf_counter() - began
    return [
        name,
        events,
        f"{first:.2f}",
        f"{ends:.2f}",
        arms,
        usage,
        str(sure.mean_logprob),
        str(sure.least_margin),
    ]


def main() -> None:
    """Serve, stream and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8089)
    parser.add_argument("--tokens", type=int, default=24, help="tokens a response at most")
    options = parser.parse_args()
    head = ["", "events", "first s", "end s", "asked", "tokens", "mean logprob", "least margin"]
    with serving(options.port) as base_url:
        rows = [
            asyncio.run(row(name, policy_of(base_url, options.tokens, **parts), fields))
            for name, (parts, fields) in CASES.items()
        ]
    print(table(head, rows))


if __name__ == "__main__":
    main()
