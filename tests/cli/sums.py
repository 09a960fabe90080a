"""Records of sums, and policies that never abstain from them."""

import json

from tests import ROOT
from tests.evaluate.replays import record_of

ONE_SHOT = ROOT / "benchmarks" / "one_shot.yaml"
ESCALATE = ROOT / "benchmarks" / "escalate.yaml"


def sums(count):
    """Sums that each class gets right; small mostly."""
    for index in range(count):
        scores = {"small": [float(index % 5 > 0)] * 4, "medium": [1.0, 1.0], "large": [1.0]}
        record = record_of(f"What is {index} plus {index * index}?", scores)
        for items in record["responses"].values():
            for item in items:
                item["text"] = f"The answer is {index + index * index if item['score'] else 0}."
        yield record


def write(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    return path


def copied(policy, folder):
    """A copy that never abstains: the router model finds sums novel."""
    path = folder / "policy.yaml"
    path.write_text(policy.read_text("utf-8") + "abstain: false\n", "utf-8")
    return path


def plain(folder, count):
    """The same sums, without their responses."""
    return write(folder / "queries.jsonl", [{"query": record["query"]} for record in sums(count)])
