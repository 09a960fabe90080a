"""Small artefact folders and policy texts that the policy tests share."""

import hashlib
import json
from pathlib import Path

from tests import ROOT

PROBES = sorted((ROOT / "policies").glob("*.probes.yaml"))
SHIPPED = [ROOT / "policy.example.yaml", *sorted({*(ROOT / "policies").glob("*.yaml")} - {*PROBES})]

FILES = {"model.onnx": b"a graph", "tokenizer.json": b"a tokenizer", "head.npz": b"a head"}
MANIFEST = {
    "format_version": 1,
    "max_tokens": 64,
    "files": {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()},
}
ROUTER = {
    "kind": "router",
    "classes": ["small", "medium", "large"],
    "max_n": 10,
    "mean_output_tokens": [300.0, 250.0, 200.0],
    "reference": "large",
    "max_novelty": 1.0,
}


def write_artefacts(folder: Path) -> Path:
    """A router and a reward artefact in `folder`, whole as far as `check` looks; gives `folder` back."""
    for kind, extra in (("router", ROUTER), ("reward", {"kind": "reward"})):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        (folder / kind / "manifest.json").write_text(json.dumps({**MANIFEST, **extra}), "utf-8")
        for name, content in FILES.items():
            (folder / kind / name).write_bytes(content)
    return folder


GOOD = """\
version: 1
router: router
reward: reward
models:
  - name: tiny
    class: small
    price: {input: 0.1, output: 0.2}
  - name: big
    class: large
    price: {input: 2.5, output: 10}
reference: big
max_gap: 0.03
tiers:
  - {model: tiny, n: 4}
  - {model: big}
rules:
  - name: greetings
    when: {pattern: '^hi$', tokens: {max: 12}}
    route: {model: tiny}
  - name: paying
    when: {metadata: {plan: [enterprise, 2]}}
    max_gap: 0
  - name: pictures
    when: {has: [image]}
    exclude: [tiny]
"""


def write_probes(folder: Path, *probes: str, head: str = "") -> Path:
    """A probe file in `folder`, of probes p0, p1, ... from line 4 on, each the inside of a YAML mapping."""
    path = folder / "x.probes.yaml"
    listed = "\n".join(f"  - {{name: p{index}, {probe}}}" for index, probe in enumerate(probes))
    path.write_text(f"version: 1\n{head}\nprobes:\n{listed}\n")
    return path
