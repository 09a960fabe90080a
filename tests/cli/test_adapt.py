"""`bestroute adapt` as a user types it, on the embedded router model, and what goes through its folder."""

import json
import re
import shutil
from pathlib import Path
from statistics import fmean

import pytest

from bestroute.policy import check_policy, load_policy
from bestroute.retune.watch import PolicyWatcher
from bestroute.router import Router
from tests.cli import typed
from tests.cli.typed import document

POLICY = """\
version: 1
adapter: adapter
models:
  - {name: nano, price: {input: 0.1, output: 0.2}}
  - {name: grand, price: {input: 2.0, output: 9.0}}
reference: grand
max_gap: 0.05
tiers:
  - {model: nano}
  - {model: grand}
"""
COUNT = 40


def records(count, start=0):
    """Sums of which nano gets one in five wrong."""
    for index in range(start, start + count):
        answers = {"nano": float(index % 5 > 0), "grand": 1.0}
        responses = {
            name: [{"score": score, "output_tokens": 20, "text": f"It is {score}."}]
            for name, score in answers.items()
        }
        yield {"query": f"What is {index} plus {index * index}?", "source": "sums", "responses": responses}


def lines(path, items):
    path.write_text("".join(json.dumps(item) + "\n" for item in items), "utf-8")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A policy with its adapter."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "policy.yaml").write_text(POLICY, "utf-8")
    lines(folder / "scored.jsonl", records(COUNT))
    lines(folder / "fresh.jsonl", records(COUNT, 1000))
    result = run(folder, "--json")
    assert result.exit_code == 0, result.output
    (folder / "report.json").write_text(result.stdout, "utf-8")
    return folder


def run(folder, *more):
    return typed.run(
        "adapt", folder / "policy.yaml", folder / "scored.jsonl", "--out", folder / "adapter", *more
    )


def test_the_report_tells_of_each_model_by_name(folder):
    report = json.loads((folder / "report.json").read_text("utf-8"))
    assert report["records"] == COUNT
    assert report["models"]["nano"]["level"] == pytest.approx(0.8)
    assert report["models"]["grand"]["records"] == COUNT
    assert report["cross_fitted"]["level_error"] < 0.05
    assert report["known"] >= 0.95
    assert any("placed from 40 records, level 0.80 ±" in warning for warning in report["warnings"])


def test_people_get_tables_and_the_line_for_the_policy(folder, tmp_path):
    (tmp_path / "policy.yaml").write_text(POLICY.replace("adapter: adapter\n", ""), "utf-8")
    result = typed.run(
        "adapt", tmp_path / "policy.yaml", folder / "scored.jsonl", "--out", tmp_path / "my" / "own"
    )
    assert result.exit_code == 0, result.output
    assert "Wrote" in result.stdout
    assert "saving at 1% drop" in result.stdout
    assert "`adapter: my/own`" in result.stdout


def test_a_policy_without_classes_holds_and_routes(folder):
    policy, warnings = check_policy(folder / "policy.yaml")
    assert warnings == ()
    decisions = Router(policy).route_batch([record["query"] for record in records(COUNT)])
    assert all(decision.cause != "abstain" for decision in decisions)  # sums are own traffic now
    assert all(decision.candidates[-1].quality == pytest.approx(1.0, abs=0.1) for decision in decisions)
    assert fmean(decision.candidates[0].gap for decision in decisions) == pytest.approx(0.2, abs=0.05)


def test_the_digest_depends_on_the_adapter_but_not_on_where_the_policy_lies(folder, tmp_path):
    known = load_policy(folder / "policy.yaml")
    assert known.model_copy(update={"adapter": folder / "other"}).digest != known.digest
    moved = tmp_path / "moved"
    moved.mkdir()
    (moved / "adapter").symlink_to(folder / "adapter")
    (moved / "policy.yaml").write_text(POLICY, "utf-8")
    assert load_policy(moved / "policy.yaml").digest == known.digest


def test_what_it_saw_neither_judges_nor_chooses(folder):
    policy, scored, fresh = (folder / name for name in ("policy.yaml", "scored.jsonl", "fresh.jsonl"))
    refused = typed.run("calibrate", policy, scored, "--reference-share", "50%")
    assert refused.exit_code == 2
    assert f"all {COUNT} records were seen in training" in refused.stderr
    both = document(typed.run("calibrate", policy, scored, fresh, "--reference-share", "100%", "--json"))
    assert both["chosen_on"] == COUNT


def test_what_is_left_is_for_others(folder, tmp_path):
    out = tmp_path / "adapter"
    report = document(
        typed.run(
            "adapt", folder / "policy.yaml", folder / "scored.jsonl", "--out", out, "--leave", "40%", "--json"
        )
    )
    assert 0 < report["records"] < COUNT
    (tmp_path / "policy.yaml").write_text(POLICY, "utf-8")
    left = document(
        typed.run(
            "calibrate",
            tmp_path / "policy.yaml",
            folder / "scored.jsonl",
            "--reference-share",
            "100%",
            "--json",
        )
    )
    assert left["chosen_on"] == COUNT - report["records"]


def test_evaluate_replays_through_it(folder):
    report = document(
        typed.run("evaluate", folder / "policy.yaml", folder / "fresh.jsonl", "--draws", "20", "--json")
    )
    assert report["judged"] == COUNT
    assert report["overall"]["reference_quality"] == pytest.approx(1)
    assert report["overall"]["ece_quality"] is not None


def test_dry_run_and_diff_go_through_it(folder, tmp_path):
    summary = document(typed.run("dry-run", folder / "policy.yaml", folder / "fresh.jsonl", "--json"))
    assert summary["queries"] == COUNT
    bare = POLICY.replace("adapter: adapter\n", "").replace("nano,", "nano, class: small,")
    (tmp_path / "bare.yaml").write_text(bare.replace("grand,", "grand, class: large,"), "utf-8")
    report = document(
        typed.run("diff", tmp_path / "bare.yaml", folder / "policy.yaml", folder / "fresh.jsonl", "--json")
    )
    assert report["queries"] == COUNT


def test_a_watcher_takes_an_adapter_up_and_keeps_the_router_model_open(folder, tmp_path):
    path = tmp_path / "policy.yaml"
    bare = POLICY.replace("adapter: adapter\n", "").replace("nano,", "nano, class: small,")
    path.write_text(bare.replace("grand,", "grand, class: large,"), "utf-8")
    watcher = PolicyWatcher(path, debounce_s=0.0)
    base = watcher.router.opened.predictor
    path.write_text(POLICY.replace("adapter: adapter", f"adapter: {folder / 'adapter'}"), "utf-8")
    watcher.poll(1.0)
    assert watcher.poll(2.0) or watcher.reloads == 1, watcher.last_error
    assert watcher.router.opened.predictor.base is base
    assert watcher.router.opened.predictor.manifest.classes == ("nano", "grand")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda raw: raw["recipe"].update(router="0" * 64), "was made on another router model"),
        (
            lambda raw: raw.update(kind="router"),
            "a router artefact stands where an adapter artefact is needed",
        ),
        (lambda raw: raw["files"].pop("weights.npz"), "files lists no digest of weights.npz"),
        (lambda raw: raw.update(classes=[]), "needs classes"),
    ],
)
def test_a_folder_that_does_not_fit_is_told_with_its_place(folder, tmp_path, change, told):
    raw = json.loads((folder / "adapter" / "manifest.json").read_text("utf-8"))
    change(raw)
    shutil.copytree(folder / "adapter", tmp_path / "adapter")
    (tmp_path / "adapter" / "manifest.json").write_text(json.dumps(raw), "utf-8")
    (tmp_path / "policy.yaml").write_text(POLICY, "utf-8")
    result = typed.run("check", tmp_path / "policy.yaml")
    assert result.exit_code == 1
    [line] = [line for line in result.stdout.splitlines() if "policy.yaml:" in line]
    assert "policy.yaml:2:10: adapter: " in line
    assert told in line


def test_a_model_that_is_not_in_it_is_told_with_the_mend(folder, tmp_path):
    new = "  - {name: new, class: small, price: {input: 0.1, output: 0.1}}\n"
    path = tmp_path / "policy.yaml"
    more = POLICY.replace("models:\n", "models:\n" + new)
    path.write_text(more.replace("adapter: adapter", f"adapter: {folder / 'adapter'}"), "utf-8")
    result = typed.run("check", path)
    assert result.exit_code == 1
    assert "is not in the adapter, which has nano, grand; run `bestroute adapt` again" in result.stdout
    out = typed.run("adapt", path, folder / "scored.jsonl", "--out", tmp_path / "adapter", "--json")
    assert document(out)["models"]["new"]["goes_as_far_as"] == "none"
    path.write_text(more, "utf-8")
    assert check_policy(path)[1] == ()


def test_another_reference_is_warned_of(folder, tmp_path):
    path = tmp_path / "policy.yaml"
    turned = POLICY.replace("reference: grand", "reference: nano")
    turned = turned.replace("  - {model: nano}\n  - {model: grand}", "  - {model: grand}\n  - {model: nano}")
    path.write_text(turned.replace("adapter: adapter", f"adapter: {folder / 'adapter'}"), "utf-8")
    assert any("was made for the reference 'grand'" in str(warning) for warning in check_policy(path)[1])


def test_a_model_with_neither_class_nor_record_is_refused_with_the_mend(folder, tmp_path):
    more = POLICY.replace("models:\n", "models:\n  - {name: new, price: {input: 0.1, output: 0.1}}\n")
    (tmp_path / "policy.yaml").write_text(more, "utf-8")
    result = typed.run(
        "adapt", tmp_path / "policy.yaml", folder / "scored.jsonl", "--out", tmp_path / "adapter"
    )
    assert result.exit_code == 2
    assert "no record has a response of new" in result.stderr
    assert "`class`: small, medium, large" in result.stderr
    assert not Path(tmp_path / "adapter").exists()


def test_a_curve_that_cannot_be_drawn_is_no_failure(folder, tmp_path):
    few = run(folder, "--plot", tmp_path / "curve.svg")
    assert few.exit_code == 0
    assert re.search(r"warning: .*curve\.svg: not drawn, as \d+ queries are too few for a curve", few.stderr)
    assert not (tmp_path / "curve.svg").exists()


def test_new_records_beside_an_earlier_adapter(folder, tmp_path):
    new = lines(tmp_path / "new.jsonl", records(20, start=COUNT - 5))
    out = tmp_path / "next"
    result = typed.run(
        "adapt", folder / "policy.yaml", new, "--from", folder / "adapter", "--out", out, "--json"
    )
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["left_out"] == {"of queries that the earlier adapter saw": 5}
    assert report["records"] == COUNT + 15


def test_a_folder_that_holds_more_than_an_adapter_is_left_alone(folder, tmp_path):
    for name in ("policy.yaml", "scored.jsonl"):
        shutil.copy(folder / name, tmp_path)
    result = typed.run("adapt", tmp_path / "policy.yaml", tmp_path / "scored.jsonl", "--out", tmp_path)
    assert result.exit_code == 2
    assert "policy.yaml, scored.jsonl, which writing adapter files there would delete" in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["policy.yaml", "scored.jsonl"]


@pytest.mark.parametrize("share", ["100%", "150%", "-5%"])
def test_a_share_to_leave_that_leaves_none(folder, tmp_path, share):
    words = [folder / "policy.yaml", folder / "scored.jsonl", "--out", tmp_path / "a", "--leave", share]
    result = typed.run("adapt", *words)
    assert (result.exit_code, (tmp_path / "a").exists()) == (2, False)
    assert f"--leave is {share}; a share that leaves some" in result.stderr
