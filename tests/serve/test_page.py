"""The page at `/`, in a real browser: what it shows, the dial, and that it loads nothing from elsewhere."""

import pytest

from bestroute.decision import Decision
from bestroute.query import Query
from bestroute.router import Router
from bestroute.serve import recent as recent_module
from bestroute.serve.entry import Entry
from bestroute.serve.recent import Recent, at_dial, characters_of, summary
from tests.answering.fake_endpoint import FakeEndpoint, answer_n, status
from tests.fakes import FakePredictor, FakeReward, FakeSampler, make_policy, said
from tests.serve.browser import browsing, find
from tests.serve.gateway import POLICY, started

BROWSER = find()
needs_browser = pytest.mark.skipif(
    BROWSER is None, reason="no Chromium on this machine: apt-get install chromium-headless-shell"
)


class TestRecent:
    @pytest.fixture
    def router(self):
        sampler = FakeSampler({"tiny": said("a"), "big": said("b")})
        policy = make_policy(
            rules=[{"name": "law", "when": {"keywords": ["law"]}, "route": {"model": "tiny"}}]
        )
        return Router(policy, predictor=FakePredictor(), reward=FakeReward(), sampler=sampler)

    def entry(self, router, text="Why?", **fields):
        entry = Entry("r", "/v1/chat/completions", policy="auto", query=Query.of(text))
        entry.decided(router.route(entry.query))
        entry.usage, entry.cost, entry.reference_cost, entry.seconds = 1, 1.0, 4.0, 0.2
        for name, value in fields.items():
            setattr(entry, name, value)
        return entry

    def test_a_summary(self, router):
        recent = Recent()
        for entry in (
            self.entry(router),
            self.entry(router, "law", first_s=0.1),
            self.entry(router, usage=None),
            self.entry(router, error="stream_broken"),
            self.entry(router, policy="other"),
        ):
            recent.add(entry)
        told = summary(recent.seen("auto"))
        assert (told["requests"], told["cost"], told["saving"]) == (2, 2.0, 0.75)
        assert told["arms"]["tiny@1"] == {"requests": 1, "share": 0.5, "cost": 1.0}
        assert told["latency_ms"] == {"p50": 200.0, "p95": 200.0}
        assert told["first_ms"]["p50"] == pytest.approx(100)
        assert summary([])["saving"] is None

    def test_the_dial(self, router):
        """Gaps to big: tiny@1 0.25, tiny@4 0.125, mid@2 0.0625, mid@4 0.015625; a rule's request stays."""
        recent = Recent()
        for text in ("Why?", "law"):
            recent.add(self.entry(router, text))
        decisions = recent.decisions("auto", router.digest)
        assert {*at_dial(decisions, 0.03)["arms"]} == {"mid@4", "tiny@1"}
        assert {*at_dial(decisions, 0.0)["arms"]} == {"big@1", "tiny@1"}
        assert {*at_dial(decisions, 0.3)["arms"]} == {"tiny@1"}
        assert at_dial([], 0.3)["saving"] is None
        assert recent.decisions("auto", "another") == []

    def test_a_rule_with_its_own_dial_keeps_it(self, router):
        rule = {"name": "law", "when": {"keywords": ["law"]}, "max_gap": 0.0}
        strict = router.under(make_policy(rules=[rule]))
        decision = strict.route("law")
        assert {*at_dial([decision], 0.3)["arms"]} == {"big@1"}

    def test_memory_is_bounded(self, router, monkeypatch):
        monkeypatch.setattr(recent_module, "_MOST_CHARACTERS", 500)
        recent = Recent()
        for _ in range(20):
            recent.add(self.entry(router, "x" * 100))
        recent.add(self.entry(router, "x" * 300_000))
        held = recent.decisions("auto", router.digest)
        assert 0 < len(held) < 5
        assert all(isinstance(one, Decision) for one in held)
        monkeypatch.setattr(recent_module, "MOST_DECISIONS", 2)
        recent.add(self.entry(router, "y"))
        assert len(recent.decisions("auto", router.digest)) == 2

    def test_pictures_have_their_weight(self):
        picture = {"type": "image_url", "image_url": {"url": "data:" + "x" * 5000}}
        assert characters_of(Query.of([{"role": "user", "content": [picture]}])) > 5000


class TestAddresses:
    def test_files(self, gateway):
        for path, kind in (
            ("/", "text/html"),
            ("/page/page.css", "text/css"),
            ("/page/page.js", "text/javascript"),
        ):
            reply = gateway.get(path)
            assert (reply.status, reply.headers["content-type"].split(";")[0]) == (200, kind)
            assert "default-src 'none'" in reply.headers["content-security-policy"]
        assert gateway.get("/page/none.js").error["code"] == "unknown_url"

    def test_what_is_told(self, gateway):
        gateway.ask("hello")
        told = gateway.get("/page/overview").json
        assert told["totals"]["requests"] >= 1
        assert told["policies"]["auto"]["dial"]["key"] == "max_gap"
        found = gateway.get("/page/dial?policy=auto&setting=0.05").json
        assert found["line"] == "max_gap: 0.05"
        assert found["there"]["queries"] >= 1

    @pytest.mark.parametrize("setting", ["", "x", "nan", "inf", "1.5", "-2"])
    def test_a_setting_that_is_none(self, gateway, setting):
        reply = gateway.get(f"/page/dial?policy=auto&setting={setting}")
        assert (reply.status, reply.error["param"]) == (400, "setting")

    def test_a_policy_that_is_none(self, gateway):
        assert gateway.get("/page/dial?policy=%3Cb%3E&setting=0.1").status == 404


@needs_browser
def test_in_a_browser(tmp_path):
    endpoint = FakeEndpoint()
    endpoint.play(
        lambda request: (status(500) if request.body["model"] == "mini-up" else answer_n())(request)
    )
    policies = [POLICY.format(url=endpoint.base_url, dial=dial) for dial in (0.03, 1.0)]
    policies[1] = policies[1].replace("tiny", "mini").replace("sampling: {", "sampling: {retries: 0, ")
    with started(tmp_path, *policies) as gateway, browsing(BROWSER, tmp_path / "profile") as tab:
        tab.look()
        tab.open(gateway.url.removesuffix("/v1") + "/")
        tab.until("document.querySelector('#window').textContent.startsWith('No request yet')")
        for text in (
            "hello",
            "Prove that there are infinitely many primes.",
            "What is the capital of France?",
        ):
            assert gateway.ask(text).status == 200
        assert gateway.post("/v1/chat/completions", {"model": "gpt-9"}).status == 400
        tab.until("document.querySelector('#requests').textContent === '4'")
        assert tab.text("#errors") == "1"
        assert "%" in tab.text("#saving")
        assert "tiny@1" in tab.text("#arms")
        tab.until("document.querySelectorAll('#endpoints tr').length > 0")
        assert "well" in tab.text("#endpoints")

        # the dial by keyboard: to its end everything goes to the cheapest tier
        tab.until("document.querySelector('#line').textContent === 'max_gap: 0.03'")
        tab.js("document.querySelector('#dial').focus()")
        tab.press("End", 35)
        tab.until("document.querySelector('#line').textContent === 'max_gap: 1'")
        there = {cells[0]: cells[2] for cells in tab.js(ROWS)}
        assert there["tiny@1"] == "100.0 %"
        tab.press("Home", 36)
        tab.until("document.querySelector('#line').textContent === 'max_gap: -1'")
        tab.js("document.querySelector('#reset').click()")
        tab.until("document.querySelector('#line').textContent === 'max_gap: 0.03'")

        # another policy, whose cheap endpoint is ill
        assert gateway.ask("hello", model="p1").status == 200
        tab.js(
            "document.querySelector('#policy').value = 'p1'; "
            "document.querySelector('#policy').dispatchEvent(new Event('change'))"
        )
        tab.until("document.querySelector('#endpoints').textContent.includes('server 1')")
        assert tab.text("#dial-file") == "p1.yaml"

        # nothing from elsewhere, and no complaint
        home = gateway.url.removesuffix("/v1")
        assert all(url.startswith((home, "data:")) for url in tab.asked), tab.asked
        assert tab.said == []
        for dark in (False, True):
            tab.look(dark=dark, width=320, height=700)
            assert tab.js("document.documentElement.scrollWidth <= document.documentElement.clientWidth + 1")
            assert tab.js(CONTRAST) >= 4.5
        names = tab.call("Accessibility.getFullAXTree")["nodes"]
        for role in ("slider", "button", "combobox"):
            found = [one["name"]["value"] for one in names if one.get("role", {}).get("value") == role]
            assert found, role
            assert all(found), role

        # a gateway that ends is told, and the page stays
        gateway.end()
        tab.until("document.querySelector('#state').textContent.startsWith('The gateway does not answer')")
        assert tab.text("#requests") == "5"
    endpoint.close()


ROWS = """[...document.querySelectorAll('#dialled tr')].map(
  (one) => [...one.cells].map((cell) => cell.textContent))"""
CONTRAST = """(() => {
  const light = (text) => {
    const [r, g, b] = text.match(/[0-9.]+/g).map(Number).map((one) => one / 255)
      .map((one) => one <= 0.03928 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const back = light(getComputedStyle(document.body).backgroundColor);
  return Math.min(...['body', '.note', 'dt', 'thead th', '#state'].map((one) => {
    const fore = light(getComputedStyle(document.querySelector(one)).color);
    return (Math.max(fore, back) + 0.05) / (Math.min(fore, back) + 0.05);
  }));
})()"""
