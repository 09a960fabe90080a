"""Ask three local LLMs the prompts that lie here, and score what they say: how scored.jsonl.gz was made.

    pip install ".[client]" xllamacpp
    python examples/records/make.py build/records        # about half an hour on one core; fetches 1.7 GB

Each model is served by itself and asked by `bestroute collect`; stopped at any point, the same command goes
on.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from local_model import serving  # noqa: E402

# Of policy.yaml: the name of each model, its port there, what serves it, and the responses a prompt.
ASKED = [
    ("qwen2.5-coder-1.5b", 8093, "qwen2.5-coder-1.5b-instruct", 1),  # at temperature 0 it says the same again
    ("qwen2.5-coder-0.5b", 8092, "qwen2.5-coder-0.5b-instruct", 4),
    ("smollm2-135m", 8091, "smollm2-135m-instruct", 4),
]


def bestroute(*words: str | Path) -> None:
    """Run a command; ends this script where it fails."""
    subprocess.run([sys.executable, "-m", "bestroute", *map(str, words)], check=True)


def main(out: Path) -> None:
    """Collect from each model, then score."""
    out.mkdir(parents=True, exist_ok=True)
    policy, prompts, collected = HERE / "policy.yaml", HERE / "prompts.jsonl", out / "collected.jsonl"
    for name, port, served, samples in ASKED:
        with serving(port, model=served):
            ask = ("--model", name, "--samples", str(samples), "--concurrency", "2", "--out", collected)
            bestroute("collect", policy, prompts, *ask)
    bestroute("score", collected, "--oracle", "exact", "--no-reward", "--out", out / "scored.jsonl.gz")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
