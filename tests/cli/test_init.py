"""`bestroute init` as a user types it: flags, answers at a terminal, refusals; what it writes holds."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from bestroute import Router
from bestroute.cli import cli
from bestroute.cli import init as init_module
from bestroute.policy import check_policy, load_policy
from bestroute.policy.first import MAX_GAP
from bestroute.policy.json_schema import FILE_NAME, schema_text
from bestroute.policy.listed import edition
from bestroute.retune.calibrate.everyday import EVERYDAY, SHARE
from tests.policy.listing import listing

__all__ = ["listing"]

SMALL, LARGE = ("--model", "llama-3.1-8b=0.18/0.18"), ("--model", "gpt-4o=2.50/10")
BY_SHARE = (*SMALL, *LARGE)
BOTH = (*BY_SHARE, f"--max-gap={MAX_GAP}")  # routes no query, so it is quicker
STEPS = (
    "buys 3 bags of 8 marbles", "gives 7 marbles to a friend", "finds 11 more marbles",
    "sells half of the marbles", "gets as many marbles again from an aunt", "buys 2 boxes of 12 marbles",
)  # fmt: skip
KNOWN = [
    f"{name} has {start} marbles. {' '.join(f'Then {name} {step}.' for step in STEPS[:many])} "
    f"How many marbles does {name} have now?"
    for name, start in (("Tom", 12), ("Anna", 30), ("Lee", 58))
    for many in range(1, 7)
]
NOISE = [f"QmFz{place}ZTY0 9f8a77e{place} xJ2kQ== //8AAP{place}3d" for place in range(12)]


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def init(*words: str, answers: str = "") -> Result:
    return CliRunner().invoke(cli, ["init", *words], input=answers, prog_name="bestroute")


def refusal(*words: str) -> str:
    result = init(*words)
    assert result.exit_code == 2
    assert not list(Path().iterdir())
    return " ".join(result.stderr.split())


def test_two_models():
    result = init(*BOTH)
    assert result.exit_code == 0, result.output
    policy, warnings = check_policy("policy.yaml")
    assert not warnings
    assert [model.class_ for model in policy.models] == ["llama-3.1-8b", "gpt-4o"]  # known by name
    assert [tier.label for tier in policy.tiers] == ["llama-3.1-8b@1", "llama-3.1-8b@3", "gpt-4o@1"]
    assert (policy.reference, policy.max_gap) == ("gpt-4o", MAX_GAP)
    assert Path("policy.yaml").read_text("utf-8").startswith(f"# yaml-language-server: $schema={FILE_NAME}\n")
    assert Path(FILE_NAME).read_text("utf-8") == schema_text()


def test_a_place_that_cannot_be_written_is_told_by_the_name_that_was_given(tmp_path):
    (tmp_path / "file").touch()
    result = init(f"{tmp_path}/file/first.yaml", *BOTH)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: {tmp_path}/file/first.yaml: cannot be written: ")


def test_a_policy_is_not_left_without_the_schema_that_it_names():
    Path(FILE_NAME).mkdir()
    result = init(*BOTH, "--force")
    assert (result.exit_code, Path("policy.yaml").exists()) == (2, False)
    assert FILE_NAME in result.stderr


def test_a_policy_is_a_file():
    assert "/dev/null: is no file" in refusal("/dev/null", "--force", *BOTH)


@pytest.mark.parametrize("name", ["none.txt", "none.jsonl"])
def test_queries_that_are_none(name):
    Path(name).touch()
    result = init(*BY_SHARE, f"--queries={name}")
    assert (result.exit_code, result.stderr) == (2, f"error: {name}: holds no query\n")


def test_what_to_do_next_works():
    result = init("my policies/first.yaml", *BOTH)
    assert "llama-3.1-8b@1, llama-3.1-8b@3, gpt-4o@1" in result.stdout
    assert "give each an endpoint" in result.stdout
    for command in ("check", "route", "dry-run"):
        assert f"  bestroute {command} 'my policies/first.yaml'" in result.stdout
    for words in (
        ["check", "my policies/first.yaml"],
        ["route", "my policies/first.yaml", "Why is the sky blue?"],
    ):
        assert CliRunner().invoke(cli, words).exit_code == 0


def test_every_flag():
    result = init(
        "new.yaml", *BOTH, "--model", "x/y:free=0/0", "--class", "x/y:free=medium",
        "--reference", "gpt-4o", "--max-gap", "0.1", "--endpoint", "https://all.example/v1",
        "--endpoint", "llama-3.1-8b=http://localhost:1/v1", "--key-env", "ALL_KEY",
        "--key-env", "gpt-4o=OTHER_KEY",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    policy = load_policy("new.yaml")
    assert [(m.class_, m.endpoint.base_url, m.endpoint.api_key_env) for m in policy.models] == [
        ("llama-3.1-8b", "http://localhost:1/v1", "ALL_KEY"),
        ("gpt-4o", "https://all.example/v1", "OTHER_KEY"),
        ("medium", "https://all.example/v1", "ALL_KEY"),
    ]
    assert policy.max_gap == 0.1
    assert "endpoint in the file" not in result.stdout


def test_a_model_dearer_than_the_reference_is_told_of():
    result = init(*BOTH, "--model", "dear=50/50", "--reference", "gpt-4o")
    assert result.exit_code == 0
    assert "warning: dear has no tier: it is expected to cost more than the reference" in result.stderr
    assert load_policy("policy.yaml").model("dear").class_ == "medium"


def test_a_tier_dearer_than_the_reference_is_told_of():
    result = init("--model", "a=1/2", "--model", "b=3/4", f"--max-gap={MAX_GAP}")
    assert result.exit_code == 0
    assert [tier.label for tier in load_policy("policy.yaml").tiers] == ["a@1", "b@1"]
    assert (
        "warning: a has no tier of 3 responses: it is expected to cost more than the reference"
        in result.stderr
    )


@pytest.mark.usefixtures("listing")
def test_a_listed_price_is_written_out_with_its_date():
    result = init("--model", "road-small=auto", "--model", "b=2/4", "--model", "road-large=auto")
    assert result.exit_code == 0, result.output
    text = Path("policy.yaml").read_text("utf-8")
    assert f"{{input: 0.10, output: 0.20}}  # US$ per million tokens, as of {edition()}\n" in text
    assert "    price: {input: 2.00, output: 4.00}\n" in text
    assert f"    price: {{input: 2.50, output: 10.00}}  # as of {edition()}\n" in text


@pytest.mark.usefixtures("listing")
def test_a_price_that_is_not_listed_is_refused():
    assert "--model: genai-prices" in refusal(*SMALL, "--model", "road-smal=auto")


def queries(texts) -> str:
    Path("queries.txt").write_text("\n".join(texts), "utf-8")
    return "--queries=queries.txt"


def test_the_dial_is_set_by_share():
    result = init(*BY_SHARE, queries(KNOWN), "--reference-share", "30%")
    assert result.exit_code == 0, result.output
    told = re.search(r"max_gap (\S+), by share: the reference answers (\d+) of 18 queries", result.stdout)
    assert told is not None
    dial, by_reference = float(told[1]), int(told[2])
    assert by_reference <= 0.3 * 18
    assert check_policy("policy.yaml")[0].max_gap == dial
    lines = Path("policy.yaml").read_text("utf-8").splitlines()
    above, set_ = next((one, two) for one, two in zip(lines, lines[1:], strict=False) if "max_gap" in two)
    assert re.match(r"# \d{4}-\d\d-\d\d bestroute init: by share: .* not known before", above)
    assert set_.index("#") == len("max_gap: 0.03".ljust(40))
    decisions = Router.from_policy("policy.yaml").route_batch(KNOWN)
    assert sum(decision.model == "gpt-4o" for decision in decisions) == by_reference


def test_a_safer_share_is_a_tighter_dial():
    dials = []
    for share in ("10%", "60%"):
        assert init("--force", *BY_SHARE, queries(KNOWN), "--reference-share", share).exit_code == 0
        dials.append(load_policy("policy.yaml").max_gap)
    assert dials[1] < dials[0]


def test_where_no_dial_reaches_the_share_it_stays_and_that_is_said():
    result = init(*BY_SHARE, queries(NOISE))
    assert result.exit_code == 0, result.output
    assert f"max_gap {MAX_GAP}, not by share, on 12 queries: " in result.stdout
    assert load_policy("policy.yaml").max_gap == MAX_GAP
    assert "bestroute init: not by share, on 12 queries: " in Path("policy.yaml").read_text("utf-8")


def test_everyday_queries_set_it_where_there_are_no_own_ones():
    """Whether they can be told from noise depends on the router model."""
    assert re.search(r"by share.* 102 queries", init(*BY_SHARE).stdout)


def test_help_tells_the_default_share():
    assert f"{SHARE:.0%} if absent" in " ".join(init("--help").output.split())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "give two models or more, each with --model NAME=IN/OUT"),
        ([*SMALL], "--model: a policy chooses between models; give at least two"),
        ([*SMALL, *SMALL], "--model: llama-3.1-8b is given twice"),
        ([*SMALL, "--model", "gpt-4o"], "--model: 'gpt-4o' is not NAME=INPUT/OUTPUT"),
        ([*SMALL, "--model", "gpt-4o=2.5"], "--model: 'gpt-4o=2.5' is not NAME=INPUT/OUTPUT"),
        ([*SMALL, "--model", "gpt-4o=-1/2"], "--model: 'gpt-4o=-1/2': a price is a number of US$, 0 or more"),
        ([*SMALL, "--model", "gpt-4o=nan/2"], "--model: 'gpt-4o=nan/2': a price is a number"),
        ([*SMALL, "--model", "x" * 201 + "=1/2"], "--model: name: String should have at most 200 characters"),
        ([*BOTH, "--class", "gpt-4o=huge"], "--class: gpt-4o=huge: the router has learned small"),
        ([*BOTH, "--class", "gpt=large"], "--class: no --model is named 'gpt'; there are llama-3.1-8b"),
        ([*BOTH, "--class", "large"], "--class: 'large' is not NAME=VALUE"),
        ([*BOTH, "--reference", "gpt"], "--reference: no --model is named 'gpt'"),
        ([*BOTH, "--reference", "llama-3.1-8b"], "no other model is expected to cost less"),
        ([*BOTH, "--max-gap", "3"], "3.0 is not in the range -1<=x<=1"),
        ([*BOTH, "--max-gap", "nan"], "--max-gap: max_gap: Input should be a finite number"),
        ([*BOTH, "--reference-share", "30%"], "--max-gap sets the dial itself; leave it out"),
        ([*BOTH, "--queries", str(EVERYDAY)], "--max-gap sets the dial itself; leave it out"),
        ([*BY_SHARE, "--reference-share", "130%"], "a share lies between 0 % and 100 %"),
        ([*BOTH, "--endpoint", "localhost"], "--endpoint: 'localhost' is neither a URL nor NAME=URL"),
        ([*BOTH, "--endpoint", "gpt=http://a/v1"], "--endpoint: no --model is named 'gpt'"),
        ([*BOTH, "--endpoint", "http://u:p@a/v1"], "--endpoint: base_url: must not hold a key"),
        ([*BOTH, "--key-env", "gpt-4o=KEY"], "--key-env: gpt-4o has no endpoint; give --endpoint too"),
        ([*BOTH, "--key-env", "KEY"], "--key-env: every model has no endpoint"),
        ([*BOTH, "--endpoint", "http://a/v1", "--key-env", "sk-12"], "--key-env: api_key_env: String should"),
    ],
)  # fmt: skip
def test_refusals_name_the_flag(words, message):
    assert message in refusal(*words)


def test_never_overwrites_without_force():
    Path("policy.yaml").write_text("mine\n", "utf-8")
    result = init(*BOTH)
    assert result.exit_code == 2
    assert "policy.yaml is there already; --force overwrites it" in result.stderr
    assert [path.name for path in Path().iterdir()] == ["policy.yaml"]
    assert Path("policy.yaml").read_text("utf-8") == "mine\n"
    assert init(*BOTH, "--force").exit_code == 0
    check_policy("policy.yaml")


def test_a_dangling_link_is_something():
    Path("policy.yaml").symlink_to("elsewhere.yaml")
    assert init(*BOTH).exit_code == 2


def test_another_schema_is_left_as_it_is():
    Path(FILE_NAME).write_text("{}", "utf-8")
    result = init(*BOTH)
    assert result.exit_code == 0
    assert f"warning: {FILE_NAME} is there already and differs" in result.stderr
    assert Path(FILE_NAME).read_text("utf-8") == "{}"
    assert init("other.yaml", *BOTH, "--force").exit_code == 0
    assert Path(FILE_NAME).read_text("utf-8") == schema_text()


def test_a_folder_in_the_schemas_place():
    Path(FILE_NAME).mkdir()
    assert f"{FILE_NAME} is there already and differs" in init(*BOTH).stderr
    check_policy("policy.yaml")
    forced = init(*BOTH, "--force")
    assert forced.exit_code == 2
    assert f"{FILE_NAME}: cannot be written" in forced.stderr


def test_the_same_schema_is_nothing_to_tell_of():
    assert init("one.yaml", *BOTH).stderr == init("two.yaml", *BOTH).stderr == ""


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setattr(init_module, "_at_a_terminal", lambda: True)


@pytest.mark.usefixtures("terminal")
def test_questions():
    answers = [
        "gpt-4o", "2.5", "10", "https://api.openai.com/v1", "OPENAI_API_KEY",
        "gpt-4o",  # is there already: asked again
        "",  # one model is none to choose from
        "llama", "cheap", "0.18/0.18", "0.18", "0.18", "localhost", "http://localhost:8000/v1", "",
        "qwen", "0.3", "0.9", "",
        "",  # no further model
        "",  # the dearest is the reference
        "", "", "small",  # classes, in the order given
        "a third", "40%",
    ]  # fmt: skip
    result = init(queries(KNOWN), answers="\n".join(answers) + "\n")
    assert result.exit_code == 0, result.output
    assert "gpt-4o is there already" in result.output
    assert result.output.count("a policy chooses between models; name two at least") == 1
    for wrong in ("cheap", "0.18/0.18"):
        assert f"{wrong!r} is not one price: US$ per million tokens, such as 0.18" in result.output
    assert "must be an http:// or https:// address" in result.output
    assert "[gpt-4o]" in result.output
    assert "'a third' is not a share" in result.output
    assert "by share: the reference answers" in result.output
    policy = load_policy("policy.yaml")
    assert [model.class_ for model in policy.models] == ["gpt-4o", "small", "small"]
    assert [model.endpoint and model.endpoint.base_url for model in policy.models] == [
        "https://api.openai.com/v1", "http://localhost:8000/v1", None,
    ]  # fmt: skip
    assert policy.models[0].endpoint.api_key_env == "OPENAI_API_KEY"
    assert policy.reference == "gpt-4o"


@pytest.mark.usefixtures("terminal", "listing")
def test_a_listed_price_is_proposed():
    answers = ["road-small", "", "", "", "road-large", "", "7", "", "", "", "", "", ""]
    result = init(answers="\n".join(answers) + "\n")
    assert result.exit_code == 0, result.output
    assert [model.price.output for model in load_policy("policy.yaml").models] == [0.2, 7.0]
    assert Path("policy.yaml").read_text("utf-8").count(edition()) == 1


@pytest.mark.usefixtures("terminal")
def test_what_flags_tell_is_not_asked():
    flags = ["--endpoint", "http://a/v1", "--key-env", "KEY", "--reference", "b", "--class", "a=medium"]
    flags.append(f"--max-gap={MAX_GAP}")
    answers = ["a", "1", "1", "b", "9", "9", "", ""]  # two models, no third; the class of b
    result = init(*flags, answers="\n".join(answers) + "\n")
    assert result.exit_code == 0, result.output
    policy = load_policy("policy.yaml")
    assert [(m.class_, m.endpoint.api_key_env) for m in policy.models] == [
        ("medium", "KEY"),
        ("large", "KEY"),
    ]
    assert (policy.reference, policy.max_gap) == ("b", MAX_GAP)


@pytest.mark.usefixtures("terminal")
def test_flags_for_the_models_ask_nothing():
    assert init(*BOTH).exit_code == 0


@pytest.mark.usefixtures("terminal")
def test_answers_that_end_write_nothing():
    result = init(answers="gpt-4o\n2.5\n")
    assert result.exit_code == 130
    assert not list(Path().iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="has no pseudo-terminals")
def test_a_real_terminal_is_asked_at():
    controller, terminal = os.openpty()
    command = [sys.executable, "-m", "bestroute", "init"]
    with subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal) as process:
        os.close(terminal)
        os.write(controller, b"a\n1\n1\n\nb\n9\n9\n\n\n\n\n\n\n")
        shown = b""
        try:
            while part := os.read(controller, 4096):
                shown += part
        except OSError:  # Linux's way to tell that the other end was closed
            pass
        assert process.wait() == 0, shown.decode()
    os.close(controller)
    assert b"Name of a model" in shown
    assert [tier.label for tier in load_policy("policy.yaml").tiers] == ["a@1", "a@3", "b@1"]


AMOUNTS = st.sampled_from(["0", "0.15", "0.6", "2.50", "10"]) | st.floats(0, 100).map(repr)


@settings(max_examples=60)
@given(st.lists(st.tuples(AMOUNTS, AMOUNTS), min_size=2, max_size=5), st.floats(-0.5, 1))
def test_whatever_the_prices_it_holds_without_a_warning(amounts, max_gap):
    words = [f"--model=m{index}={input_}/{output}" for index, (input_, output) in enumerate(amounts)]
    result = init("--force", *words, f"--max-gap={max_gap!r}")
    if result.exit_code:
        assert "no other model is expected to cost less" in result.stderr
    else:
        policy, warnings = check_policy("policy.yaml")
        assert not warnings
        assert len(policy.models) == len(amounts)
