"""Clustered intervals against independent computations."""

import math

import numpy as np
import pytest
from scipy import stats

from lmms_eval_drbench.intervals import difference, mean, proportion, t_quantile


def test_by_hand():
    # images a: 1, 1; b: 0. mean 2/3; cluster sums of (x - mean)/3: a 2/9, b -2/9; se = sqrt(2 * 2 * (2/9)^2) = 4/9
    found = mean([1, 1, 0], ["a", "a", "b"])
    assert (found.mean, found.n, found.clusters) == (pytest.approx(2 / 3), 3, 2)
    assert found.se == pytest.approx(4 / 9)
    assert found.high - found.mean == pytest.approx(12.7062 * 4 / 9, rel=1e-5)


def test_one_question_an_image_is_the_ordinary_standard_error():
    x = np.random.default_rng(0).random(40)
    assert mean(x, [str(i) for i in range(40)]).se == pytest.approx(x.std(ddof=1) / math.sqrt(40))


def test_agrees_with_upstreams_clustered_error():
    """Upstream sums pairs instead of clusters, and corrects for n where we correct for clusters."""
    from lmms_eval.api.metrics import clustered_stderr

    rng = np.random.default_rng(1)
    images = [str(i // 5) for i in range(500)]
    x = (rng.random(500) < np.repeat(rng.random(100), 5)).astype(float)
    n, clusters = 500, 100
    theirs = clustered_stderr(list(x), images)
    within = x.var(ddof=1) / n - x.var(ddof=0) / n  # their n/(n-1) on the diagonal only
    ours = mean(x, images).se
    assert ours == pytest.approx(math.sqrt((theirs**2 - within) * clusters / (clusters - 1)), rel=1e-9)


def test_agrees_with_the_bootstrap_over_images():
    rng = np.random.default_rng(2)
    values = [(rng.random(size) < rng.random()).astype(float) for size in rng.integers(1, 8, 200)]
    images = [str(i) for i, group in enumerate(values) for _ in group]
    sums, sizes = np.array([v.sum() for v in values]), np.array([len(v) for v in values])
    draws = rng.integers(0, 200, (4000, 200))
    bootstrap = (sums[draws].sum(1) / sizes[draws].sum(1)).std()
    assert mean(np.concatenate(values), images).se == pytest.approx(bootstrap, rel=0.05)


def test_the_interval_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(3)
    images = [str(i // 5) for i in range(200)]
    covered = 0
    for _ in range(400):
        x = (rng.random(200) < np.repeat(rng.beta(2, 2, 40), 5)).astype(float)
        found = mean(x, images)
        covered += found.low <= 0.5 <= found.high
    assert 0.92 < covered / 400 < 0.98


def test_the_macro_mean_weighs_categories_alike():
    # category x: 1, 0 (mean 1/2), y: 1, 1, 1, 0 (mean 3/4); macro 5/8, by question 4/6
    values, strata = [1, 0, 1, 1, 1, 0], ["x", "x", "y", "y", "y", "y"]
    found = mean(values, list("abcdef"), strata)
    assert found.mean == 5 / 8
    # contributions (x - mean)/(2 * size): x ±1/8 twice, y 1/32 three times and -3/32; G = 6
    squares = 2 * (1 / 8) ** 2 + 3 * (1 / 32) ** 2 + (3 / 32) ** 2
    assert found.se == pytest.approx(math.sqrt(6 / 5 * squares))


def test_a_paired_difference_is_the_mean_of_the_differences():
    before, after, images = [0, 1, 0, 1], [1, 1, 0, 1], ["a", "a", "b", "b"]
    found = difference(before, after, images)
    assert found.mean == 1 / 4
    assert found == mean([1, 0, 0, 0], images)
    assert difference(before, before, images).se == 0


def test_missing_values_are_left_out():
    assert mean([1, None, float("nan"), 0], list("abcd")).n == 2
    assert difference([1, None], [0, 1], ["a", "b"]).n == 1


def test_too_little_data_has_no_interval():
    assert math.isnan(mean([1, 0], ["a", "a"]).low)
    empty = mean([], [])
    assert empty.n == 0 and math.isnan(empty.mean)
    with pytest.raises(ValueError):
        mean([1], [])


@pytest.mark.parametrize("clusters", [1, 2, 10, 80])
def test_all_right_is_no_certainty(clusters):
    images = [str(i) for i in range(clusters)] * 3
    exact = stats.binomtest(clusters, clusters).proportion_ci(0.95, "exact")
    right, wrong = proportion([1] * len(images), images), proportion([0] * len(images), images)
    assert (right.low, right.high) == (pytest.approx(exact.low), 1)
    assert (wrong.low, wrong.high) == (0, pytest.approx(1 - exact.low))
    assert proportion([1, 0, 1, 1], list("abcd")) == mean([1, 0, 1, 1], list("abcd"))


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 5, 9, 30, 99, 1000])
def test_students_quantile(degrees):
    assert t_quantile(degrees) == pytest.approx(stats.t.ppf(0.975, degrees), rel=5e-3)
