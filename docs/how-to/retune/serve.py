"""A service in miniature: for a minute it routes the same queries again and again, and prints what changes.

python serve.py policy.yaml queries.jsonl
"""

import json
import sys
import time
from collections import Counter
from pathlib import Path

from bestroute import PolicyWatcher

policy, path = sys.argv[1:]
queries = [json.loads(line)["query"] for line in Path(path).read_text().splitlines()]
printed, ends = "", time.monotonic() + 60

with PolicyWatcher(policy) as watcher:
    while time.monotonic() < ends:
        router = watcher.router  # anew for each round of queries, which is then decided by one policy
        arms = Counter(decision.arm.label for decision in router.route_batch(queries))
        shares = ", ".join(f"{count} to {arm}" for arm, count in arms.most_common())
        state = f"policy {router.policy.digest}: {shares}"
        if watcher.last_error is not None:
            state += f"\nthe file does not hold:\n{watcher.last_error}"
        if state != printed:
            print(state, flush=True)
        printed = state
        time.sleep(0.5)
