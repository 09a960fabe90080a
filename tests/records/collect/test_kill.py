"""`collect` killed in the middle: no response that was paid for is lost, none is asked for twice."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.answering.fake_endpoint import FakeEndpoint, Numbered
from tests.patience import until
from tests.records.collect.desk import Desk

SAMPLES, CONCURRENCY, PROMPTS = 4, 3, 12
WANTED = 2 * PROMPTS * SAMPLES
PATIENCE_S = 60


class Bench(Desk):
    """Twelve prompts for two models on two servers, one native and one not, and a process to be killed."""

    def __init__(self, folder: Path, urls: list[str]) -> None:
        super().__init__(folder, urls[0])
        self.write_policy(a={"base_url": urls[0], "samples": "native"}, b={"base_url": urls[1]})
        self.write_prompts(*({"query": f"What is {index} + 1?"} for index in range(PROMPTS)))
        self.processes: list[subprocess.Popen] = []

    def start(self) -> subprocess.Popen:
        options = ["--samples", SAMPLES, "--concurrency", CONCURRENCY, "--json", "--out", self.out]
        words = [sys.executable, "-m", "bestroute", "collect", self.policy, self.prompts, *options]
        process = subprocess.Popen(
            [str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.processes.append(process)
        return process

    def close(self) -> None:
        """A test that failed leaves no process behind."""
        for process in self.processes:
            if process.poll() is None:
                kill(process)

    def finish(self) -> dict:
        """Run it to its end."""
        process = self.start()
        stdout, stderr = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, stderr.decode()
        return json.loads(stdout)

    def journalled(self) -> set[str]:
        """Texts that are on disk by now."""
        lines = self.journal.read_bytes().split(b"\n")[1:-1] if self.journal.exists() else []
        return {item["text"] for line in lines for item in json.loads(line)["responses"]}

    def collected(self) -> list[str]:
        return [text for model in "ab" for texts in self.texts(model).values() for text in texts]


@pytest.fixture
def servers(fake_endpoint):
    other = FakeEndpoint()
    plays = Numbered("a", hold_s=0.02), Numbered("b", hold_s=0.02)
    fake_endpoint.play(plays[0])
    other.play(plays[1])
    yield (fake_endpoint, other), plays
    other.close()


@pytest.fixture
def bench(tmp_path, servers):
    bench = Bench(tmp_path, [endpoint.base_url for endpoint in servers[0]])
    yield bench
    bench.close()


def texts_of(bodies) -> set[str]:
    return {choice["message"]["content"] for body in bodies for choice in json.loads(body)["choices"]}


def kill(process: subprocess.Popen) -> None:
    process.kill()
    process.communicate()


def test_killed_again_and_again_it_ends_with_every_response_once(bench, servers):
    endpoints, plays = servers
    on_disk = set()
    for share in (0.2, 0.5, 0.8):
        process = bench.start()
        until(lambda goal=share * WANTED: len(bench.journalled()) >= goal)
        kill(process)
        assert bench.journalled() >= on_disk  # nothing goes that was there
        on_disk = bench.journalled()
    assert bench.finish()["complete"] is True
    collected = bench.collected()
    assert len(collected) == len(set(collected)) == WANTED
    assert on_disk <= set(collected) <= texts_of(endpoints[0].delivered + endpoints[1].delivered)
    # At a kill each server has three calls under way at most, and a native one is for four responses.
    served = plays[0].count + plays[1].count
    assert WANTED <= served <= WANTED + 3 * CONCURRENCY * (SAMPLES + 1)
    assert not bench.journal.exists()


def test_what_was_delivered_before_a_kill_is_kept_to_the_last_response(bench, servers):
    """The servers go silent: what they delivered must be on disk with no further reply to push it there.

    Each round has texts of its own: what a server writes into the connection of a killed process is in no
    journal, though the write succeeds.
    """
    endpoints, _ = servers
    kept = set()
    for goal in (3, 4):
        plays = [Numbered(f"{letter}{goal}-", hold_s=0.02, free=goal) for letter in "ab"]
        for endpoint, play in zip(endpoints, plays, strict=True):
            endpoint.play(play)

        def delivered(names=tuple(play.prefix for play in plays)) -> list[set[str]]:
            return [
                {text for text in texts_of(endpoint.delivered) if text.startswith(names)}
                for endpoint in endpoints
            ]

        process = bench.start()
        until(lambda goal=goal, delivered=delivered: all(len(texts) >= goal for texts in delivered()))
        until(lambda plays=plays: all(play.held == CONCURRENCY for play in plays))
        before_the_kill = set().union(*delivered())
        until(lambda wanted=before_the_kill: bench.journalled() >= wanted)
        kill(process)
        kept |= before_the_kill
        for play in plays:
            play.gate.set()
    assert bench.finish()["complete"] is True
    assert set(bench.collected()) >= kept


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX's")
@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_waits_for_the_calls_under_way(bench, servers, name):
    endpoints, plays = servers
    process = bench.start()
    until(lambda: len(bench.journalled()) >= 8)
    for play in plays:
        play.gate.clear()
    until(lambda: all(endpoint.waiting == CONCURRENCY for endpoint in endpoints))
    process.send_signal(name)
    assert process.stderr.readline().decode() == (
        "stopping; waiting for 6 calls under way (again to drop their replies)\n"
    )
    for play in plays:
        play.gate.set()
    stdout, stderr = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 128 + name
    report = json.loads(stdout)
    assert (report["stopped_by"], report["written"]) == ("interrupt", False)
    assert "give the command again to go on" in stderr.decode()
    assert bench.journalled() == texts_of(endpoints[0].delivered + endpoints[1].delivered)
    assert len(bench.journalled()) == WANTED - report["missing"] == plays[0].count + plays[1].count
    assert bench.finish()["complete"] is True
    assert len(bench.collected()) == len(set(bench.collected())) == WANTED == plays[0].count + plays[1].count


def started(bench, servers):
    """The command, with as many calls under way as it makes at once."""
    endpoints, plays = servers
    for play in plays:
        play.gate.clear()
    process = bench.start()
    until(lambda: all(endpoint.waiting == CONCURRENCY for endpoint in endpoints))
    return process


@pytest.mark.skipif(os.name == "nt", reason="files are not locked there")
def test_a_second_command_beside_the_first_pays_nothing(bench, servers):
    endpoints, plays = servers
    process = started(bench, servers)
    second = bench.run("--samples", str(SAMPLES))
    assert second.exit_code == 2
    assert "records.jsonl.partial.jsonl" in second.stderr
    assert [len(endpoint.requests) for endpoint in endpoints] == [CONCURRENCY] * 2
    for play in plays:
        play.gate.set()
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert len(set(bench.collected())) == WANTED


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX's")
def test_a_second_interrupt_ends_it_at_once(bench, servers):
    _, plays = servers
    process = started(bench, servers)
    process.send_signal(signal.SIGINT)
    process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert b"Traceback" not in stderr
    for play in plays:
        play.gate.set()
    assert bench.finish()["complete"] is True
    assert len(set(bench.collected())) == WANTED
