"""Setting the dial in a policy's text: the number and one comment line change, and nothing else."""

import os
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestroute.errors import InputError, PolicyError
from bestroute.policy import load_policy, parse_policy
from bestroute.retune.calibrate.write import with_dial, write_dial
from tests.policy.files import GOOD, write_artefacts

COMMENT = "2026-11-24 bestroute calibrate policy.yaml records.jsonl --max-drop 1%: saving 31 % (27 to 35)"
LINE = f"# {COMMENT}\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_artefacts(tmp_path_factory.mktemp("artefacts"))


def changed(text, folder, dial=0.08, comment=COMMENT, limits=()):
    content = text if isinstance(text, bytes) else text.encode()
    return with_dial(content, folder / "policy.yaml", dial, comment, limits).decode()


def test_the_number_changes_and_a_comment_stands_above(folder):
    assert changed(GOOD, folder) == GOOD.replace("max_gap: 0.03\n", f"{LINE}max_gap: 0.08\n")


@pytest.mark.parametrize(
    ("dial", "written"),
    [(0.08, "0.08"), (-1.0, "-1"), (1.0, "1"), (0.0, "0"), (-0.05, "-0.05"), (0.125, "0.125")],
)
def test_the_dial_as_people_write_it(dial, written, folder):
    assert f"\nmax_gap: {written}\n" in changed(GOOD, folder, dial)


def test_a_comment_of_an_earlier_time_is_replaced(folder):
    earlier = "2025-01-02 bestroute calibrate old.yaml more.jsonl --budget 0.1: saving 3 %"
    once = changed(GOOD, folder, 0.5, earlier)
    assert changed(once, folder) == changed(GOOD, folder)


def test_other_comments_stay(folder):
    text = GOOD.replace("max_gap: 0.03", "# the dial\nmax_gap:   0.03 # five\tis too much\t")
    assert changed(text, folder) == text.replace(
        "# the dial\nmax_gap:   0.03", f"# the dial\n{LINE}max_gap:   0.08"
    )
    text = GOOD.replace("max_gap", "# bestroute calibrate is to be run\nmax_gap", 1)
    assert "# bestroute calibrate is to be run\n" + LINE in changed(text, folder)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_byte_order_marks_stay(end, mark, folder):
    text = mark + GOOD.replace("\n", end)
    once = changed(text, folder)
    assert once == text.replace("max_gap: 0.03", f"# {COMMENT}{end}max_gap: 0.08", 1)
    assert changed(once, folder) == once


def test_a_file_that_starts_with_the_dial(folder):
    text = "\ufeffmax_gap: 0.03\n" + GOOD.replace("max_gap: 0.03\n", "", 1)
    once = changed(text, folder)
    assert once == "\ufeff" + LINE + "max_gap: 0.08\n" + GOOD.replace("max_gap: 0.03\n", "", 1)
    assert changed(once, folder) == once


def test_a_file_that_ends_with_the_dial_and_no_line_end(folder):
    text = GOOD.replace("max_gap: 0.03\n", "", 1) + "max_gap: 0.03"
    assert changed(text, folder) == GOOD.replace("max_gap: 0.03\n", "", 1) + LINE + "max_gap: 0.08"


FLOW = (
    "{version: 1, router: router, reward: reward, models: [{name: tiny, class: small, price: {input: 1, "
    "output: 1}}, {name: big, class: large, price: {input: 2, output: 2}}], reference: big, max_gap: 0.03, "
    "tiers: [{model: tiny, max_gap: 0.03}, {model: big}]}"
)


@pytest.mark.parametrize("end", ["\n", "", "\r\n# the end\r\n"])
def test_flow_style_has_its_comment_at_the_top(end, folder):
    line_end = "\r\n" if "\r" in end else "\n"
    once = changed(FLOW + end, folder)
    assert once == f"# {COMMENT}{line_end}" + FLOW.replace("big, max_gap: 0.03", "big, max_gap: 0.08") + end
    assert changed(once, folder) == once


def test_flow_style_of_several_lines(folder):
    text = FLOW.replace(", ", ",\n  ")
    assert changed(text, folder) == LINE + text.replace("max_gap: 0.03,\n  tiers", "max_gap: 0.08,\n  tiers")


@pytest.mark.parametrize("before", ["--- # a policy\n", "%YAML 1.2\n---\n", "\n\n"])
def test_what_may_stand_before_a_document(before, folder):
    assert changed(before + GOOD, folder) == before + changed(GOOD, folder)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("max_gap: 0.03", "'max_gap': 0.08"),
        ("max_gap: 0.03", "max_gap:\n  0.08"),
        ("max_gap: 0.03", "max_gap: !!float 0.08"),
        ("max_gap: 0.03", "max_gap: &dial 0.08"),
        ("max_gap: 0.03", "? max_gap\n: 0.08"),
        ("max_gap: 0.03", "max_gap  : +8.e-2"),
    ],
)
def test_unusual_ways_to_write_it(old, new, folder):
    was = new.replace("+8.e-2", "+3.e-2").replace("0.08", "0.03")
    after = new.replace("+8.e-2", "0.08")
    text = GOOD.replace(old, was, 1)
    result = changed(text, folder)
    assert result.replace(LINE, "") == text.replace(was, after, 1)
    assert LINE in result


def test_a_block_scalar_above_that_looks_like_a_comment(folder):
    """What stands in a text is text."""
    name = f"    name: |-\n      a\n      # {COMMENT}\n"
    text = GOOD.replace("max_gap: 0.03\n", "", 1).replace(
        "  - name: pictures\n", name.replace("    n", "  - n", 1)
    )
    text = text.replace("    exclude: [tiny]\n", "    exclude: [tiny]\nmax_gap: 0.03\n")
    assert changed(text, folder) == text.replace("\nmax_gap: 0.03", f"\n{LINE}max_gap: 0.08")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            GOOD.replace("max_gap: 0.03", "max_gap: &dial 0.03").replace("n: 4}", "n: 4, max_gap: *dial}"),
            "other parts",
        ),
        (
            GOOD.replace("max_gap: 0.03\n", "", 1).replace("n: 4}", "n: 4, max_gap: &dial 0.03}")
            + "max_gap: *dial\n",
            "an alias of another value",
        ),
        (GOOD.replace("max_gap: 0.03", 'max_gap: !!float "0.03"'), "an unusual way"),
        (GOOD.replace("max_gap: 0.03", "max_gap: !!int 0"), "cannot be read as"),
    ],
)
def test_what_cannot_be_changed_alone_is_refused(text, why, folder):
    with pytest.raises(InputError, match="the dial cannot be changed alone, so nothing is written") as caught:
        changed(text, folder)
    assert why in str(caught.value)


def test_a_policy_that_does_not_hold_is_no_policy(folder):
    with pytest.raises(PolicyError):
        changed(GOOD.replace("reference: big", "reference: huge"), folder)


def test_a_dial_out_of_range_is_refused(folder):
    with pytest.raises(InputError, match="nothing is written"):
        changed(GOOD, folder, 2.0)


@pytest.mark.parametrize(
    "odd", ["a\nmax_gap: 1", "a\r\nb", "a\u2028b", "a\x00b", "a\x85b", "\udcff", "a\ufeffb"]
)
def test_no_name_of_a_file_breaks_out_of_the_comment(odd, folder):
    result = changed(GOOD, folder, comment=f"2026-11-24 bestroute calibrate {odd} x")
    assert len(result.splitlines()) == len(GOOD.splitlines()) + 1
    again = changed(result, folder)
    assert again == changed(GOOD, folder)


def tiers(text, folder, limits=(0.12, -0.05), was=GOOD):
    """What becomes of the tiers of GOOD, written in other words, with the dial's line as it was."""
    old = was[was.index("tiers:") : was.index("rules:")]
    start = was.replace(old, text)
    result = changed(start, folder, limits=limits)
    head, tail = start[: start.index(text)], start[start.index(text) + len(text) :]
    head = head.replace("max_gap: 0.03\n", f"{LINE}max_gap: 0.08\n")
    assert result.startswith(head)
    assert result.endswith(tail)
    return result[len(head) : len(result) - len(tail)]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("- {model: tiny, n: 2}", "- {model: tiny, n: 2, max_gap: 0.12}"),
        ("- {max_gap: 0.5, model: tiny} # a", "- {max_gap: 0.12, model: tiny} # a"),
        ("- {model: tiny, n: 2 , } # a", "- {model: tiny, n: 2, max_gap: 0.12 , } # a"),
        ("- {models: {tiny: 2, big: 1}}", "- {models: {tiny: 2, big: 1}, max_gap: 0.12}"),
        ('- {"model":"tiny"}', '- {"model":"tiny", max_gap: 0.12}'),
        ("- {\n    model: tiny,\n    n: 2 # a\n    }",
         "- {\n    model: tiny,\n    n: 2, max_gap: 0.12 # a\n    }"),
        ("- model: tiny", "- model: tiny\n    max_gap: 0.12"),
        ("-   model: tiny # a\n      n: 2 # b", "-   model: tiny # a\n      n: 2 # b\n      max_gap: 0.12"),
        ("- model: tiny\n\n    # why two\n", "- model: tiny\n    max_gap: 0.12\n\n    # why two\n"),
        ("- n: 2\n    max_gap:  .5e0 # a\n    model: tiny",
         "- n: 2\n    max_gap:  0.12 # a\n    model: tiny"),
        ("-\n    model: tiny", "-\n    model: tiny\n    max_gap: 0.12"),
        ("- models:\n      tiny: 2 # a\n      big: 1 # b\n  # c",
         "- models:\n      tiny: 2 # a\n      big: 1 # b\n    max_gap: 0.12\n  # c"),
        ("- &first\n    model: tiny", "- &first\n    model: tiny\n    max_gap: 0.12"),
        ("- model: &name tiny\n    n: &two 2", "- model: &name tiny\n    n: &two 2\n    max_gap: 0.12"),
        ("- model: tiny\n    max_gap: &limit 0.5", "- model: tiny\n    max_gap: &limit 0.12"),
    ],
)  # fmt: skip
def test_the_limit_of_a_tier_is_replaced_or_added(old, new, folder):
    text = f"tiers:\n  {old}\n  - {{model: big, n: 2}}\n  - {{model: big}}\n"
    after = text.replace(old, new).replace("big, n: 2}", "big, n: 2, max_gap: -0.05}")
    assert tiers(text, folder) == after
    assert changed(GOOD, folder, limits=(0.12,)).count("max_gap: 0.12") == 1


def test_aliases_as_the_last_values_of_a_tier(folder):
    text = "tiers:\n  - {model: tiny, n: &two 2}\n  - {model: tiny, n: *two}\n  - model: big\n    n: *two\n" \
        "  - {model: big}\n"  # fmt: skip
    after = text.replace("&two 2", "&two 2, max_gap: 0").replace("*two}", "*two, max_gap: 1}")
    after = after.replace("n: *two\n", "n: *two\n    max_gap: 0.5\n")
    assert tiers(text, folder, (0.0, 1.0, 0.5)) == after


def test_tiers_above_the_dial_and_in_flow_style(folder):
    old = GOOD[GOOD.index("tiers:") : GOOD.index("rules:")]
    text = GOOD.replace(old, "").replace("max_gap: 0.03\n", f"{old}max_gap: 0.03\n")
    assert changed(text, folder, limits=(0.12,)) == text.replace("n: 4}", "n: 4, max_gap: 0.12}").replace(
        "\nmax_gap: 0.03", f"\n{LINE}max_gap: 0.08"
    )
    assert changed(FLOW, folder, limits=(0.12,)) == LINE + FLOW.replace(
        "big, max_gap: 0.03", "big, max_gap: 0.08"
    ).replace("tiny, max_gap: 0.03", "tiny, max_gap: 0.12")
    assert changed(text.replace("\n", "\r\n"), folder, limits=(0.12,)) == changed(
        text, folder, limits=(0.12,)
    ).replace("\n", "\r\n")


def test_limits_under_another_objective(folder):
    text = GOOD.replace("max_gap: 0.03", "min_match: 0.7").replace("    max_gap: 0\n", "    min_match: 1\n")
    assert changed(text, folder, 0.6, limits=(0.5,)) == text.replace(
        "min_match: 0.7", f"{LINE}min_match: 0.6"
    ).replace("n: 4}", "n: 4, min_match: 0.5}")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("- &one {model: tiny, n: 2}\n  - *one\n  - {model: big}", "duplicate key 'max_gap'"),
        ("- {model: tiny, max_gap: &one 0.5}\n  - {model: tiny, max_gap: *one}\n  - {model: big}",
         "tiers[1] is an alias of another value"),
        ('- {model: tiny, max_gap: !!float "0.5"}\n  - {model: big}', "tiers[0] is written in an unusual"),
        ("- ? model\n    : tiny\n  - {model: big}", "not valid YAML"),
    ],
)  # fmt: skip
def test_limits_that_cannot_be_set_alone_are_refused(text, why, folder):
    was = GOOD[GOOD.index("tiers:") : GOOD.index("rules:")]
    with pytest.raises(InputError, match="the dial cannot be changed alone, so nothing is written") as caught:
        changed(GOOD.replace(was, f"tiers:\n  {text}\n"), folder, limits=(0.12, 0.2)[: text.count("\n  - ")])
    assert why in str(caught.value)


words = st.text(
    st.characters(
        codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp"), exclude_characters="\ufeff\ufffe\uffff"
    ),
    max_size=20,
)


@given(
    comments=st.lists(words, min_size=4, max_size=4),
    dial=st.integers(-100, 100).map(lambda value: value / 100),
    end=st.sampled_from(["\n", "\r\n"]),
    blanks=st.integers(0, 3),
)
def test_all_else_stays_byte_by_byte(folder, comments, dial, end, blanks):
    top, above, beside, below = (f"# {word}" for word in comments)
    before = f"{top}\n" + GOOD[: GOOD.index("max_gap")] + f"{above}\n"
    after = " " * blanks + f" {beside}\n{below}\n" + GOOD[GOOD.index("tiers:") :]
    before, after = before.replace("\n", end), after.replace("\n", end)
    content = (before + "max_gap: 0.03" + after).encode()
    path = folder / "policy.yaml"
    result = with_dial(content, path, dial, COMMENT).decode()
    assert result == f"{before}# {COMMENT}{end}max_gap: {dial:g}{after}"
    assert parse_policy(result, path).max_gap == dial


@st.composite
def laid_out(draw):
    """A tier in some layout, and what it is to become with the limit `{}`."""
    note, blanks = draw(words), " " * draw(st.integers(1, 3))
    keys = draw(
        st.permutations(["model: tiny", *draw(st.sampled_from([[], ["n: 3"], ["n: 3", "max_gap: 0.7"]]))])
    )
    limited = [key.replace("0.7", "{}") for key in keys]
    after = limited if "max_gap: {}" in limited else [*limited, "max_gap: {}"]
    if draw(st.booleans()):
        between = draw(st.sampled_from([", ", ",", " , ", ",\n      "]))
        texts = ["-" + blanks + "{{" + between.join(part[: len(keys)]) for part in (keys, limited)]
        end = "" if after == limited else ", max_gap: {}"
        tail = f"{blanks}}}}} # {_braced(note)}\n"
        return texts[0] + tail, texts[1] + end + tail
    between = f"{blanks}# {_braced(note)}\n" + "  " + " " * (len(blanks) + 1)
    last = f"{blanks}# {_braced(note)}\n" * draw(st.booleans())
    above = "" if after == limited else "\n  " + " " * (len(blanks) + 1) + "max_gap: {}"
    texts = ["-" + blanks + between.join(part) for part in (keys, limited)]
    first = last.removesuffix("\n")
    return texts[0] + first + "\n", texts[1] + first + above + "\n"


def _braced(text):
    return text.replace("{", "{{").replace("}", "}}")


@given(
    layouts=st.lists(laid_out(), min_size=1, max_size=3),
    limits=st.lists(st.integers(-100, 100).map(lambda value: value / 100), min_size=3, max_size=3),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_limits_in_any_layout(folder, layouts, limits, end):
    def policy(place, *of):
        parts = [layout[place].format(*([f"{limit:g}"] * layout[place].count("{}"))) for layout, limit in of]
        listed = "tiers:\n  " + "  ".join([*parts, "- {model: big}\n"])
        was = GOOD[GOOD.index("tiers:") : GOOD.index("rules:")]
        return GOOD.replace(was, listed)

    given = [(layout, limit) for layout, limit in zip(layouts, limits, strict=False)]
    before = policy(0, *given).replace("\n", end)
    after = policy(1, *given).replace("max_gap: 0.03\n", f"{LINE}max_gap: 0.08\n", 1).replace("\n", end)
    used = limits[: len(layouts)]
    assert changed(before, folder, limits=used) == after
    found = parse_policy(after, folder / "policy.yaml")
    assert [tier.max_gap for tier in found.tiers] == [*used, None]


def test_writing_keeps_permissions_and_leaves_no_other_file(folder, tmp_path):
    write_artefacts(tmp_path)
    path = tmp_path / "policy.yaml"
    path.write_text(GOOD, "utf-8")
    os.chmod(path, 0o640)
    there = set(tmp_path.iterdir())
    write_dial(path, load_policy(path), 0.08, COMMENT, (0.12,))
    assert path.read_text("utf-8") == changed(GOOD, folder, limits=(0.12,))
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert set(tmp_path.iterdir()) == there


def test_a_policy_that_was_changed_meanwhile_is_left_alone(tmp_path):
    write_artefacts(tmp_path)
    path = tmp_path / "policy.yaml"
    path.write_text(GOOD, "utf-8")
    policy = load_policy(path)
    edited = GOOD.replace("n: 4", "n: 3")
    path.write_text(edited, "utf-8")
    with pytest.raises(InputError, match="was changed while it was calibrated"):
        write_dial(path, policy, 0.08, COMMENT)
    assert path.read_text("utf-8") == edited


def test_a_policy_that_is_gone(tmp_path):
    write_artefacts(tmp_path)
    path = tmp_path / "policy.yaml"
    path.write_text(GOOD, "utf-8")
    policy = load_policy(path)
    path.unlink()
    with pytest.raises(InputError, match="No such file"):
        write_dial(path, policy, 0.08, COMMENT)
