"""`bestroute calibrate` as a user types it, on the embedded models."""

import json
import re

import pytest

from bestroute.policy import load_policy
from tests.cli import typed
from tests.cli.sums import ESCALATE, ONE_SHOT, copied, plain, sums, write
from tests.cli.typed import document
from tests.retune.calibrate.pictures import texts

FIGURES = {
    "dial", "queries", "saving", "drop", "quality", "reference_quality", "cost", "reference_cost", "calls",
    "reference_share", "arms", "gap", "with_gap", "cost_interval", "reference_share_interval", "shares",
}  # fmt: skip
RULE = "rules:\n  - {name: hello, when: {pattern: '^Hello'}, route: {model: small}}\n"


def aliased(policy):
    """The policy's text with a dial that cannot be written alone."""
    text = policy.read_text("utf-8").replace("max_gap: 0.0", "max_gap: &dial 0.0")
    return text.replace("n: 4}", "n: 4, max_gap: *dial}")


def run(*words):
    return typed.run("calibrate", *words)


def test_help_has_an_example():
    shown = " ".join(run("--help").output.split())
    assert "Example: bestroute calibrate policy.yaml" in shown
    assert "exactly one aim" in shown


def test_json_of_a_promise(policy, records):
    before = policy.read_bytes()
    report = document(run(policy, records, "--max-drop", "40%", "--confidence", "90%", "--json"))
    assert report["aim"] == {"max_drop": 0.4, "confidence": 0.9}
    assert report["labelled"] is True
    assert set(report["after"]) == set(report["before"]) == FIGURES
    assert report["after"]["dial"] == report["dial"]
    assert report["before"]["dial"] == 0
    assert report["chosen_on"] + report["after"]["queries"] == 60
    assert set(report["after"]["saving"]) == {"value", "low", "high"}
    assert report["after"]["saving"]["value"] > 0
    assert sum(report["after"]["arms"].values()) == pytest.approx(1)
    assert (report["held_out"], report["reached"], report["cross_fitted"]) == (True, None, None)
    assert (report["why_not"], report["records_needed"], report["written"]) == (None, None, False)
    assert policy.read_bytes() == before


def test_too_few_records_promise_nothing_and_write_nothing(policy, records):
    before = policy.read_bytes()
    result = run(policy, records, "--max-drop", "1%", "--write", "--json")
    report = document(result, code=1)
    assert (report["dial"], report["after"], report["written"]) == (None, None, False)
    assert report["records_needed"] > 900
    assert set(report["before"]) == FIGURES
    shown = run(policy, records, "--max-drop", "1%", "--write")
    assert shown.exit_code == 1
    assert "No dial was chosen and nothing is written" in shown.stdout
    assert re.search(r"About [\d,]+ prompts in all would do", shown.stdout)
    assert policy.read_bytes() == before


def test_write_changes_the_dial_and_says_why(policy, records):
    before = policy.read_text("utf-8")
    result = run(policy, records, "--max-drop", "40%", "--write")
    assert result.exit_code == 0, result.output
    assert f"written to {policy}" in result.stdout
    after = policy.read_text("utf-8")
    found = re.search(r"^# (.*)\nmax_gap: (\S+)$", after, re.M)
    assert after.replace(found[0], "max_gap: 0.0") == before
    assert re.fullmatch(
        rf"\d{{4}}-\d\d-\d\d bestroute calibrate {re.escape(str(policy))} {re.escape(str(records))} "
        r"--max-drop 40%: saving [\d.]+ % \([\d.]+ to [\d.]+\), drop at most 40 % with 95 % confidence",
        found[1],
    )
    again = run(policy, records, "--reference-share", "0.5", "--seed", "1", "--write")
    assert again.exit_code == 0
    assert policy.read_text("utf-8").count("bestroute calibrate") == 1
    assert re.search(r"--reference-share 50% --seed 1: saving .*, drop .*, the reference", policy.read_text())


def test_a_share_of_the_reference(policy, records):
    report = document(run(policy, records, "--reference-share", "50%", "--json"))
    assert report["aim"] == {"reference_share": 0.5}
    assert report["chosen_on"] == report["after"]["queries"] == report["cross_fitted"]["queries"] == 60
    assert report["held_out"] is False
    assert report["after"]["reference_share"] <= 0.5
    assert report["reached"] == report["after"]["reference_share_interval"]
    assert report["reached"]["low"] < report["after"]["reference_share"] < report["reached"]["high"]
    assert set(report["cross_fitted"]) == FIGURES - {"dial"} | {"dials"}
    assert len(report["cross_fitted"]["dials"]) == 5
    everything = document(run(policy, records, "--reference-share", "100%", "--json"))
    assert everything["dial"] == -1


def test_a_share_of_any_model(policy, records):
    report = document(run(policy, records, "--share", "small=30%", "--json"))
    assert report["aim"] == {"share": {"small": 0.3}}
    assert report["reached"] == report["after"]["shares"]["small"]
    assert report["reached"]["value"] >= 0.3
    assert report["cross_fitted"]["shares"]["small"]["value"] > 0.2
    assert set(report["after"]["shares"]) == {"small", "medium", "large"}
    shown = run(policy, records, "--share", "small=30%")
    assert "small answers at least 30 %" in shown.stdout
    assert re.search(r"^Of queries like these small answers \S+ % \(.*\)\.$", shown.stdout, re.M)
    of_reference = document(run(policy, records, "--share", "large=50%", "--json"))
    assert of_reference == document(run(policy, records, "--reference-share", "50%", "--json"))


def test_a_share_that_is_to_change(policy, records):
    """From the dial as it stands, by percentage points; either way the safest dial that gives it."""
    first = document(run(policy, records, "--share", "small=40%", "--write", "--json"))
    now = first["after"]["shares"]["small"]["value"]
    for change in (0.3, -0.2):
        said = f"small={change:+.0%}"
        report = document(run(policy, records, "--share", said, "--json"))
        assert report["aim"]["share"]["small"] == pytest.approx(now + change)
        assert report["reached"]["value"] >= now + change
        assert (report["dial"] > first["dial"]) == (change > 0)
    assert run(policy, records, "--share", "small=+10%", "--write").exit_code == 0
    assert re.search(
        r"^# .* --share small=\+10%: saving .* small answers at least ", policy.read_text(), re.M
    )


def test_where_the_reference_always_answers(tmp_path):
    strange = [
        {**record, "query": f"{index} zxqv \U0001f71a\U0001f71b lorem kfjq wkrtz pplmn 0x7f3a ;;;; ~~~"}
        for index, record in enumerate(sums(60))
    ]
    result = run(ONE_SHOT, write(tmp_path / "strange.jsonl", strange), "--max-drop", "40%")
    assert result.exit_code == 1
    assert "`bestroute dry-run` tells why the reference answers" in result.stdout


def test_a_budget_that_no_dial_keeps(policy, records):
    result = run(policy, records, "--budget", "1e-9", "--json")
    assert "no dial costs at most $1e-09 a query" in document(result, code=1)["why_not"]


def test_plain_queries_take_what_needs_no_labels(policy, tmp_path):
    texts = [record["query"] for record in sums(30)]
    lines = tmp_path / "queries.txt"
    lines.write_text("\n".join(texts), "utf-8")
    objects = write(tmp_path / "queries.jsonl", [{"query": text} for text in texts])
    reports = [document(run(policy, path, "--reference-share", "30%", "--json")) for path in (lines, objects)]
    assert reports[0] == reports[1]
    assert reports[0]["labelled"] is False
    assert (reports[0]["after"]["quality"], reports[0]["after"]["drop"]) == (None, None)
    cost = reports[0]["after"]["cost"]
    assert document(run(policy, lines, "--budget", 1.5 * cost, "--json"))["after"]["cost"] < 2 * cost
    shown = run(policy, lines, "--reference-share", "30%", "--write")
    assert "What the router expects of these 30 queries" in shown.stdout
    assert re.search(r"^Of queries like these the reference answers \S+ % \(.*\)\.$", shown.stdout, re.M)
    comment = r"--reference-share 30%: expected saving .* 30 %, on the \d+ queries that chose$"
    assert re.search(comment, policy.read_text("utf-8"), re.M)


def test_a_single_query_chooses_with_a_warning(policy, tmp_path):
    shown = run(policy, plain(tmp_path, 1), "--budget", "0.00001", "--write")
    assert "but 1 queries are too few to tell" in shown.stderr
    assert re.search(r"^A query like these costs US\$ \S+\.$", shown.stdout, re.M)
    assert f"written to {policy}" in shown.stdout


def logged(folder, scored):
    """The sums with a response of one model each, as a log has them."""
    records = list(sums(60))
    for index, record in enumerate(records):
        name = ["small", "medium", "large"][index % 3]
        record["responses"] = {name: record["responses"][name][:1]}
        if not scored:
            del record["responses"][name][0]["score"]
    return write(folder / f"logged-{scored}.jsonl", records)


@pytest.mark.parametrize("scored", [True, False])
def test_what_needs_no_labels_takes_the_queries_of_records_without(policy, tmp_path, scored):
    wanted = document(run(policy, plain(tmp_path, 60), "--reference-share", "30%", "--json"))
    result = run(policy, logged(tmp_path, scored), "--reference-share", "30%", "--json")
    told = "only the queries of these records count, as none can be replayed: 40 without responses of"
    assert (told in result.stderr) is scored
    report = document(result)
    wanted.pop("warnings"), report.pop("warnings")
    assert report == wanted
    refused = run(policy, logged(tmp_path, scored), "--max-drop", "1%")
    assert refused.exit_code == 2
    assert ("and take them from such records too" if scored else "needs records with sc") in refused.stderr


def test_a_policy_that_escalates_is_played(records, tmp_path):
    policy = copied(ESCALATE, tmp_path)
    report = document(run(policy, records, "--max-drop", "50%", "--json"))
    assert report["after"]["calls"] >= 1
    assert set(report["after"]["arms"]) == {"small@2", "medium@2", "large@1"}
    plain = write(tmp_path / "queries.jsonl", [{"query": record["query"]} for record in sums(30)])
    expected = document(run(policy, plain, "--reference-share", "80%", "--json"))
    assert sum(expected["after"]["arms"].values()) == pytest.approx(1)


def test_an_aim_that_does_not_bind_is_said_so(policy, tmp_path):
    """A query costs some $0.0001: at $0.4, a slip for $0.4 per 1,000, the reference answers all of them."""
    records = write(tmp_path / "records.jsonl", sums(120))
    report = document(run(policy, records, "--budget", "0.4", "--json"))
    assert report["dial"] == -1
    (warning,) = report["warnings"]
    assert warning.startswith(
        "the aim does not bind: even the safest setting, max_gap -1, keeps to it, at $0.0"
    )
    binds = document(run(policy, records, "--reference-share", "50%", "--json"))["warnings"]
    assert not [warning for warning in binds if "does not bind" in warning]


@pytest.mark.parametrize("aim", [("--budget", "0.4"), ("--reference-share", "0%")])
def test_a_dial_that_does_nothing_is_left_as_it_is(policy, records, aim):
    """Where a rule routes all there is."""
    everything = "rules:\n  - {name: all, when: {turns: {min: 1}}, route: {model: medium}}\n"
    policy.write_text(policy.read_text("utf-8") + everything, "utf-8")
    before = policy.read_bytes()
    report = document(run(policy, records, *aim, "--write", "--json"), code=1)
    assert report["why_not"].startswith("no setting of max_gap changes anything on the ")
    assert "Rules, tiers with a dial of their own" in report["why_not"]
    assert policy.read_bytes() == before


@pytest.mark.parametrize("as_json", [False, True])
def test_what_was_found_is_told_where_it_cannot_be_written(policy, records, as_json):
    policy.write_text(aliased(policy), "utf-8")
    result = run(policy, records, "--max-drop", "40%", "--write", *(["--json"] if as_json else []))
    assert result.exit_code == 2
    assert "error: " in result.stderr
    assert "by hand" in result.stderr
    if as_json:
        report = json.loads(result.stdout)
        assert (report["written"], report["dial"] is not None) == (False, True)
    else:
        assert re.search(r"^max_gap \S+: drop at most 40 %.* stays as it is", result.stdout, re.M)
    assert "&dial 0.0" in policy.read_text("utf-8")


def test_what_was_found_is_told_where_it_cannot_be_drawn(policy, records, tmp_path):
    (tmp_path / "file").touch()
    result = run(policy, records, "--max-drop", "40%", "--write", "--plot", tmp_path / "file" / "x.svg")
    assert result.exit_code == 2
    assert f"written to {policy}" in result.stdout


def test_a_reference_that_is_seldom_right_leaves_the_drop_without_an_interval(policy, tmp_path):
    """Some resamples hold no query that it gets right; in the table and in the picture there is none then."""
    raw = [*sums(60)]
    for index, record in enumerate(raw):
        record["responses"]["large"][0]["score"] = float(index % 30 == 0)
    records = write(tmp_path / "seldom.jsonl", raw)
    options = ("--reference-share", "50%", "--plot", tmp_path / "dial.svg", "--write")
    shown = run(policy, records, *options)
    assert shown.exit_code == 0, shown.output
    (drop,) = re.findall(r"^chosen .* \d\.\d{3} \(\S+ to \S+\)  (\S+ %)  ", shown.stdout, re.M)
    assert float(drop.split()[0]) < -100
    assert "nan" not in shown.output + policy.read_text("utf-8") + (tmp_path / "dial.svg").read_text("utf-8")


def test_both_are_told_where_it_can_be_neither_written_nor_drawn(policy, records, tmp_path):
    policy.write_text(aliased(policy), "utf-8")
    (tmp_path / "file").touch()
    result = run(policy, records, "--max-drop", "40%", "--write", "--plot", tmp_path / "file" / "x.svg")
    assert result.exit_code == 2
    assert "by hand" in result.stderr
    assert "x.svg" in result.stderr


def test_the_gap_that_is_predicted_of_some_queries_says_of_how_many(policy, tmp_path):
    texts = [*(record["query"] for record in sums(20)), *(f"Hello {index}!" for index in range(20))]
    policy.write_text(policy.read_text("utf-8").replace("tiers:", RULE + "tiers:", 1), "utf-8")
    plain = write(tmp_path / "queries.jsonl", [{"query": text} for text in texts])
    shown = run(policy, plain, "--budget", "1")
    report = document(run(policy, plain, "--budget", "1", "--json"))
    known = report["after"]["with_gap"]
    assert 0 < known < report["after"]["queries"]
    assert f"predicted gap ({known} queries)" in shown.stdout


TIERS = ["small@1", "small@2", "small@4", "medium@1", "medium@2"]


def test_limits_of_the_tiers_own(policy, records):
    before = policy.read_text("utf-8")
    report = document(run(policy, records, "--max-drop", "50%", "--per-tier", "--json"))
    assert [(tier["tier"], tier["before"]) for tier in report["tiers"]] == [(tier, 0) for tier in TIERS]
    assert report["chosen_on"] + (report["shaped_on"] or 0) + report["after"]["queries"] == 60
    shown = run(policy, records, "--max-drop", "50%", "--per-tier", "--write")
    assert re.search(r"^tier +max_gap as it was  chosen  from the dial\nsmall@1 ", shown.stdout, re.M)
    after = policy.read_text("utf-8")
    assert re.search(r"^# \S+ bestroute calibrate .* --max-drop 50% --per-tier: saving ", after, re.M)
    written = load_policy(policy)
    assert written.max_gap == report["dial"]
    assert [tier.max_gap for tier in written.tiers] == [
        *(None if tier["after"] == report["dial"] else tier["after"] for tier in report["tiers"]),
        None,
    ]
    stripped = re.sub(
        r", max_gap: [-.\d]+\}|^# \d{4}-.*\n", lambda found: "}" * (found[0][-1] == "}"), after, flags=re.M
    )
    assert re.sub(r"^max_gap: .*$", "max_gap: 0.0", stripped, flags=re.M) == before
    again = document(run(policy, records, "--max-drop", "50%", "--per-tier", "--json"))
    assert again["tiers"] == [{**tier, "before": tier["after"]} for tier in report["tiers"]]
    assert again["after"] == report["after"]


def test_tiers_that_stay_at_the_dial_are_told(policy, records):
    """small costs next to nothing as soon as the dial lets it answer: no other limits save 1 % more."""
    shown = run(policy, records, "--reference-share", "100%", "--per-tier")
    assert "Every tier stays at the dial: no limits of their own did better on these queries." in shown.stdout
    report = document(run(policy, records, "--reference-share", "100%", "--per-tier", "--json"))
    assert [tier["after"] for tier in report["tiers"]] == [report["dial"]] * len(TIERS)
    assert (report["shaped_on"], report["after"]["queries"] + report["chosen_on"]) == (None, 60)


def test_without_per_tier_no_tier_is_told_of(policy, records):
    report = document(run(policy, records, "--reference-share", "50%", "--json"))
    assert (report["tiers"], report["shaped_on"]) == (None, None)


def test_too_few_records_for_limits_of_the_tiers_own(policy, records):
    before = policy.read_bytes()
    report = document(run(policy, records, "--max-drop", "1%", "--per-tier", "--write", "--json"), code=1)
    assert (report["dial"], report["tiers"], report["written"]) == (None, None, False)
    assert "with 95 % confidence" in report["why_not"]
    assert policy.read_bytes() == before


def test_what_per_tier_needs(policy, records, tmp_path):
    plain = write(tmp_path / "queries.jsonl", [{"query": record["query"]} for record in sums(30)])
    result = run(policy, plain, "--budget", "1", "--per-tier")
    assert (result.exit_code, "--per-tier needs records with scored responses" in result.stderr) == (2, True)
    policy.write_text(policy.read_text("utf-8").replace("max_gap: 0.0", "cost_per_point: 0.1"), "utf-8")
    result = run(policy, records, "--budget", "1", "--per-tier")
    assert result.exit_code == 2
    assert "--per-tier: under cost_per_point a tier has no limit of its own" in result.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "give exactly one of --max-drop, --budget, --reference-share and --share"),
        (["--max-drop", "1%", "--budget", "1"], "give exactly one of"),
        (["--budget", "1", "--confidence", "90%"], "--confidence is how sure --max-drop must be"),
        (["--max-drop", "1"], "'1' is 100 %; write 1% for that many in a hundred"),
        (["--max-drop", "much"], "'much' is not a share; write 1% or 0.01"),
        (["--max-drop", "0%"], "no sample can promise a drop of nothing"),
        (["--max-drop", "1%", "--confidence", "100%"], "no sample makes sure; write 95% or 99%"),
        (["--max-drop", "1%", "--confidence", "1"], "'1' is 100 %, which no sample makes sure; write 95%"),
        (["--max-drop", "1%", "--confidence", "0"], "'0' promises nothing; write 95% or 99%"),
        (["--max-drop", "1%", "--confidence", "95"], "'95' is 9500 %; write 95%"),
        (["--budget", "0"], "a budget is a number of US$ above 0"),
        (["--budget", "nan"], "a budget is a number of US$ above 0"),
        (["--reference-share", "101%"], "a share lies between 0 % and 100 %"),
        (["--share", "small"], "'small' is not MODEL=SHARE"),
        (["--share", "small=30"], "'30' is 3000 %; write 30%"),
        (["--share", "tiny=30%"], "no model is named 'tiny'"),
        (["--share", "small=101%"], "a share lies between 0 % and 100 %, which 101 % does not"),
        (["--share", "small=30%", "--budget", "1"], "give exactly one of"),
    ],
)
def test_wrong_usage(policy, records, words, message):
    result = run(policy, records, *words)
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_share_that_cannot_grow(policy, records):
    policy.write_text(policy.read_text("utf-8").replace("max_gap: 0.0", "max_gap: -1.0"), "utf-8")
    result = run(policy, records, "--share", "large=+30%")
    assert result.exit_code == 2
    assert "--share large=+30%: 100.0% now; a share lies between" in result.stderr


def test_it_draws_what_it_chose(tmp_path):
    pytest.importorskip("matplotlib")
    policy, records = copied(ONE_SHOT, tmp_path), write(tmp_path / "records.jsonl", sums(40))
    words = (policy, records, "--reference-share", "50%", "--json")
    result = run(*words, "--plot", tmp_path / "dial.svg")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    found = texts(tmp_path / "dial.svg")
    assert {"as it was: 0", f"chosen: {report['dial']:g}", *report["after"]["arms"]} <= {*found}
    assert f"the {report['after']['queries']} queries that choose; bars are 95 % intervals" in found
    assert f"quality, % of the reference's ({report['after']['reference_quality']:.3f})" in found
    assert run(*words, "--plot", tmp_path / "dial.png").exit_code == 0
    assert (tmp_path / "dial.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads(run(*words).stdout) == report


def test_it_draws_too_where_it_chose_nothing(tmp_path):
    pytest.importorskip("matplotlib")
    policy, records = copied(ONE_SHOT, tmp_path), write(tmp_path / "records.jsonl", sums(40))
    result = run(policy, records, "--max-drop", "1%", "--plot", tmp_path / "dial.svg")
    assert result.exit_code == 1
    found = texts(tmp_path / "dial.svg")
    assert "as it was: 0" in found
    assert not [one for one in found if one.startswith("chosen")]


@pytest.mark.parametrize("policy", [ONE_SHOT, ESCALATE])
def test_it_draws_what_it_expects_of_plain_queries(tmp_path, policy):
    pytest.importorskip("matplotlib")
    words = ("--reference-share", "90%", "--plot", tmp_path / "dial.svg")
    assert run(copied(policy, tmp_path), plain(tmp_path, 20), *words).exit_code == 0
    assert "predicted quality less the reference's, in points" in texts(tmp_path / "dial.svg")
