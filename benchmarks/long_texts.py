"""Whether what reads texts takes time in proportion to their length, whatever they hold.

    python benchmarks/long_texts.py

Texts of one pattern repeated, which make a careless regular expression try every place against every other,
above all where what it looks for fails at the end: so each stands before a letter and a mark too. For each
reader the text whose time grows most when it is twice as long: times in milliseconds of the thread, and
their ratio, the least of three. About 2 is in proportion, 4 is its square. Below a millisecond a ratio says
nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from time import thread_time

from bestroute.answering.agreement import group
from bestroute.answering.agreement.compare import told_number
from bestroute.answering.checks.table import Checks, demands_of
from bestroute.answering.thought import without_thought
from bestroute.artefacts.facts import facts_of
from bestroute.policy.rules.keywords import fold
from bestroute.policy.sampling import CHECKS
from bestroute.query import Query
from bestroute.query.features import features
from bestroute.records.record import Record, Response
from bestroute.records.score.exact import ExactOracle
from bestroute.table import table
from bestroute.text import clean

PATTERNS = (
    "x", "1", " ", "\n", "a ", "1 ", "(", "[", "{", "$", "-", "=", "*", "#", "`", "語", "é", "a.", "1,", "1.",
    "a\n", "- a\n", "```", "**", "\\", "\\(", "\\frac{", "\\boxed{", "<answer>", "<think>", "the answer is ",
    "answer: ", '"', "'", '{"a":', "only ", "in english ", "at least 3 words ", "= 1 ", "not ", "? ", "|",
    "<<", ">>", "\t", "。", "_", "!", ".", "\n ", "```\n", "```python\n", "\u00a0",
)  # fmt: skip
FRAMES = ("x {}", "{}x", "{}!", "```python\n{}x")
ASKS = (
    "Answer in English only, in at most 20 words and exactly 9 sentences. Write three paragraphs. "
    "Use exactly 4 bullet points. Include the word 'sea', do not use the word 'dog', and use the word 'cat' "
    "at least 3 times. Your entire response should be in lowercase letters. Do not use any commas. "
    "Use at least 3 hashtags, 2 placeholders and 2 highlighted sections. Give it a title in << >>. "
    "Wrap your entire response with double quotation marks. Add a postscript starting with P.S. "
    "Your entire response should be JSON. Finish your response with 'Bye'."
)
LEAST_MS = 1.0
ENOUGH = 2.2  # a ratio that no other need be taken for


def readers() -> dict[str, Callable[[str], object]]:
    """What reads a text, by name."""
    oracle = ExactOracle("number")

    def graded(text: str) -> object:
        record = Record("q", "s", "How many?", {"m": (Response(None, text=text),)}, answer="8")
        return oracle.score(record, "m", record.responses["m"])

    asked = Query.of(ASKS)

    def checked(text: str) -> object:
        return Checks(CHECKS).of(asked)(text)

    return {
        "a query": lambda text: Query.of(text).text,
        "code and formulas in it": features,
        "keywords of rules": fold,
        "thinking in a response": without_thought,
        "what a query asks for": lambda text: list(demands_of(text)),
        "checks of a response": checked,
        "agreement": lambda text: group([text, text + " 1"]),
        "the number prose comes to": told_number,
        "the exact oracle": graded,
        # Of a response six thousand characters are looked at, and sums where there is a "=".
        "facts of a response": lambda text: facts_of("Why?", [clean(text[: len(text) // 8] + "=1")]),
        "facts of a query": lambda text: facts_of(text, ["Because."]),
    }


def ms(read: Callable[[str], object], text: str) -> float:
    """Milliseconds of this thread."""
    started = thread_time()
    read(text)
    return (thread_time() - started) * 1000


def growth(read: Callable[[str], object], short: str, long: str) -> tuple[float, float, float]:
    """How many times as long the longer text takes, and the times of both, where that is least of three."""
    found = []
    for _ in range(3):
        times = ms(read, short), ms(read, long)
        found.append((times[1] / max(times[0], LEAST_MS), *times))
        if found[-1][0] < ENOUGH or times[1] > 1000:
            break
    return min(found)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--characters", type=int, default=20_000)
    options = parser.parse_args()
    rows = []
    for name, read in readers().items():
        found = []
        for pattern in PATTERNS:
            for frame in FRAMES:
                short, long = (
                    frame.format((pattern * (size // len(pattern) + 1))[:size])
                    for size in (options.characters, 2 * options.characters)
                )
                found.append((*growth(read, short, long), frame.format(pattern)))
        ratio, short, long, pattern = max(found)
        times = [f"{value:.1f}" for value in (short, long, ratio)]
        slowest, of = max((one[2], one[3]) for one in found)
        rows.append([name, repr(pattern), *times, f"{slowest:.1f} {of!r}"])
    head = ["what reads", "text", "ms", "ms, twice as long", "ratio", "slowest, twice as long"]
    print(table(head, rows))


if __name__ == "__main__":
    main()
