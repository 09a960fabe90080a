"""The main job in a minute, on the embedded models and a real local LLM: `make demo` runs this.

First a policy before there is any record: which everyday queries leave the reference. Then what scored
answers of own models add, on queries that fitted nothing; neither asks a model. Then SmolLM2-135M is served
on this machine and asked for four answers, of which one is kept; and last under a policy that asks its dial
twice, for a question on which its answers should agree and one on which they should not. They are sampled, so
what is said afterwards is read from what happened.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from local_model import serving

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / "build" / "demo"
EVERYDAY = "bestroute/retune/calibrate/everyday.jsonl"
MODELS = ("llama-3.1-8b=0.18/0.18", "gpt-4o=2.50/10.00")
QUESTION = "What is 5 + 3?"
EASY = "What is the capital of France? Answer in one short sentence."
HARD = "What is 137 times 249? Answer with the number only."


def bestroute(*words: str) -> str:
    """Run a command as a user would, and show it. Gives what it said on stderr: of `ask`, the trace."""
    print("\n$ bestroute", *(f'"{word}"' if " " in word else word for word in words), flush=True)
    command = [sys.executable, "-m", "bestroute", *words]
    ran = subprocess.run(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    print(ran.stderr, end="", file=sys.stderr, flush=True)
    if ran.returncode:
        sys.exit(ran.returncode)
    return ran.stderr


def cold_start(scratch: Path) -> None:
    """Set the dial of a first policy by share, and tell which of the queries that it is set on leave."""
    policy, decisions = str(scratch / "first.yaml"), scratch / "decisions.jsonl"
    bestroute("init", policy, *(word for model in MODELS for word in ("--model", model)))
    bestroute("dry-run", policy, EVERYDAY, "--out", str(decisions))
    queries = map(json.loads, (ROOT / EVERYDAY).read_text("utf-8").splitlines())
    decided = map(json.loads, decisions.read_text("utf-8").splitlines())
    levels = [
        (query["metadata"]["level"], decision["model"] == "gpt-4o")
        for query, decision in zip(queries, decided, strict=True)
    ]
    asked, stayed = Counter(level for level, _ in levels), Counter(level for level, stays in levels if stays)
    told = (f"{stayed[level]} of {asked[level]} meant to be {level}" for level in asked)
    print(f"-> gpt-4o keeps {', '.join(told)}; nobody has told the router which are which.")


def adapt(scratch: Path) -> None:
    """Learn from scored answers of three LLMs that run on a laptop."""
    records = "examples/records"
    bestroute(
        "adapt", f"{records}/policy.yaml", f"{records}/scored.jsonl.gz", "--out", str(scratch / "adapter")
    )


def ask_twice(policy: str, question: str) -> None:
    """Ask under a policy that escalates, and tell in words what the trace shows."""
    trace = bestroute("ask", policy, question, "--all")
    if "is above" in trace:
        print("-> The gap after was above the dial, so the next tier was asked.")
    elif "is within" in trace:
        print("-> The gap after was within the dial, so nothing more was asked.")


def ask(scratch: Path) -> None:
    """Ask the local model."""
    print("\nstarting SmolLM2-135M (93 MB are fetched the first time)", file=sys.stderr, flush=True)
    with serving() as base_url:
        policies = {}
        for name in ("local.yaml", "local-escalate.yaml"):
            text = (ROOT / "policies" / name).read_text("utf-8")
            path = scratch / name
            path.write_text(text.replace("http://127.0.0.1:8089/v1", base_url), "utf-8")
            policies[name] = str(path)
        print(f"\nSmolLM2-135M answers at {base_url}; policies/local.yaml with that address:")
        bestroute("ask", policies["local.yaml"], QUESTION, "--all")
        print("\nThe dial asked twice, policies/local-escalate.yaml: the next tier only if need be.")
        for question in (EASY, HARD):
            ask_twice(policies["local-escalate.yaml"], question)


def main() -> None:
    """Start cold, adapt, then ask the local model."""
    shutil.rmtree(KEPT, ignore_errors=True)
    KEPT.mkdir(parents=True)
    print("Before any record: a first policy, its dial set by share on everyday queries.")
    cold_start(KEPT)
    print("\nWith records: what 253 scored prompts of own models add; examples/records tells of them.")
    print("cross-validating on them, which may take a minute", file=sys.stderr, flush=True)
    adapt(KEPT)
    with tempfile.TemporaryDirectory() as folder:
        ask(Path(folder))
    print(f"\nThe first policy and the adapter stay in {KEPT.relative_to(ROOT)}, until the next demo.")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nAborted!", file=sys.stderr)
        sys.exit(130)
