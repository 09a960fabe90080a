"""Which policy decides a request, and what a request may change of it."""

import asyncio

import pytest

from bestroute.errors import InputError
from bestroute.serve.held import Held
from bestroute.serve.policies import NotServed, Policies
from bestroute.serve.refusals import Refusal
from bestroute.serve.wishes import Wishes
from tests.patience import until
from tests.serve.gateway import POLICY

TEXT = POLICY.format(url="http://127.0.0.1:9/v1", dial=0.03)
SHADOW = "shadow: {{share: 1, ask: [reference], budget: 1, records: {}}}\n"


@pytest.fixture
def served(tmp_path):
    def made(*texts):
        paths = [tmp_path / f"p{place}.yaml" for place in range(len(texts))]
        for path, text in zip(paths, texts, strict=True):
            path.write_text(text, "utf-8")
        return Policies(paths)

    return made


def decided(policies, model, wishes, query="hello"):
    return asyncio.run(policies.find(model, wishes).router()).route(query)


def test_names(served):
    policies = served(TEXT, TEXT.replace("tiny", "mini"))
    assert policies.models == ["auto", "p1", "tiny", "big", "mini"]
    assert decided(policies, None, Wishes()).model == decided(policies, "auto", Wishes()).model == "tiny"
    assert decided(policies, "p1", Wishes()).model == decided(policies, "mini", Wishes()).model == "mini"
    assert policies.find("mini", Wishes()).name == "p1"


def test_a_model_that_is_named_goes_before_the_rules(served):
    policies = served(TEXT)
    assert decided(policies, "big", Wishes()).arm.label == "big@1"
    assert decided(policies, "auto", Wishes(model="big")).rule == "the request names its model"


def test_a_dial_leaves_the_rules_alone(served):
    policies = served(TEXT)
    assert decided(policies, "auto", Wishes(max_gap=0.1)).rule == "greetings – 契約"
    assert decided(policies, "auto", Wishes(max_gap=0.1), "Why?").objective.setting == 0.1


@pytest.mark.parametrize(
    ("overrides", "model", "wishes", "code"),
    [
        ("{max_gap: {max: 0.1}}", "auto", Wishes(max_gap=0.11), "out_of_bounds"),
        ("{max_gap: {max: 0.1}}", "auto", Wishes(max_gap=-0.01), "out_of_bounds"),
        ("{models: true}", "auto", Wishes(max_gap=0.01), "not_allowed"),
        ("{models: false}", "big", Wishes(), "model_not_found"),
        ("{models: false}", "auto", Wishes(model="big"), "model_not_found"),
        ("{models: true}", "gpt", Wishes(), "model_not_found"),
    ],
)
def test_what_a_policy_does_not_allow(served, overrides, model, wishes, code):
    policies = served(TEXT.replace("{max_gap: {max: 0.1}}", overrides))
    with pytest.raises(NotServed if code == "model_not_found" else Refusal) as caught:
        policies.find(model, wishes)
    assert getattr(caught.value, "code", "model_not_found") == code


def test_models_are_listed_where_they_may_be_named(served):
    assert served(TEXT.replace("{max_gap: {max: 0.1}}", "{models: false}")).models == ["auto"]


def test_a_model_may_not_have_the_name_of_a_policy(served):
    with pytest.raises(InputError, match="'p1' has the name of a policy"):
        served(TEXT, TEXT.replace("tiny", "p1"))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("tiny", "auto"), "the model 'auto' has the name of a policy"),
        (("tiny", "p1"), "the model 'p1' has the name of a policy"),
        (("version: 1", "version: 1\n" + SHADOW.format("p1.yaml/r")), "cannot be written"),
    ],
)
def test_a_reload_is_refused_what_a_start_is(served, tmp_path, change, why):
    with pytest.raises(InputError, match=why):
        served(TEXT.replace(*change), TEXT)
    policies = served(TEXT, TEXT)
    policies.start()
    try:
        (tmp_path / "p0.yaml").write_text(TEXT.replace(*change), "utf-8")
        until(lambda: policies.faults)
        assert why in policies.faults["auto"]
        assert decided(policies, "p1", Wishes()).model == decided(policies, None, Wishes()).model == "tiny"
        (tmp_path / "p0.yaml").write_text(TEXT.replace("0.03", "0.05"), "utf-8")
        until(lambda: policies.reloads)
        assert not policies.faults
    finally:
        policies.close()


def test_a_canary_is_refused_records_that_cannot_be_written(served, tmp_path):
    """Whether its policy is taken over with it, or it changes later."""
    bad = TEXT + SHADOW.format("p0.yaml/r")
    canary = tmp_path / "next.yaml"
    canary.write_text(bad, "utf-8")
    policies = served(TEXT)
    policies.start()
    try:
        (tmp_path / "p0.yaml").write_text(TEXT + "canary: {policy: next.yaml, share: 1}\n", "utf-8")
        until(lambda: policies.reloads)
        until(lambda: policies.faults)
        assert "cannot be written" in policies.faults["auto/canary"]
    finally:
        policies.close()


def test_who_starts_anew_goes_on_with_what_held(tmp_path):
    """A worker's successor, where the file by then is one that a start refuses."""
    path, held = tmp_path / "p0.yaml", tmp_path / "held"
    held.mkdir()
    path.write_text(TEXT, "utf-8")
    Policies([path], held=Held(held))
    path.write_text(TEXT.replace("tiny", "auto"), "utf-8")
    after = Policies([path], held=Held(held))
    assert decided(after, None, Wishes()).model == "tiny"
    assert "has the name of a policy" in after.faults["auto"]
