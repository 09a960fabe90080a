"""Pictures of a dial: real files, read again."""

from dataclasses import replace

import numpy as np
import pytest

from bestroute.errors import InputError
from bestroute.policy.objective import CostPerPoint, MaxGap, MinMatch
from bestroute.retune.calibrate.plot import Mark, write_plot
from bestroute.retune.calibrate.sweep import Sweep
from tests.retune.calibrate.pictures import texts

pytest.importorskip("matplotlib")


SETTINGS = np.array([-1.0, -0.1, 0.0, 0.03, 0.1, 0.2, 0.5, 1.0])
PART = np.array([0.0, 0.0, 0.1, 0.3, 0.6, 0.9, 1.0, 1.0])
MEASURED = Sweep(
    objective=MaxGap(0.03),
    arms=("tiny@1", "big@1"),
    queries=40,
    settings=SETTINGS,
    shares=np.stack([PART, 1 - PART], axis=1),
    cost=(1 - 0.9 * PART) / 1000,
    reference_cost=1 / 1000,
    quality=0.8 - 0.2 * PART**2,
    reference_quality=0.8,
    with_quality=40,
)
PREDICTED = replace(MEASURED, quality=-0.2 * PART**2, reference_quality=None)
OWN, CHOSEN = Mark("as it was", 0.03, {"low": 0.01, "high": 0.05}), Mark("chosen", 0.1)


def drawn(sweep, folder, marks=(OWN, CHOSEN), title="policy.yaml", note="all 40 queries"):
    path = folder / "dial.svg"
    write_plot(sweep, marks, title, note, path)
    return texts(path)


def test_both_panels_say_what_they_show(tmp_path):
    found = drawn(MEASURED, tmp_path)
    for words in (
        "policy.yaml", "all 40 queries; bars are 95 % intervals",
        "tiny@1", "big@1", "max_gap", "always the reference",
        "as it was: 0.03", "chosen: 0.1", "max_gap, from the safest setting to the loosest",
        "whose response is kept, % of queries", "quality, % of the reference's (0.800)",
        "cost, % of the reference's (US$ 1 per 1,000 queries)",
    ):  # fmt: skip
        assert words in found
    assert found.index("big@1") < found.index("tiny@1")  # as the areas lie
    assert {"0.03", "0.1", "0.5"} <= {*found}  # both marks and the end of the curve are named


def test_the_stretch_where_nothing_moves_is_left_out(tmp_path):
    found = drawn(MEASURED, tmp_path)
    assert "−1.0" not in found
    assert "1.0" not in found
    wide = drawn(MEASURED, tmp_path, [Mark("as it is", -1.0)])
    assert "−1.0" in wide
    same = replace(MEASURED, shares=np.tile([0.5, 0.5], (len(SETTINGS), 1)))
    assert {"−1.00", "1.00"} <= {*drawn(same, tmp_path, [])}


def test_what_is_predicted_is_called_so(tmp_path):
    marks = [Mark("as it is", 0.03)]
    found = drawn(PREDICTED, tmp_path, marks)
    assert "predicted quality less the reference's, in points" in found
    assert "all 40 queries" in found
    some = drawn(replace(PREDICTED, with_quality=35), tmp_path, marks)
    assert "all 40 queries; quality is predicted of 35 of them, as rules route the others" in some


def test_where_no_quality_is_known_only_shares_are_drawn(tmp_path):
    unknown = replace(PREDICTED, quality=np.full(len(SETTINGS), np.nan), with_quality=0)
    found = drawn(unknown, tmp_path)
    assert "not known of any query" in found
    assert "tiny@1" in found


@pytest.mark.parametrize("quality", [0.8, 0.0])
def test_a_reference_that_costs_or_gives_nothing_has_no_shares(tmp_path, quality):
    free = replace(MEASURED, reference_cost=0.0, reference_quality=quality)
    found = drawn(free, tmp_path, [Mark("as it was", 0.03)])
    assert "cost, US$ per 1,000 queries" in found
    assert ("quality" in found) == (quality == 0)


def test_a_price_is_drawn_by_its_logarithm_down_to_zero(tmp_path):
    prices = np.array([10.0, 1.0, 0.1, 0.01, 0.001, 0.0001, 1e-5, 0.0])
    sweep = replace(PREDICTED, objective=CostPerPoint(0.01), settings=prices)
    found = drawn(sweep, tmp_path, [Mark("as it is", 0.01), Mark("chosen", 0.0)])
    ticks = found[: found.index("cost_per_point, from the safest setting to the loosest")]
    assert sorted(map(float, ticks)) == [0, 1e-5, 0.0001, 0.001, 0.01, 0.1, 1]


def test_odd_names_are_shown_as_they_are(tmp_path):
    """Dollars are no mathematics, and a line at the start is no secret; long names take several lines."""
    arms = ("_a$b$<&>@1", "c" * 100 + "@1", *(f"m{n}@1" for n in range(9)), "big@1")
    shares = np.concatenate([np.tile(PART[:, None] / 11, 11), 1 - PART[:, None]], axis=1)
    found = drawn(replace(MEASURED, arms=arms, shares=shares), tmp_path, title="a$b$.yaml")
    assert {"_a$b$<&>@1", "a$b$.yaml", "m8@1", "c" * 36} <= {*found}


def test_the_same_sweep_gives_the_same_bytes(tmp_path):
    sweep = replace(MEASURED, objective=MinMatch(0.03), settings=1 - SETTINGS)
    marks = [Mark("as it is", sweep.settings[3])]
    for name in ("a.svg", "b.SVG", "c.png"):
        write_plot(sweep, marks, "title", "note", tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.SVG").read_bytes()
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")
    assert {one.name for one in tmp_path.iterdir()} == {"a.svg", "b.SVG", "c.png"}


def test_another_kind_of_file_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"a plot is written as \.png or \.svg or \.txt"):
        write_plot(MEASURED, [], "title", "note", tmp_path / "dial.pdf")
    assert not [*tmp_path.iterdir()]


def test_where_there_are_only_letters_it_is_a_table(tmp_path):
    """Over the stretch of the dial on which something moves, and one setting more."""
    path = tmp_path / "dial.txt"
    write_plot(PREDICTED, [OWN, CHOSEN], "policy.yaml", "all 40 queries", path)
    head, blank, *rows = path.read_text("utf-8").splitlines()
    assert (head, blank) == ("policy.yaml: all 40 queries; shares of whose response is kept", "")
    assert rows[0].split() == ["max_gap", "US$", "per", "1,000", "predicted", "gap", "tiny@1", "big@1"]
    assert [row.split() for row in rows[1:]] == [
        ["-0.1", "1", "0.0000", "0.0%", "100.0%"],
        ["0", "0.91", "0.0020", "10.0%", "90.0%"],
        ["0.03", "0.73", "0.0180", "30.0%", "70.0%", "as", "it", "was"],
        ["0.1", "0.46", "0.0720", "60.0%", "40.0%", "chosen"],
        ["0.2", "0.19", "0.1620", "90.0%", "10.0%"],
        ["0.5", "0.1", "0.2000", "100.0%", "0.0%"],
    ]
    write_plot(MEASURED, [], "title", "note", path)
    assert "  quality  " in path.read_text("utf-8")


def test_a_dial_that_moves_nothing_takes_no_more_rows_than_it_has_ends_and_marks(tmp_path):
    path, still = tmp_path / "dial.txt", np.tile([0.25, 0.75], (len(SETTINGS), 1))
    write_plot(replace(PREDICTED, shares=still), [OWN], "policy.yaml", "all 40 queries", path)
    assert [row.split()[0] for row in path.read_text("utf-8").splitlines()[3:]] == ["-1", "0.03", "1"]


def test_a_drawing_that_fails_leaves_what_was_there(tmp_path):
    path = tmp_path / "dial.svg"
    path.write_text("before", "utf-8")
    with pytest.raises(ValueError, match="not in list"):
        write_plot(MEASURED, [Mark("of another sweep", 0.77)], "title", "note", path)
    assert path.read_text("utf-8") == "before"
    assert [*tmp_path.iterdir()] == [path]
