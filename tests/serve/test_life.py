"""A gateway's life: it starts or says why not, follows its files, ends without losing a request."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from bestroute.errors import InputError
from bestroute.serve.keys.load import append, new_key
from bestroute.serve.run import serve
from bestroute.serve.settings import Settings
from tests import ROOT
from tests.answering.fake_endpoint import answer_n, event, hang, pieces
from tests.patience import PATIENCE_S, until
from tests.serve.gateway import POLICY, launch, started

posix = pytest.mark.skipif(os.name != "posix", reason="signals")


@pytest.fixture
def policy(fake_endpoint):
    return POLICY.format(url=fake_endpoint.base_url, dial=0.03)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_it_does_not_start_on_a_policy_that_does_not_hold(tmp_path, policy, workers):
    path = tmp_path / "policy.yaml"
    path.write_text(policy.replace("reference: big", "reference: bog"), "utf-8")
    command = [sys.executable, "-m", "bestroute", "serve", str(path), "--port", "0", "--workers", workers]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S)
    assert ran.returncode == 2
    assert "no model is named 'bog'" in ran.stderr or "did you mean 'big'" in ran.stderr
    assert "serving" not in ran.stderr


def test_of_policies_and_an_address_that_is_taken_the_policies_are_told(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(InputError, match="nope.yaml"):
        serve(Settings((tmp_path / "nope.yaml",), port=taken.getsockname()[1]))


def test_it_does_not_start_where_two_policies_have_one_name(tmp_path, policy):
    paths = [tmp_path / "a" / "p.yaml", tmp_path / "p.yaml", tmp_path / "b" / "p.yaml"]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        path.write_text(policy, "utf-8")
    gateway = launch(paths)
    assert gateway.process.wait(PATIENCE_S) == 1
    assert any("two policies would be served as 'p'" in line for line in gateway.lines)
    gateway.process.stderr.close()


def followed_by_all(gateway, old):
    """The digest that both workers have in place of the old ones, from now on."""
    following = {}

    def look():
        told = gateway.get("/readyz").json
        following[told["worker"]] = told["policies"]["auto"]
        return len(following) == 2 and not old.intersection(following.values())

    until(look)
    [digest] = {*following.values()}
    return digest


@posix
def test_it_follows_its_file_and_loses_no_request(tmp_path, policy, fake_endpoint):
    """Requests all the while: each is decided by one policy or the next; every worker follows."""
    with started(tmp_path, policy, workers=2) as gateway:
        path, ends, found = tmp_path / "p0.yaml", threading.Event(), []

        def ask():
            while not ends.is_set():
                found.append(gateway.ask("hello"))

        with ThreadPoolExecutor(4) as pool:
            asking = [pool.submit(ask) for _ in range(4)]
            digests = {found[0].headers["x-bestroute-policy"] for _ in [until(lambda: found)]}
            for dial in ("0.04", "0.05"):
                path.write_text(policy.replace("max_gap: 0.03", f"max_gap: {dial}"), "utf-8")
                digests.add(followed_by_all(gateway, digests))
                until(lambda: digests == {reply.headers["x-bestroute-policy"] for reply in found})
            path.write_text("nonsense", "utf-8")
            until(lambda: gateway.get("/readyz").json["refused"] == ["auto"])
            ends.set()
            for one in asking:
                one.result()
        assert {reply.status for reply in found} == {200}
        assert len({reply.headers["x-bestroute-policy"] for reply in found}) == 3
        counts = gateway.get("/metrics").body.decode()
        [told] = [line for line in counts.splitlines() if line.startswith("bestroute_request_seconds_count")]
        assert float(told.split()[-1]) == len(found)


@posix
def test_it_ends_after_what_is_under_way(tmp_path, policy, fake_endpoint):
    chunks = [event({"content": f"{place} "}) for place in range(10)]
    fake_endpoint.play(pieces(*chunks, event({}, "stop"), b"data: [DONE]\n\n", gap_s=0.1))
    with started(tmp_path, policy) as gateway, ThreadPoolExecutor(1) as pool:
        asked = pool.submit(gateway.ask, stream=True)
        until(lambda: fake_endpoint.streaming)
        assert gateway.end() == 0
        body = asked.result().body
        assert body.count(b"chat.completion.chunk") == 11
        assert body.endswith(b"data: [DONE]\n\n")


@posix
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
@pytest.mark.parametrize(("way", "told"), [("stream", 200), ("before", 503), ("whole", 503)])
def test_what_outlasts_the_drain_is_told_so(tmp_path, policy, fake_endpoint, path, way, told):
    """In a stream that began, before its first chunk, and where all is awaited; several at once."""
    endless = pieces(*[event({"content": f"{place} "}) for place in range(3000)], gap_s=0.05)
    fake_endpoint.play(endless if way == "stream" else hang(PATIENCE_S))
    log, at_once = tmp_path / "log.jsonl", 8
    asked = {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 99, "stream": way != "whole"}
    with started(tmp_path, policy, log=str(log), drain_s=0) as gateway, ThreadPoolExecutor(at_once) as pool:
        replies = [pool.submit(gateway.post, path, asked) for _ in range(at_once)]
        until(lambda: len(fake_endpoint.requests) == at_once)
        if way == "stream":
            until(lambda: fake_endpoint.streaming == at_once)
            time.sleep(0.5)  # for first chunks to have gone on
        assert gateway.end() == 0
        for reply in (one.result() for one in replies):
            assert reply.status == told
            assert b"the gateway shuts down" in reply.body[-200:]
        assert not any("Traceback" in line for line in gateway.lines)
    lines = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    assert [(line["status"], line["error"]) for line in lines] == [(503, "shutting_down")] * at_once


@posix
def test_its_log_is_whole_and_opened_anew_when_told(tmp_path, policy, fake_endpoint):
    fake_endpoint.play(answer_n())
    log = tmp_path / "log.jsonl"
    with started(tmp_path, policy, log=str(log)) as gateway:
        first = gateway.ask("hello").headers["x-bestroute-request-id"]
        until(lambda: log.read_text("utf-8").count("\n") == 1)
        log.rename(tmp_path / "old.jsonl")
        gateway.tell(signal.SIGHUP)
        until(lambda: gateway.ask(model="nobody") and log.exists())
        assert gateway.end() == 0
    [old] = map(json.loads, (tmp_path / "old.jsonl").read_text("utf-8").splitlines()[:1])
    assert (old["request_id"], old["arm"], old["status"], old["error"]) == (first, "tiny@1", 200, None)
    assert "hello" not in (tmp_path / "old.jsonl").read_text("utf-8")
    assert json.loads(log.read_text("utf-8").splitlines()[-1])["error"] == "model_not_found"


@posix
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("log", [None, "log.jsonl"])
def test_a_hangup_ends_it_at_no_time(tmp_path, policy, fake_endpoint, workers, log):
    """From the warning that it gives of its policy, before all else, until it has ended."""
    fake_endpoint.play(answer_n())
    warned = policy.replace("model: big-up", "model: big-up, api_key_env: NOBODY_SETS_THIS")
    path = tmp_path / "policy.yaml"
    path.write_text(warned, "utf-8")
    gateway = launch([path], workers=workers, log=log and str(tmp_path / log))
    try:
        gateway.await_line("NOBODY_SETS_THIS")

        def serves():
            assert gateway.process.poll() is None, gateway.lines
            gateway.tell(signal.SIGHUP)
            return any("serving on" in line for line in gateway.lines)

        until(serves)
        gateway.url = gateway.await_line(r"serving on (\S+)").group(1)
        for _ in range(3):
            gateway.tell(signal.SIGHUP)
            assert gateway.ask("hello").status == 200
        gateway.tell(signal.SIGTERM)
        while gateway.process.poll() is None:
            gateway.tell(signal.SIGHUP)
            time.sleep(0.002)
        assert gateway.process.returncode == 0
        assert not any("Traceback" in line or "ended with" in line for line in gateway.lines)
    finally:
        gateway.process.kill()
        gateway.process.wait()
        gateway.process.stderr.close()


@posix
def test_a_worker_that_dies_is_replaced(tmp_path, policy):
    with started(tmp_path, policy, workers=2) as gateway:
        workers = [int(pid) for line in gateway.lines for pid in re.findall(r"worker (\d+) is ready", line)]
        assert len(workers) == 2
        os.kill(workers[0], signal.SIGKILL)
        gateway.await_line(f"worker {workers[0]} ended with -9")
        assert gateway.ask("hello").status == 200


@posix
def test_a_worker_that_dies_is_replaced_whatever_the_files_say_by_then(tmp_path, policy, fake_endpoint):
    """By the last texts that held: of a policy that was reloaded, of its canary, of the keys."""
    fake_endpoint.play(answer_n())
    key, kept = new_key("a")
    append(kept, tmp_path / "keys.yaml")
    (tmp_path / "next.yaml").write_text(policy, "utf-8")
    tried = policy + "canary: {policy: next.yaml, share: 1}\n"
    with started(tmp_path, tried, workers=2, keys=str(tmp_path / "keys.yaml")) as gateway:
        workers = [int(pid) for line in gateway.lines for pid in re.findall(r"worker (\d+) is ready", line)]
        old = {gateway.get("/readyz").json["policies"]["auto"]}
        (tmp_path / "p0.yaml").write_text(tried.replace("max_gap: 0.03", "max_gap: 0.05"), "utf-8")
        digest = followed_by_all(gateway, old)
        for name in ("p0.yaml", "next.yaml", "keys.yaml"):
            (tmp_path / name).write_text("nonsense", "utf-8")
        for worker in workers:
            os.kill(worker, signal.SIGKILL)
        for _ in workers:
            gateway.await_line(r"worker \d+ is ready")
        told = gateway.get("/readyz").json
        assert (told["worker"] in workers, told["policies"]) == (False, {"auto": digest})
        assert {*told["refused"]} == {"auto", "next.yaml", "keys"}
        assert gateway.ask("hello", {"authorization": f"Bearer {key}"}).status == 200
        assert not any("Traceback" in line for line in gateway.lines)


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        (None, "not used as long as no keys are asked for"),
        ({}, "not used as long as no key has a limit"),
        ({"rate": {"requests": 1000}}, ""),
    ],
)
def test_it_says_at_once_where_redis_is_not_used(tmp_path, policy, limits, told):
    keys = None if limits is None else str(tmp_path / "keys.yaml")
    if limits is not None:
        append(new_key("a", **limits)[1], tmp_path / "keys.yaml")
    with started(tmp_path, policy, keys=keys, redis="redis://127.0.0.1:9/0") as gateway:
        lines = [line for line in gateway.lines if "Redis" in line]
        assert len(lines) == bool(told)
        assert told in "".join(lines)


def test_an_address_of_redis_that_is_none_is_refused_before_all_else(tmp_path):
    with pytest.raises(InputError, match="the address of Redis must be like"):
        serve(Settings((tmp_path / "nope.yaml",), redis="nonsense"))
