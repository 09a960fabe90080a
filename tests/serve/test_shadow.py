"""Asking beside: never in the caller's way, within the budget, kept as records that `score` reads."""

import asyncio
import json
import time
from dataclasses import replace

import pytest
from click.testing import CliRunner

from bestroute.answering.sampling import Usage
from bestroute.cli import cli
from bestroute.errors import InputError
from bestroute.query import Query
from bestroute.records.lines import read_records
from bestroute.router import Router
from bestroute.serve.entry import Entry
from bestroute.serve.metrics import Metrics
from bestroute.serve.run import serve
from bestroute.serve.settings import Settings
from bestroute.serve.shadow import Shadows, _answered
from tests.answering.fake_endpoint import FakeEndpoint, Numbered, answer_n
from tests.fakes import FakePredictor, FakeReward, FakeSampler, make_policy, said
from tests.patience import until
from tests.serve.gateway import POLICY, started

SHADOW = "shadow: {share: 1, ask: [tiny@2, reference], budget: 1, records: records/kept.jsonl}\n"
CANARY = "canary: {policy: next.yaml, share: 1}\n"
PLACES = {"endpoint": {"base_url": "http://127.0.0.1:9/v1"}}
MODELS = [
    {"name": "tiny", "class": "small", "price": {"input": 1.0, "output": 2.0}, **PLACES},
    {"name": "big", "class": "large", "price": {"input": 10.0, "output": 30.0}, **PLACES},
]


def test_both_answers_become_a_record_that_score_reads(tmp_path):
    kept = tmp_path / "records" / "kept.jsonl"
    endpoint, first, beside = FakeEndpoint(), answer_n("4"), Numbered("b")
    endpoint.play(lambda request: (first if request.body["model"] == "tiny-up" else beside)(request))
    beside.gate.clear()
    with started(tmp_path, POLICY.format(url=endpoint.base_url, dial=1.0) + SHADOW) as gateway:
        asked = gateway.ask("What is 2 + 2?", metadata={"plan": "free"})
        assert asked.json["choices"][0]["message"]["content"] == "4"
        until(lambda: beside.held == 1)  # the caller has the answer, and the reference is still asked
        assert kept.read_bytes() == b""  # made at the start, with its folder
        beside.gate.set()
        until(lambda: kept.exists() and kept.read_bytes().endswith(b"\n"))
        metrics = gateway.get("/metrics").body.decode()
    endpoint.close()
    [record] = read_records([kept], scored=False)
    assert {name: [one.text for one in some] for name, some in record.responses.items()} == {
        "tiny": ["4", "4"],
        "big": ["b0"],
    }
    assert (record.id, record.source) == (asked.headers["x-bestroute-request-id"], "auto")
    assert record.metadata == {"plan": "free"}
    assert kept.stat().st_mode & 0o077 == 0
    assert 'bestroute_shadow_requests_total{outcome="asked",policy="auto"} 2.0' in metrics
    # tiny: 10 tokens in, 5 out; big: the same at its price
    assert json.loads(kept.read_text("utf-8"))["shadow"]["cost"] == pytest.approx(20e-6 + 250e-6)
    out = tmp_path / "scored.jsonl"
    kept.write_text(json.dumps({**json.loads(kept.read_text("utf-8")), "answer": "4"}) + "\n", "utf-8")
    scored = CliRunner().invoke(
        cli, ["score", str(kept), "--oracle", "exact", "--no-reward", "--out", str(out)]
    )
    assert scored.exit_code == 0, scored.output
    [record] = read_records([out])
    assert [one.score for one in record.responses["tiny"]] == [1, 1]


class Beside:
    """Shadows in this process, on a router of fakes."""

    def __init__(self, folder, sampler, **shadow):
        self.kept = folder / "kept.jsonl"
        told = {"share": 1.0, "ask": "reference", "budget": 1.0, "records": str(self.kept), **shadow}
        policy = make_policy(
            models=MODELS, tiers=[{"model": "tiny"}, {"model": "big"}], max_gap=1.0, shadow=told
        )
        self.sampler = sampler
        self.router = Router(policy, predictor=FakePredictor(), reward=FakeReward(), sampler=sampler)
        self.metrics = Metrics()
        self.shadows = Shadows(self.metrics)

    async def ask(self, text="Why?", **fields):
        entry = Entry("r", "/v1/chat/completions", policy="auto", router=self.router)
        entry.query = Query.of({"messages": [{"role": "user", "content": text}], **fields})
        entry.answered(await self.router.acomplete(entry.query))
        self.shadows.after(entry)
        assert entry.answer is entry.router is None
        return entry

    async def idle(self):
        await asyncio.gather(*self.shadows._tasks)

    def counted(self, outcome):
        told = self.metrics.exposition().decode()
        name = f'bestroute_shadow_requests_total{{outcome="{outcome}",policy="auto"}} '
        return next((float(line.removeprefix(name)) for line in told.splitlines() if name in line), 0.0)


def run(beside, count=1, **fields):
    async def asking():
        for _ in range(count):
            await beside.ask(**fields)
            await beside.idle()

    asyncio.run(asking())


def test_a_day_costs_no_more_than_its_budget(tmp_path):
    """A response of `big` may take 1024 tokens at $30 a million: $0.03072, and its prompt."""
    beside = Beside(tmp_path, FakeSampler({"tiny": said("a"), "big": said("b")}), budget=0.031)
    run(beside, 3)
    first = sum(json.loads(line)["shadow"]["cost"] for line in beside.kept.read_text("utf-8").splitlines())
    assert first < 0.031
    assert beside.counted("asked") == 3  # each cost far less than was set aside
    tight = Beside(tmp_path, beside.sampler, budget=0.03)
    run(tight)
    assert (tight.counted("asked"), tight.counted("budget")) == (0, 1)


def test_what_was_spent_before_a_restart_counts(tmp_path):
    beside = Beside(tmp_path, FakeSampler({"tiny": said("a"), "big": said("b")}), budget=0.04)
    lines = [{"shadow": {"time": time.time() - age, "cost": 0.02}} for age in (0, 3 * 86_400)]
    beside.kept.write_text("".join(json.dumps(line) + "\n" for line in lines) + "torn", "utf-8")
    run(beside)
    assert beside.counted("budget") == 1


def test_responses_have_their_parts_of_the_bill(tmp_path):
    def billed(n):
        return replace(said("four tokens of it", ""), usage=Usage(10, 40))

    beside = Beside(tmp_path, FakeSampler({"tiny": billed, "big": billed}), ask="big@2")
    run(beside)
    [record] = read_records([beside.kept], scored=False)
    assert {name: [one.output_tokens for one in some] for name, some in record.responses.items()} == {
        "tiny": [40.0],
        "big": [40.0],
    }


def test_who_answered_is_not_asked_again(tmp_path):
    beside = Beside(tmp_path, FakeSampler({"tiny": said("a"), "big": said("b")}), ask="tiny@1")
    run(beside)
    assert beside.sampler.asked == ["tiny@1"]
    assert not beside.kept.exists()


def test_what_cannot_be_asked_or_fails_is_counted(tmp_path):
    failing = Beside(tmp_path, FakeSampler({"tiny": said("a")}))
    run(failing)
    assert (failing.counted("failed"), failing.kept.exists()) == (1, False)


def test_a_share_of_requests(tmp_path):
    class Dice:
        rolls = iter([0.4, 0.6, 0.5, 0.1])

        def random(self):
            return next(self.rolls)

    beside = Beside(tmp_path, FakeSampler({"tiny": said("a"), "big": said("b")}), share=0.5)
    beside.shadows._dice = Dice()
    run(beside, 4)
    assert beside.counted("asked") == 2


def test_no_more_at_once_than_may_be_and_none_after_the_end(tmp_path):
    class Slow(FakeSampler):
        began = 0

        async def sample(self, model, query, n, settings):
            if model.name == "big":
                self.began += 1
                await asyncio.sleep(3600)
            return await super().sample(model, query, n, settings)

    beside = Beside(tmp_path, Slow({"tiny": said("a")}))

    async def asking():
        for _ in range(12):
            await beside.ask()
        while beside.sampler.began < 8:
            await asyncio.sleep(0.01)
        await beside.shadows.close()
        assert not beside.shadows._tasks

    asyncio.run(asking())
    assert (beside.sampler.began, beside.counted("busy")) == (8, 4)


def test_a_disk_that_takes_nothing(tmp_path, caplog):
    """Who would be asked in vain is not; what was paid for before is kept, and said once."""
    beside = Beside(tmp_path, FakeSampler({"tiny": said("a"), "big": said("b")}))
    beside.kept.mkdir()
    run(beside, 3)
    assert beside.sampler.asked.count("big@1") == 1
    assert (beside.counted("lost"), beside.counted("unwritten")) == (1, 2)
    assert caplog.text.count("no more is asked beside") == 1
    beside.kept.rmdir()
    run(beside)
    assert beside.sampler.asked.count("big@1") == 2
    assert len([*read_records([beside.kept], scored=False)]) == 2


def test_a_gateway_whose_records_cannot_be_written_does_not_start(tmp_path):
    (tmp_path / "records").touch()
    path = tmp_path / "p.yaml"
    path.write_text(POLICY.format(url="http://127.0.0.1:9/v1", dial=1.0) + SHADOW, "utf-8")
    with pytest.raises(InputError, match="the records of `shadow` cannot be written"):
        serve(Settings((path,), port=0))
    (tmp_path / "next.yaml").write_text(path.read_text("utf-8"), "utf-8")
    path.write_text(POLICY.format(url="http://127.0.0.1:9/v1", dial=1.0) + CANARY, "utf-8")
    with pytest.raises(InputError, match="next.yaml: the records of `shadow`"):
        serve(Settings((path,), port=0))


def test_responses_go_to_those_who_wrote_them(tmp_path):
    """Of a portfolio each response has its writer."""
    beside = Beside(tmp_path, FakeSampler({"tiny": said("a", "b"), "big": said("c")}))
    policy = make_policy(
        models=MODELS, max_gap=1.0, tiers=[{"models": {"tiny": 2, "big": 1}}, {"model": "big"}]
    )
    answer = asyncio.run(beside.router.under(policy).acomplete("Why?"))
    assert {name: [one.text for one in some] for name, some in _answered(answer, policy).items()} == {
        "tiny": ["a", "b"],
        "big": ["c"],
    }
