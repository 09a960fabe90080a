"""Training the posterior: on records where agreement means that the answer is right."""

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from click.testing import CliRunner

from bestroute.artefacts.manifest import default_folder, read_manifest, seen_queries
from bestroute.artefacts.posterior import Evidence, Posterior
from bestroute.artefacts.sureness import Sureness
from bestroute.cli import cli
from bestroute.errors import TrainingError
from bestroute.records.lines import parse_record
from bestroute.records.record import query_hash, split_of
from bestroute.train.posterior import PosteriorSettings, train_posterior
from bestroute.train.walks import Ways


def record(index):
    """Right responses say 7, wrong ones differ; small is right in half of the queries."""
    generator = np.random.default_rng(index)
    right = generator.random() < 0.5
    answers = [7 if right else 100 * index + place for place in range(3)]
    small = [
        {"text": f"The answer is {answer}.", "score": float(right), "reward": 0.5, "output_tokens": 5}
        for answer in answers
    ]
    large = [{"text": "The answer is 7.", "score": 0.9, "reward": 0.5, "output_tokens": 5}]
    query = f"What is question number {index}?"
    return {"id": str(index), "source": "made", "query": query, "responses": {"small": small, "large": large}}


RAW = [record(index) for index in range(400)]
RECORDS = [parse_record(raw) for raw in RAW]


@pytest.fixture(scope="module")
def trained(tmp_path_factory, predictor):
    out = tmp_path_factory.mktemp("trained") / "posterior"
    settings = PosteriorSettings(ways=Ways(draws=3))
    return out, train_posterior(RECORDS, predictor, None, out, settings, {"command": "test"})


def judged(posterior, groups):
    evidence = Evidence((0.5,) * len(groups), (0.5,) * len(groups), groups, 0.7, 0)
    return posterior.judge(evidence)


def test_it_learns_that_agreement_is_right(trained):
    posterior = Posterior.load(trained[0])
    agreeing, differing = judged(posterior, (0, 0, 0)), judged(posterior, (0, 1, 2))
    assert agreeing.quality > 0.8 > 0.3 > differing.quality
    assert abs(agreeing.reference - 0.9) < 0.1


def test_only_validation_queries_teach_it(trained):
    taught = {query_hash(one.prompt) for one in RECORDS if split_of(one.prompt) == "validation"}
    assert set(seen_queries(trained[0]).tolist()) == taught
    assert trained[1].recipe["queries"] == len(taught)


def test_it_is_measured_on_test_queries(trained):
    measured = trained[1].metrics["test"]
    assert measured["overall"]["queries"] == sum(split_of(one.prompt) == "test" for one in RECORDS)
    assert set(measured) == {"made", "overall"}
    assert measured["overall"]["ece_quality"] < 0.15
    assert measured["overall"]["cross_entropy"] < measured["overall"]["cross_entropy_of_prior"]
    assert sum(count for _, _, count in measured["overall"]["reliability"]) == measured["overall"]["states"]


def test_the_same_records_train_the_same(trained, tmp_path, predictor):
    settings = PosteriorSettings(ways=Ways(draws=3))
    train_posterior(RECORDS, predictor, None, tmp_path / "again", settings, {"command": "test"})
    assert (tmp_path / "again" / "weights.json").read_bytes() == (trained[0] / "weights.json").read_bytes()


def test_records_in_another_order_train_the_same(tmp_path, predictor):
    twice = RECORDS[:200] + [replace(one, responses=two.responses) for one, two in pairwise(RECORDS[:200])]
    for name, records in (("one", twice), ("other", twice[::-1])):
        train_posterior(records, predictor, None, tmp_path / name, PosteriorSettings(Ways(draws=3)), {})
    for name in ("weights.json", "manifest.json"):
        assert (tmp_path / "other" / name).read_bytes() == (tmp_path / "one" / name).read_bytes()


def test_a_handful_of_records_stays_near_where_it_starts(tmp_path, predictor):
    start = Posterior.load(default_folder("posterior"))
    few = [one for one in RECORDS if split_of(one.prompt) == "validation"][:2]
    train_posterior(few, predictor, None, tmp_path / "few", PosteriorSettings(), {}, start)
    found = Posterior.load(tmp_path / "few")
    assert judged(found, (0, 0)).quality == pytest.approx(judged(start, (0, 0)).quality, abs=0.15)


def test_how_sure_the_model_was_counts_where_records_have_it(tmp_path, predictor):
    """Right responses are sure; one alone shows nothing else."""
    surely = [
        parse_record(raw | {"responses": raw["responses"] | {"small": [with_sureness(one) for one in small]}})
        for raw in RAW
        for small in [raw["responses"]["small"]]
    ]
    start = Posterior.load(default_folder("posterior"))
    settings = PosteriorSettings(ways=Ways(draws=3), hold=1.0)
    train_posterior(surely, predictor, None, tmp_path / "sure", settings, {}, start)
    found = Posterior.load(tmp_path / "sure")
    assert found.reads_sureness
    sure, unsure = (
        found.judge(Evidence((0.5,), (0.5,), (0,), 0.7, 0, Sureness(*one))).quality
        for one in ((-0.1, 2.0), (-1.5, -0.5))
    )
    assert sure > unsure + 0.2


def with_sureness(response):
    right = response["score"] == 1.0
    return response | {"mean_logprob": -0.1 if right else -1.5, "least_margin": 2.0 if right else -0.5}


def test_without_validation_queries_it_says_so(tmp_path, predictor):
    train = [one for one in RECORDS if split_of(one.prompt) == "train"]
    with pytest.raises(TrainingError, match="no query of the validation split"):
        train_posterior(train, predictor, None, tmp_path / "none", PosteriorSettings(), {})
    assert not (tmp_path / "none").exists()


def test_the_command(tmp_path):
    path = tmp_path / "records.jsonl"
    path.write_text("".join(json.dumps(raw) + "\n" for raw in RAW[:150]), "utf-8")
    words = ["train", "posterior", str(path), "--out", str(tmp_path / "own"), "--draws", "2", "--json"]
    result = CliRunner().invoke(cli, words)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["metrics"]["test"]["overall"]["queries"] > 0
    manifest = read_manifest(tmp_path / "own", "posterior")
    embedded = read_manifest(default_folder("router"), "router")
    assert manifest.recipe["router"] == embedded.files["model.onnx"]
    Posterior.load(tmp_path / "own")
