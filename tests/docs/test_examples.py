"""The records that come as an example, and the demo's first steps on them."""

import argparse
import json
import runpy
import shutil
import sys
from unittest.mock import MagicMock

import pytest

from bestroute import read_records
from bestroute.evaluate.replay import query_of
from bestroute.policy import load_policy
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


@pytest.mark.parametrize("name", ["demo.py", "local_model.py"])
def test_ctrl_c_ends_a_script_in_a_word(name, capfd, monkeypatch):
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    monkeypatch.setattr(shutil, "rmtree", interrupted)  # what the demo begins with
    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", interrupted)
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / "examples" / name), run_name="__main__")
    assert (ended.value.code, capfd.readouterr().err.strip()) == (130, "Aborted!")


@pytest.mark.parametrize("name", ["local.yaml", "local-escalate.yaml"])
def test_the_local_model_takes_what_the_policies_promise(name, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    import local_model

    served = MagicMock(**{"Server.side_effect": RuntimeError})
    monkeypatch.setitem(sys.modules, "xllamacpp", served)
    monkeypatch.setattr(local_model, "weights", lambda *_: tmp_path / "weights")
    monkeypatch.setattr(local_model.signal, "signal", lambda *_: None)
    with pytest.raises(SystemExit):
        local_model.serve(0, tmp_path)
    params = served.CommonParams.return_value
    tokens = params.n_ctx if params.kv_unified is True else params.n_ctx // params.n_parallel
    policy = load_policy(ROOT / "policies" / name)
    assert all(0 < model.context_window <= tokens for model in policy.models)
    assert max(tier.n for tier in policy.tiers) <= params.n_parallel
