"""How well responses are grouped by their answer, and how long it takes, on records with scores of 0 and 1.

    python benchmarks/grouping.py records/{gsm8k,math_l5,crux,mmlu_pro}.jsonl.gz
    python benchmarks/grouping.py --labels records/{gsm8k,math_l5,crux,mmlu_pro}.jsonl.gz
    python benchmarks/grouping.py --speed

All responses of a query are grouped at once. `right together`: share of the pairs of right responses that
agree. `right with wrong`: share of the pairs of a right and a wrong response that agree: each is a wrong
answer that would be returned as agreed upon, or a fault of the recorded score. --labels grades every response
anew and counts where that differs from the recorded score; records without right answers are graded by what
most of the responses that were scored 1 state. With --examples so many of each fault are printed. --speed
times grouping four responses of about 500 tokens on one core.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bestroute.answering.agreement import group
from bestroute.answering.agreement.compare import answers_of, is_right
from bestroute.answering.agreement.group import labels_of
from bestroute.records.lines import read_records
from bestroute.records.record import Record, family_of

RUNS = 200
STEP = (
    "In step {step} we multiply what is on the shelf by {step} and take away the pens that were sold in the "
    "morning, which leaves {step} times 12 - 5 pens, so that the total is about ${step},000. "
)
ENDS = {
    "the answer is": "The answer is {answer}.",
    "JSON": '{{"why": "as shown above", "answer": "{answer}"}}',
    "box": r"Therefore \boxed{{\frac{{{answer}}}{{7}}}}.",
    "letter": "The answer is (B).",
    "free text": "That is all that can be said of {answer} pens.",
}


def pairs(record: Record) -> Iterator[tuple[str, str, bool, bool, bool]]:
    """Every two responses of a query: texts, whether each is right, and whether they agree."""
    items = [item for pool in record.responses.values() for item in pool if item.text is not None]
    texts = [item.text or "" for item in items]
    of = group(texts).of
    for one in range(len(items)):
        for other in range(one):
            right = [items[place].score == 1 for place in (one, other)]
            yield texts[one], texts[other], right[0], right[1], of[one] == of[other]


def quality(records: Sequence[Record], examples: int) -> dict[str, Any]:
    """By source: counts of pairs, and how many of them agree."""
    report: dict[str, Any] = {}
    shown: dict[tuple[str, bool], int] = defaultdict(int)
    for record in records:
        row = report.setdefault(
            family_of(record.source), dict.fromkeys(("right", "together", "mixed", "false"), 0)
        )
        for one, other, first, second, agree in pairs(record):
            if not first and not second:
                continue
            both = first and second
            row["right" if both else "mixed"] += 1
            row["together" if both else "false"] += agree
            fault = (family_of(record.source), both)
            if agree != both and shown[fault] < examples:
                shown[fault] += 1
                print(f"{record.id} {'apart' if both else 'together'}:\n  {one[-200:]!r}\n  {other[-200:]!r}")
    return report


def labels(records: Sequence[Record], examples: int) -> dict[str, Any]:
    """By source: responses, and those that are graded otherwise than recorded, either way."""
    report: dict[str, Any] = {}
    counts = ("responses", "no longer right", "now right", "queries without a right response")
    for record in records:
        row = report.setdefault(family_of(record.source), dict.fromkeys(counts, 0))
        items = [item for pool in record.responses.values() for item in pool if item.text is not None]
        answers = [answers_of(item.text or "") for item in items]
        right = [answer for item, (answer, *_) in zip(items, answers, strict=True) if item.score == 1]
        if not right:
            row["queries without a right response"] += 1
            continue
        key = labels_of(right)
        reference = right[key.index(Counter(key).most_common(1)[0][0])]
        row["responses"] += len(items)
        for item, said in zip(items, answers, strict=True):
            graded = any(is_right(answer, reference) for answer in said)
            if graded == (item.score == 1):
                continue
            way = "now right" if graded else "no longer right"
            row[way] += 1
            if row[way] <= examples:
                print(f"{record.id} {way}, {reference.core}:\n  {(item.text or '')[-160:]!r}")
    return report


def speed() -> dict[str, float]:
    """Median milliseconds of grouping four responses of about 500 tokens, by how they end."""
    took = {}
    for name, end in ENDS.items():
        texts = [
            "".join(STEP.format(step=place + step) for step in range(13)) + end.format(answer=4 + place // 2)
            for place in range(4)
        ]
        times = []
        for _ in range(RUNS):
            started = time.process_time()
            group(texts)
            times.append((time.process_time() - started) * 1000)
        took[name] = statistics.median(times)
    return took


def main() -> None:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("records", type=Path, nargs="*")
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--labels", action="store_true")
    parser.add_argument("--examples", type=int, default=0, metavar="N")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    report: dict[str, Any] = {}
    if options.speed:
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        report["speed_ms"] = speed()
    if options.records:
        records = list(read_records(options.records))
        measure = labels if options.labels else quality
        report["labels" if options.labels else "pairs"] = measure(records, options.examples)
    if options.json:
        print(json.dumps(report))
    else:
        print_tables(report)


def print_tables(report: dict[str, Any]) -> None:
    """Markdown."""
    if "pairs" in report:
        print(
            "| source | pairs of right ones | right together | pairs of right and wrong | right with wrong |"
        )
        print("|---|---:|---:|---:|---:|")
        for source, row in report["pairs"].items():
            together, false = row["together"] / max(row["right"], 1), row["false"] / max(row["mixed"], 1)
            print(f"| {source} | {row['right']:,} | {together:.1%} | {row['mixed']:,} | {false:.1%} |")
    if "labels" in report:
        heads = list(next(iter(report["labels"].values())))
        print(f"| source | {' | '.join(heads)} |\n|---|{'---:|' * len(heads)}")
        for source, row in report["labels"].items():
            print(f"| {source} | {' | '.join(f'{row[head]:,}' for head in heads)} |")
    if "speed_ms" in report:
        print("| four responses that end in | " + " | ".join(report["speed_ms"]) + " |")
        print("|---|" + "---:|" * len(report["speed_ms"]))
        print("| ms | " + " | ".join(f"{value:.2f}" for value in report["speed_ms"].values()) + " |")


if __name__ == "__main__":
    main()
