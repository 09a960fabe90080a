"""The posterior: its features by hand, what must hold of any trained one, and of the embedded one."""

import json
from math import exp, log, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestroute.artefacts.manifest import default_folder
from bestroute.artefacts.posterior import Evidence, Judgement, Logistic, Outlook, Posterior, logit
from bestroute.artefacts.sureness import UNKNOWN, Sureness
from bestroute.errors import ArtefactError

EMBEDDED = Posterior.load(default_folder("posterior"))
SHARES = st.floats(0.05, 0.95)


def evidence(priors, rewards, groups, kept=0, reference=0.7):
    return Evidence(tuple(priors), tuple(rewards), tuple(groups), reference, kept)


def test_the_features_by_hand():
    found = evidence([0.5, 0.4, 0.8], [0.9, 0.5, 0.2], [0, 0, 1]).features()
    assert found == pytest.approx(
        (0.0, log(0.7 / 0.3), 0.4, 0.8, 0.9 / 1.7, 0.0, log(3), log(9), log(9) - log(0.25))
    )


def test_of_a_single_response():
    found = evidence([0.5], [nan], [0]).features()
    assert found == pytest.approx((0.0, log(0.7 / 0.3), 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0))


SURE = Sureness(-0.05, 2.0)
UNSURE = Sureness(-1.5, -0.5)


def reading(posterior):
    """The posterior with four columns more, that count how sure the model was."""
    raw = posterior.as_dict()
    for name in ("kept", "reference"):
        raw[name] = raw[name] | {"weights": [*raw[name]["weights"], 0.0, 1.0, 0.0, 0.5]}
    return Posterior.from_dict(json.loads(json.dumps(raw)))


class TestSureness:
    """How sure the model was of its tokens: evidence for a posterior that was trained on it, and no other."""

    def of(self, sureness):
        return Evidence((0.5, 0.4), (0.5, 0.5), (0, 1), 0.7, 0, sureness)

    def test_the_embedded_one_does_not_look(self):
        assert not EMBEDDED.reads_sureness
        assert EMBEDDED.judge(self.of(SURE)) == EMBEDDED.judge(self.of(UNKNOWN))

    def test_one_that_was_trained_on_it_does(self):
        posterior = reading(EMBEDDED)
        sure, unknown, unsure = (posterior.judge(self.of(one)).quality for one in (SURE, UNKNOWN, UNSURE))
        assert sure > unknown > unsure

    def test_unknown_is_neutral(self):
        assert reading(EMBEDDED).judge(self.of(UNKNOWN)) == EMBEDDED.judge(self.of(UNKNOWN))
        asked = (self.of(UNKNOWN), 0.7, [(0.6, 2)])
        assert reading(EMBEDDED).outlook(*asked) == EMBEDDED.outlook(*asked)

    def test_what_is_only_imagined_is_unknown(self):
        posterior = reading(EMBEDDED)
        known, unknown = (posterior.outlook(self.of(one), 0.7, [(0.9, 2)]) for one in (UNSURE, UNKNOWN))
        assert known.differed == unknown.differed  # one of the new ones would be kept
        low = posterior.outlook(self.of(SURE), 0.7, [(0.06, 1)])
        assert low.differed < posterior.outlook(self.of(UNSURE), 0.7, [(0.06, 1)]).differed

    def test_some_of_its_columns_are_refused(self):
        raw = EMBEDDED.as_dict()
        raw["kept"] = raw["kept"] | {"weights": [*raw["kept"]["weights"], 1.0]}
        with pytest.raises(ValueError, match="10 weights where 13"):
            Posterior.from_dict(raw)


def test_the_gap_is_what_is_lost():
    assert Judgement(quality=0.6, reference=0.7).gap == pytest.approx(0.1)


def test_odds_are_held():
    assert logit(0.0) == logit(0.01) == pytest.approx(-log(99))


@given(
    st.lists(st.tuples(SHARES, SHARES, st.integers(0, 2)), min_size=2, max_size=8),
    SHARES,
)
def test_a_response_that_comes_to_agree_never_lowers_the_quality(responses, reference):
    priors, rewards, groups = zip(*responses, strict=True)
    best = max(p for p, group in zip(priors, groups, strict=True) if group == groups[0])
    for index, group in enumerate(groups):
        if group == groups[0] or priors[index] > best:
            continue
        agreed = [groups[0] if place == index else of for place, of in enumerate(groups)]
        # The lead over the others is another piece of evidence: held here by leaving rewards out.
        without = [nan] * len(groups)
        before = EMBEDDED.judge(evidence(priors, without, groups, reference=reference)).quality
        after = EMBEDDED.judge(evidence(priors, without, agreed, reference=reference)).quality
        assert after >= before


@given(
    st.lists(st.tuples(SHARES, SHARES, st.integers(0, 2)), max_size=6),
    st.lists(st.tuples(SHARES, st.integers(1, 4)), min_size=1, max_size=2),
    SHARES,
    st.floats(-1, 1),
    st.floats(0, 1),
)
def test_a_larger_dial_never_lowers_the_chance(responses, added, reference, dial, further):
    there = evidence(*zip(*responses, strict=True), reference=reference) if responses else None
    outlook = EMBEDDED.outlook(there, reference, added)
    low, high = EMBEDDED.chance(outlook, dial), EMBEDDED.chance(outlook, dial + further)
    assert 0 <= low.probability <= high.probability <= 1


def test_the_chance_by_hand():
    outlook = Outlook(agreed=-0.1, differed=0.3, prior=0.5, agreement=0.0, there=0, more=2)
    even = Posterior(EMBEDDED.kept, EMBEDDED.reference, Logistic(0.0, (0.0,) * 5), 0.5)
    chance = even.chance(outlook, 0.1)  # agrees or not with one half each; fits only if it does
    assert chance == pytest.approx((0.5, -0.05), abs=1e-4)


def test_an_outlook_imagines_both_ends():
    reference, prior = 0.7, 0.6
    outlook = EMBEDDED.outlook(None, reference, [(prior, 2)])
    rewards = [EMBEDDED.reward] * 2
    assert outlook.agreed == EMBEDDED.judge(evidence([prior] * 2, rewards, [0, 0])).gap
    assert outlook.differed == EMBEDDED.judge(evidence([prior] * 2, rewards, [0, 1])).gap
    assert outlook.agreed < outlook.differed


def test_a_logistic_by_hand():
    assert Logistic(1.0, (2.0,))([-0.25]) == pytest.approx(1 / (1 + exp(-0.5)))


@pytest.mark.parametrize("content", ["[]", '{"kept": 1}', '{"kept": {"intercept": 0, "weights": [1]}}', "{"])
def test_a_foreign_file_is_told(copy_of, content):
    copy = copy_of("posterior")
    (copy / "weights.json").write_text(content)
    copy.sign()
    with pytest.raises(ArtefactError, match=r"weights\.json: not a posterior's weights"):
        Posterior.load(copy.folder)


def test_a_damaged_file_is_told(copy_of):
    copy = copy_of("posterior")
    content = json.loads((copy / "weights.json").read_text())
    content["kept"]["intercept"] += 1
    (copy / "weights.json").write_text(json.dumps(content))
    with pytest.raises(ArtefactError, match="differs from the digest"):
        Posterior.load(copy.folder)


def test_another_artefact_in_its_place_is_told():
    with pytest.raises(ArtefactError, match="a reward artefact stands where a posterior artefact is needed"):
        Posterior.load(default_folder("reward"))
