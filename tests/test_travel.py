"""A router that goes to another process: reopened there, or an error that says to make it there."""

import copy
import multiprocessing
import pickle
import threading
from concurrent.futures import ProcessPoolExecutor

import pytest

from bestroute import PolicyWatcher, Router
from bestroute.artefacts.reward import OnnxRewardModel
from bestroute.errors import ArtefactError, InputError, Issue, PolicyError, ProbesError, SamplingError
from tests import ROOT
from tests.fakes import FakePredictor, FakeReward, FakeSampler, make_policy, said

QUERIES = ["hi", "Who was Euclid?", "Prove that there are infinitely many primes."]


def decisions(router):
    return [(one.arm.label, one.cause, one.gap, one.policy) for one in map(router.route, QUERIES)]


def fake(**parts):
    parts = {"predictor": FakePredictor(), "reward": FakeReward({"b": 1.0}), **parts}
    return Router(make_policy(), sampler=FakeSampler({"mid": said("a", "b")}), **parts)


class TestSpawn:
    def test_a_router_decides_the_same_in_another_process(self):
        router = Router.from_policy(ROOT / "policies" / "balanced.yaml")
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=spawn) as pool:
            theirs = list(pool.map(router.route, QUERIES))
        assert theirs == [router.route(query) for query in QUERIES]


class TestPickle:
    def test_the_embedded_models_are_opened_again(self):
        router = Router.from_policy(ROOT / "policies" / "balanced.yaml")
        picked = router.pick("How deep is the sea?", ["About 3.7 km.", "No idea."])
        content = pickle.dumps(router)
        assert len(content) < 100_000  # not the models themselves
        again = pickle.loads(content)
        assert decisions(again) == decisions(router)
        assert again.policy.path == router.policy.path
        assert again.pick("How deep is the sea?", ["About 3.7 km.", "No idea."]) == picked

    def test_parts_that_were_given_travel_too(self):
        again = pickle.loads(pickle.dumps(fake(time_budget_s=None)))
        assert again.complete("something").text == "b"
        assert decisions(again) == decisions(fake())

    def test_an_answer_travels(self):
        answer = fake().complete("something")
        assert pickle.loads(pickle.dumps(answer)) == answer

    def test_a_reward_model_that_was_given_is_opened_again(self):
        reward = OnnxRewardModel(fake().policy.reward)
        again = pickle.loads(pickle.dumps(fake(reward=reward)))
        assert again.pick("q", ["a", "b"]).rewards == fake(reward=reward).pick("q", ["a", "b"]).rewards

    def test_a_part_that_cannot_travel_says_what_to_do(self):
        class Local(FakeReward):
            lock = property(lambda self: threading.Lock())

        with pytest.raises(InputError) as caught:
            pickle.dumps(fake(reward=Local()))
        assert "the router's reward (Local) cannot go to another process" in str(caught.value)
        assert "make the router there: Router.from_policy('policy.yaml', reward=...)" in str(caught.value)

    def test_models_that_are_gone_where_it_arrives_are_named(self, tmp_path, monkeypatch):
        import shutil

        shutil.copytree(make_policy().router, tmp_path / "router")
        content = pickle.dumps(Router(make_policy(router=tmp_path / "router")))
        shutil.rmtree(tmp_path / "router")
        with pytest.raises(ArtefactError, match="router"):
            pickle.loads(content)

    def test_a_watcher_stays(self):
        watcher = PolicyWatcher(ROOT / "policies" / "balanced.yaml", predictor=FakePredictor())
        with pytest.raises(InputError, match=r"make one there: PolicyWatcher\('.*balanced.yaml'\)"):
            pickle.dumps(watcher)
        assert decisions(pickle.loads(pickle.dumps(watcher.router))) == decisions(watcher.router)

    @pytest.mark.parametrize(
        "error",
        [
            PolicyError([Issue("p.yaml", 1, 2, "no"), Issue("p.yaml", 3, 4, "never")]),
            ProbesError([Issue("p.yaml", 1, 2, "no")]),
            SamplingError("no model answered", ["an attempt"]),
        ],
    )
    def test_errors_travel_whole(self, error):
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


def test_a_copy_is_the_router_itself():
    router = fake()
    assert copy.copy(router) is router
    assert copy.deepcopy({"router": router})["router"] is router
