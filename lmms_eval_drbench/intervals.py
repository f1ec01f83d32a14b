"""Means with intervals that respect the image: questions on one picture are not independent of each other.

Standard error of a mean, clustered (the cluster-robust sandwich for an intercept, with the G/(G-1) correction):
    se = sqrt(G/(G-1) * sum over clusters of (sum of its centred contributions)^2)
where a sample contributes (x - mean)/n. A macro mean is the mean of its strata's means, so there a sample contributes
(x - its stratum's mean)/(strata * its stratum's n). Intervals are 95 %, from Student's t with G-1 degrees of freedom.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

_Z = 1.959963984540054


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95 % interval. n: samples. clusters: images. `low`/`high` are NaN with fewer than 2 clusters."""

    mean: float
    se: float
    low: float
    high: float
    n: int
    clusters: int


def mean(values: Sequence[float], clusters: Sequence[str], strata: Sequence[str] | None = None) -> Estimate:
    """Clustered mean of `values` [N]; with `strata` [N], the unweighted mean of the strata's means.

    None and NaN are left out. Raises ValueError when lengths differ; an empty input gives NaN and n = 0.
    """
    x = np.array([math.nan if value is None else value for value in values], dtype=float)
    if len(clusters) != len(x) or (strata is not None and len(strata) != len(x)):
        raise ValueError("values, clusters and strata must have one entry each per sample")
    kept = ~np.isnan(x)
    x = x[kept]
    n = len(x)
    if n == 0:
        return Estimate(math.nan, math.nan, math.nan, math.nan, 0, 0)
    stratum = np.zeros(n, dtype=int) if strata is None else _codes(np.asarray(strata, dtype=object)[kept])
    sizes = np.bincount(stratum)
    means = np.bincount(stratum, weights=x) / sizes
    contributions = (x - means[stratum]) / (sizes[stratum] * len(sizes))
    return _estimate(float(means.mean()), contributions, _codes(np.asarray(clusters, dtype=object)[kept]))


def proportion(values: Sequence[float], clusters: Sequence[str], strata: Sequence[str] | None = None) -> Estimate:
    """`mean` of zeros and ones. Where all are equal, its error is 0 and would claim certainty: the interval is then
    the exact binomial one (Clopper-Pearson) of as many trials as there are clusters.
    """
    found = mean(values, clusters, strata)
    if found.clusters and found.mean in (0.0, 1.0):
        reach = 1 - (0.05 / 2) ** (1 / found.clusters)
        return replace(found, low=max(0.0, found.mean - reach), high=min(1.0, found.mean + reach))
    return found


def difference(
    before: Sequence[float], after: Sequence[float], clusters: Sequence[str], strata: Sequence[str] | None = None
) -> Estimate:
    """Paired clustered mean of `after - before`, item by item; the interval is that of the difference."""
    pairs = zip(before, after, strict=True)
    return mean([math.nan if b is None or a is None else a - b for b, a in pairs], clusters, strata)


def bootstrap(
    before: Sequence[float], after: Sequence[float], clusters: Sequence[str], resamples: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """95 % percentile interval of the paired mean difference, from drawing whole clusters with replacement.

    A check on `difference` that assumes no distribution. NaN with fewer than 2 clusters. Same seed, same interval.
    """
    cluster = _codes(np.asarray(clusters, dtype=object))
    deltas = np.asarray(after, dtype=float) - np.asarray(before, dtype=float)
    sums, sizes = np.bincount(cluster, weights=deltas), np.bincount(cluster)
    count = len(sums)
    if count < 2:
        return math.nan, math.nan
    generator = np.random.default_rng(seed)
    drawn = generator.multinomial(count, np.full(count, 1 / count), size=resamples)  # [resamples, clusters]
    low, high = np.quantile((drawn @ sums) / (drawn @ sizes), [0.025, 0.975])
    return float(low), float(high)


def _estimate(centre: float, contributions: np.ndarray, cluster: np.ndarray) -> Estimate:
    sums = np.bincount(cluster, weights=contributions)
    count = len(sums)
    if count < 2:
        return Estimate(centre, math.nan, math.nan, math.nan, len(contributions), count)
    se = math.sqrt(count / (count - 1) * float(np.square(sums).sum()))
    half = t_quantile(count - 1) * se
    return Estimate(centre, se, centre - half, centre + half, len(contributions), count)


def _codes(labels: np.ndarray) -> np.ndarray:
    """Labels as integers 0, 1, 2, ..."""
    known: dict[object, int] = {}
    return np.array([known.setdefault(label, len(known)) for label in labels], dtype=int)


def t_quantile(degrees: int) -> float:
    """97.5 % quantile of Student's t. Exact for 1 and 2 degrees, else Fisher's expansion, within 0.5 % of the truth.

    Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.5.
    """
    if degrees == 1:
        return 12.706204736432095
    if degrees == 2:
        return 4.302652729696142
    z, v = _Z, degrees
    return (
        z
        + (z**3 + z) / (4 * v)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3)
        + (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / (92160 * v**4)
    )
