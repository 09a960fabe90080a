"""Whether the reward model keeps an answer before a response that answers nothing.

    python benchmarks/evasions.py exported_models/reward [OTHER...]

Twelve plain questions in four languages, each with a right answer and eight ways to say nothing that no
training has (`bestroute/train/evasions.py` lists those it has): in how many of the 96 pairs the answer has
the higher reward, and the mean reward of each kind.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from bestroute.artefacts.reward import OnnxRewardModel
from bestroute.table import table

ANSWERS = {
    "What is the capital of France?": "The capital of France is Paris.",
    "What is 17 + 25?": "17 + 25 = 42. The answer is 42.",
    "Why is the sky blue?": "Because of Rayleigh scattering.",
    "Who wrote Hamlet?": "William Shakespeare",
    "How many legs has a spider?": "8",
    "Translate 'good morning' into French.": "Bonjour",
    "Name three primary colours.": "Red, yellow and blue.",
    "How do I centre a div?": "Use flexbox: display: flex; justify-content: center; align-items: center;",
    "Was ist die Hauptstadt von Italien?": "Rom",
    "Wie viele Tage hat ein Schaltjahr?": "366",
    "¿Quién pintó Las Meninas?": "Diego Velázquez",
    "日本の首都はどこですか？": "東京です。",
}
NOTHING = (
    "No clue, sorry.",
    "That is beyond me.",
    "I really could not say.",
    "This question is too hard for me.",
    "I'd rather not answer.",
    "Who knows?",
    "I have absolutely no idea what the answer is.",
    "I don't know that one.",
)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("reward", type=Path, nargs="+", help="artefact folders")
    rows = []
    for folder in parser.parse_args().reward:
        model = OnnxRewardModel(folder)
        rewards = np.array([model.rewards(query, [said, *NOTHING]) for query, said in ANSWERS.items()])
        higher = int((rewards[:, :1] > rewards[:, 1:]).sum())
        means = (f"{rewards[:, 0].mean():.2f}", f"{rewards[:, 1:].mean():.2f}")
        rows.append([str(folder), f"{higher} of {rewards[:, 1:].size}", *means])
    print(table(["reward model", "the answer is higher", "mean of answers", "of the others"], rows))


if __name__ == "__main__":
    main()
