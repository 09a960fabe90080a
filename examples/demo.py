"""The main job in a minute, on the embedded models and a real local LLM: `make demo` runs this.

First a dry run of the example queries, which asks no model. Then SmolLM2-135M is served on this machine and
asked for four answers, of which the reward model keeps one.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from local_model import serving

ROOT = Path(__file__).resolve().parents[1]
QUESTION = "What is 5 + 3?"


def bestroute(*words: str) -> None:
    """Run a command as a user would, and show it."""
    print("\n$ bestroute", *(f'"{word}"' if " " in word else word for word in words), flush=True)
    subprocess.run([sys.executable, "-m", "bestroute", *words], cwd=ROOT, check=True)


def main() -> None:
    """Dry-run the examples, then ask the local model."""
    bestroute("dry-run", "policy.example.yaml", "examples/queries.jsonl")
    with serving() as base_url, tempfile.TemporaryDirectory() as scratch:
        policy = Path(scratch) / "local.yaml"
        text = (ROOT / "policies" / "local.yaml").read_text("utf-8")
        policy.write_text(text.replace("http://127.0.0.1:8089/v1", base_url), "utf-8")
        print(f"\nSmolLM2-135M answers at {base_url}; policies/local.yaml with that address:")
        bestroute("ask", str(policy), QUESTION, "--all")


if __name__ == "__main__":
    main()
