"""Probes: executable expectations of a policy. A query, and what the policy must decide for it.

    @pytest.mark.parametrize("result", run_probes("policy.yaml", "policy.probes.yaml"))
    def test_policy(result):
        assert result.ok, result.explain()

schema  the values a probe file becomes
load    YAML to those, with every fault at its place
run     what the policy decided, and where that is not as expected
"""

from bestroute.retune.probes.load import check_probes, load_probes
from bestroute.retune.probes.run import ProbeReport, ProbeResult, TagRate, report_of, run_probes
from bestroute.retune.probes.schema import Expect, Probe, ProbeFile

__all__ = [
    "Expect",
    "Probe",
    "ProbeFile",
    "ProbeReport",
    "ProbeResult",
    "TagRate",
    "check_probes",
    "load_probes",
    "report_of",
    "run_probes",
]
