"""What importing costs: nothing heavy, no network client, no torch."""

import json
import os
import subprocess
import sys

from tests import ROOT

HEAVY = ["aiohttp", "click", "numpy", "onnxruntime", "pydantic", "tokenizers", "torch", "yaml"]
NETWORK = [
    "aiohttp",
    "httpx",
    "httpx2",
    "openai",
    "requests",
    "torch",
    "transformers",
    "urllib3",
    "starlette",
]


def modules_after(code: str) -> set[str]:
    shown = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport json, sys\nprint(json.dumps(list(sys.modules)))"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(shown.stdout.splitlines()[-1]))


def test_importing_bestroute_loads_nothing_heavy():
    assert not modules_after("import bestroute").intersection(HEAVY)


def test_routing_and_picking_load_no_network_client_and_no_torch():
    code = (
        "import bestroute\n"
        "router = bestroute.Router.from_policy('policies/balanced.yaml')\n"
        "router.route('Why is the sky blue?')\n"
        "router.pick('What is 2 + 2?', ['4', '5'])"
    )
    assert not modules_after(code).intersection(NETWORK)


def test_routing_alone_loads_nothing_that_judges_responses():
    """Their tables of words take longer to make than a router to open."""
    code = "from bestroute import Router\nRouter.from_policy('policies/balanced.yaml').route('Why?')"
    judges = {f"bestroute.answering.{name}" for name in ("agreement", "checks", "pick", "sampling")}
    assert not modules_after(code).intersection(judges)


def test_routing_reports_nothing_to_the_maker_of_onnxruntime(tmp_path):
    """It would keep an id of the device and a queue of events in the cache of the user."""
    code = "from bestroute import Router\nRouter.from_policy('policies/balanced.yaml').route('Why?')"
    silenced = ("CI", "ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS", "XDG_CACHE_HOME")
    told = {name: value for name, value in os.environ.items() if name not in silenced}
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env={**told, "HOME": str(tmp_path)}, check=True)
    assert not [*tmp_path.rglob("*onnxruntime*")]


def test_reading_a_log_loads_no_server_and_no_torch():
    assert not modules_after("import bestroute.serve.reading").intersection(
        {*NETWORK, "onnxruntime", "uvicorn"}
    )


def test_listing_commands_loads_no_model():
    code = "from bestroute.cli import cli\ncli(['check', '--help'], standalone_mode=False)"
    assert not modules_after(code).intersection({"onnxruntime", "numpy", "torch"})
