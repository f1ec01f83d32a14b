"""Tests, bootstraps, verdicts and the parts of a delta, against independent computations."""

import math

import numpy as np
import pytest
from scipy import stats

from lmms_eval_drbench import intervals, pairing
from lmms_eval_drbench.pairing import Verdict


@pytest.mark.parametrize(("gained", "lost"), [(0, 0), (1, 0), (5, 1), (12, 30), (102, 94), (700, 500)])
def test_mcnemar_is_the_exact_binomial_test(gained, lost):
    expected = stats.binomtest(gained, gained + lost).pvalue if gained + lost else 1.0
    assert pairing.mcnemar(gained, lost) == pytest.approx(expected, rel=1e-9)


def _clustered(seed: int, clusters: int = 60, size: int = 5) -> tuple[list[float], list[float], list[str]]:
    generator = np.random.default_rng(seed)
    shift = np.repeat(generator.normal(0, 0.2, clusters), size)
    before = (generator.random(clusters * size) < 0.4).astype(float)
    after = (generator.random(clusters * size) < np.clip(0.55 + shift, 0, 1)).astype(float)
    return list(before), list(after), [str(index // size) for index in range(clusters * size)]


def test_the_bootstrap_agrees_with_scipys_over_images():
    before, after, clusters = _clustered(0)
    means = [
        np.mean([a - b for a, b, c in zip(after, before, clusters, strict=True) if c == cluster])
        for cluster in dict.fromkeys(clusters)
    ]  # clusters of equal size: the mean over questions is the mean of their means
    expected = stats.bootstrap((means,), np.mean, method="percentile", n_resamples=9999, random_state=1)
    low, high = intervals.bootstrap(before, after, clusters)
    assert low == pytest.approx(expected.confidence_interval.low, abs=0.01)
    assert high == pytest.approx(expected.confidence_interval.high, abs=0.01)
    assert (low, high) == intervals.bootstrap(before, after, clusters)
    paired = intervals.difference(before, after, clusters)
    assert (low, high) == (pytest.approx(paired.low, abs=0.015), pytest.approx(paired.high, abs=0.015))


def test_a_bootstrap_of_one_image_knows_nothing():
    assert all(math.isnan(side) for side in intervals.bootstrap([0, 1], [1, 1], ["a", "a"]))


def _estimate(low: float, high: float, clusters: int = 50) -> intervals.Estimate:
    return intervals.Estimate((low + high) / 2, 0.01, low, high, 100, clusters)


@pytest.mark.parametrize(
    ("low", "high", "tolerance", "expected"),
    [
        (0.001, 0.1, 1, Verdict.GAINED),
        (-0.009, 0.1, 1, Verdict.KEPT),
        (-0.009, -0.001, 1, Verdict.KEPT),  # lower, but by less than is tolerated
        (-0.011, 0.1, 1, Verdict.UNCLEAR),
        (-0.011, 0.1, 2, Verdict.KEPT),
        (-0.011, -0.001, 1, Verdict.LOST),
        (0.0, 0.0, 0, Verdict.KEPT),
        (math.nan, math.nan, 1, Verdict.UNCLEAR),
    ],
)
def test_verdicts(low, high, tolerance, expected):
    assert pairing.verdict(_estimate(low, high), tolerance) == expected


def test_few_images_decide_nothing():
    assert pairing.verdict(_estimate(0.2, 0.3, clusters=9), 1) == Verdict.UNCLEAR


def _pair(index: int, before: float, after: float, unparsed: str = "", truncated: str = "") -> pairing.Pair:
    common = {"record_id": str(index), "image_id": str(index)}
    return tuple(
        common | {"acc": acc, "unparsed": float(side in unparsed), "truncated": float(side in truncated)}
        for side, acc in (("b", before), ("a", after))
    )


def test_the_parts_of_a_delta_by_hand():
    found = [
        _pair(0, 0, 1),  # +1 from answers
        _pair(1, 1, 0),  # -1 from answers
        _pair(2, 0, 1),  # +1 from answers
        _pair(3, 1, 0, unparsed="a"),  # -1 from an unreadable output
        _pair(4, 1, 0, unparsed="a", truncated="a"),  # -1: cut off so that it could not be read
        _pair(5, 1, 0, truncated="a"),  # -1 from an output that was cut off and read all the same
        _pair(6, 1, 1),
        _pair(7, 0, 0, unparsed="ba"),
    ]
    parts = pairing.parts(found)
    assert (parts.answers, parts.unparsed, parts.truncated) == (1 / 8, -2 / 8, -1 / 8)
    assert parts.answers + parts.unparsed + parts.truncated == pytest.approx(pairing.difference(found).mean)
    changed = pairing.flips(found)
    assert (changed.gained, changed.lost) == (["0", "2"], ["1", "3", "4", "5"])
    assert changed.p == pytest.approx(stats.binomtest(2, 6).pvalue)


def test_means_over_seeds_have_no_mcnemar():
    changed = pairing.flips([_pair(0, 0, 2 / 3), _pair(1, 1, 1)])
    assert changed.gained == ["0"] and changed.p is None
