"""Probes: what a policy must decide, told with places and reasons; those that come with the project hold."""

import pytest

import bestroute
from bestroute import Router
from bestroute.retune.probes import Expect, report_of, run_probes
from tests import ROOT
from tests.decision.plans import planning
from tests.fakes import FakePredictor, make_policy
from tests.policy.files import PROBES, write_probes

GREETING = {"name": "greeting", "when": {"pattern": "^hi"}, "route": {"model": "tiny"}}
STRICT = {"name": "strict", "when": {"metadata": {"plan": "gold"}}, "max_gap": 0.0}
NO_TINY = {"name": "no tiny", "when": {"keywords": ["secret"]}, "exclude": ["tiny"]}
IMAGE = "messages: [{role: user, content: [{type: image_url, image_url: {url: x}}]}]"


def router(**policy):
    policy.setdefault("rules", [GREETING, STRICT, NO_TINY])
    return Router(make_policy(**policy), predictor=FakePredictor(), time_budget_s=None)


class TestExpectations:
    """Of `something`, three tokens: mid@4, gap 0.015625, match 0.46875, 4 * (3 * 3 + 120) = 516e-6 $."""

    @pytest.mark.parametrize(
        ("ask", "expect"),
        [
            ("query: something", "model: mid, n: 4, cause: tier"),
            ("query: something", "models: {mid: 4}, not_model: [tiny, big], not_rule: [strict]"),
            ("query: something", "max_cost: 0.000517, max_gap: 0.016, min_match: 0.46, max_calls: 1"),
            ("query: something", "why_not: {tiny: is above 0.03}, no_rule: true"),
            ("query: hi you", "model: tiny, n: 1, rule: greeting, cause: rule"),
            ("query: secret", "rule: no tiny, why_not: {tiny: excluded by rule}"),
            ("query: something, metadata: {plan: gold}", "model: big, rule: strict, cause: reference"),
            ("query: 'something ', repeat: 50", "max_cost: 0.002, model: mid"),
            (IMAGE, "cause: abstain, why_not: {tiny: cannot take image, mid: cannot take image}"),
            ("query: something, tools: true", "why_not: {tiny: cannot take tools}, model: big"),
            ("messages: [{role: system, content: x}, {role: user, content: hi}]", "rule: greeting"),
        ],
    )
    def test_that_hold(self, tmp_path, ask, expect):
        (result,) = report_of(router(), write_probes(tmp_path, f"{ask}, expect: {{{expect}}}")).results
        assert result.failures == ()
        assert result.passed
        assert result.ok

    @pytest.mark.parametrize(
        ("ask", "expect", "failures"),
        [
            ("query: something", "model: tiny, n: 1", ["model is mid, expected tiny", "n is 4, expected 1"]),
            ("query: something", "rule: greeting", ["rule is none, expected greeting"]),
            ("query: something", "cause: rule", ["cause is tier, expected rule"]),
            ("query: something", "models: {tiny: 1}", ["models is {'mid': 4}, expected {'tiny': 1}"]),
            ("query: something", "max_gap: 0.01", ["gap is 0.01562, expected at most 0.01"]),
            ("query: hi", "max_gap: 0.01", ["gap is not known, expected at most 0.01"]),
            ("query: hi", "min_match: 0.5", ["match probability is not known, expected at least 0.5"]),
            ("query: hi", "not_rule: [greeting]", ["rule 'greeting' matches, and must not"]),
            ("query: hi", "no_rule: true", ["rule 'greeting' matches, and none must"]),
            ("query: something", "not_model: [mid]", ["mid is asked, and must not be"]),
            ("query: abcdefgh", "max_cost: 0.0001", ["expected cost is 0.000504, expected at most 0.0001"]),
            (
                "query: something",
                "why_not: {mid: is above}",
                ["mid@4 is left out because: it is not, expected 'is above'"],
            ),
        ],
    )
    def test_that_do_not(self, tmp_path, ask, expect, failures):
        (result,) = report_of(router(), write_probes(tmp_path, f"{ask}, expect: {{{expect}}}")).results
        assert list(result.failures) == failures
        assert not result.ok
        shown = result.explain()
        assert shown.startswith("\n".join(failures) + "\n\n" + result.decision.arm.label)
        assert result.decision.explain() in shown
        assert "rule 'greeting': " in shown

    def test_of_a_model_that_no_tier_asks(self, tmp_path):
        one_tier = router(rules=[], tiers=[{"model": "big"}])
        path = write_probes(tmp_path, "query: x, expect: {why_not: {tiny: gap}}")
        (result,) = report_of(one_tier, path).results
        assert result.failures == ("no tier asks tiny, so none is left out because it 'gap'",)

    def test_of_a_plan(self, tmp_path):
        path = write_probes(
            tmp_path,
            "query: abcdefgh, expect: {not_model: [big]}",
            "query: abcdefgh, expect: {max_calls: 1}",
        )
        later, calls = report_of(planning(tiers=[{"model": "tiny", "n": 2}, {"model": "big"}]), path).results
        assert later.failures == ("big is asked later in the plan, and must not be",)
        assert calls.failures[0].startswith("expected calls is 1.")

    def test_every_expectation_is_judged(self):
        judged = {
            "model", "n", "models", "not_model", "why_not", "rule", "not_rule", "no_rule", "cause",
            "max_cost", "max_gap", "min_match", "max_calls",
        }  # fmt: skip
        assert set(Expect.model_fields) == judged


class TestTags:
    GOOD, BAD = "query: hi, expect: {model: tiny}", "query: hi, expect: {model: mid}"

    def report(self, folder, *tags, rates=""):
        probes = [f"{self.GOOD if good else self.BAD}, tags: [{names}]" for good, names in tags]
        return report_of(
            router(), write_probes(folder, *probes, head=rates and f"min_pass_rate: {{{rates}}}")
        )

    def test_without_a_minimum_every_probe_must_pass(self, tmp_path):
        report = self.report(tmp_path, (True, "a"), (False, "a"))
        assert not report.ok
        assert (report.tags[0].passed, report.tags[0].probes, report.tags[0].minimum) == (1, 2, None)
        assert self.report(tmp_path, (True, "a"), (True, "")).ok

    def test_a_tag_without_a_minimum_asks_for_nothing(self, tmp_path):
        """A probe is excused by the tag that has one."""
        report = self.report(tmp_path, (True, "a"), (False, "a, b"), rates="a: 0.5")
        assert report.ok
        assert [(tag.tag, tag.rate, tag.ok) for tag in report.tags] == [("a", 0.5, True), ("b", 0.0, True)]

    def test_a_minimum_that_is_reached_excuses(self, tmp_path):
        report = self.report(tmp_path, (True, "a"), (False, "a"), rates="a: 0.5")
        assert report.ok
        assert [result.excused for result in report.results] == [False, True]
        assert report.as_dict()["tags"] == {
            "a": {"passed": 1, "probes": 2, "rate": 0.5, "minimum": 0.5, "ok": True}
        }

    def test_a_minimum_that_is_missed_fails(self, tmp_path):
        report = self.report(tmp_path, (True, "a"), (False, "a"), rates="a: 0.51")
        assert not report.ok
        assert [result.ok for result in report.results] == [True, False]

    def test_all_of_a_probes_minimums_must_be_reached(self, tmp_path):
        report = self.report(tmp_path, (True, "a"), (False, "'a', b"), rates="a: 0.5, b: 0.5")
        assert not report.ok
        assert [rate.ok for rate in report.tags] == [True, False]

    def test_a_minimum_does_not_excuse_probes_without_its_tag(self, tmp_path):
        assert not self.report(tmp_path, (True, "a"), (False, "b"), rates="a: 0").ok


@pytest.mark.parametrize("path", PROBES, ids=lambda path: path.name)
def test_the_policies_that_come_with_the_project_hold(path):
    results = run_probes(path.with_name(path.name.replace(".probes", "")), path)
    assert len(results) >= 2
    for result in results:
        assert result.ok, result.explain()


def test_every_policy_has_probes():
    policies = {path.stem for path in (ROOT / "policies").glob("*.yaml")} - {path.stem for path in PROBES}
    assert {path.name.removesuffix(".probes.yaml") for path in PROBES} == policies


def test_the_function_is_public():
    assert bestroute.run_probes is run_probes
    assert {"ProbeResult", "ProbesError", "run_probes"} <= set(bestroute.__all__)
