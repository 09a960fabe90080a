"""Make every embedded artefact again from the data folder: what `make models DATA=folder` runs.

    python benchmarks/models.py data build

Writes `build/reward`, `build/teacher` (a router model of MiniLM on exams), `build/router` (the multilingual
one, which learns from it, and then LLMs by name) and `build/posterior`; copy them over `exported_models/`
when they are better. A step that has written its folder is passed over, and one that was stopped goes on
where it was. `--only posterior` makes one of them, from what lies in the folder; in place of a router or
reward model that is not there it takes the embedded one.

The files and what they are pooled into are below: no set that may only be measured on is read. Seeds are
fixed; with another torch, or on another kind of processor, weights differ in the last digits at least.
Extra: train.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from bestroute.artefacts.manifest import LLMS, Kind, default_folder
from bestroute.files import atomic_write, packed
from bestroute.records.lines import read_records, record_line
from bestroute.records.record import Record, Response
from bestroute.train.pools import pooled, thirds

EXAMS = ("mmlu_pro", "gsm8k", "math_l5", "crux")
CHAT = (
    "ifeval",
    "m_ifeval",
    "ko_arena_hard",
    "shaberi",
    "hellobench",
    "mt_bench",
    "tulu_human",
    "humaneval_plus",
)
# Scores of LLMs by name: pooled into classes for the router, and columns of their own that help its encoder.
BY_NAME = (
    "arena_hard_en", "infibench_samples", "scored_arena_bench", "scored_halluqa", "scored_truthfulqa_multi",
    "scored_factscore",
)  # fmt: skip
ONLY_NAMED = ("humaneval_samples", "samples_meta_prompting", "samples_cruxeval")
RESPONSES = (*EXAMS, "ifeval", "m_ifeval", "ko_arena_hard", "shaberi", "hellobench", "mt_bench")
PREFERENCES = (
    "autoj", "dpo_demo", "dpo_mix", "helpsteer2", "hh", "hhh", "ifbench", "ja_vicuna", "judgebench",
    "korean_mt", "oasst_zh", "pandalm", "prometheus", "qa_feedback", "truthfulqa", "tulu", "vicuna80", "wmt",
)  # fmt: skip
# Scored answers with their texts, beside those of exams and chat: repeated samples of one LLM, or few LLMs.
SAMPLES = (
    "humaneval_samples", "infibench_samples", "pfgen_samples", "samples_cheatsheet", "samples_cruxeval",
    "samples_meta_prompting", "samples_qwen_math", "samples_tot_crosswords", "samples_tot_game24",
    "samples_tot_text", "samples_tulu_bon", "samples_verify_cot", "scored_arena_bench", "scored_factscore",
    "scored_halluqa", "scored_truthfulqa_multi",
)  # fmt: skip
TASKS = {
    "small": ["mistral-7b-instruct-v0.3", "codegemma-7b"],
    "medium": ["gemma-2-9b-it", "llama-3.1-8b-instruct", "qwen2.5-7b-instruct"],
    "large": ["llama-3.1-nemotron-51b-instruct", "llama-3.3-nemotron-super-49b-v1"],
}
# Tasks of the same kind as a source of records, whose classes are other LLMs: a query does not show to which
# of two levels it will be held. Their LLMs still have columns of their own.
TWICE = ("gsm8k", "math", "agentverse-mgsm", "human_eval")
FORMAT_FAILED = 0.4  # of the best mean in a task: an LLM below it gave answers of another form
# Ordinary requests of our own, which no evaluation asks, and what one response of small, medium and large is
# taken to be worth: a judgement, from which the router model learns their order.
ORDINARY = Path(__file__).with_name("ordinary.txt")
LEVELS = {"easy": (0.95, 0.97, 0.98), "middling": (0.75, 0.85, 0.92), "hard": (0.35, 0.6, 0.85)}
STEPS = ("reward", "teacher", "router", "llms", "posterior")


def main() -> None:
    """Make what is not there yet."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="the folder with records/, responses/ and extra/")
    parser.add_argument("build", type=Path, help="where the artefacts go")
    parser.add_argument("--only", choices=STEPS)
    options = parser.parse_args()
    options.build.mkdir(parents=True, exist_ok=True)
    makers = {
        "reward": make_reward,
        "teacher": make_teacher,
        "router": make_router,
        "llms": make_llms,
        "posterior": make_posterior,
    }
    for step in STEPS:
        if options.only in (None, step) and not is_made(step, options.build):
            makers[step](options.data, options.build)


def is_made(step: str, build: Path) -> bool:
    """Whether a step has written its folder; LLMs by name stand in the router model's."""
    return (build / "router" / LLMS).is_file() if step == "llms" else (build / step).is_dir()


def make_reward(data: Path, build: Path) -> None:
    """The reward model, and records with out-of-fold rewards."""
    pairs = [
        word
        for name in PREFERENCES
        for word in ("--preferences", data / f"extra/preferences_{name}.jsonl.gz")
    ]
    labels = [word for path in records(data, (*EXAMS, *CHAT)) for word in ("--label", path)]
    sources = [data / f"responses/{name}.jsonl.gz" for name in (*EXAMS, "mt_bench")]
    sources += [*records(data, CHAT), *(data / f"extra/{name}.jsonl.gz" for name in SAMPLES)]
    written = ("--labelled", build / "labelled", "--out", build / "reward")
    train("reward", *sources, *pairs, *labels, *written)


def make_teacher(data: Path, build: Path) -> None:
    """A router model of MiniLM: what knows exams best, if slowly."""
    extra = [data / "extra/tasks.jsonl.gz", *(data / f"responses/{name}.jsonl.gz" for name in EXAMS)]
    files = labelled(data, build, EXAMS)
    train("router", *files, *further(extra), "--rate", "5e-5", "--out", build / "teacher")


def make_router(data: Path, build: Path) -> None:
    """The router model that is embedded."""
    files = [*labelled(data, build, (*EXAMS, *CHAT)), *by_class(data, build)]
    extra = further(by_name(data))
    taught = ("--teacher", made(build, "teacher", "router"), "--max-tokens", 192)
    train("router", *files, *extra, "--encoder", "multilingual", *taught, "--out", build / "router")


def make_llms(data: Path, build: Path) -> None:
    """LLMs by name, in the router model's folder."""
    train("llms", build / "router", *by_name(data), *records(data, (*EXAMS, *CHAT)))


def make_posterior(data: Path, build: Path) -> None:
    """The posterior that goes with both."""
    models = ("--router", made(build, "router", "router"), "--reward", made(build, "reward", "reward"))
    files = labelled(data, build, (*EXAMS, *CHAT))
    train("posterior", *files, *models, "--draws", 32, "--from-nothing", "--out", build / "posterior")


def by_class(data: Path, build: Path) -> list[Path]:
    """Scores of LLMs by name as records by class."""
    folder = build / "by-class"
    folder.mkdir(exist_ok=True)
    for name in BY_NAME:
        scored = list(read_records([data / f"extra/{name}.jsonl.gz"]))
        write(folder / f"{name}.jsonl.gz", pooled(scored, thirds(scored)))
    tasks = pooled(read_records([data / "extra/tasks.jsonl.gz"]), TASKS, FORMAT_FAILED)
    once = (replace(one, source=f"task_{one.source}") for one in tasks if one.source not in TWICE)
    write(folder / "tasks.jsonl.gz", once)
    write(folder / "ordinary.jsonl.gz", ordinary())
    return [folder / f"{name}.jsonl.gz" for name in (*BY_NAME, "tasks", "ordinary")]


def ordinary() -> Iterator[Record]:
    """The ordinary requests, with what one response of each class is taken to be worth."""
    for number, line in enumerate(ORDINARY.read_text("utf-8").splitlines(), 1):
        level, text = line.split("\t")
        worth = zip(TASKS, LEVELS[level], strict=True)
        scored = {name: (Response(score),) for name, score in worth}
        yield Record(f"ordinary/{number}", f"ordinary/{level}", text, scored)


def by_name(data: Path) -> list[Path]:
    """Scores of LLMs by their own names."""
    scored = ("tasks", *BY_NAME, *ONLY_NAMED)
    return [data / f"responses/{name}.jsonl.gz" for name in RESPONSES] + [
        data / f"extra/{name}.jsonl.gz" for name in scored
    ]


def labelled(data: Path, build: Path, names: Sequence[str]) -> list[Path]:
    """Records of these names, with rewards where the reward model's training has given them."""
    found = [build / "labelled" / f"{name}.jsonl.gz" for name in names]
    return found if all(path.exists() for path in found) else records(data, names)


def records(data: Path, names: Iterable[str]) -> list[Path]:
    """Record files of these names."""
    return [data / f"records/{name}.jsonl.gz" for name in names]


def further(paths: Sequence[Path]) -> list[object]:
    """Files as `--extra`."""
    return [word for path in paths for word in ("--extra", path)]


def made(build: Path, name: str, kind: Kind) -> Path:
    """The artefact that was built, else the embedded one."""
    return build / name if (build / name).is_dir() else default_folder(kind)


def write(path: Path, rows: Iterable[Record]) -> None:
    """Records as gzip, whole or not at all, the same bytes for the same records."""
    with atomic_write(path) as file, packed(file, path) as inside:
        inside.writelines(map(record_line, rows))


def train(*words: object) -> None:
    """Run `bestroute train`; end where it fails."""
    command = [sys.executable, "-m", "bestroute", "train", *map(str, words)]
    print("+", *command[2:], file=sys.stderr)
    subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
