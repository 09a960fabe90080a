"""`bestroute pick` as a user types it."""

import json

import pytest

from tests.cli.typed import document, run, write


def test_pick_from_a_list_lines_and_standard_input(tmp_path):
    texts = ["It is 4.", "", "Bananas are yellow."]
    from_list = document(
        run("pick", "What is 2 + 2?", write(tmp_path, "r.json", json.dumps(texts)), "--json")
    )
    assert list(from_list) == ["best", "rewards", "groups", "failed"]
    assert from_list["best"] in (0, 2)
    assert len(from_list["rewards"]) == 3
    lines = write(tmp_path, "r.jsonl", "\n".join(json.dumps({"text": text}) for text in texts))
    assert document(run("pick", "What is 2 + 2?", lines, "--json")) == from_list
    assert document(run("pick", "What is 2 + 2?", "-", "--json", stdin=json.dumps(texts))) == from_list
    assert "It is 4." in run("pick", "What is 2 + 2?", lines).stdout
    assert len(document(run("pick", "q", "-", "--json", stdin='["half \\ud800", "b"]'))["rewards"]) == 2


def test_pick_tells_what_fails(tmp_path):
    responses = write(tmp_path, "r.json", json.dumps(["It rains, and snows.", "It rains."]))
    found = document(run("pick", "Tell it without using commas.", responses, "--json"))
    assert (found["best"], found["failed"]) == (1, [["commas"], []])
    assert "commas" in run("pick", "Tell it without using commas.", responses).stdout


def test_pick_keeps_what_the_selector_says(tmp_path):
    responses = write(tmp_path, "r.json", json.dumps(["Answer: 5", "Bananas.", "#### 5"]))
    shown = {}
    for select in ("reward", "vote", "reward+vote"):
        shown[select] = document(run("pick", "What is 2 + 3?", responses, "--json", "--select", select))
        assert shown[select]["groups"] == [0, 1, 0]
    rewards = shown["reward"]["rewards"]
    assert shown["reward"]["best"] == rewards.index(max(rewards))
    assert shown["vote"]["best"] in (0, 2)
    assert document(run("pick", "What is 2 + 3?", responses, "--json")) == shown["reward+vote"]
    assert "Invalid value for '--select'" in run("pick", "q", responses, "--select", "luck").stderr


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", "there is no response to pick from"),
        ('["  "]', "there is no response to pick from"),
        ("{}", "holds dict; give a JSON list of texts"),
        ("[1,\n", "r.json:2: not JSON: Expecting value at column 1"),
        ("[1]", 'response 0: a text or an object with "text" is needed'),
    ],
)
def test_pick_refuses_what_is_not_responses(tmp_path, content, message):
    result = run("pick", "query", write(tmp_path, "r.json", content))
    assert result.exit_code == 2
    assert message in result.stderr
