"""The main job in a minute, on the embedded models and a real local LLM: `make demo` runs this.

First a dry run of the example queries, which asks no model. Then SmolLM2-135M is served on this machine and
asked for four answers, of which one is kept; and last under a policy that asks its dial twice, for a question
on which its answers should agree and one on which they should not. They are sampled, so what is said
afterwards is read from what happened.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from local_model import serving

ROOT = Path(__file__).resolve().parents[1]
QUESTION = "What is 5 + 3?"
EASY = "What is the capital of France? Answer with one word only."
HARD = "What is 137 times 249? Answer with the number only."


def bestroute(*words: str) -> str:
    """Run a command as a user would, and show it. Gives what it said on stderr: of `ask`, the trace."""
    print("\n$ bestroute", *(f'"{word}"' if " " in word else word for word in words), flush=True)
    command = [sys.executable, "-m", "bestroute", *words]
    ran = subprocess.run(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    print(ran.stderr, end="", file=sys.stderr, flush=True)
    ran.check_returncode()
    return ran.stderr


def ask_twice(policy: str, question: str) -> None:
    """Ask under a policy that escalates, and tell in words what the trace shows."""
    trace = bestroute("ask", policy, question, "--all")
    if "is above" in trace:
        print("-> The gap after was above the dial, so the next tier was asked.")
    elif "is within" in trace:
        print("-> The gap after was within the dial, so nothing more was asked.")


def main() -> None:
    """Dry-run the examples, then ask the local model."""
    bestroute("dry-run", "policy.example.yaml", "examples/queries.jsonl")
    with serving() as base_url, tempfile.TemporaryDirectory() as scratch:
        policies = {}
        for name in ("local.yaml", "local-escalate.yaml"):
            text = (ROOT / "policies" / name).read_text("utf-8")
            path = Path(scratch) / name
            path.write_text(text.replace("http://127.0.0.1:8089/v1", base_url), "utf-8")
            policies[name] = str(path)
        print(f"\nSmolLM2-135M answers at {base_url}; policies/local.yaml with that address:")
        bestroute("ask", policies["local.yaml"], QUESTION, "--all")
        print("\nThe dial asked twice, policies/local-escalate.yaml: the next tier only if need be.")
        for question in (EASY, HARD):
            ask_twice(policies["local-escalate.yaml"], question)


if __name__ == "__main__":
    main()
