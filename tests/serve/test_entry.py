"""What a request comes to, however it ends."""

import pytest

from bestroute import Router
from bestroute.answering.events import Broken
from bestroute.answering.sampling import Attempt, Usage
from bestroute.serve.entry import Entry
from bestroute.serve.metrics import Metrics
from tests.serve.gateway import POLICY


@pytest.fixture
def router(tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY.format(url="http://127.0.0.1:9/v1", dial=1.0), "utf-8")
    return Router.from_policy(path)


@pytest.fixture
def entry(router):
    entry = Entry("r", "/v1/chat/completions", router=router)
    entry.decided(router.route("hello"))
    return entry


@pytest.mark.parametrize(("calls", "bill", "tokens"), [([], 0.0, 0), ([Usage(10, 5)], 20e-6, 15)])
def test_what_failed_is_charged_what_is_known(entry, calls, bill, tokens):
    entry.calls += [Attempt("tiny@1", 1, 1, None, 0.1, usage=usage) for usage in calls]
    entry.error = "internal_error"
    entry.ended(500)
    assert (entry.bill, entry.billed_tokens) == (pytest.approx(bill), tokens)


def test_of_what_was_cut_off_the_bill_is_not_known(entry):
    entry.error = "caller_gone"
    entry.ended(499)
    assert (entry.bill, entry.billed_tokens) == (None, None)


def test_what_broke_off_is_told_at_what_came_of_it(entry):
    entry.broke(Broken("cut", None, (), Usage(10, 1), 130e-6, 130e-6))
    entry.ended(200)
    metrics = Metrics()
    metrics.add(entry)
    assert metrics.totals()["saving"] == pytest.approx(0)
    assert not entry.is_answered
