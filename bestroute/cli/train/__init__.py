"""`bestroute train router|llms|reward|posterior`: from records to an artefact folder.

router, reward, posterior   one module a kind of artefact
llms                        what a router model knows of LLMs by name
common                      what they share: options, reading, progress, the recipe
"""

from __future__ import annotations

import click

from bestroute.cli.train.llms import train_llms_command
from bestroute.cli.train.posterior import train_posterior_command
from bestroute.cli.train.reward import train_reward_command
from bestroute.cli.train.router import train_router_command


@click.group(
    epilog='Example: pip install "bestroute[train]"; bestroute train router records.jsonl --out my-router'
)
def command() -> None:
    """Train a router model or a reward model on records (needs the train extra), or what needs none: a
    posterior, and the LLMs that a router model knows by name.

    Training, validation and test queries are told apart by a hash of the query. A stopped run goes on where
    it was when the same command is given again.
    """


for kind in (train_router_command, train_llms_command, train_reward_command, train_posterior_command):
    command.add_command(kind)
