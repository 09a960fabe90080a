"""Faults of a probe file, all told at once with place and mend."""

import pytest

from bestroute.errors import InputError, ProbesError
from bestroute.retune.probes import load_probes
from tests.fakes import make_policy
from tests.policy.files import write_probes

GREETING = {"name": "greeting", "when": {"pattern": "^hi"}, "route": {"model": "tiny"}}
STRICT = {"name": "strict", "when": {"metadata": {"plan": "gold"}}, "max_gap": 0.0}
POLICY = make_policy(rules=[GREETING, STRICT])


class TestFaults:
    @pytest.mark.parametrize(
        ("text", "issues"),
        [
            ("", ["1:1: the file is empty; start from policies/balanced.probes.yaml"]),
            ("- a", ["1:1: a probe file is a mapping; it starts with `version: 1`"]),
            ("version: 1\n---\na: 1", ["2:1: a second document starts here; a probe file is one document"]),
            ("version: 1", ["1:1: missing key 'probes' in the probe file"]),
            ("version: 2\nprobes: []", [
                "1:10: version must be 1, not 2",
                "2:9: probes must not be empty",
            ]),
            ("version: 1\nprobs: [a]\nprobes:\n- {name: a, query: x, expect: {modle: b}}", [
                "2:1: unknown key 'probs' in the probe file (did you mean 'probes'?)",
                "4:32: unknown key 'modle' in probes[0].expect (did you mean 'model'?)",
            ]),
            ("version: 1\nprobes:\n- {name: a, query: x, expect: {n: 0, cause: teir, rule: strct}}", [
                "3:35: probes[0].expect.n must be a whole number of at least 1, not 0",
                "3:45: probes[0].expect.cause must be 'rule' or 'tier' or 'reference' or 'abstain' or "
                "'fallback', not 'teir' (did you mean 'tier'?)",
                "3:57: the policy has no rule 'strct' (did you mean 'strict'?)",
            ]),
            ("version: 1\nprobes:\n- {name: a, query: x, expect: {}}\n- {name: a, expect: {model: mit}}", [
                "3:31: probes[0].expect needs an expectation: one or more of model, n, models, not_model, "
                "why_not, rule, not_rule, no_rule, cause, max_cost, max_gap, min_match, max_calls",
                "4:3: probes[1] needs exactly one of query and messages; this has neither",
                "4:10: duplicate name 'a' in probes[1] (also probes[0])",
                "4:29: the policy has no model 'mit' (did you mean 'mid'?)",
            ]),
            ("version: 1\nprobes:\n- {name: a, query: x, expect: {models: {tyny: 1}, not_model: [x], "
             "why_not: {bigg: y}}}", [
                "3:41: the policy has no model 'tyny' (did you mean 'tiny'?)",
                "3:63: the policy has no model 'x' (there are tiny, mid, big)",
                "3:77: the policy has no model 'bigg' (did you mean 'big'?)",
            ]),
            ("version: 1\nmin_pass_rate: {hart: 0.5, easy: 2}\nprobes:\n"
             "- {name: a, query: x, expect: {n: 1}, tags: [hard, easy]}", [
                "2:17: no probe has the tag 'hart' (did you mean 'hard'?)",
                "2:34: min_pass_rate.easy must be a number of at most 1, not 2",
            ]),
            ("version: 1\nprobes:\n- {name: a, query: ' ', expect: {n: 1}}\n"
             "- {name: b, messages: [{role: usr, content: x}], expect: {n: 1}}\n"
             "- {name: c, query: x, messages: [], expect: {n: 1, models: {mid: 1}}}", [
                "3:20: the query is empty: no user message has text or an image",
                "4:23: messages[0] has role 'usr'; give one of assistant, developer, function, system, tool, "
                "user",
                "5:3: probes[2] needs exactly one of query and messages; this has both",
                "5:45: probes[2].expect has model or n beside models, which say how many each is asked for",
            ]),
        ],
    )  # fmt: skip
    def test_all_at_once_with_place_and_mend(self, tmp_path, text, issues):
        path = tmp_path / "x.probes.yaml"
        path.write_text(text)
        with pytest.raises(ProbesError) as caught:
            load_probes(path, POLICY)
        found = [f"{issue.line}:{issue.column}: {issue.message}" for issue in caught.value.issues]
        assert found == issues

    def test_names_are_not_checked_without_a_policy(self, tmp_path):
        path = write_probes(tmp_path, "query: x, expect: {model: anything}")
        assert load_probes(path).probes[0].expect.model == "anything"

    def test_a_file_that_is_not_there(self):
        with pytest.raises(InputError, match="nowhere.yaml: No such file"):
            load_probes("nowhere.yaml")
