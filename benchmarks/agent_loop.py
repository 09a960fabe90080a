"""An agent loop of 12 turns with tools on scripted endpoints: switches and cost, with sessions and without.

    python benchmarks/agent_loop.py

An agent works through four tasks in one conversation, three turns each: it asks, the model calls a tool,
the result goes back, the model calls another, and answers. The endpoint is scripted, with a prompt cache
for each model: what a prompt shares with an earlier one of that model is billed as cached, for good. A
router that routes each turn for itself runs beside one with sessions, on three policies: a Markdown table,
costs as they were billed, `lost` the mean predicted gap of the turns. Then what a session adds to one
route(), in microseconds of the thread's processor time: the medians of calls in turn, with and without, on
the embedded router model and on one that takes no time.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from time import thread_time_ns
from typing import Any

import numpy as np

from bestroute import Router
from bestroute.artefacts.manifest import default_folder
from bestroute.artefacts.predictor import OnnxPredictor, Prediction
from bestroute.policy import Policy
from bestroute.query import Message, Session
from bestroute.text import estimate_tokens

MODELS = {"small": (0.18, 0.18, 0.18), "medium": (0.25, 0.025, 2.00), "large": (1.25, 0.125, 10.00)}
TASKS = (
    "List the files that hold the invoices of March.",
    "Prove that the rounding of the totals never loses a cent, whatever the order of the lines.",
    "Rename the files so that they sort by date.",
    "Find why two of the totals differ from the ledger by a third of a cent, and show the mend is right.",
)
HARD = ("Prove", "Find why")
TOOLS_A_TASK = 2
POLICIES: dict[str, dict[str, Any]] = {
    "max_gap": {"max_gap": 0.03},
    "max_gap, keep 0.2": {"max_gap": 0.03, "sampling": {"session": {"keep": 0.2}}},
    "cost_per_point": {"cost_per_point": 0.05},
}
SYSTEM = {"role": "system", "content": "You keep the books. " + "Every rule of the house, in a line. " * 2000}
_NO_SESSIONS = "each turn for itself"


class Scripted:
    """A predictor that is sure: the last task is hard, or easy; the tools do not change that."""

    manifest = OnnxPredictor(default_folder("router")).manifest

    def tokenize(self, texts: Any) -> Any:
        """The texts themselves."""
        return list(texts)

    def predict(self, rows: Any, time_budget_s: float | None = None) -> Prediction:
        """Quality by whether the last task is a hard one."""
        count, n = len(rows), self.manifest.max_n
        quality = np.full((count, 3, n), 0.9, np.float32)
        for row, text in enumerate(rows):
            if text.rpartition("\n\n")[2].startswith(HARD):
                quality[row, 0], quality[row, 1] = 0.5, 0.75
        return Prediction(quality, quality, np.full((count, 3), 60, np.float32))


class Endpoint:
    """Every model, scripted: it calls tools, then answers; prompts that share a beginning with an earlier one
    of the same model are billed as cached so far, in blocks of 128 tokens from 1,024 on."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, bool]] = []
        self._seen: dict[str, list[list[str]]] = {}

    def __call__(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """A chat completion for a request."""
        model, messages = body["model"], body["messages"]
        self.asked.append((model, messages[-1]["role"] == "tool"))
        parts = [json.dumps(message, sort_keys=True) for message in messages]
        cached = max((_shared(parts, seen) for seen in self._seen.get(model, ())), default=0)
        self._seen.setdefault(model, []).append(parts)
        usage = {
            "prompt_tokens": sum(map(estimate_tokens, parts)),
            "completion_tokens": 60,
            "prompt_tokens_details": {"cached_tokens": cached // 128 * 128 if cached >= 1024 else 0},
        }
        return {
            "choices": [{"index": 0, "finish_reason": "stop", "message": _says(messages)}],
            "usage": usage,
        }


def _shared(parts: list[str], seen: list[str]) -> int:
    tokens = 0
    for one, other in zip(parts, seen, strict=False):
        if one != other:
            break
        tokens += estimate_tokens(one)
    return tokens


def _says(messages: list[Message]) -> dict[str, Any]:
    """A call of a tool until a task has had its two, then its answer."""
    results = 0
    for message in reversed(messages):
        if message["role"] == "user":
            break
        results += message["role"] == "tool"
    if results < TOOLS_A_TASK:
        function = {"name": "shell", "arguments": json.dumps({"command": f"step {results}"})}
        return {"role": "assistant", "content": None, "tool_calls": [
            {"id": f"call-{len(messages)}", "type": "function", "function": function}]}  # fmt: skip
    return {"role": "assistant", "content": "Done: " + "what was found, in a line. " * 8}


@dataclass(frozen=True)
class Told:
    """What one loop came to. `broken`: switches between a call and its result."""

    turns: int
    switches: int
    broken: int
    cost: float
    lost: float
    models: str


def loop(policy: Policy, sessions: bool) -> Told:
    """The agent's loop: route, ask the model that was chosen, run the tools that it calls."""
    router, endpoint = Router(policy, predictor=Scripted(), time_budget_s=None), Endpoint()
    messages: list[Any] = [SYSTEM]
    state: Session | None = None
    cost, gaps = 0.0, []
    for task in TASKS:
        messages.append({"role": "user", "content": task})
        while messages[-1]["role"] != "assistant":
            request = {"messages": messages, "tools": [{"type": "function", "function": {"name": "shell"}}]}
            decision = router.route(request, session=state if sessions else None)
            state = decision.session
            gaps.append(decision.gap or 0.0)
            reply = endpoint({"model": decision.model, **request})
            usage, message = reply["usage"], reply["choices"][0]["message"]
            cached = usage["prompt_tokens_details"]["cached_tokens"]
            cost += policy.model(decision.model).cost(
                1, usage["prompt_tokens"], usage["completion_tokens"], cached
            )
            messages.append(message)
            for call in message.get("tool_calls") or ():
                result = "a line of the ledger\n" * 60
                messages.append({"role": "tool", "tool_call_id": call["id"], "content": result})
    asked = endpoint.asked
    moves = [
        (before != after, in_loop) for (before, _), (after, in_loop) in zip(asked, asked[1:], strict=False)
    ]
    return Told(
        len(asked),
        sum(moved for moved, _ in moves),
        sum(moved and in_loop for moved, in_loop in moves),
        cost,
        statistics.mean(gaps),
        " ".join(name[0] for name, _ in asked),
    )


def policy_of(parts: Mapping[str, Any]) -> Policy:
    """Three models that take tools, and one of the dials."""
    models = [
        {"name": name, "class": name, "capabilities": ["tools"],
         "price": {"input": price, "cached_input": cached, "output": output}}
        for name, (price, cached, output) in MODELS.items()
    ]  # fmt: skip
    content = {
        "version": 1, "models": models, "reference": "large", "tiers": [{"model": name} for name in MODELS],
        "sampling": {"session": {}}, "abstain": False, **parts,
    }  # fmt: skip
    return Policy.model_validate(content, strict=False)


def overhead(runs: int, predictor: Any) -> tuple[float, float, float]:
    """Medians of a route() of a conversation of 26 messages, in microseconds: without a session and with one,
    in turn, and of their differences."""
    messages = [SYSTEM]
    for task in TASKS * 3:
        messages += [{"role": "user", "content": task}, {"role": "assistant", "content": "Done."}]
    messages = [*messages, {"role": "user", "content": TASKS[0]}]
    plain = Policy.model_validate(
        policy_of({"max_gap": 0.03}).model_dump(exclude={"sampling"}, by_alias=True), strict=False
    )
    with_, without = (
        Router(one, predictor=predictor, time_budget_s=None) for one in (policy_of({"max_gap": 0.03}), plain)
    )
    state = Session("medium", 1500)
    spans = np.array([
        (_timed(lambda: without.route(messages)), _timed(lambda: with_.route(messages, session=state)))
        for _ in range(runs)
    ])  # fmt: skip
    return (*np.median(spans, axis=0), float(np.median(spans[:, 1] - spans[:, 0])))


def _timed(call: Any) -> float:
    started = thread_time_ns()
    call()
    return (thread_time_ns() - started) / 1e3


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=400)
    options = parser.parse_args()
    print("| policy | | turns | models | switches | in tool loops | US$ | lost |")
    print("|---|---|---:|---|---:|---:|---:|---:|")
    for name, parts in POLICIES.items():
        for sessions in (False, True):
            told = loop(policy_of(parts), sessions)
            way = "with sessions" if sessions else _NO_SESSIONS
            print(
                f"| {name} | {way} | {told.turns} | {told.models} | {told.switches} | {told.broken} | "
                f"{told.cost:.5f} | {told.lost:.3f} |"
            )
    print("\n| route(), us | without | with a session | more |\n|---|---:|---:|---:|")
    for name, predictor in (("embedded", OnnxPredictor(default_folder("router"))), ("no model", Scripted())):
        without, with_, more = overhead(options.runs, predictor)
        print(f"| {name} | {without:.0f} | {with_:.0f} | {more:.0f} |")


if __name__ == "__main__":
    main()
