"""`bestroute pick`: reward responses, keep one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from bestroute.answering.selection import SELECTORS
from bestroute.cli.dashes import TextCommand, free_text
from bestroute.cli.options import FOLDER, json_option, read_text
from bestroute.cli.output import print_json, print_table
from bestroute.errors import InputError
from bestroute.policy.sampling import DEFAULT_SELECTOR, SelectorName
from bestroute.table import number


@click.command(cls=TextCommand, epilog="""Example: echo '["4", "5"]' | bestroute pick "What is 2 + 2?" -""")
@click.argument("query", type=free_text)
@click.argument("responses", metavar="RESPONSES")
@click.option(
    "--reward",
    type=FOLDER,
    help="Artefact folder; the embedded one if absent.",
)
@click.option(
    "--select",
    type=click.Choice(list(SELECTORS)),
    default=DEFAULT_SELECTOR,
    show_default=True,
    help="Keep the highest reward, the answer that most give, or the one whose rewards add up to most.",
)
@json_option
def command(query: str, responses: str, reward: Path | None, select: SelectorName, as_json: bool) -> None:
    """Reward every response to QUERY and keep one.

    One that fails what QUERY asks for, such as JSON, never wins over one that does not. Responses of one
    group give the same answer; group 0 is the largest. RESPONSES is a file: a JSON list of texts, or .jsonl
    with {"text"} a line; `-` reads a JSON list from standard input.
    """
    from bestroute.answering.pick import pick
    from bestroute.artefacts.manifest import default_folder
    from bestroute.artefacts.reward import OnnxRewardModel

    texts = _read_responses(responses)
    model = OnnxRewardModel(reward or default_folder("reward"))
    picked = pick(model, query, texts, SELECTORS[select]())
    if as_json:
        print_json(picked._asdict())
        return
    rows = [
        [
            ">" if index == picked.best else "",
            str(index),
            number(value),
            str(group),
            ", ".join(dict.fromkeys(failed)),
            " ".join(text.split())[:80],
        ]
        for index, (value, group, failed, text) in enumerate(
            zip(picked.rewards, picked.groups, picked.failed, texts, strict=True)
        )
    ]
    print_table(["", "index", "reward", "group", "fails", "response"], rows)


def _read_responses(source: str) -> list[str]:
    from bestroute.files import parse_json, read_json, read_lines

    if source.endswith((".jsonl", ".jsonl.gz")):
        return list(read_lines(Path(source), lambda line: _text(json.loads(line))))
    values = parse_json(read_text("-"), "standard input") if source == "-" else read_json(Path(source))
    if not isinstance(values, list):
        raise InputError(f"{source}: holds {type(values).__name__}; give a JSON list of texts")
    return [_text(value, f"{source}: response {index}: ") for index, value in enumerate(values)]


def _text(value: Any, place: str = "") -> str:
    if isinstance(value, dict):
        value = value.get("text")
    if not isinstance(value, str):
        raise InputError(f'{place}a text or an object with "text" is needed')
    return value
