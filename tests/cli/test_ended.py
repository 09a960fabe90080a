"""Commands that are ended from outside: Ctrl-C, an output that takes nothing more."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest

from bestroute.cli import cli, pick
from tests import ROOT
from tests.answering.fake_endpoint import endless, fake_endpoint, hang  # noqa: F401
from tests.cli.test_ask import local_policy
from tests.cli.typed import run
from tests.patience import until

PLAIN = "Explica-me a fotossíntese, por favor."
FULL = Path("/dev/full")


def interrupted(fake_endpoint, asked):  # noqa: F811
    """What a command comes to that gets Ctrl-C once an endpoint is asked."""
    command = [sys.executable, "-m", "bestroute", *asked]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # ignored in the background
    ) as child:  # fmt: skip
        try:
            until(lambda: fake_endpoint.requests or child.poll() is not None)
            time.sleep(0.1)  # into the wait, or the stream
            child.send_signal(signal.SIGINT)
            stderr = child.communicate(timeout=60)[1].decode()
        finally:
            child.kill()
    return child.returncode, stderr


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("play", [hang(), endless()], ids=["before it", "in it"])
def test_ctrl_c_ends_a_stream_in_a_word(tmp_path, fake_endpoint, play):  # noqa: F811
    fake_endpoint.play(play)
    code, stderr = interrupted(
        fake_endpoint, ["ask", local_policy(tmp_path, fake_endpoint.base_url), PLAIN, "--stream"]
    )
    assert fake_endpoint.requests
    assert code == 130
    assert stderr.removeprefix("asking smollm2-135m@8\n").strip() == "Aborted!"


@pytest.mark.parametrize("ending", [KeyboardInterrupt, click.Abort])
def test_every_command_ends_with_130(monkeypatch, ending):
    def ends(*_: object) -> str:
        raise ending

    monkeypatch.setattr(pick, "_read_responses", ends)
    result = run("pick", "What is 2 + 2?", "-")
    assert (result.exit_code, result.stderr.strip()) == (130, "Aborted!")


@pytest.mark.skipif(not FULL.exists(), reason="no device that is always full")
@pytest.mark.parametrize(("words", "unbuffered"), [(["schema"], "1"), (["--version"], "")])
def test_a_full_disk_behind_stdout_is_one_message(words, unbuffered):
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    with FULL.open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "bestroute", *words],
            stdout=full, stderr=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "error: standard output cannot be written: No space left on device\n"


def test_other_errors_of_the_system_are_not_hidden(monkeypatch):
    def fails(*_: object) -> str:
        raise PermissionError(13, "Permission denied", "somewhere")

    monkeypatch.setattr(pick, "_read_responses", fails)
    with pytest.raises(PermissionError):
        cli(["pick", "What is 2 + 2?", "-"], prog_name="bestroute")


@pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")
@pytest.mark.parametrize(
    "words", [["--help"], ["schema"], ["models"], ["route", "policy.example.yaml", PLAIN]]
)
def test_a_closed_pipe_behind_stdout_ends_without_a_word(words):
    reads, writes = os.pipe()
    os.close(reads)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "bestroute", *words], cwd=ROOT, stdout=writes, stderr=subprocess.PIPE
        )
    finally:
        os.close(writes)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, b"")
