"""`bestroute train llms`: columns of LLMs by name, in the folder of a router model."""

from __future__ import annotations

from pathlib import Path

import click

from bestroute.cli.options import FOLDER, json_option, records_argument, skip_bad_option, threads_option
from bestroute.cli.output import BadLines, Counter, print_json
from bestroute.cli.train.common import recipe_of


@click.command(
    "llms", epilog="Example: bestroute train llms my/router responses/*.jsonl.gz records/*.jsonl.gz"
)
@click.argument("router", type=FOLDER)
@records_argument
@threads_option
@skip_bad_option
@json_option
def train_llms_command(
    router: Path, records: tuple[Path, ...], threads: int, skip_bad: bool, as_json: bool
) -> None:
    """Teach a router model LLMs by name, from scored responses; minutes on one core, no extra needed.

    RECORDS hold responses by the LLMs' own names. Each that stands in 50 queries of the train split or more
    gets a column in the folder ROUTER, beside those of the classes: a level, a slope and a ridge on the
    features, as far as the validation queries bear out. Policies then name it (`class: llama-3.1-8b`), and
    `bestroute models` lists it. Responses by the names of the classes give the levels of these. What the
    folder knew before is replaced.
    """
    from bestroute.artefacts.predictor import OnnxPredictor
    from bestroute.records.lines import read_records
    from bestroute.train.llms.make import add_llms

    bad = BadLines(skip_bad)
    base = OnnxPredictor(router, threads)
    counter = Counter("queries read")
    known = add_llms(router, read_records(records, bad.on_bad), base, recipe_of(records), counter.advance)
    counter.close()
    bad.tell()
    ridged = sum(llm.row is not None for llm in known.llms)
    if as_json:
        print_json({"out": str(router), "llms": len(known.llms), "by_features": ridged})
    else:
        click.echo(
            f"{router}: {len(known.llms)} LLMs are known by name, {ridged} of them by features; "
            f"`bestroute models --router {router}` lists them"
        )
