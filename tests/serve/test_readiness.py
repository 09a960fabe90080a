"""A gateway is ready where each of its policies has a model that can be asked."""

import re

import pytest

from bestroute.serve.policies import Policies
from tests.serve.gateway import POLICY, started
from tests.serve.inprocess import served

TEXT = POLICY.format(url="http://127.0.0.1:9/v1", dial=0.03)
WITH_KEY = TEXT.replace("model: big-up", "model: big-up, api_key_env: BESTROUTE_TEST_KEY")
NEITHER = WITH_KEY.replace("model: tiny-up", "model: tiny-up, api_key_env: BESTROUTE_TEST_KEY")
NOWHERE = re.sub(r"endpoint: \{[^}]*\}", "thinking_tokens: 0", TEXT)


@pytest.mark.parametrize(
    ("text", "key", "why", "unaskable"),
    [
        (TEXT, "", [], {}),
        (WITH_KEY, "", [], {"auto": {"big": "its key is not set"}}),
        (NEITHER, "k", [], {}),
        (
            NEITHER,
            "",
            ["no model of auto can be asked: tiny (its key is not set), big (its key is not set)"],
            {"auto": {"tiny": "its key is not set", "big": "its key is not set"}},
        ),
        (
            NOWHERE,
            "",
            ["no model of auto can be asked: tiny (it has no endpoint), big (it has no endpoint)"],
            {"auto": {"tiny": "it has no endpoint", "big": "it has no endpoint"}},
        ),
    ],
)
def test_ready(tmp_path, monkeypatch, text, key, why, unaskable):
    monkeypatch.setenv("BESTROUTE_TEST_KEY", key)
    (tmp_path / "p.yaml").write_text(text, "utf-8")
    with served(Policies([tmp_path / "p.yaml"])) as gateway:
        reply = gateway.get("/readyz")
        assert (reply.status, reply.json["ready"]) == ((503, False) if why else (200, True))
        assert (reply.json["why"], reply.json["unaskable"]) == (why, unaskable)


def test_what_check_warns_of_is_said_at_the_start(tmp_path):
    with started(tmp_path, WITH_KEY) as gateway:
        assert any(
            "WARNING" in line and "environment variable BESTROUTE_TEST_KEY is not set" in line
            for line in gateway.lines
        )
