"""Ray Data over the same scoring, on a real cluster of two nodes here; test_engines.py runs this module."""

import json
import logging
import os
import subprocess
import sys
from functools import partial

import pytest

from bestroute.artefacts.manifest import default_folder
from bestroute.errors import ArtefactError, InputError
from bestroute.records.score import Job, RayEngine, Recipe, score_files
from bestroute.records.score.command import CommandOracle
from bestroute.records.score.exact import ExactOracle

pytestmark = [pytest.mark.ray, pytest.mark.filterwarnings("default")]  # Ray's own warnings are not ours
ray = pytest.importorskip("ray", reason="the ray extra is not installed")


@pytest.fixture(scope="module")
def cluster():
    from ray.cluster_utils import Cluster

    bare = {"include_dashboard": False, "include_log_monitor": False, "no_monitor": True}
    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, **bare})
    nodes.add_node(num_cpus=1)
    ray.init(address=nodes.address, log_to_driver=False, logging_level=logging.WARNING)
    yield nodes
    ray.shutdown()
    nodes.shutdown()


@pytest.fixture
def records(tmp_path):
    path = tmp_path / "in.jsonl"
    with path.open("w") as file:
        for index in range(50):
            texts = [f"The answer is {index}.", f"It is {index + 1}", "é \ud800"]
            small = [{"text": text} for text in texts]
            line = {"id": f"q{index}", "query": f"What is {index}?", "answer": str(index)}
            file.write(json.dumps({**line, "responses": {"small": small}}) + "\n")
    return path


def scored(records, name, recipe, engine):
    out = records.with_name(name)
    summary = score_files(Job((records,), out, recipe, {}), engine)
    return summary, out.read_bytes()


def test_the_same_as_here_on_two_nodes(cluster, records):
    assert sum(node["Alive"] for node in ray.nodes()) == 2
    recipe = Recipe(partial(ExactOracle), default_folder("reward"), paid=False, workers=1)
    summary, here = scored(records, "here.jsonl", recipe, None)
    for engine in (RayEngine(actors=2, batch=8), RayEngine(actors=1, batch=3, chunk=30)):
        there_summary, there = scored(records, "there.jsonl", recipe, engine)
        assert there == here
        assert there_summary.as_dict() == summary.as_dict()
    assert json.loads(here.splitlines()[7])["id"] == "q7"
    assert summary.scored == summary.rewarded == 150


def test_what_is_paid_for_and_what_fails(cluster, records, tmp_path):
    program = tmp_path / "p.py"
    program.write_text("import sys\nsys.exit('boom') if 'q7' in sys.stdin.read() else print(1)")
    oracle = partial(CommandOracle, f"{sys.executable} -S {program}")
    recipe = Recipe(oracle, None, paid=True, workers=2)
    summary, _ = scored(records, "there.jsonl", recipe, RayEngine())
    assert (summary.scored, summary.missing_scores) == (147, 3)
    assert all("'q7'" in message and "boom" in message for message in summary.failures)


def test_the_command_joins_the_cluster_that_the_environment_names(cluster, records):
    words = ["score", records, "--oracle", "exact", "--no-reward", "--engine", "ray", "--json"]
    out = records.with_name("out.jsonl")
    done = subprocess.run(
        [sys.executable, "-m", "bestroute", *map(str, words), "--out", str(out)],
        env={**os.environ, "RAY_ADDRESS": cluster.address},
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["scored"] == 150
    here = scored(records, "here.jsonl", Recipe(partial(ExactOracle), None, paid=False, workers=1), None)
    assert out.read_bytes() == here[1]


def test_an_artefact_that_is_not_there(cluster, records, tmp_path):
    recipe = Recipe(None, tmp_path / "nowhere", paid=False, workers=1)
    with pytest.raises(ArtefactError, match="nowhere"):
        scored(records, "there.jsonl", recipe, RayEngine())


def test_an_error_arrives_as_what_it_is(cluster, records):
    recipe = Recipe(partial(CommandOracle, "/nowhere/program"), None, paid=True, workers=1)
    with pytest.raises(InputError, match="/nowhere/program: cannot be started"):
        scored(records, "there.jsonl", recipe, RayEngine())
