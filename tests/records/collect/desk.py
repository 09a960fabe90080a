"""A folder with a policy and prompts, and `collect` in it."""

import asyncio
import json

from click.testing import CliRunner, Result

from bestroute.cli import cli
from bestroute.policy import load_policy
from bestroute.records.collect import Collection, Outcome, Plan, choose_models
from bestroute.records.lines import read_records
from bestroute.records.record import Record

PROMPTS = [
    {"id": "q1", "query": "What is 2 + 2?", "answer": "4", "source": "sums"},
    {"id": "q2", "query": "What is 3 + 3?", "answer": "6", "source": "sums", "metadata": {"plan": "free"}},
    {"id": "q3", "messages": [{"role": "user", "content": "Why is the sky blue?"}]},
]


class Desk:
    """A folder with a policy and prompts, and the commands that are given in it."""

    def __init__(self, folder, base_url: str) -> None:
        self.policy, self.prompts, self.out = (
            folder / name for name in ("policy.yaml", "prompts.jsonl", "records.jsonl")
        )
        self.journal = folder / "records.jsonl.partial.jsonl"
        self.write_prompts(*PROMPTS)
        self.write_policy(a={"base_url": base_url, "samples": "native", "model": "a-there"})

    def write_policy(self, price: float = 0.0, max_tokens: int = 20, **endpoints: dict | None) -> None:
        models = [
            {
                "name": name,
                "class": "small",
                "price": {"input": 0, "output": price},
                **({"endpoint": endpoint} if endpoint else {}),
            }
            for name, endpoint in endpoints.items()
        ]
        last = models[-1]["name"]
        content = {"version": 1, "models": models, "reference": last, "max_gap": 0.1}
        content |= {"tiers": [{"model": last}], "sampling": {"max_tokens": max_tokens, "timeout_s": 10}}
        self.policy.write_text(json.dumps(content))

    def write_prompts(self, *prompts: dict) -> None:
        self.prompts.write_text("".join(f"{json.dumps(prompt)}\n" for prompt in prompts))

    def run(self, *options: str) -> Result:
        words = ["collect", self.policy, self.prompts, "--out", self.out, *options]
        return CliRunner().invoke(cli, [str(word) for word in words], prog_name="bestroute")

    def json(self, *options: str, exit_code: int = 0) -> dict:
        result = self.run("--json", *options)
        assert result.exit_code == exit_code, result.output
        return json.loads(result.stdout)

    def collect(self, samples: int = 2, **options: object) -> Outcome:
        """Without the command line, and impatient."""
        policy = load_policy(self.policy)
        plan = Plan(choose_models(policy), policy.sampling, self.prompts, self.out, samples)
        return asyncio.run(Collection(plan, backoff_s=0.001, **options).run())

    def records(self) -> list[Record]:
        return list(read_records([self.out], scored=False))

    def texts(self, model: str = "a") -> dict[str, list[str]]:
        return {r.id: [item.text for item in r.responses.get(model, ())] for r in self.records()}
