"""Policies whose classes are LLMs that the router model knows by name."""

import json
from dataclasses import replace

import pytest

from bestroute.artefacts.known import Known, known_text
from bestroute.artefacts.manifest import LLMS, sha256
from bestroute.errors import PolicyError
from bestroute.policy import check_policy
from tests.artefacts.test_known import FLAT, LLAMA
from tests.policy.files import write_artefacts

POLICY = """\
version: 1
router: router
reward: reward
models:
  - {name: cheap, class: CLASS, price: {input: 0.1, output: 0.1}}
  - {name: grand, class: large, price: {input: 2.0, output: 9.0}}
reference: grand
max_gap: 0.03
tiers:
  - {model: cheap}
  - {model: grand}
"""
OTHER = replace(FLAT, name="llama-3.1-70b")


@pytest.fixture
def check(tmp_path):
    """Checks the policy with a class in it."""
    router = write_artefacts(tmp_path) / "router"
    (router / LLMS).write_text(known_text(Known((), (LLAMA, OTHER))), "utf-8")
    manifest = json.loads((router / "manifest.json").read_text("utf-8"))
    manifest["files"][LLMS] = sha256(router / LLMS)
    (router / "manifest.json").write_text(json.dumps(manifest), "utf-8")

    def checked(name):
        path = tmp_path / "policy.yaml"
        path.write_text(POLICY.replace("CLASS", name), "utf-8")
        return [issue.message for issue in check_policy(path)[1]]

    return checked


def test_an_llm_may_be_a_class(check):
    assert check("llama-3.1-8b") == []


def test_another_spelling_is_told(check):
    (told,) = check("meta-llama/Llama-3.1-8B-Instruct")
    assert told.startswith("models[0] (cheap) is predicted as the LLM 'llama-3.1-8b', which")


def test_what_is_not_known_has_its_nearest_names(check):
    with pytest.raises(PolicyError) as caught:
        check("llama-3.1-9b")
    (issue,) = caught.value.issues
    assert (
        "unknown class 'llama-3.1-9b' in models[0]: the router has learned small, medium, large"
        in issue.message
    )
    assert "2 LLMs by name" in issue.message
    assert "'llama-3.1-8b'" in issue.message
