"""`bestroute ask` as a user types it, against a real endpoint."""

import json
from pathlib import Path

import pytest

from tests import ROOT
from tests.answering.fake_endpoint import FakeEndpoint, answer, event, pieces, streamed
from tests.cli.typed import document, run, write


def local_policy(folder: Path, base_url: str, **extra: str) -> str:
    text = (ROOT / "policies" / "local.yaml").read_text().replace("http://127.0.0.1:8089/v1", base_url)
    for old, new in extra.items():
        text = text.replace(old, new)
    return write(folder, "local.yaml", text)


def test_ask_samples_a_real_endpoint_and_keeps_one(tmp_path, fake_endpoint: FakeEndpoint):
    fake_endpoint.play(answer("It is 4.", "Four.", "5", "Two plus two is four."))
    answered = document(
        run("ask", local_policy(tmp_path, fake_endpoint.base_url), "What is 2 + 2?", "--json")
    )
    assert (answered["model"], answered["n"]) == ("smollm2-135m", 4)
    assert len(answered["samples"]) == len(answered["rewards"]) == 4
    assert answered["text"] == answered["samples"][answered["best"]]["text"]
    assert answered["decision"]["rule"] == "sums"
    # A choice each of five tokens; the reference's prices are 2.5 and 10 millionths of a dollar.
    assert answered["reference_cost"] > answered["cost"] > 0
    assert answered["saved"] == answered["reference_cost"] - answered["cost"]
    assert answered["why"] == "smollm2-135m@4: rule 'sums'"
    shown = run("ask", local_policy(tmp_path, fake_endpoint.base_url), "What is 2 + 2?", "--all")
    assert shown.exit_code == 0
    assert "cost $" in shown.stderr
    assert answered["why"] in shown.stderr
    assert shown.stdout.count("\n> ") + shown.stdout.startswith("> ") == 1


def test_ask_without_an_endpoint_that_answers_lists_the_attempts(tmp_path):
    result = run("ask", local_policy(tmp_path, "http://127.0.0.1:9/v1"), "What is 2 + 2?")
    assert result.exit_code == 1
    assert "no model answered" in result.stderr
    assert "smollm2-135m@4" in result.stderr
    assert "local-large@1" in result.stderr


def test_a_stream_is_printed_as_it_comes(tmp_path, fake_endpoint: FakeEndpoint):
    fake_endpoint.play(pieces(*streamed("Por que ", "não?")))
    policy = local_policy(tmp_path, fake_endpoint.base_url)
    shown = run("ask", policy, "Explica-me a fotossíntese, por favor.", "--stream", "-m", "x=1")
    assert shown.exit_code == 0
    assert (shown.stdout, "cost $" in shown.stderr) == ("Por que não?\n", True)


def test_a_stream_of_several_gives_the_kept_one(tmp_path, fake_endpoint: FakeEndpoint):
    fake_endpoint.play(answer("4", "4", "5", "4"))
    shown = run("ask", local_policy(tmp_path, fake_endpoint.base_url), "What is 2 + 2?", "--stream")
    assert shown.stdout == "4\n"
    assert "asking smollm2-135m@4" in shown.stderr


def test_a_stream_that_breaks_off_exits_1(tmp_path, fake_endpoint: FakeEndpoint):
    fake_endpoint.play(pieces(event({"content": "half"}), cut=True))
    policy = local_policy(tmp_path, fake_endpoint.base_url)
    shown = run("ask", policy, "Explica-me a fotossíntese, por favor.", "--stream")
    assert (shown.exit_code, shown.stdout) == (1, "half\n")
    assert "the answer broke off" in shown.stderr


def test_a_whole_request_from_a_file(tmp_path, fake_endpoint: FakeEndpoint):
    fake_endpoint.play(answer("4"))
    request = {"messages": [{"role": "user", "content": "What is 2 + 2?"}], "seed": 7}
    file = write(tmp_path, "request.json", json.dumps(request))
    shown = run("ask", local_policy(tmp_path, fake_endpoint.base_url), "--request", file)
    assert shown.exit_code == 0
    assert fake_endpoint.requests[0].body["seed"] == 7


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([], "give a QUERY, or --request FILE"),
        (["hi", "--request", "FILE"], "not both"),
        (["hi", "--stream", "--json"], "--stream goes without --json"),
        (["--request", "FILE"], "give an object with messages"),
    ],
)
def test_what_cannot_be_asked(tmp_path, words, why):
    file = write(tmp_path, "request.json", "[]")
    typed = [file if word == "FILE" else word for word in words]
    result = run("ask", local_policy(tmp_path, "http://127.0.0.1:9/v1"), *typed)
    assert result.exit_code == 2
    assert why in result.stderr


def test_a_request_that_is_no_json_is_told_with_its_line(tmp_path):
    file = write(tmp_path, "request.json", '{"messages":\n}')
    result = run("ask", local_policy(tmp_path, "http://127.0.0.1:9/v1"), "--request", file)
    assert result.exit_code == 2
    assert f"{file}:2: not JSON: Expecting value at column 1" in result.stderr
