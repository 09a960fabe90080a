"""What the head of the reward model learns: its loss by hand, and that torch and numpy say the same."""

import numpy as np
import pytest

pytestmark = pytest.mark.train


def test_the_loss_of_a_group():
    import torch

    from bestroute.train.reward_task import Group, group_loss

    logits = torch.tensor([2.0, 0.0, 1.0])
    group = Group("s", "q", ("a", "b", "c"), (1.0, 0.5, 1.0), calibrated=False)
    # two pairs of the same difference: log(1 + e^-2) and log(1 + e^-1)
    expected = (np.log1p(np.exp(-2)) + np.log1p(np.exp(-1))) / 2
    assert float(group_loss(logits, group)) == pytest.approx(expected, rel=1e-5)
    level = np.mean([np.log1p(np.exp(-2)), 0.5 * np.log1p(1) + 0.5 * np.log1p(1), np.log1p(np.exp(-1))])
    calibrated = Group("s", "q", ("a", "b", "c"), (1.0, 0.5, 1.0), calibrated=True)
    assert float(group_loss(logits, calibrated)) == pytest.approx(expected + 0.2 * level, rel=1e-5)


def test_responses_of_one_score_tell_of_no_order():
    import torch

    from bestroute.train.reward_task import Group, group_loss

    group = Group("s", "q", ("a", "b"), (1.0, 1.0), calibrated=False)
    assert float(group_loss(torch.tensor([3.0, -3.0]), group)) == 0.0


def test_the_head_that_serves_says_what_torch_says():
    import torch

    from bestroute.artefacts.facts import FACTS
    from bestroute.artefacts.reward import BUCKETS
    from bestroute.train.reward_task import HeadNet
    from bestroute.train.sentence.encoder import FEATURES

    generator = np.random.default_rng(0)
    facts = generator.normal(size=(6, len(FACTS))).astype(np.float32)
    asked = np.repeat(generator.normal(size=(1, FEATURES)).astype(np.float32), 6, 0)
    read = generator.normal(size=(6, FEATURES)).astype(np.float32)
    buckets = [np.unique(generator.integers(0, BUCKETS, count)) for count in (1, 5, 9, 2, 300, 40)]
    torch.manual_seed(0)
    net = HeadNet(5, 7, 0.3, facts).eval()
    with torch.no_grad():
        net.plain.weight.normal_()
        net.facts.weight.normal_()
        net.wide.weight.normal_()
        expected = net(*map(torch.from_numpy, (asked, read, facts)), buckets).numpy()
    np.testing.assert_allclose(
        net.head(1.0, 0.0).logits(asked[:1], read, buckets, facts), expected, rtol=1e-3, atol=1e-3
    )
