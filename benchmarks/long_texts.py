"""Whether what reads texts takes time in proportion to their length, whatever they hold.

    python benchmarks/long_texts.py

Texts of one pattern repeated, which make a careless regular expression try every place against every other.
For each reader the pattern whose time grows most when the text is twice as long: times in milliseconds of
the thread, the least of three, and their ratio. About 2 is in proportion, 4 is its square. Below a
millisecond a ratio says nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from time import thread_time

from bestroute.answering.agreement import group
from bestroute.answering.agreement.compare import told_number
from bestroute.answering.checks.table import Checks, demands_of
from bestroute.artefacts.facts import facts_of
from bestroute.policy.sampling import CHECKS
from bestroute.query import Query
from bestroute.records.record import Record, Response
from bestroute.records.score.exact import ExactOracle
from bestroute.table import table
from bestroute.text import clean

PATTERNS = (
    "x", "1", " ", "\n", "a ", "1 ", "(", "[", "{", "$", "-", "=", "*", "#", "`", "語", "é", "a.", "1,", "1.",
    "a\n", "- a\n", "```", "**", "\\", "\\(", "\\frac{", "\\boxed{", "<answer>", "<think>", "the answer is ",
    "answer: ", '"', "'", '{"a":', "only ", "in english ", "at least 3 words ", "= 1 ", "not ", "? ", "|",
    "<<", ">>", "\t", "。",
)  # fmt: skip
LEAST_MS = 1.0


def readers() -> dict[str, Callable[[str], object]]:
    """What reads a text, by name."""
    oracle = ExactOracle("number")

    def graded(text: str) -> object:
        record = Record("q", "s", "How many?", {"m": (Response(None, text=text),)}, answer="8")
        return oracle.score(record, "m", record.responses["m"])

    asked = Query.of("Answer in English, in at most 20 words, as JSON, without commas, and end with 'Bye'.")

    def checked(text: str) -> object:
        return Checks(CHECKS).of(asked)(text)

    return {
        "a query": lambda text: Query.of(text).text,
        "what a query asks for": lambda text: list(demands_of(text)),
        "checks of a response": checked,
        "agreement": lambda text: group([text, text + " 1"]),
        "the number prose comes to": told_number,
        "the exact oracle": graded,
        "facts of a response": lambda text: facts_of("Why?", [clean(text)]),
        "facts of a query": lambda text: facts_of(text, ["Because."]),
    }


def least_ms(read: Callable[[str], object], text: str) -> float:
    """Milliseconds of this thread, the least of three."""
    times = []
    for _ in range(3):
        started = thread_time()
        read(text)
        times.append(thread_time() - started)
        if times[-1] > 1:
            break
    return min(times) * 1000


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
            short, long = (
                least_ms(read, "x " + (pattern * (size // len(pattern) + 1))[:size])
                for size in (options.characters, 2 * options.characters)
            )
            found.append((long / max(short, LEAST_MS), short, long, pattern))
        ratio, short, long, pattern = max(found)
        times = [f"{value:.1f}" for value in (short, long, ratio)]
        slowest, of = max((one[2], one[3]) for one in found)
        rows.append([name, repr(pattern), *times, f"{slowest:.1f} {of!r}"])
    head = ["what reads", "pattern", "ms", "ms, twice as long", "ratio", "slowest, twice as long"]
    print(table(head, rows))


if __name__ == "__main__":
    main()
