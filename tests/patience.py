"""How long tests wait for what other threads and processes do."""

import time

PATIENCE_S = 120.0  # a busy machine is no fault


def until(holds):
    """What `holds` says, once that is true."""
    ends = time.monotonic() + PATIENCE_S
    while not (found := holds()):
        assert time.monotonic() < ends, "it never came to be"
        time.sleep(0.005)
    return found
