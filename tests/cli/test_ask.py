"""`bestroute ask` as a user types it, against a real endpoint."""

from pathlib import Path

from tests import ROOT
from tests.answering.fake_endpoint import FakeEndpoint, answer
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
