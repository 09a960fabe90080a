"""Starts the servers of docs/how-to/clients.md, runs its commands, and puts into the page what they print.

    pip install -e ".[serve]" langchain-openai "litellm[proxy]" llm && python examples/clients/run.py

The servers are lines of the page's `sh` blocks, the commands its console blocks; both run on what is in this
folder. Ports 4000, 8080, 8081 and 8089 must be free. What varies in an output stays, as in
docs/how-to/retune/run.py.
"""

from __future__ import annotations

import os
import re
import runpy
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PAGE = ROOT / "docs" / "how-to" / "clients.md"
PORTS = {"endpoint.py": 8089, "policy.yaml": 8080, "litellm.yaml": 4000, "through-litellm.yaml": 8081}
_SERVERS = re.compile(r"^```sh\n(.*?)^```$", re.M | re.S)


def servers(page: str) -> list[tuple[str, int]]:
    """The commands of the page that start a server, each with its port."""
    lines = "".join(_SERVERS.findall(page)).splitlines()
    ports = [next((PORTS[word] for word in line.split() if word in PORTS), None) for line in lines]
    return [(line, port) for line, port in zip(lines, ports, strict=True) if port is not None]


@contextmanager
def serving(command: str, port: int, log: Path, patience_s: float = 180) -> Iterator[None]:
    """A server that listens, ended afterwards; what it says is in the log.

    Raises SystemExit where it ends, or does not listen in time.
    """
    words = command.partition("#")[0].split()
    with log.open("w") as said:
        process = subprocess.Popen(words, cwd=HERE, stdout=said, stderr=said)
    try:
        ends = time.monotonic() + patience_s
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > ends:
                raise SystemExit(f"{command}: nothing listens on port {port}\n{log.read_text()}")
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


def main() -> None:
    """Run the page, and write it. Raises SystemExit where a command fails."""
    page, scripts = PAGE.read_text("utf-8"), str(Path(sys.executable).parent)
    os.environ["PATH"] = os.pathsep.join([scripts, os.environ["PATH"]])
    os.environ["NO_PROXY"] = "127.0.0.1,localhost"
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # it would fetch prices, which nothing here needs
    os.environ["LITELLM_MASTER_KEY"] = f"sk-{secrets.token_hex(16)}"
    walk = runpy.run_path(str(ROOT / "docs" / "how-to" / "retune" / "run.py"))
    with tempfile.TemporaryDirectory() as logs, ExitStack() as stack:
        for command, port in servers(page):
            stack.enter_context(serving(command, port, Path(logs) / f"{port}.log"))
        ran = walk["run"](walk["commands"](page), beside=HERE)
    failed = [one.output for one in ran if one.code]
    if failed:
        raise SystemExit("\n".join(failed))
    PAGE.write_text(walk["refreshed"](page, ran), "utf-8")


if __name__ == "__main__":
    main()
