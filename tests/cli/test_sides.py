"""Which queries choose and which judge, and what of both is refused or left out."""

import numpy as np
import pytest

from bestroute.cli import reading
from bestroute.cli.output import BadLines
from bestroute.cli.sides import labelled, of_records
from bestroute.policy import load_policy
from bestroute.records.record import query_hash
from tests.cli import typed
from tests.cli.sums import sums, write
from tests.cli.typed import document


def run(*words):
    return typed.run("calibrate", *words)


def test_the_order_of_records_does_not_matter(policy, records, tmp_path):
    turned = write(tmp_path / "turned.jsonl", list(sums(60))[::-1])
    first, second = (document(run(policy, path, "--max-drop", "40%", "--json")) for path in (records, turned))
    assert first == second


@pytest.fixture
def partly_seen(policy, copy_of):
    """The policy with a router model that was trained on the first twenty sums."""
    copy = copy_of("router")
    seen = [query_hash(record["query"]) for record in list(sums(60))[:20]]
    np.save(copy.folder / "seen.npy", np.array(sorted(seen), np.uint64))
    copy.sign()
    policy.write_text(policy.read_text("utf-8") + f"router: {copy.folder}\n", "utf-8")
    return policy


def test_what_training_saw_does_not_choose(partly_seen, records):
    result = run(partly_seen, records, "--reference-share", "100%", "--json")
    report = document(result)
    assert report["chosen_on"] == report["after"]["queries"] == 40
    assert "warning: left out: 20 records that training saw" in result.stderr
    everything = document(run(partly_seen, records, "--reference-share", "100%", "--all", "--json"))
    assert everything["chosen_on"] == everything["after"]["queries"] == 60
    promised = document(run(partly_seen, records, "--max-drop", "50%", "--json"))
    assert promised["chosen_on"] + promised["after"]["queries"] == 40


def test_what_training_saw_promises_nothing(partly_seen, records):
    result = run(partly_seen, records, "--max-drop", "40%", "--all")
    assert result.exit_code == 2
    assert "--all: by queries that training saw nothing can be promised of others" in result.stderr
    assert document(run(partly_seen, records, "--max-drop", "50%", "--json"))["dial"] is not None


def test_rewards_that_are_given_are_told_of(policy, tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "_MANY", 10)
    raw = [*sums(120)]
    for record in raw[:60]:
        for item in record["responses"]["small"]:
            del item["reward"]
    found = document(run(policy, write(tmp_path / "bare.jsonl", raw), "--reference-share", "50%", "--json"))
    assert found["warnings"][0] == (
        "240 responses were given a reward by the reward model, which takes time; `bestroute score FILE "
        f"--oracle none --reward {load_policy(policy).reward} --out NEW` keeps them for the next time"
    )


def test_an_artefact_that_does_not_say_what_it_saw_leaves_the_promise_open(policy, records, copy_of):
    copy = copy_of("router")
    np.save(copy.folder / "seen.npy", np.empty(0, np.uint64))
    copy.sign()
    policy.write_text(policy.read_text("utf-8") + f"router: {copy.folder}\n", "utf-8")
    result = run(policy, records, "--max-drop", "40%")
    assert "what is promised below holds only if training saw none of these records" in result.stderr
    assert "is promised" not in run(policy, records, "--reference-share", "50%").stderr


def test_repeated_queries_count_once(policy, tmp_path):
    twice = write(tmp_path / "twice.jsonl", [*sums(40), *sums(40)])
    result = run(policy, twice, "--reference-share", "100%", "--json")
    report = document(result)
    assert report["chosen_on"] == report["after"]["queries"] == 40
    assert report["warnings"][0] == "left out: 40 records whose query stands before"
    assert "`dry-run` and `log`, which count all" in report["warnings"][1]
    assert "which count all" not in run(policy, twice, "--max-drop", "40%").stderr
    assert "which count all" not in run(policy, write(twice, sums(40)), "--reference-share", "100%").stderr


def test_what_shapes_does_not_choose_then_nor_judge(policy, records):
    sides = of_records(load_policy(policy), [records], BadLines(False), False, True, 0, 1, True, [])
    assert sides.per_tier is not None
    shape, rest, everything, judges = ({query.text for query in trials._queries} for trials in sides.per_tier)
    assert not shape & rest
    assert not everything & judges
    assert shape | rest == everything
    assert min(map(len, (shape, rest, judges))) > 5


def test_files_that_do_not_do(policy, records, tmp_path):
    plain = write(tmp_path / "queries.jsonl", [{"query": "What is 1 plus 1?"}])
    empty = write(tmp_path / "empty.jsonl", [])
    one = write(tmp_path / "one.jsonl", sums(1))
    blank = write(tmp_path / "blank.jsonl", [{"query": " "}])
    for paths, aim, message in (
        ([plain], ["--max-drop", "1%"], "--max-drop needs records with scored responses"),
        ([records, plain], ["--budget", "1"], "holds plain queries, other files records; give one kind"),
        ([empty], ["--budget", "1"], "holds no record and no query"),
        ([one], ["--max-drop", "1%"], "into those that choose and that judge; about 10 are the fewest"),
        (
            [one],
            ["--budget", "1", "--per-tier"],
            "that find the limits, that choose and that judge; about 30",
        ),
        ([blank], ["--budget", "1", "--skip-bad"], "blank.jsonl: holds no query"),
    ):
        result = run(policy, *paths, *aim)
        assert result.exit_code == 2
        assert message in result.stderr


@pytest.mark.parametrize("unscored", [0, 3])
def test_a_record_without_scores_does_not_make_queries_of_the_others(policy, tmp_path, unscored):
    records = [*sums(9)]
    for items in records[unscored]["responses"].values():
        for item in items:
            del item["score"]
    path = write(tmp_path / "records.jsonl", records)
    told = run(policy, path, "--max-drop", "50%")
    assert told.exit_code == 2
    assert f"records.jsonl:{unscored + 1}: " in told.stderr
    assert "score is missing" in told.stderr
    assert labelled([path])


def test_bad_lines(policy, records):
    records.write_text(records.read_text("utf-8") + "{}\n", "utf-8")
    assert run(policy, records, "--reference-share", "100%").exit_code == 2
    told = run(policy, records, "--reference-share", "100%", "--skip-bad")
    assert told.exit_code == 0
    assert "records.jsonl:61" in told.stderr
