"""docs/how-to/retune: its commands print what the page says, and its records are what it says they are."""

import random
import re

import pytest

from tests import ROOT
from tests.scripts import load

FOLDER = ROOT / "docs" / "how-to" / "retune"
PAGE = (FOLDER / "README.md").read_text("utf-8")
page, records = load(FOLDER / "run.py"), load(FOLDER / "records.py")


def test_the_page_says_what_its_commands_print():
    commands = page.commands(PAGE)
    ran = page.run(commands)
    assert len(ran) == len(commands)
    assert page.refreshed(PAGE, ran) == PAGE  # else: python docs/how-to/retune/run.py
    failed = {command for command, one in zip(commands, ran, strict=True) if one.code}
    told = {command for command, after in zip(commands, commands[1:], strict=False) if after == "echo $?\n"}
    assert failed == told


def test_the_page_shows_every_command_of_the_walk():
    shown = re.findall(r"^bestroute (\S+)", "".join(page.commands(PAGE)), re.M)
    assert {*shown} == {"init", "check", "dry-run", "route", "diff", "test", "calibrate"}
    assert not [command for command in page.commands(PAGE) if not re.match(r"[a-z]+ ", command)]


def test_commands_run_one_after_another_and_their_outputs_replace_what_differs():
    before = """```console
$ printf one
$ false
$ echo $?
0
$ echo two \
  three >&2
old
$ pwd
```
$ exit 1
```console
$ read line || echo no answer
no answer
```
"""
    ran = page.run(page.commands(before))
    assert [one.code for one in ran] == [0, 1, 0, 0, 0, 0]
    after = before.replace("one\n", "one\none\n").replace("0\n", "1\n").replace("old\n", "two three\n")
    assert page.refreshed(before, ran) == after.replace("pwd\n", f"pwd\n{page.FOLDER}\n")


VARIED = [
    ("small@1   0.131  0.030\n", "small@1  0.129   0.030\n"),
    ("a saving of 84.7 % (82.1 to 86.8)", "a saving of 84.5 % (82.3 to 86.8)"),
    ("cost -6.616e-05 $", "cost -6.610e-05 $"),
    ("drop -0.0 %", "drop 0.1 %"),
    ("policy 268d; ms: rules 0.02, total 6.28", "policy 268d; ms: rules 0.41, total 12.90"),
    (
        "> # 2026-11-24 bestroute calibrate a.yaml: saving 84.7 %",
        "> # 2027-01-02 bestroute calibrate a.yaml: saving 84.7 %",
    ),
]
CHANGED = [
    ("0\n", "1\n"),
    ("max_gap 0.05: drop", "max_gap 0.06: drop"),
    ("small@1  79  79.0%", "small@1  80  79.0%"),
    ("small@1  79  79.0%", "small@2  79  79.0%"),
    ("llama-3.1-8b  79", "llama-3.2-8b  79"),
    ("79.0%", "82.0%"),
    ("cost -6.616e-05 $", "cost -6.616e-04 $"),
    ("quality -0.0540", "quality 0.0540"),
    ("cost $0.001239", "cost $0.001439"),
    ("gap 0.131", "gap 0.131 is within 0.2"),
    ("one\ntwo\n", "one two\n"),
    ("one 0.123\n", "one\n"),
    ("ms: rules 0.02, total 6.28", "ms: rules 0.02, predict 6.28"),
    ("policy 268d6b312af4", "policy 734e1b75388b"),
    ("2 % with 95 % confidence", "2 % with 90 % confidence"),
    ("written on 2026-11-24", "written on 2026-11-25"),
]


@pytest.mark.parametrize(("old", "new"), VARIED)
def test_what_varies_is_the_same(old, new):
    assert page.same(old, new)
    assert page.same(new, old)


@pytest.mark.parametrize(("old", "new"), CHANGED)
def test_what_does_not_vary_is_not(old, new):
    assert not page.same(old, new)
    assert not page.same(new, old)


def test_records_are_scored_by_their_last_number():
    made = list(records.records(300))
    assert made == list(records.records(300))
    means = {}
    for model in records.SLIPS:
        responses = [item for record in made for item in record["responses"][model]]
        means[model] = sum(item["score"] for item in responses) / len(responses)
    assert 0 < means["small"] < means["medium"] < means["large"] < 1
    for record in made:
        ends = [
            (item["text"].split()[-1], item["score"])
            for items in record["responses"].values()
            for item in items
        ]
        right = {end for end, score in ends if score}
        assert len(right) <= 1
        assert all(score == (end in right) for end, score in ends)


def test_a_model_that_never_slips_is_right():
    """Every line of it is a true sum, and the steps are those that the words tell."""
    for seed in range(200):
        rng = random.Random(seed)
        query, start, steps = records.problem(rng)
        *sums, last = records.solve(rng, start, steps, slip=0).splitlines()
        have = start
        for line, said in zip(sums, query.split(". ")[1:-1], strict=True):
            before, sign, by, _, after = line.split()
            assert int(before) == have
            assert int(after) == eval(f"{before}{sign.replace('/', '//')}{by}")
            have = int(after)
            assert {"buys": "+", "finds": "+", "gives": "-", "sells": "/", "gets": "*"}[
                re.search(r"\b(buys|finds|gives|sells|gets)\b", said)[0]
            ] == sign
            numbers = [int(number) for number in re.findall(r"\d+", said)]
            assert int(by) == (numbers[0] * numbers[-1] if len(numbers) == 2 else (numbers or [2])[0])
        assert last == f"The answer is {have}"
        assert query.startswith(f"{query.split()[0]} has {start} ")
