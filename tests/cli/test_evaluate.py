"""`bestroute evaluate` as a user types it, on the embedded models."""

import gzip
import json
from pathlib import Path

import pytest

from tests import ROOT
from tests.cli import typed
from tests.cli.typed import document
from tests.evaluate.replays import record_of

POLICY = str(ROOT / "benchmarks" / "one_shot.yaml")
S_FIELDS = {
    "queries", "reference_quality", "reference_cost", "frontier", "saving", "aiq", "ece_match", "ece_quality",
    "arms",
}  # fmt: skip
FIXED = ["small@1", "small@2", "small@4", "medium@1", "medium@2", "large@1"]
LEARNED = ["knn", "logistic", "random_forest", "ridge", "n_class", "n_label", "clustering"]


def run(*words):
    return typed.run("evaluate", *words)


def sums(count, start=0):
    for index in range(start, start + count):
        right = {"small": [index % 2, 0, 1, 0], "medium": [1, index % 3 == 0], "large": [1]}
        scores = {name: [float(score) for score in values] for name, values in right.items()}
        source = "sums/easy" if index % 3 else "words"
        yield record_of(f"What is {index} plus {index * index}?", scores, source=source)


def write(path, records):
    text = "".join(json.dumps(record) + "\n" for record in records)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@pytest.fixture
def records(tmp_path):
    return write(tmp_path / "records.jsonl", sums(24))


def test_json_is_the_contract(records):
    report = document(run(POLICY, records, "--json", "--draws", 20))
    assert set(report["sources"]) == {"sums", "words"}
    assert list(report["baselines"])[:9] == [
        *(f"fixed:{arm}" for arm in FIXED),
        "static_mix",
        "random",
        "oracle",
    ]
    parts = [report, *(part for part in report["baselines"].values() if part is not None)]
    for part in parts:
        assert set(part["sources"]) == {"sums", "words"}
        for figures in (part["overall"], *part["sources"].values()):
            assert figures.keys() >= S_FIELDS
            assert list(figures["saving"]) == ["0.0", "0.01", "0.02", "0.05"]
            assert all(
                set(saving) == {"mean", "low", "high", "drop"} for saving in figures["saving"].values()
            )
            assert all(set(point) == {"dial", "quality", "cost", "calls"} for point in figures["frontier"])
            assert list(figures["arms"]) == FIXED
            assert sum(figures["arms"].values()) == pytest.approx(1)
    assert (report["judged"], report["fit"], report["seen"], report["left_out"]) == (24, 0, 0, {})
    assert (report["overall"]["queries"], report["sources"]["words"]["queries"]) == (24, 8)
    assert report["overall"]["reference_quality"] == 1.0
    assert report["baselines"]["oracle"]["overall"]["ece_match"] is None
    assert report["overall"]["ece_match"] is not None
    assert sum(report["policy"]["causes"].values()) == 24


def test_without_records_to_fit_the_learned_baselines_are_null(records):
    result = run(POLICY, records, "--json", "--draws", 20)
    assert [document(result)["baselines"][name] for name in LEARNED] == [None] * 7
    assert "no records to fit the learned baselines on: give some with --fit" in result.stderr


def test_learned_baselines_are_fitted_on_other_queries(records, tmp_path):
    pytest.importorskip("sklearn")
    fit = write(tmp_path / "fit.jsonl.gz", sums(40, start=20))  # four of them judge
    result = run(POLICY, records, "--fit", fit, "--json", "--draws", 20)
    report = document(result)
    assert (report["judged"], report["fit"]) == (24, 36)
    assert all(report["baselines"][name]["overall"]["queries"] == 24 for name in LEARNED)
    assert "4 records of --fit judge already" in result.stderr
    assert "small" in report["baselines"]["knn"]["overall"]["auc"]


def test_records_that_cannot_be_fitted_on_are_told(records, tmp_path):
    fit = write(tmp_path / "fit.jsonl", [record_of("What is 1?", {"small": [1.0] * 4, "large": [1.0]})])
    told = run(POLICY, records, "--fit", fit, "--draws", 20).stderr
    assert "left out of those to fit on: 1 without responses of medium" in told


def test_the_same_seed_gives_the_same_bytes(records, tmp_path):
    texts = []
    for name in ("a.svg", "b.svg"):
        pytest.importorskip("matplotlib")
        result = run(POLICY, records, "--json", "--draws", 20, "--plot", tmp_path / name)
        texts.append((result.stdout, (tmp_path / name).read_bytes()))
    assert texts[0] == texts[1]
    assert texts[0][0] != run(POLICY, records, "--json", "--draws", 20, "--seed", 1).stdout


def test_tables_for_people(records):
    result = run(POLICY, records, "--draws", 20)
    assert result.exit_code == 0
    assert result.stdout.startswith("24 queries judge, 0 fit the learned baselines.")
    for words in ("saving at 1% drop", "static_mix", "sums (16)", "words (8)", "As it stands (max_gap 0)"):
        assert words in result.stdout


def test_of_a_single_query_no_interval_is_shown(tmp_path):
    one = write(tmp_path / "one.jsonl", sums(1))
    shown = run(POLICY, one, "--draws", 20)
    assert "saving 0.0%, drop 0.0%; large@1 100%" in shown.stdout
    assert "a single query cannot be divided" in shown.stderr
    assert "collapse" not in shown.stderr
    policy = document(run(POLICY, one, "--draws", 20, "--json"))["policy"]
    assert (policy["cost"]["low"], policy["cost"]["high"]) == (None, None)


def test_tables_in_markdown(records):
    shown = run(POLICY, records, "--draws", 20, "--markdown").stdout
    assert "| strategy | best quality | at $ per 1,000 | saving at 0% drop |" in shown
    assert "|---|---:|---:|---:|---:|---:|---:|---:|" in shown


def test_another_router_stands_beside(records, copy_of):
    folder = copy_of("router").folder
    report = document(run(POLICY, records, "--json", "--draws", 20, "--beside", f"copy={folder}"))
    assert report["baselines"]["copy"]["overall"] == report["overall"]


def test_what_training_saw_is_left_to_fit(records, tmp_path, copy_of):
    import numpy as np

    from bestroute.records.record import query_hash

    copy = copy_of("router")
    seen = [query_hash(record["query"]) for record in sums(5)]
    np.save(copy.folder / "seen.npy", np.array(sorted(seen), np.uint64))
    copy.sign()
    policy = tmp_path / "policy.yaml"
    policy.write_text(Path(POLICY).read_text("utf-8") + f"router: {copy.folder}\n", "utf-8")
    assert run(policy, records, "--draws", 20).stdout.startswith("19 queries judge, 5 fit")
    everything = run(policy, records, "--draws", 20, "--all")
    assert everything.stdout.startswith("24 queries judge, 0 fit")
    assert "5 of the queries that judge were seen in training" in everything.stderr


def test_records_that_cannot_be_replayed(records, tmp_path):
    short = write(tmp_path / "short.jsonl", [record_of("What is 1?", {"small": [1.0] * 4, "large": [1.0]})])
    told = run(POLICY, records, short, "--draws", 20)
    assert "warning: left out: 1 records without responses of medium" in told.stderr
    alone = run(POLICY, short)
    assert alone.exit_code == 2
    assert "no record can be replayed under this policy: 1 without responses of medium" in alone.stderr


def test_responses_under_a_name_that_the_policy_does_not_know(records, tmp_path):
    [strange] = sums(1, start=30)
    strange["responses"]["meduim"] = strange["responses"].pop("medium")
    told = run(POLICY, records, write(tmp_path / "strange.jsonl", [strange]), "--draws", 20)
    assert "does not know: 1 of 'meduim' (did you mean 'medium'?)" in told.stderr


def test_bad_lines(records, tmp_path):
    bad = tmp_path / "bad.jsonl"
    bad.write_text("{}\n" + records.read_text("utf-8"), "utf-8")
    assert run(POLICY, bad).exit_code == 2
    told = run(POLICY, bad, "--skip-bad", "--draws", 20)
    assert told.exit_code == 0
    assert "skipped " in told.stderr
    assert "bad.jsonl:1" in told.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--plot", "frontier.pdf"], "a plot is written as .png or .svg"),
        (["--beside", "folder"], "'folder' is not NAME=FOLDER"),
        (["--beside", "knn=folder"], "'knn' is the name of another baseline"),
        (["--beside", "router=folder"], "'router' is the name of another baseline"),
        (["--beside", "router:match=folder"], "'router:match' is the name of another baseline"),
        (["--json", "--markdown"], "give one of --json and --markdown"),
    ],
)
def test_wrong_usage(records, words, message):
    result = run(POLICY, records, *words)
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_portfolio_is_an_arm_like_others(records, tmp_path):
    """With a share, a baseline and figures under its label, but no AUC: it has no responses of its own."""
    policy = tmp_path / "policy.yaml"
    policy.write_text(
        "version: 1\n"
        "models:\n"
        "  - {name: a, class: small, price: {input: 0.2, output: 0.2}}\n"
        "  - {name: b, class: medium, price: {input: 0.3, output: 0.9}}\n"
        "  - {name: big, class: large, price: {input: 2.5, output: 10}}\n"
        "reference: big\n"
        "max_gap: 0.03\n"
        "tiers: [{model: a}, {models: {b: 1, a: 2}}, {model: big}]\n",
        "utf-8",
    )
    report = document(run(policy, records, "--json", "--draws", 20))
    assert list(report["overall"]["arms"]) == ["a@1", "a@2+b@1", "big@1"]
    assert "fixed:a@2+b@1" in report["baselines"]
    assert set(report["overall"]["auc"]) == {"a", "big"}
    assert "a@2+b@1" in run(policy, records, "--draws", 20).stdout
