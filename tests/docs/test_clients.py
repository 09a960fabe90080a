"""docs/how-to/clients.md: what it starts and shows is there, and its official client asks a real gateway."""

import re
import subprocess
import sys
import threading
from http.server import ThreadingHTTPServer

import pytest

from bestroute.policy import check_policy
from tests import ROOT
from tests.patience import PATIENCE_S
from tests.scripts import load
from tests.serve.gateway import started

FOLDER = ROOT / "examples" / "clients"
PAGE = (ROOT / "docs" / "how-to" / "clients.md").read_text("utf-8")
endpoint, page = load(FOLDER / "endpoint.py"), load(FOLDER / "run.py")
walk = load(ROOT / "docs" / "how-to" / "retune" / "run.py")


@pytest.fixture
def base_url(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), endpoint.Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()


def shown(script, address):
    """What the page says that a script prints for an address."""
    [output] = re.findall(rf"^\$ python {script} {address}.*\n((?:(?!\$|```).*\n)*)", PAGE, re.M)
    return output


def ran(script, *words):
    """What a script prints."""
    command = [sys.executable, str(FOLDER / script), *words]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=PATIENCE_S, check=True).stdout


def test_it_starts_and_runs_what_is_there():
    assert [port for _, port in page.servers(PAGE)] == [8089, 8080, 4000, 8081]
    named = re.findall(r"[\w-]+\.(?:py|yaml)", "".join(walk.commands(PAGE)) + str(page.servers(PAGE)))
    assert {*named} - {"extra-openai-models.yaml"} == {
        path.name for path in FOLDER.iterdir() if path.suffix in (".py", ".yaml") and path.name != "run.py"
    }


@pytest.mark.parametrize("name", ["policy.yaml", "through-litellm.yaml"])
def test_its_policies_hold(name, monkeypatch):
    monkeypatch.setenv("LITELLM_MASTER_KEY", "set")
    _, warnings = check_policy(FOLDER / name)
    assert not warnings


def test_the_official_clients_are_told_what_the_page_says(tmp_path, base_url):
    policy = (FOLDER / "policy.yaml").read_text("utf-8").replace("http://127.0.0.1:8089/v1", base_url)
    with started(tmp_path, policy) as gateway:
        assert ran("openai_client.py", gateway.url, "any") == shown(
            "openai_client.py", "http://localhost:8080/v1"
        )
        address = gateway.url.removesuffix("/v1")
        assert ran("anthropic_client.py", address) == shown("anthropic_client.py", "http://localhost:8080")
