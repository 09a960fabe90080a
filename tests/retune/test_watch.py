"""PolicyWatcher: the router follows the file, and no request ever sees anything but one whole policy."""

import asyncio
import json
import logging
import os
import sys
import threading
import time
from pathlib import Path

import pytest

import bestroute.retune.watch
from bestroute import ArtefactError, InputError, PolicyError, PolicyWatcher, Router
from bestroute.artefacts.manifest import default_folder
from tests.fakes import FakePredictor, FakeReward, FakeSampler, said
from tests.patience import until

POLICY = """\
version: 1
{head}
models:
  - {{name: tiny, class: small, price: {{input: 1, output: 2}}}}
  - {{name: mid, class: medium, price: {{input: 3, output: 6}}}}
  - {{name: big, class: large, price: {{input: 10, output: 30}}}}
reference: big
max_gap: {dial}
abstain: false
tiers:
  - {{model: tiny, n: {n}}}
  - {{model: mid, n: {n}}}
  - {{model: big}}
sampling: {{max_tokens: {max_tokens}}}
"""
LOGGER = "bestroute.watch"


def text(dial=0.03, head="", n=2, max_tokens=100):
    return POLICY.format(dial=dial, head=head, n=n, max_tokens=max_tokens)


def replace(path, content):
    """As editors save: a new file, renamed over the old one."""
    new = path.with_name(path.name + "~")
    new.write_text(content, "utf-8")
    os.replace(new, path)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_text(text(), "utf-8")
    return path


@pytest.fixture
def watch(path):
    """A watcher with no debounce and a router model that needs no artefact; driven by `poll`."""

    def watch(at=path, **parts):
        return PolicyWatcher(at, **{"debounce_s": 0, "predictor": FakePredictor(), **parts})

    return watch


def dial_of(watcher):
    decision = watcher.router.route("something")
    (dial,) = {candidate.max_gap for candidate in decision.candidates}
    assert decision.policy == watcher.router.policy.digest
    return dial


class TestFollows:
    def test_an_unchanged_file_keeps_its_router(self, watch):
        watcher = watch()
        first = watcher.router
        assert not any(watcher.poll() for _ in range(3))
        assert watcher.router is first
        assert (watcher.reloads, watcher.last_error) == (0, None)

    def test_rename_and_replace(self, watch, path, caplog):
        caplog.set_level(logging.INFO, LOGGER)
        watcher = watch()
        first = watcher.router
        replace(path, text(0.25))
        assert watcher.poll()
        assert dial_of(watcher) == 0.25
        assert (watcher.reloads, watcher.last_error) == (1, None)
        assert first.policy.max_gap == 0.03
        assert [(r.levelname, r.getMessage()) for r in caplog.records] == [
            ("INFO", f"{path}: reloaded, policy {watcher.router.policy.digest}, max_gap 0.25 (was 0.03)")
        ]
        assert not watcher.poll()

    def test_the_log_tells_of_the_dial_only_where_it_moved(self, watch, path, caplog):
        caplog.set_level(logging.INFO, LOGGER)
        watcher = watch()
        replace(path, text().replace("max_gap: 0.03", "cost_per_point: 0.5"))
        assert watcher.poll()
        replace(path, text(n=3).replace("max_gap: 0.03", "cost_per_point: 0.5"))
        assert watcher.poll()
        moved, stayed = (record.getMessage() for record in caplog.records)
        assert moved.endswith(", cost_per_point 0.5 (was max_gap 0.03)")
        assert stayed.endswith(watcher.router.policy.digest)

    def test_a_change_that_leaves_time_and_size_as_they_were(self, watch, path):
        watcher, before = watch(), path.stat()
        path.write_text(text(0.04), "utf-8")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert path.stat().st_size == before.st_size
        assert watcher.poll()
        assert dial_of(watcher) == 0.04

    def test_a_config_map_whose_link_is_swapped(self, watch, tmp_path):
        """As the kubelet does it: policy.yaml -> ..data/policy.yaml, ..data -> a dated folder."""
        volume = tmp_path / "config"

        def project(date, dial):
            (volume / date).mkdir(parents=True)
            (volume / date / "policy.yaml").write_text(text(dial), "utf-8")
            (volume / "..data_tmp").symlink_to(date)
            os.replace(volume / "..data_tmp", volume / "..data")

        project("..2026_01", 0.03)
        (volume / "policy.yaml").symlink_to(Path("..data") / "policy.yaml")
        watcher = watch(volume / "policy.yaml")
        project("..2026_02", 0.25)
        assert watcher.poll()
        assert dial_of(watcher) == 0.25
        (volume / "..2026_01" / "policy.yaml").unlink()
        assert not watcher.poll()

    def test_from_another_working_directory(self, watch, path, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        watcher = watch("policy.yaml")
        digest = watcher.router.policy.digest
        monkeypatch.chdir("/")
        assert not watcher.poll()
        assert watcher.router.policy.digest == digest
        replace(path, text(0.25))
        assert watcher.poll()

    def test_parts_stay(self, watch, path):
        parts = {"predictor": FakePredictor(), "reward": FakeReward(), "sampler": FakeSampler({})}
        watcher = watch(**parts, time_budget_s=None)
        replace(path, text(0.25))
        assert watcher.poll()
        assert watcher.router.opened[: len(parts)] == tuple(parts.values())

    def test_on_reload_gets_both_and_cannot_end_the_watch(self, watch, path, caplog):
        swaps = []

        def on_reload(old, new):
            swaps.append((old.policy.max_gap, new.policy.max_gap, old.fallbacks, new.fallbacks))
            raise KeyError("the host's own fault")

        watcher = watch(on_reload=on_reload, predictor=FakePredictor(error=ValueError("broken")))
        watcher.router.route("something")
        for dial in (0.25, 0.5):
            replace(path, text(dial))
            assert watcher.poll()
        assert swaps == [(0.03, 0.25, 1, 0), (0.25, 0.5, 0, 0)]
        assert [r.getMessage() for r in caplog.records if r.name == LOGGER] == [
            f"{path}: on_reload failed"
        ] * 2


class TestRefuses:
    def test_construction_fails_as_a_routers(self, watch, path, tmp_path):
        with pytest.raises(InputError, match="No such file"):
            watch(tmp_path / "missing.yaml")
        with pytest.raises(InputError, match="interval_s must be above 0"):
            watch(interval_s=0)
        for name in ("interval_s", "debounce_s"):
            for span in ("x", None, float("nan"), -1, float("inf")):
                with pytest.raises(InputError, match=f"^{name} is .*; give seconds"):
                    watch(**{name: span})
        for name in ("on_reload", "check"):
            for part, fault in ((5, "is 5"), (asyncio.sleep, "is a coroutine function")):
                with pytest.raises(InputError, match=f"^{name} {fault}"):
                    watch(**{name: part})
        with pytest.raises(TypeError, match="no_such_part"):
            watch(no_such_part=1)
        path.write_text("version: 1\n", "utf-8")
        with pytest.raises(PolicyError):
            watch()

    def test_invalid_then_valid(self, watch, path, caplog):
        caplog.set_level(logging.INFO, LOGGER)
        watcher = watch()
        good = watcher.router
        replace(path, text().replace("max_gap", "max_gpa"))
        assert not any(watcher.poll() for _ in range(3))
        assert watcher.router is good
        assert isinstance(watcher.last_error, PolicyError)
        assert f"{path}:8:1: unknown key 'max_gpa'" in str(watcher.last_error)
        (record,) = caplog.records
        assert record.levelname == "ERROR"
        assert record.getMessage() == (
            f"policy {good.policy.digest} stays, the file does not hold:\n{watcher.last_error}"
        )
        replace(path, text(0.25))
        assert watcher.poll()
        assert (dial_of(watcher), watcher.last_error, watcher.reloads) == (0.25, None, 1)

    def test_a_mistake_that_is_taken_back(self, watch, path):
        watcher = watch()
        replace(path, "")
        assert not watcher.poll()
        replace(path, text())
        assert watcher.poll()
        assert (dial_of(watcher), watcher.last_error) == (0.03, None)

    @pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"{", b"a: &a [*a]", b"x" * 1_100_000])
    def test_whatever_stands_there(self, watch, path, content):
        watcher = watch()
        path.write_bytes(content)
        assert not watcher.poll()
        assert isinstance(watcher.last_error, PolicyError)
        assert dial_of(watcher) == 0.03

    def test_a_file_that_vanishes_and_comes_back(self, watch, path):
        watcher = watch()
        path.unlink()
        assert not any(watcher.poll() for _ in range(3))
        assert isinstance(watcher.last_error, InputError)
        assert str(watcher.last_error) == f"{path}: No such file or directory"
        assert dial_of(watcher) == 0.03
        path.mkdir()
        assert not watcher.poll()
        assert str(watcher.last_error) == f"{path}: Is a directory"
        path.rmdir()
        path.write_text(text(0.25), "utf-8")
        assert watcher.poll()
        assert (dial_of(watcher), watcher.last_error) == (0.25, None)

    def test_what_nobody_foresaw_is_an_error_too(self, watch, path, monkeypatch):
        watcher = watch()
        monkeypatch.setattr(bestroute.retune.watch, "Router", lambda policy, **parts: {}["small"])
        replace(path, text(0.25))
        assert not watcher.poll()
        assert str(watcher.last_error) == f"{path}: cannot be loaded: KeyError('small')"
        assert dial_of(watcher) == 0.03


class TestDebounce:
    def test_a_file_written_in_two_halves(self, watch, path):
        watcher, whole = (
            watch(debounce_s=0.5),
            text(0.25) + "rules: [{name: r, when: {has: [code]}, max_gap: 0}]",
        )
        half = whole.index("rules")  # a policy that would hold, without its rules
        with path.open("w", encoding="utf-8") as file:
            file.write(whole[:half])
            file.flush()
            assert not watcher.poll(0.0)
            assert not watcher.poll(0.4)
            file.write(whole[half:])
        assert not watcher.poll(0.6)
        assert not watcher.poll(1.0)
        assert (watcher.router.policy.max_gap, watcher.last_error) == (0.03, None)
        assert watcher.poll(1.1)
        assert (watcher.router.policy.max_gap, len(watcher.router.policy.rules)) == (0.25, 1)
        assert watcher.reloads == 1

    def test_a_moment_without_the_file_is_not_told(self, watch, path, caplog):
        watcher = watch(debounce_s=0.5)
        path.unlink()
        assert not watcher.poll(0.0)
        path.write_text(text(), "utf-8")
        assert not watcher.poll(0.4)
        assert not watcher.poll(5.0)
        assert (watcher.last_error, watcher.reloads, caplog.records) == (None, 0, [])


def artefact(folder, kind="router", **fields):
    """An artefact folder whose files are links to the embedded one's, with a manifest of its own."""
    folder.mkdir(exist_ok=True)
    embedded = default_folder(kind)
    manifest = json.loads((embedded / "manifest.json").read_text("utf-8"))
    for name in manifest["files"]:
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(embedded / name)
    (folder / "manifest.json").write_text(json.dumps({**manifest, **fields}), "utf-8")
    return folder


class TestArtefacts:
    @pytest.fixture
    def embedded(self, watch, predictor, monkeypatch):
        """A watcher whose router has the embedded router model, opened once for all tests."""
        with monkeypatch.context() as patch:
            patch.setattr(bestroute.artefacts.adapter, "OnnxPredictor", lambda folder, threads: predictor)
            return watch(predictor=None)

    @pytest.fixture
    def opened(self, monkeypatch):
        """The folders of the ONNX models that are opened from now on."""
        from bestroute.artefacts import session

        folders, plain = [], session._open_session

        def open_session(folder, threads):
            folders.append(folder)
            return plain(folder, threads)

        monkeypatch.setattr(session, "_open_session", open_session)
        return folders

    def test_the_same_is_not_opened_again(self, embedded, path, opened):
        embedded.router.pick("q", ["a", "b"])
        before = embedded.router.opened
        opened.clear()
        for dial in (0.1, 0.2):
            replace(path, text(dial))
            assert embedded.poll()
        assert opened == []
        assert embedded.router.opened.reward is not None
        assert embedded.router.opened == before
        assert dial_of(embedded) == 0.2

    def test_the_network_client_is_handed_on(self, embedded, path):
        sampler = embedded.router._means.sampler()
        replace(path, text(0.25))
        assert embedded.poll()
        assert embedded.router._means.sampler() is sampler

    def test_another_is_opened_and_a_broken_one_refused(self, embedded, path, tmp_path, opened):
        other = artefact(tmp_path / "other", margin=0.25)
        replace(path, text(0.1, "router: other"))
        assert embedded.poll()
        assert opened == [other]
        (other / "tokenizer.json").unlink()
        (other / "tokenizer.json").write_text("{}", "utf-8")
        replace(path, text(0.2, "router: other"))
        assert embedded.poll()  # what is open is whole, whatever became of its file
        broken = artefact(tmp_path / "broken", margin=0.5)
        (broken / "tokenizer.json").unlink()
        good = embedded.router
        replace(path, text(0.3, "router: broken"))
        assert not embedded.poll(0.0)
        assert embedded.router is good
        assert isinstance(embedded.last_error, ArtefactError)
        assert dial_of(embedded) == 0.2

        artefact(broken)  # mended, with no change to the policy
        assert not embedded.poll(9.0)
        assert embedded.poll(10.0)
        assert (dial_of(embedded), embedded.last_error) == (0.3, None)
        assert opened == [other, broken]

    def test_a_folder_that_is_trained_anew(self, embedded, path, tmp_path, opened):
        folder = artefact(tmp_path / "mine", margin=0.1)
        replace(path, text(head="router: mine"))
        assert embedded.poll()
        assert not embedded.poll()
        artefact(folder, margin=0.2)
        assert embedded.poll()
        assert embedded.router.opened.predictor.manifest.margin == 0.2
        assert opened == [folder, folder]
        (folder / "manifest.json").write_text("{", "utf-8")
        assert not embedded.poll()
        assert "router: " in str(embedded.last_error)
        assert embedded.router.opened.predictor.manifest.margin == 0.2

    def test_a_reward_model_that_is_named_anew_is_opened_first(self, watch, path, tmp_path, opened):
        watcher = watch()
        folder = artefact(tmp_path / "reward", "reward")
        (folder / "model.onnx").unlink()
        replace(path, text(0.1, "reward: reward"))
        assert not watcher.poll(0.0)
        assert isinstance(watcher.last_error, ArtefactError)
        assert watcher.router.opened.reward is None
        artefact(folder, "reward")
        assert watcher.poll(10.0)
        assert opened == [folder]
        reward = watcher.router.opened.reward
        replace(path, text(0.2, "reward: reward"))
        assert watcher.poll()
        assert watcher.router.opened.reward is reward


class TestThread:
    def test_follows_and_ends(self, watch, path):
        before = set(threading.enumerate())
        watcher = watch(interval_s=0.005, debounce_s=0.005)
        assert set(threading.enumerate()) == before
        with watcher:
            (thread,) = set(threading.enumerate()) - before
            assert thread.daemon
            assert watcher.start() is watcher
            assert set(threading.enumerate()) - before == {thread}
            replace(path, text(0.25))
            until(lambda: watcher.router.policy.max_gap == 0.25)
            replace(path, "")
            until(lambda: watcher.last_error is not None)
        assert set(threading.enumerate()) == before
        watcher.close()
        assert dial_of(watcher) == 0.25

    def test_may_be_started_again(self, watch, path):
        before = threading.active_count()
        watcher = watch(interval_s=0.005)
        for dial in (0.1, 0.2):
            with watcher:
                replace(path, text(dial))
                until(lambda dial=dial: watcher.router.policy.max_gap == dial)
        assert threading.active_count() == before

    def test_close_does_not_wait_for_the_interval(self, watch):
        started = time.monotonic()
        with watch(interval_s=600):
            pass
        assert time.monotonic() - started < 60

    def test_on_reload_may_close(self, watch, path):
        watcher = watch(interval_s=0.005, on_reload=lambda old, new: watcher.close())
        watcher.start()
        (thread,) = [t for t in threading.enumerate() if t.name == "bestroute-watch-policy.yaml"]
        replace(path, text(0.25))
        thread.join(30)
        assert not thread.is_alive()


class Gate:
    """Holds a reload up until it is opened."""

    def __init__(self, monkeypatch):
        self.reached, self.open = threading.Event(), threading.Event()
        monkeypatch.setattr(bestroute.retune.watch, "parse_policy", self)

    def __call__(self, content, path):
        from bestroute.policy import parse_policy

        self.reached.set()
        assert self.open.wait(30)
        return parse_policy(content, path)


def test_an_event_loop_is_not_held_up_by_a_reload(watch, path, monkeypatch):
    sampler = FakeSampler({"mid": said("a"), "big": said("a"), "tiny": said("a")})

    async def serve():
        watcher = await asyncio.to_thread(watch, sampler=sampler, interval_s=0.005)
        gate = Gate(monkeypatch)
        with watcher:
            replace(path, text(0.25))
            while not gate.reached.is_set():
                await asyncio.sleep(0)
            old = watcher.router
            assert (await watcher.router.acomplete("something")).text == "a"
            assert dial_of(watcher) == 0.03
            gate.open.set()
            while watcher.router is old:
                await asyncio.sleep(0)
            assert dial_of(watcher) == 0.25
            await asyncio.to_thread(watcher.close)

    asyncio.run(asyncio.wait_for(serve(), 60))


def test_a_request_in_flight_finishes_on_the_policy_it_began_with(watch, path):
    class Swapping:
        async def sample(self, model, query, n, settings):
            replace(path, text(0.5, max_tokens=200))
            assert watcher.poll()
            return said(*[f"{settings.max_tokens} tokens"] * n)

    watcher = watch(sampler=Swapping())
    digest = watcher.router.policy.digest
    answer = watcher.router.complete("something")
    assert (answer.decision.policy, answer.text) == (digest, "100 tokens")
    assert watcher.router.policy.sampling.max_tokens == 200


class Telling:
    """A sampler whose responses tell the settings that they were asked with."""

    async def sample(self, model, query, n, settings):
        await asyncio.sleep(0)
        return said(*[str(settings.max_tokens)] * n)


@pytest.fixture
def quick_switches():
    """Let threads take turns far more often than they do by themselves."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    yield
    sys.setswitchinterval(usual)


class Hammer:
    """Threads that route, route batches and complete on `watcher.router` until the block ends."""

    def __init__(self, watcher):
        self.watcher = watcher
        self.routed, self.answered, self.failed = [], [], []
        self._done = threading.Event()
        self._threads = [
            threading.Thread(target=self._repeat, args=(act,)) for act in (self.one, self.batch, self.answer)
        ]

    def one(self):
        self.routed.append([self.watcher.router.route("How deep is the sea?")])

    def batch(self):
        self.routed.append(self.watcher.router.route_batch(["Hi", "Prove it.", "Why?"]))

    def answer(self):
        self.answered.append(self.watcher.router.complete("How deep is the sea?"))

    def _repeat(self, act):
        try:
            while not self._done.wait(0.01):
                act()
        except BaseException as error:
            self.failed.append(error)

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error):
        self._done.set()
        for thread in self._threads:
            thread.join()


@pytest.mark.usefixtures("quick_switches")
def test_hundreds_of_reloads_under_fire(path, predictor, monkeypatch):
    """Every decision, batch and answer belongs wholly to one policy, and none fails."""
    monkeypatch.setattr(bestroute.artefacts.adapter, "OnnxPredictor", lambda folder, threads: predictor)
    watcher = PolicyWatcher(path, debounce_s=0, sampler=Telling(), reward=FakeReward(), time_budget_s=None)
    policies = {watcher.router.policy.digest: watcher.router.policy}
    with Hammer(watcher) as hammer:
        for index in range(400):
            content = text(round(0.0001 * index, 4), n=1 + index % 4, max_tokens=1000 + index)
            replace(path, content) if index % 2 else path.write_text(content, "utf-8")
            assert watcher.poll()
            policies[watcher.router.policy.digest] = watcher.router.policy
            if index % 10 == 0:
                path.write_text("half a", "utf-8")
                assert not watcher.poll()
    assert hammer.failed == []
    assert (watcher.reloads, len(policies)) == (400, 401)
    assert watcher.router.opened.predictor is predictor
    for decisions in hammer.routed:
        assert len({decision.policy for decision in decisions}) == 1
        for decision in decisions:
            check_whole(decision, policies[decision.policy])
    for answer in hammer.answered:
        policy = policies[answer.decision.policy]
        check_whole(answer.decision, policy)
        assert {sample.text for sample in answer.samples} == {str(policy.sampling.max_tokens)}
    assert len({decisions[0].policy for decisions in hammer.routed}) > 50
    assert len({answer.decision.policy for answer in hammer.answered}) > 10


def check_whole(decision, policy):
    assert decision.cause in ("tier", "reference")
    assert [candidate.max_gap for candidate in decision.candidates] == [policy.max_gap] * 3
    assert [candidate.arm for candidate in decision.candidates] == [tier.arm for tier in policy.tiers]


def test_a_router_of_its_own_is_the_same(path, watch):
    alone = Router.from_policy(path, predictor=FakePredictor())
    assert watch().router.route("something") == alone.route("something")
