"""One gateway for all tests that only ask, before an endpoint that each test scripts."""

import logging
import signal

import pytest

from tests.answering.fake_endpoint import FakeEndpoint, answer_n
from tests.serve.gateway import POLICY, started

LIMITS = {"body_bytes": 2**20, "head_s": 2.0, "body_s": 2.0, "batch": 3}


@pytest.fixture(autouse=True)
def _left_as_it_was():
    """What `serve` sets for its process, where it is called in that of the tests."""
    package = logging.getLogger("bestroute")
    level, heard = package.level, signal.getsignal(signal.SIGHUP) if hasattr(signal, "SIGHUP") else None
    yield
    package.setLevel(level)
    if heard is not None:
        signal.signal(signal.SIGHUP, heard)


@pytest.fixture(scope="session")
def _served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("serve")
    endpoint = FakeEndpoint()
    texts = [POLICY.format(url=endpoint.base_url, dial=dial) for dial in (-1.0, 1.0)]
    with started(folder, *texts, limits=LIMITS, log=str(folder / "log.jsonl"), log_queries=True) as gateway:
        gateway.log = folder / "log.jsonl"
        yield gateway, endpoint
    endpoint.close()


@pytest.fixture
def upstream(_served):
    gateway, endpoint = _served
    endpoint.play(answer_n())
    if endpoint.was_ill:  # a success of each model, so that no test is left the strikes of those before it
        assert [gateway.ask(text).status for text in ("hello", "lawsuit")] == [200, 200]
        endpoint.was_ill = False
    endpoint.requests.clear()
    return endpoint


@pytest.fixture
def gateway(_served, upstream):
    """Its policy `auto` asks big where no rule matches, `p1` tiny."""
    return _served[0]
