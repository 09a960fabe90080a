"""Answers that were grouped or graded wrongly once, and their siblings: the same faults in other marks.

`responses` fall into `groups`, where equal numbers are the same answer; or what a response `said` is `right`,
or not, where `answer` is. `kind`: what the case stands for.
"""

import json
from pathlib import Path

import pytest

from bestroute.answering.agreement import group
from bestroute.records.record import Record, Response
from bestroute.records.score.exact import ExactOracle

HERE = Path(__file__).parent
CASES = [
    json.loads(line)
    for name in ("cases.jsonl", "siblings.jsonl")
    for line in (HERE / name).read_text("utf-8").splitlines()
]
GROUPED = [case for case in CASES if "groups" in case]
GRADED = [case for case in CASES if "answer" in case]


def pairs(numbers):
    """For each two places whether they have the same number."""
    return [numbers[one] == numbers[other] for one in range(len(numbers)) for other in range(one)]


@pytest.mark.parametrize("case", GROUPED, ids=lambda case: case["case"])
def test_responses_fall_into_their_groups(case):
    assert pairs(group(case["responses"]).of) == pairs(case["groups"]), case["kind"]


@pytest.mark.parametrize("case", GRADED, ids=lambda case: case["case"])
def test_what_is_said_is_graded(case):
    item = Record("q", "", "?", {"small": (Response(None, case["said"]),)}, answer=case["answer"])
    assert ExactOracle().score(item, "small", item.responses["small"]) == [case["right"]], case["kind"]
