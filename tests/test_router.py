"""Router: the public promises. Exact ones with fakes, the others with the embedded artefacts."""

import asyncio
import dataclasses
from concurrent.futures import ThreadPoolExecutor
from math import isnan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bestroute import Router
from bestroute.answering.pick import pick
from bestroute.answering.sampling import Sample, Sampled
from bestroute.answering.selection import ByReward
from bestroute.artefacts.manifest import default_folder, read_manifest
from bestroute.errors import (
    ArtefactError,
    InputError,
    PolicyError,
    PredictorError,
    PredictorOverrun,
    SamplingError,
)
from bestroute.query import Query, read_queries
from tests import ROOT
from tests.fakes import FakePredictor, FakeReward, FakeSampler, make_policy, said
from tests.policy.files import SHIPPED

POOL = list(read_queries(ROOT / "examples" / "queries.jsonl"))
IMAGE = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]
GREETING = {"name": "greeting", "when": {"pattern": "^hi"}, "route": {"model": "tiny"}}
ENTERPRISE = {"name": "enterprise", "when": {"metadata": {"plan": "enterprise"}}, "max_gap": 0.0}
NOT_MID = {"name": "not mid", "when": {"keywords": ["secret"]}, "exclude": ["mid"]}


def router(predictor=None, *, reward=None, sampler=None, time_budget_s=1.0, **policy):
    policy.setdefault("rules", [GREETING, ENTERPRISE, NOT_MID])
    return Router(
        make_policy(**policy),
        predictor=predictor or FakePredictor(),
        reward=reward or FakeReward(),
        sampler=sampler,
        time_budget_s=time_budget_s,
    )


@pytest.fixture(scope="module")
def embedded(predictor, reward_model):
    """A policy over the embedded router model that uses rules, tiers of several dials, and its reference."""
    manifest = predictor.manifest
    cheap = [name for name in manifest.classes if name != manifest.reference]
    prices = {name: 0.5 * 4**index for index, name in enumerate([*cheap, manifest.reference])}
    policy = make_policy(
        models=[{"name": name, "price": {"input": p / 4, "output": p}} for name, p in prices.items()],
        reference=manifest.reference,
        tiers=[
            *({"model": name, "n": n} for name in cheap for n in (1, 3, 8)),
            {"model": manifest.reference},
        ],
        rules=[
            {"name": "small talk", "when": {"tokens": {"max": 5}}, "route": {"model": cheap[0]}},
            {"name": "legal", "when": {"metadata": {"team": "legal"}}, "max_gap": -1},
            {"name": "code", "when": {"has": ["code"]}, "exclude": [cheap[0]]},
        ],
    )
    return Router(policy, predictor=predictor, reward=reward_model, time_budget_s=None)


def words_of(decision):
    return [(c.model, c.n, c.eligible, c.max_gap) for c in decision.candidates] + [
        decision.model, decision.n, decision.cause, decision.rule, decision.query_id, decision.policy,
    ]  # fmt: skip


def numbers_of(decision):
    return [
        np.nan if number is None else number
        for value in (decision, *decision.candidates)
        for number in (value.gap, value.match_probability, value.expected_cost)
    ]


class TestRoute:
    @pytest.mark.parametrize(
        ("query", "metadata", "arm", "cause", "rule"),
        [
            ("hi there", None, "tiny@1", "rule", "greeting"),
            ("How deep is the sea?", None, "mid@4", "tier", None),
            ("How deep?", {"plan": "enterprise"}, "big@1", "reference", "enterprise"),
            ("the secret", {}, "big@1", "reference", "not mid"),
            (IMAGE, None, "big@1", "abstain", None),
            (IMAGE, {"plan": "enterprise"}, "big@1", "abstain", "enterprise"),
            ({"query": "x", "metadata": {"plan": "enterprise"}}, None, "big@1", "reference", "enterprise"),
            ({"query": "x", "metadata": {"plan": "enterprise"}}, {"plan": "free"}, "mid@4", "tier", None),
        ],
    )
    def test_decisions(self, query, metadata, arm, cause, rule):
        decision = router().route(query, metadata=metadata)
        assert (decision.arm.label, decision.cause, decision.rule) == (arm, cause, rule)
        assert len(decision.candidates) == 5
        assert list(decision.timings_ms) == ["rules", "tokenize", "predict", "total"]
        assert all(span >= 0 for span in decision.timings_ms.values())

    @pytest.mark.parametrize("query", ["", " \n", [], [{"role": "assistant", "content": "x"}], {"text": "x"}])
    def test_nothing_to_route_on(self, query):
        with pytest.raises(InputError):
            router().route(query)

    def test_the_router_model_is_asked_only_where_it_decides(self):
        predictor = FakePredictor()
        routing = router(predictor)
        for query in ("hi there", IMAGE):
            routing.route(query)
        assert predictor.batches == []
        routing.route("something")
        assert predictor.batches == [1]

    @pytest.mark.parametrize("batch", [False, True])
    def test_explain_all_gives_every_candidate_its_gap(self, batch):
        explain = lambda routing, **how: (  # noqa: E731
            routing.route_batch(["hi"], **how)[0] if batch else routing.route("hi", **how)
        )
        plain, explained = explain(router()), explain(router(), explain_all=True)
        assert [c.gap for c in plain.candidates] == [None] * 5
        assert [c.gap for c in explained.candidates] == [0.25, 0.125, 0.0625, 0.015625, 0.0]
        assert (explained.arm, explained.cause, explained.gap) == (plain.arm, "rule", 0.25)

    def test_equality_ignores_timings(self):
        decision = router().route("something")
        slower = dataclasses.replace(decision, timings_ms={"total": 1e9})
        assert slower == decision
        assert hash(slower) == hash(decision)
        assert dataclasses.replace(decision, n=2) != decision

    def test_the_same_policy_and_query_give_the_same_decision(self, embedded, predictor):
        again = Router(embedded.policy, predictor=predictor, time_budget_s=None)
        for query in POOL[::4]:
            assert embedded.route(query) == embedded.route(query) == again.route(query)

    def test_quality_and_match_never_fall_with_n(self, embedded):
        for decision in embedded.route_batch(POOL, explain_all=True):
            for name in {c.model for c in decision.candidates}:
                arms = sorted((c for c in decision.candidates if c.model == name), key=lambda c: c.n)
                assert all(a.gap >= b.gap - 1e-6 for a, b in zip(arms, arms[1:], strict=False))
                if name != embedded.policy.reference:
                    assert all(
                        a.match_probability <= b.match_probability + 1e-6
                        for a, b in zip(arms, arms[1:], strict=False)
                    )

    def test_threads_share_a_router(self, embedded):
        alone = [embedded.route(query) for query in POOL]
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(embedded.route, POOL)) == alone

    @pytest.mark.parametrize(
        "text", ["x" * 1_000_000, "nul \0", "\u202ebidi", "\ud800", "数学" * 3000, "[CLS] [SEP] [MASK]"]
    )
    def test_any_text_gets_a_decision(self, embedded, text):
        assert embedded.route(text).model in {model.name for model in embedded.policy.models}


class TestRouteBatch:
    @settings(max_examples=20)
    @given(st.lists(st.sampled_from(POOL), max_size=8), st.booleans())
    def test_is_route_one_by_one(self, embedded, queries, explain_all):
        together = embedded.route_batch(queries, explain_all=explain_all)
        alone = [embedded.route(query, explain_all=explain_all) for query in queries]
        assert [words_of(decision) for decision in together] == [words_of(decision) for decision in alone]
        for decision, other in zip(together, alone, strict=True):
            assert numbers_of(decision) == pytest.approx(numbers_of(other), abs=1e-5, rel=1e-4, nan_ok=True)

    @given(st.lists(st.sampled_from([*POOL, Query.of(IMAGE), Query.of("hi")]), max_size=9), st.booleans())
    def test_is_exactly_route_where_predictions_are(self, queries, explain_all):
        routing = router()
        together = routing.route_batch(queries, explain_all=explain_all)
        assert together == [routing.route(query, explain_all=explain_all) for query in queries]

    def test_asks_the_router_model_once(self):
        predictor = FakePredictor()
        assert router(predictor).route_batch([]) == []
        assert predictor.batches == []
        decisions = router(predictor).route_batch(iter(["hi", "a", IMAGE, "b"]))
        assert predictor.batches == [2]
        assert [decision.cause for decision in decisions] == ["rule", "tier", "abstain", "tier"]


class TestFallback:
    @pytest.mark.parametrize(
        "broken",
        [
            {"error": PredictorError("broken")},
            {"error": PredictorOverrun("late")},
            {"error": MemoryError()},
            {"tokenize_error": TypeError("not a text")},
            {"output_tokens": (10.0, float("nan"), 30.0)},
            {"quality": np.full((3, 4), np.inf)},
        ],
        ids=repr,
    )
    def test_a_router_model_that_fails_never_fails_a_request(self, broken, caplog):
        routing = router(FakePredictor(**broken))
        decision = routing.route("something")
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        assert (decision.arm.label, decision.cause, decision.gap) == ("big@1", "fallback", None)
        assert routing.fallbacks == 1
        causes = [d.cause for d in routing.route_batch(["hi", "a", IMAGE, "b"])]
        assert causes == ["rule", "fallback", "abstain", "fallback"]
        assert routing.fallbacks == 3

    def test_a_rule_still_decides(self):
        routing = router(FakePredictor(error=PredictorError("broken")))
        assert routing.route("hi", explain_all=True).cause == "rule"

    @pytest.mark.parametrize(("budget", "cause"), [(0.01, "fallback"), (30.0, "tier"), (None, "tier")])
    def test_an_answer_that_comes_too_late_does_not_count(self, budget, cause):
        routing = router(FakePredictor(delay_s=0.03), time_budget_s=budget)
        assert routing.route("something").cause == cause
        assert routing.fallbacks == (cause == "fallback")

    def test_the_embedded_router_model_past_its_budget(self, embedded, predictor):
        hurried = Router(embedded.policy, predictor=predictor, time_budget_s=1e-6)
        decision = hurried.route("Explain " + "very " * 400 + "slowly why the sky is blue.")
        assert (decision.model, decision.cause) == (embedded.policy.reference, "fallback")

    def test_are_counted_across_threads(self):
        routing = router(FakePredictor(error=PredictorError("broken")))
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(routing.route, ["something"] * 200))
        assert routing.fallbacks == 200


class TestConstruction:
    def test_from_policy(self):
        path = ROOT / "policies" / "balanced.yaml"
        routing = Router.from_policy(path, predictor=FakePredictor())
        assert routing.policy.path == path
        assert Router.from_policy(str(path)).route("Who was Euclid?").policy == routing.policy.digest

    def test_faults_come_at_once(self, tmp_path):
        with pytest.raises(InputError):
            Router.from_policy(tmp_path / "missing.yaml")
        (tmp_path / "bad.yaml").write_text("version: 1\n")
        with pytest.raises(PolicyError):
            Router.from_policy(tmp_path / "bad.yaml")
        with pytest.raises(ArtefactError):
            Router(make_policy(router=tmp_path))

    def test_the_reward_model_is_opened_when_first_needed(self, tmp_path):
        routing = Router(make_policy(reward=tmp_path), predictor=FakePredictor())
        assert routing.route("something").model == "mid"
        with pytest.raises(ArtefactError, match="no manifest"):
            routing.pick("something", ["a"])


class TestPick:
    def test_the_highest_reward_is_kept_where_none_agree(self):
        picked = router(reward=FakeReward({"a": 0.25, "b": 0.75})).pick("q", ["a", "b", "c"])
        assert picked == (1, (0.25, 0.75, 0.5), (0, 1, 2), ((), (), ()))

    def test_the_policys_selector_chooses(self):
        responses = ["Answer: 5", "#### 5", "Answer: 6"]
        reward = FakeReward(dict(zip(responses, (0.25, 0.5, 0.625), strict=True)))
        for select, best in (("reward", 2), ("vote", 1), ("reward+vote", 1)):
            picked = router(reward=reward, sampling={"select": select}).pick("q", responses)
            assert (picked.best, picked.groups) == (best, (0, 0, 1))
        assert router(reward=reward).pick("q", responses).best == 1
        assert pick(reward, "q", responses).best == 1
        assert pick(reward, "q", responses, ByReward()).best == 2

    def test_the_users_checker_tells_what_agrees(self):
        responses = ["x * 2", "x + x", "x ** 2"]
        reward = FakeReward({"x ** 2": 0.75})
        picked = router(reward=reward).pick("q", responses, same=lambda one, other: "**" not in one + other)
        assert (picked.best, picked.groups) == (0, (0, 0, 1))

    def test_the_reward_model_sees_the_users_text(self):
        reward = FakeReward()
        messages = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]
        pick(reward, messages, ["a"])
        assert reward.seen == [("u", ("a",))]

    @pytest.mark.parametrize("blank", ["", " ", "\n\t", "\u3000"])
    def test_a_blank_response_never_wins(self, blank):
        assert pick(FakeReward({blank: 1.0, "a": 0.0}), "q", [blank, "a", blank]).best == 1

    @pytest.mark.parametrize("responses", [[], [""], [" ", "\n"]])
    def test_there_must_be_one_to_keep(self, responses):
        with pytest.raises(InputError, match="give at least one that is not blank"):
            pick(FakeReward(), "q", responses)

    @pytest.mark.parametrize(
        ("responses", "kept"), [(["long one", "short"], "short"), (["b", "a"], "a"), (["a", "a"], "a")]
    )
    def test_ties_go_to_the_shorter_then_the_alphabet(self, responses, kept):
        assert responses[pick(FakeReward(), "q", responses).best] == kept

    @given(st.data())
    def test_the_order_of_arrival_does_not_matter(self, data):
        texts = data.draw(st.lists(st.text("ab ", max_size=3), min_size=1, max_size=6).filter(
            lambda texts: any(text.strip() for text in texts)
        ))  # fmt: skip
        scores = data.draw(st.fixed_dictionaries({text: st.sampled_from([0.0, 0.5, 1.0]) for text in texts}))
        shuffled = data.draw(st.permutations(texts))
        first, second = (pick(FakeReward(scores), "q", responses) for responses in (texts, shuffled))
        assert texts[first.best] == shuffled[second.best]
        assert texts[first.best].strip()
        group = [i for i, number in enumerate(first.groups) if number == first.groups[first.best]]
        assert first.rewards[first.best] == max(first.rewards[index] for index in group)

    def test_with_the_embedded_reward_model(self, embedded):
        responses = ["About 3.7 km.", "", "No idea."]
        best, rewards, *_ = embedded.pick("How deep is the sea?", responses)
        assert len(rewards) == 3
        assert rewards[best] == max(rewards[0], rewards[2])
        backwards = embedded.pick("How deep is the sea?", responses[::-1])
        assert responses[::-1][backwards.best] == responses[best]


class TestComplete:
    """The dial decides mid@4 for any query but a greeting (tiny@1)."""

    @staticmethod
    def complete(script, query="something", reward=None, **policy):
        sampler = FakeSampler(script)
        routing = router(sampler=sampler, reward=reward, **policy)
        return routing.complete(query), sampler.asked

    def test_the_decided_arm_answers_with_its_best(self):
        reward = FakeReward({"a": 0.25, "b": 0.75})
        answer, asked = self.complete({"mid": said("a", " ", "b", "a")}, reward=reward)
        assert asked == ["mid@4"]
        assert (answer.text, answer.model, answer.n, answer.best) == ("b", "mid", 4, 2)
        assert answer.decision == router().route("something")
        assert [sample.text for sample in answer.samples] == ["a", " ", "b", "a"]
        assert answer.rewards == pytest.approx((0.25, float("nan"), 0.75, 0.25), nan_ok=True)
        assert reward.seen == [("something", ("a", "b", "a"))]
        assert [(a.arm, a.asked, a.got, a.error) for a in answer.attempts] == [
            ("mid@4", 4, 3, "blank response")
        ]
        assert [(step.arm, step.responses) for step in answer.steps] == [("mid@4", 4)]
        # Estimated, of tokens: 4 prompts of 3 at 3, and one of each at 6 millionths of a dollar.
        assert answer.cost == pytest.approx((4 * 3 * 3 + 4 * 6) / 1e6)
        assert answer.shortfall is None

    def test_as_many_samples_as_the_arm_says(self):
        answer, _ = self.complete({"mid": lambda n: said(*["a"] * n)})
        assert len(answer.samples) == 4

    def test_metadata_reaches_the_rules(self):
        routing = router(sampler=FakeSampler({"big": said("a")}))
        answer = routing.complete("x", metadata={"plan": "enterprise"})
        assert (answer.model, answer.decision.rule) == ("big", "enterprise")

    def test_the_next_dearer_tier_of_another_model_steps_in(self):
        answer, asked = self.complete({"mid": said("a", "b")}, "hi")
        assert asked == ["tiny@1", "mid@2"]
        assert (answer.model, answer.n, answer.decision.model) == ("mid", 2, "tiny")
        assert [(a.arm, a.error) for a in answer.attempts] == [
            ("tiny@1", "connection refused"),
            ("mid@2", None),
        ]

    def test_at_last_the_reference(self):
        answer, asked = self.complete({"mid": said("", ""), "big": said("a")}, "hi")
        assert asked == ["tiny@1", "mid@2", "big@1"]
        assert (answer.text, answer.model, answer.n) == ("a", "big", 1)

    def test_when_nobody_answers_every_attempt_is_told(self):
        with pytest.raises(SamplingError, match="no model answered") as caught:
            self.complete({"mid": Sampled(errors=("429", "429"))})
        assert [str(a.arm) for a in caught.value.attempts] == ["mid@4", "big@1"]
        assert "mid@4: 0 of 4" in str(caught.value)
        assert "429 (2 times)" in str(caught.value)
        assert "connection refused" in str(caught.value)

    def test_excluded_models_are_never_asked(self):
        sampler = FakeSampler({})
        with pytest.raises(SamplingError):
            router(sampler=sampler, max_gap=1.0).complete("a secret")
        assert sampler.asked == ["tiny@1", "big@1"]

    @pytest.mark.parametrize(
        ("samples", "kept"),
        [
            ([Sample("cut", "length"), Sample("whole", "stop"), Sample("", "stop")], "whole"),
            ([Sample("cut", "length"), Sample("whole", None)], "whole"),
            ([Sample("other cut", "length"), Sample("cut", "length"), Sample("", "stop")], "cut"),
        ],
    )
    def test_what_is_cut_off_or_blank_never_wins_over_what_is_whole(self, samples, kept):
        reward = FakeReward({"cut": 1.0, "": 1.0, "whole": 0.0})
        answer, asked = self.complete({"mid": Sampled(tuple(samples))}, reward=reward)
        assert (answer.text, asked) == (kept, ["mid@4"])
        assert [isnan(r) for r in answer.rewards] == [sample.text == "" for sample in samples]

    @pytest.mark.parametrize(
        ("select", "kept"), [("reward", "#### 6"), ("vote", "#### 5"), ("reward+vote", "#### 5")]
    )
    def test_the_policys_selector_chooses(self, select, kept):
        reward = FakeReward({"#### 6": 0.75, "The answer is 5.": 0.375})
        said_ = said("The answer is 5.", "#### 5", "#### 6")
        answer, _ = self.complete({"mid": said_}, reward=reward, sampling={"select": select})
        assert answer.text == kept
        assert answer.rewards == (0.375, 0.5, 0.75)

    def test_what_is_cut_off_has_no_vote(self):
        cut = [Sample("#### 6", "length"), Sample("Answer: 6", "length")]
        answer, _ = self.complete({"mid": Sampled((*cut, Sample("Answer: 5"), Sample("")))})
        assert answer.text == "Answer: 5"

    def test_when_the_reward_model_fails_heads_are_counted(self):
        class Failing:
            def rewards(self, query, responses):
                raise RuntimeError("out of memory")

        answer, _ = self.complete({"mid": said("6", "Answer: 5", "#### 5")}, reward=Failing())
        assert answer.text == "#### 5"
        assert all(isnan(reward) for reward in answer.rewards)

    def test_acomplete_is_complete_awaited(self):
        async def ask():
            return await router(sampler=FakeSampler({"mid": said("a")})).acomplete("something")

        answer, _ = self.complete({"mid": said("a")})
        awaited = asyncio.run(ask())
        assert (awaited.text, awaited.decision) == (answer.text, answer.decision)

    def test_many_at_once_on_one_loop(self):
        routing = router(sampler=FakeSampler({"mid": said("a"), "tiny": said("b")}))

        async def ask():
            return await asyncio.gather(*(routing.acomplete(query) for query in ["x", "hi"] * 10))

        assert [answer.text for answer in asyncio.run(ask())] == ["a", "b"] * 10

    def test_complete_inside_a_running_loop_says_what_to_do(self):
        async def ask():
            router(sampler=FakeSampler({"mid": said("a")})).complete("something")

        with pytest.raises(InputError, match=r"use `await router.acomplete\(...\)`"):
            asyncio.run(ask())


def test_the_embedded_manifest_fits_the_embedded_policies():
    manifest = read_manifest(default_folder("router"), "router")
    for path in SHIPPED:
        decision = Router.from_policy(path).route("Who was Euclid?", explain_all=True)
        assert {c.n for c in decision.candidates} <= set(range(1, manifest.max_n + 1)), path


class OneBad(FakePredictor):
    """Gives no number for a text of seven characters."""

    def predict(self, rows, time_budget_s=None):
        prediction = super().predict(rows, time_budget_s)
        for index, row in enumerate(rows):
            if row.ids[1] == 7:
                prediction.quality[index] = np.nan
        return prediction


def test_one_bad_query_does_not_decide_for_its_batch():
    routed = router(OneBad())
    causes = [decision.cause for decision in routed.route_batch(["good one", "bad one", "another good one"])]
    assert causes == [routed.route(text).cause for text in ("good one", "bad one", "another good one")]
    assert causes.count("fallback") == 1
    assert routed.fallbacks == 2


def test_complete_does_not_swallow_tools():
    tools = [{"type": "function"}]
    request = {"messages": [{"role": "user", "content": "What is the weather?"}], "tools": tools}
    sampler = FakeSampler({"big": said("Fair.")})
    assert router(sampler=sampler).complete(request).text == "Fair."
    assert sampler.queries[-1].fields == {"tools": tools}


def test_route_batch_takes_no_single_text():
    with pytest.raises(InputError, match="use route\\(\\)"):
        router().route_batch("abc")


class TestOfAnotherKind:
    """Arguments that Python would take in silence."""

    @pytest.mark.parametrize("policy", ["policy.yaml", {"version": 1}, None])
    def test_a_policy(self, policy):
        with pytest.raises(InputError, match=r"Router\.from_policy\(path\) reads a file"):
            Router(policy)

    @pytest.mark.parametrize(
        ("responses", "words"),
        [
            ([None], r"responses\[0\] is NoneType; give a text"),
            (["a", 3], r"responses\[1\] is int; give a text"),
            ("abc", "responses is str; give a list of texts"),
            ({"a": 1}, "responses is dict; give a list of texts"),
            (None, "responses is NoneType; give a list of texts"),
        ],
    )
    def test_responses(self, responses, words):
        with pytest.raises(InputError, match=f"^{words}$"):
            router().pick("q", responses)

    @pytest.mark.parametrize("queries", ["abc", {"query": "abc"}, None, 5])
    def test_queries(self, queries):
        with pytest.raises(InputError, match="^queries is (str|dict|NoneType|int); give a list of queries"):
            router().route_batch(queries)


class Bad:
    """A reward model that gives whatever it was told to, or raises it."""

    def __init__(self, given):
        self.given = given

    def rewards(self, query, responses):
        if isinstance(self.given, Exception):
            raise self.given
        return self.given


class TestParts:
    """What a router is given that cannot be used is refused when it is made, or told in a word."""

    @pytest.mark.parametrize(
        "given", [[0.5], [0.5, float("nan")], [7.0, 0.1], ["x", "y"], None, OSError("gone")]
    )
    def test_a_reward_model_that_does_not_reward(self, given):
        with pytest.raises(InputError, match="^reward: Bad.rewards"):
            router(reward=Bad(given)).pick("q", ["a", "b"])
        sampler = FakeSampler({"big": Sampled((Sample("a"), Sample("b")))})
        tiers = [{"model": "big", "n": 2}]
        answer = router(reward=Bad(given), sampler=sampler, tiers=tiers, reference="big").complete("q")
        assert answer.text in "ab"
        assert all(map(isnan, answer.rewards))

    @pytest.mark.parametrize("seconds", ["x", 0, -1, float("nan")])
    def test_a_time_budget_that_is_no_time(self, seconds):
        with pytest.raises(InputError, match="time_budget_s is .*; give seconds above 0"):
            router(time_budget_s=seconds)

    @pytest.mark.parametrize("name", ["on_decision", "on_answer"])
    def test_a_hook_that_cannot_be_called_in_place(self, name):
        async def later(_):
            raise AssertionError("nobody awaits it")

        for part, fault in ((5, "is 5; give what can be called"), (later, "is a coroutine function")):
            with pytest.raises(InputError, match=f"^{name} {fault}"):
                Router(make_policy(), predictor=FakePredictor(), **{name: part})

    def test_a_hook_of_one_request_that_cannot_be_called_in_place(self):
        async def later(_):
            raise AssertionError("nobody awaits it")

        async def read(**hook):
            return [event async for event in routing.astream("x", **hook)]

        sampler = FakeSampler({"mid": said("a")})
        routing = router(sampler=sampler)
        for part, fault in ((5, "is 5"), (later, "is a coroutine function")):
            for asking in (routing.acomplete("x", on_decision=part), read(on_decision=part)):
                with pytest.raises(InputError, match=f"^on_decision {fault}"):
                    asyncio.run(asking)
        assert sampler.asked == []

    def test_a_check_that_nobody_looks_at_is_not_run(self):
        """asyncio writes the repr of a task that ends, and with it that of the answer."""
        seen = []

        def mine(query, response):
            seen.append(response)
            return "failed"

        parts = {"predictor": FakePredictor(), "reward": FakeReward(), "checkers": [mine]}
        policy = make_policy(tiers=[{"model": "big", "n": 1}])
        answer = Router(policy, sampler=FakeSampler({"big": said("a")}), **parts).complete("q")
        assert "not looked at yet" in repr(answer)
        assert seen == []
        assert (tuple(answer.failed), seen) == ((("own",),), ["a"])

    @pytest.mark.parametrize(
        ("given", "fault"),
        [([5], "is 5"), ([None], "is None"), (len, "give a list"), ("ab", "give a list")],
    )
    def test_checkers_that_cannot_check(self, given, fault):
        with pytest.raises(InputError, match=f"^checkers .*{fault}"):
            Router(make_policy(), predictor=FakePredictor(), checkers=given)
