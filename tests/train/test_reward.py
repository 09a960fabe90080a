"""What the reward model learns from: groups of responses to one query."""

from dataclasses import replace

import numpy as np

from bestroute.records.record import Preference, Record, Response
from bestroute.train.reward import RewardSettings, _groups

RECORDS = [
    Record(
        f"r{number}", "set/a", f"Question {number}?",
        {"m": tuple(Response(score=float(at % 2), text=f"{number}: {at}") for at in range(6))},
    )
    for number in range(60)
]  # fmt: skip
PAIRS = [
    Preference(f"p{number}", "pairs", f"Question {number}?", "good", f"bad {number}") for number in range(9)
]


def test_the_order_of_records_does_not_matter():
    settings = replace(RewardSettings(), per_query=4, per_source=20)
    groups = _groups(RECORDS, PAIRS, "train", settings)
    assert len(groups) > 20
    for seed in range(3):
        order = np.random.default_rng(seed)
        records = [RECORDS[at] for at in order.permutation(len(RECORDS))]
        pairs = [PAIRS[at] for at in order.permutation(len(PAIRS))]
        assert _groups(records, pairs, "train", settings) == groups
