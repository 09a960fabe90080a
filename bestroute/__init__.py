"""bestroute: route each query to the cheapest (model, samples) that is good enough.

    from bestroute import Router

    router = Router.from_policy("policy.yaml")
    decision = router.route("Prove that there are infinitely many primes.")

Importing this package loads nothing heavy; names are resolved when they are first used.

The rooms, from the top floor down; each one's docstring lists its modules, docs/design.md draws them all:

cli        one module a command
serve      a policy as a gateway
retune     what a person does to a policy in use: dry run, diff, probes, calibrate, watch
train      records in, artefact folders out
evaluate   what a policy gives and costs on records
records    from prompts to labelled records
router     the face that people embed
answering  from a decision to an answer: sample, see who agrees, keep one
decision   from a forecast to an arm or a plan
policy     the YAML file and what it says: models, rules, the dial
artefacts  what was trained, opened
query      what is routed, and the cheap facts about it
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bestroute.answering.answer import Answer, Ended
    from bestroute.answering.events import Broken, Chunk, Progress
    from bestroute.answering.pick import Pick
    from bestroute.answering.sampling import EndpointSampler, Sample, Sampler
    from bestroute.artefacts.predictor import OnnxPredictor, Prediction, Predictor
    from bestroute.artefacts.reward import OnnxRewardModel, RewardModel
    from bestroute.decision import Candidate, Decision
    from bestroute.errors import (
        ArtefactError,
        BestRouteError,
        InputError,
        MissingExtra,
        PolicyError,
        PredictorError,
        PredictorOverrun,
        ProbesError,
        SamplingError,
        TrainingError,
    )
    from bestroute.policy import Policy, Sampling, Tier, check_policy, load_policy
    from bestroute.policy.arms import Arm, Endpoint, Model, Price
    from bestroute.policy.rules import Rule
    from bestroute.query import Query
    from bestroute.records.lines import read_records
    from bestroute.records.record import Record
    from bestroute.retune.probes import ProbeResult, run_probes
    from bestroute.retune.watch import PolicyWatcher
    from bestroute.router import Router

_HOMES = {
    "answering.answer": ("Answer", "Ended"),
    "answering.events": ("Broken", "Chunk", "Progress"),
    "answering.pick": ("Pick",),
    "policy.arms": ("Arm", "Endpoint", "Model", "Price"),
    "decision": ("Candidate", "Decision"),
    "errors": (
        "ArtefactError",
        "BestRouteError",
        "InputError",
        "MissingExtra",
        "PolicyError",
        "PredictorError",
        "PredictorOverrun",
        "ProbesError",
        "SamplingError",
        "TrainingError",
    ),
    "policy": ("Policy", "Sampling", "Tier", "check_policy", "load_policy"),
    "artefacts.predictor": ("OnnxPredictor", "Prediction", "Predictor"),
    "retune.probes": ("ProbeResult", "run_probes"),
    "query": ("Query",),
    "records.lines": ("read_records",),
    "records.record": ("Record",),
    "artefacts.reward": ("OnnxRewardModel", "RewardModel"),
    "router": ("Router",),
    "policy.rules": ("Rule",),
    "answering.sampling": ("EndpointSampler", "Sample", "Sampler"),
    "retune.watch": ("PolicyWatcher",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Answer",
    "Arm",
    "ArtefactError",
    "BestRouteError",
    "Broken",
    "Candidate",
    "Chunk",
    "Decision",
    "Ended",
    "Endpoint",
    "EndpointSampler",
    "InputError",
    "MissingExtra",
    "Model",
    "OnnxPredictor",
    "OnnxRewardModel",
    "Pick",
    "Policy",
    "PolicyError",
    "PolicyWatcher",
    "Prediction",
    "Predictor",
    "PredictorError",
    "PredictorOverrun",
    "Price",
    "ProbeResult",
    "ProbesError",
    "Progress",
    "Query",
    "Record",
    "RewardModel",
    "Router",
    "Rule",
    "Sample",
    "Sampler",
    "Sampling",
    "SamplingError",
    "Tier",
    "TrainingError",
    "__version__",
    "check_policy",
    "load_policy",
    "read_records",
    "run_probes",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("bestroute")
    if name in _HOME_OF:
        return getattr(importlib.import_module(f"bestroute.{_HOME_OF[name]}"), name)
    raise AttributeError(f"module 'bestroute' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
