"""Size, import time, first decision and memory of the wheel, installed alone in a new virtual environment.

    python benchmarks/footprint.py

Builds the wheel from this checkout, installs it without extras, and measures with the network out of reach
for the commands (proxies that refuse). Seconds are medians of several fresh processes.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RUNS = 7
OFFLINE = {
    "http_proxy": "http://127.0.0.1:9",
    "https_proxy": "http://127.0.0.1:9",
    "PATH": os.environ["PATH"],
}
UNWANTED = (
    "torch",
    "fastapi",
    "starlette",
    "flask",
    "httpx",
    "httpx2",
    "requests",
    "aiohttp",
    "openai",
    "urllib3",
)
PROBE = """
import resource, sys, time
start = time.perf_counter()
from bestroute import Router
imported = time.perf_counter() - start
router = Router.from_policy(sys.argv[1])
decision = router.route("Why is the sky blue?")
loaded = [name for name in sys.argv[2].split(",") if name in sys.modules]
routed = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
router.pick("What is 2 + 2?", ["4", "5", "It is four."])
both = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
import json
print(json.dumps({"import_s": imported, "unwanted": loaded, "route_mb": routed, "route_and_pick_mb": both}))
"""


def size_mb(folder: Path) -> float:
    """Megabytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def main() -> None:
    """Build, install, measure, print JSON."""
    with tempfile.TemporaryDirectory() as scratch:
        pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", scratch, str(ROOT)], check=True)
        wheel = next(Path(scratch).glob("bestroute-*.whl"))
        home = Path(scratch) / "venv"
        venv.create(home, with_pip=True)
        packages = next(home.glob("lib/python*/site-packages"))
        before = size_mb(packages)
        python = str(home / "bin" / "python")
        subprocess.run([python, *pip[1:], "install", str(wheel)], check=True)
        report = {
            "wheel_mb": wheel.stat().st_size / 1e6,
            "installed_mb": size_mb(packages) - before,
            "largest_mb": _largest(packages),
            **_processes(python, home, Path(scratch)),
        }
    print(json.dumps(_rounded(report), indent=2))


def _largest(packages: Path) -> dict[str, float]:
    sizes = {path.name: size_mb(path) for path in packages.iterdir() if path.is_dir() and path.name != "pip"}
    return dict(sorted(sizes.items(), key=lambda item: -item[1])[:6])


def _processes(python: str, home: Path, scratch: Path) -> dict[str, object]:
    policy = str(ROOT / "policies" / "balanced.yaml")
    answers = [
        json.loads(_output([python, "-c", PROBE, policy, ",".join(UNWANTED)], scratch)) for _ in range(RUNS)
    ]
    command = [str(home / "bin" / "bestroute"), "route", policy, "Why is the sky blue?", "--json"]
    seconds = []
    for _ in range(RUNS):
        started = time.perf_counter()
        _output(command, scratch)
        seconds.append(time.perf_counter() - started)
    medians = {
        name: statistics.median(answer[name] for answer in answers)
        for name in ("import_s", "route_mb", "route_and_pick_mb")
    }
    return {
        **medians,
        "unwanted_modules": answers[0]["unwanted"],
        "first_decision_s": statistics.median(seconds),
        "first_decision_s_range": [min(seconds), max(seconds)],
    }


def _output(command: list[str], folder: Path) -> str:
    return subprocess.run(command, cwd=folder, env=OFFLINE, check=True, capture_output=True, text=True).stdout


def _rounded(value: object) -> object:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return round(value, 3) if isinstance(value, float) else value


if __name__ == "__main__":
    main()
