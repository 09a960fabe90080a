"""Word problems, and three made-up models that solve them: queries and records to try the commands on.

    python records.py queries 100 > queries.jsonl
    python records.py records 1000 > records.jsonl

A problem is a sum in words, of one step to eight. A model takes step after step, each with a small chance
of a slip, the smaller the model the larger; a response is right where it ends on the right number. So
longer problems are harder, and harder still for small models, as they are for real ones. The rest is made
up. The same command always writes the same lines.
"""

from __future__ import annotations

import json
import operator
import random
import sys
from collections.abc import Iterator

SLIPS = {"small": 0.03, "medium": 0.008, "large": 0.006}  # chance of a slip in a step
RESPONSES = 4  # of each model to each problem
NAMES = ("Anna", "Ben", "Carla", "Dev", "Emma", "Farid", "Grace", "Hiro", "Ines", "Jonas", "Kofi", "Lena")
THINGS = (
    "apples",
    "beads",
    "cookies",
    "eggs",
    "marbles",
    "pencils",
    "shells",
    "stamps",
    "stickers",
    "tickets",
)
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday", "the next Monday")
OTHER = ("Hello!", "Thanks, that was all.", "Write a limerick about a cat.")  # every tenth query
SUMS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.floordiv}

Step = tuple[str, int]  # what is done with the number so far


def problem(rng: random.Random) -> tuple[str, int, list[Step]]:
    """A problem in words, the number that it starts with, and its steps."""
    name, things, start = rng.choice(NAMES), rng.choice(THINGS), rng.randint(10, 60)
    have, told, steps = start, [f"{name} has {start} {things}."], []
    for day in DAYS[: rng.randint(1, len(DAYS))]:
        said, step = happening(rng, have, things)
        told.append(f"On {day} {name} {said}.")
        steps.append(step)
        have = SUMS[step[0]](have, step[1])
    return " ".join([*told, f"How many {things} does {name} have now?"]), start, steps


def happening(rng: random.Random, have: int, things: str) -> tuple[str, Step]:
    """Something that can happen to so many things, in words and as a step."""
    few, many = rng.randint(2, 6), rng.randint(3, 12)
    happenings = [
        (f"buys {few} bags of {many} {things}", ("+", few * many)),
        (f"finds {many} more {things}", ("+", many)),
    ]
    if have > many:
        happenings.append((f"gives {many} {things} to a friend", ("-", many)))
    if have % 2 == 0:
        happenings.append((f"sells half of the {things}", ("/", 2)))
    if have < 200:
        happenings.append((f"gets as many {things} again from an aunt", ("*", 2)))
    return rng.choice(happenings)


def solve(rng: random.Random, start: int, steps: list[Step], slip: float) -> str:
    """What a model with this chance of a slip in a step writes."""
    have, lines = start, []
    for sign, by in steps:
        result = SUMS[sign](have, by) + (rng.choice((-10, -2, -1, 1, 2, 10)) if rng.random() < slip else 0)
        lines.append(f"{have} {sign} {by} = {result}")
        have = result
    return "\n".join([*lines, f"The answer is {have}"])


def records(count: int) -> Iterator[dict[str, object]]:
    """Problems with the scored responses of every model."""
    rng = random.Random(1)
    for number in range(1, count + 1):
        query, start, steps = problem(rng)
        right = solve(rng, start, steps, 0).split()[-1]
        responses = {}
        for model, slip in SLIPS.items():
            texts = [solve(rng, start, steps, slip) for _ in range(RESPONSES)]
            responses[model] = [
                {"text": text, "score": float(text.split()[-1] == right), "output_tokens": len(text) // 3}
                for text in texts
            ]
        yield {"id": f"r{number}", "source": "word problems", "query": query, "responses": responses}


def queries(count: int) -> Iterator[dict[str, object]]:
    """Other problems, without responses, and every tenth time something else."""
    rng = random.Random(42)  # with this seed no query lies at the very edge of a dial that the page sets
    for number in range(1, count + 1):
        query = OTHER[number // 10 % len(OTHER)] if number % 10 == 0 else problem(rng)[0]
        yield {"id": f"q{number}", "query": query}


if __name__ == "__main__":
    kind, count = sys.argv[1:]
    for line in {"records": records, "queries": queries}[kind](int(count)):
        print(json.dumps(line))
