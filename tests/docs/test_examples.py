"""The records that come as an example, and the demo's first steps on them."""

import json
import runpy

import pytest

from bestroute import read_records
from bestroute.evaluate.replay import query_of
from bestroute.records.score.exact import ExactOracle
from tests import ROOT

RECORDS = ROOT / "examples" / "records"
MODELS = {"smollm2-135m": 4, "qwen2.5-coder-0.5b": 4, "qwen2.5-coder-1.5b": 1}


@pytest.fixture(scope="module")
def records():
    return list(read_records([RECORDS / "scored.jsonl.gz"]))


def test_they_are_all_models_answers_to_all_prompts(records):
    prompts = [json.loads(line) for line in (RECORDS / "prompts.jsonl").read_text("utf-8").splitlines()]
    assert [query_of(record).text for record in records] == [prompt["query"] for prompt in prompts]
    assert len({record.id for record in records}) == len(records) >= 120
    for record in records:
        assert {name: len(said) for name, said in record.responses.items()} == MODELS


def test_their_scores_are_those_of_exact(records):
    oracle = ExactOracle()
    for record in records[::5]:
        for name, said in record.responses.items():
            assert oracle.score(record, name, said) == [one.score for one in said]
    oracle.close()


def test_the_larger_a_model_the_better(records):
    means = [
        sum(one.score for record in records for one in record.responses[name]) / len(records) / MODELS[name]
        for name in MODELS
    ]
    assert means == sorted(means)
    page = (RECORDS / "README.md").read_text("utf-8")
    for name, mean in zip(MODELS, means, strict=True):
        assert f"{mean:.2f} |" in next(line for line in page.splitlines() if f"`{name}`" in line)


def test_the_demo_starts_cold_and_adapts(tmp_path, capfd, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    demo = runpy.run_path(str(ROOT / "examples" / "demo.py"))
    demo["cold_start"](tmp_path)
    demo["adapt"](tmp_path)
    told = capfd.readouterr().out
    assert "-> gpt-4o keeps " in told
    assert "saving at 1% drop (253 queries" in told
    assert (tmp_path / "adapter" / "manifest.json").is_file()
