"""The dial of a first policy: by share, on tables worked by hand; and the queries that come for it."""

import json
from collections import Counter

import pytest

from bestroute.errors import InputError
from bestroute.policy.objective import MaxGap
from bestroute.query import read_queries
from bestroute.retune.calibrate.calibration import Sides
from bestroute.retune.calibrate.everyday import EVERYDAY, first_dial
from tests.retune.calibrate.tables import Table


def sides(share_at, count=40):
    """Queries of which, at each dial, the reference answers the share that `share_at` gives."""
    table = Table({dial: (share_at(dial), 0.0) for dial in MaxGap.grid}, count)
    return Sides(table, table, [f"query {place}" for place in range(count)])


def falling(dial):
    return 1.0 if dial < 0.1 else 0.75 if dial < 0.2 else 0.45 if dial < 0.3 else 0.2


@pytest.mark.parametrize(("share", "dial", "by_reference"), [(0.5, 0.2, 18), (0.75, 0.1, 30), (0.2, 0.3, 8)])
def test_the_safest_dial_within_the_share(share, dial, by_reference):
    found = first_dial(sides(falling), share)
    assert (found.dial, found.by_reference, found.queries) == (dial, by_reference, 40)
    assert found.words.startswith(f"by share: the reference answers {by_reference} of 40 queries")


def test_where_none_is_within_it_says_why():
    found = first_dial(sides(falling), 0.1)
    assert found.dial is None
    assert found.words == (
        "not by share, on 40 queries: at no dial the reference answers at most 10 %: "
        "the least is 20 %, at max_gap 0.3"
    )


def test_a_dial_that_changes_nothing_is_none():
    assert "no setting of max_gap changes anything" in first_dial(sides(lambda dial: 0.4), 0.5).words


def test_what_is_no_share():
    with pytest.raises(InputError, match="a share lies between"):
        first_dial(sides(falling), 1.5)


def test_everyday_queries_are_many_and_varied():
    rows = [json.loads(line) for line in EVERYDAY.read_text("utf-8").splitlines()]
    levels = Counter(row["metadata"]["level"] for row in rows)
    languages = Counter(row["metadata"]["language"] for row in rows)
    assert len({row["query"] for row in rows}) == len(rows) == len(list(read_queries(EVERYDAY))) >= 100
    assert set(levels) == {"easy", "middling", "hard"}
    assert min(levels.values()) >= 30
    assert len(languages) >= 12
    assert languages["en"] < len(rows) / 2
