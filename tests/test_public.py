"""The public face, written out: whoever changes it sees so here."""

import bestroute
from bestroute.cli import cli

NAMES = [
    "Answer", "Arm", "ArtefactError", "BestRouteError", "Broken", "Candidate", "Chunk", "Decision",
    "Ended", "Endpoint", "EndpointSampler", "InputError", "MissingExtra", "Model", "OnnxPredictor",
    "OnnxRewardModel", "Pick", "Policy", "PolicyError", "PolicyWatcher", "Prediction", "Predictor",
    "PredictorError", "PredictorOverrun", "Price", "ProbeResult", "ProbesError", "Progress", "Query",
    "Record", "RewardModel", "Router", "Rule", "Sample", "Sampler", "Sampling", "SamplingError", "Tier",
    "TrainingError", "__version__", "check_policy", "load_policy", "read_records", "run_probes",
]  # fmt: skip
COMMANDS = [
    "adapt", "ask", "bench", "calibrate", "check", "collect", "completion", "diff", "dry-run", "evaluate",
    "init", "key", "log", "models", "pick", "route", "schema", "score", "serve", "test", "train",
]  # fmt: skip


def test_the_names_of_the_package():
    assert bestroute.__all__ == NAMES == sorted(NAMES)
    assert set(dir(bestroute)) == {*NAMES}
    for name in NAMES:
        assert getattr(bestroute, name) is not None


def test_the_names_of_the_commands():
    assert cli.list_commands(None) == COMMANDS
    assert sorted(cli.get_command(None, "log").commands) == ["compare", "queries", "summary"]
    assert sorted(cli.get_command(None, "train").commands) == ["llms", "posterior", "reward", "router"]
