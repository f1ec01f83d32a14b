"""The rows of a comparison: a named run, or several seeds of one run, with the prompt it was trained for."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from statistics import fmean, stdev

from lmms_eval_drbench import runs, summary
from lmms_eval_drbench.columns import Column
from lmms_eval_drbench.errors import UserError
from lmms_eval_drbench.prompts import PROMPTS, split_suite
from lmms_eval_drbench.summary import Sample, Suite

_WHOLE = 100 + 1e-6
"""Percent, with room for rounding."""


@dataclass(frozen=True)
class Entry:
    """One run under one name.

    seeds: its repetitions, one or more. native: the prompt it was trained for, fixed beforehand; None when not said.
    reference: the name of the entry that its deltas refer to, its own name when it has none.
    """

    name: str
    seeds: tuple[runs.Run, ...]
    native: str | None
    reference: str

    @cached_property
    def suites_by_seed(self) -> list[dict[str, Suite]]:
        return [summary.suites(run) for run in self.seeds]

    @cached_property
    def suites(self) -> dict[str, Suite]:
        """Suites that every seed has; with several seeds, every score is its mean over them, question by question."""
        first, *others = self.suites_by_seed
        shared = [name for name in first if all(name in other for other in others)]
        return {name: _mean_suite([found[name] for found in self.suites_by_seed]) for name in shared}

    def values(self, column: Column) -> list[float]:
        """The column's value in percent, one a seed: upstream's, or from the samples where only tasks were run.

        Empty when a seed lacks it.
        """
        found = [_value(run, suites, column) for run, suites in zip(self.seeds, self.suites_by_seed, strict=True)]
        return [] if any(value is None for value in found) else [value for value in found if value is not None]


def prompt_of(suite: Suite) -> str:
    """The prompt that a suite's samples were asked under: what they logged, or what the suite's name says."""
    logged = suite.samples[0].get("prompt")
    return str(logged) if logged else split_suite(suite.name)[1]


def spread(values: Sequence[float]) -> float | None:
    """Sample standard deviation over seeds; None for a single one."""
    return stdev(values) if len(values) > 1 else None


def _value(run: runs.Run, suites: dict[str, Suite], column: Column) -> float | None:
    if column.task in suites:
        return 100 * fmean(sample["acc"] for sample in suites[column.task].samples)
    result = run.tasks.get(column.task)
    return None if result is None else percentage(column.value(result.metrics), f"{column.task} of {run.path}")


def percentage(value: float | None, where: str) -> float | None:
    """A reported value in percent; None where there is none: missing, or NaN, which a mean over no question is.

    Raises UserError when it can't be a percentage.
    """
    if value is None or math.isnan(value):
        return None
    if not 0 <= value <= _WHOLE:
        raise UserError(f"{where} reports {value:.4g} %, which is no percentage: evaluate again")
    return value


def _mean_suite(seeds: Sequence[Suite]) -> Suite:
    """Several seeds as one suite. Raises UserError when they did not answer the same questions of the same data."""
    first = seeds[0]
    by_record = [{sample["record_id"]: sample for sample in suite.samples} for suite in seeds]
    for suite, samples in zip(seeds[1:], by_record[1:], strict=True):
        if suite.data != first.data or set(samples) != set(by_record[0]):
            raise UserError(
                f"{first.name} of {first.run} and of {suite.run} are named as seeds of one run, but they answered "
                "different questions: give them different names, or evaluate them alike"
            )
    if len(seeds) == 1:
        return first
    return replace(first, samples=[_mean_sample([found[record] for found in by_record]) for record in by_record[0]])


def _mean_sample(samples: Sequence[Sample]) -> Sample:
    """The first seed's sample with the mean of every score; a score that a seed lacks is None."""
    merged = dict(samples[0])
    for key, value in samples[0].items():
        if isinstance(value, float):
            others = [sample.get(key) for sample in samples]
            merged[key] = None if any(other is None for other in others) else fmean(others)
    return merged


def read(
    paths: Sequence[str], names: Sequence[str] = (), natives: Sequence[str] = (), references: Sequence[str] = ()
) -> list[Entry]:
    """Read every folder; folders of one name are seeds of one run.

    names, natives, references: none, or one for each path. Raises UserError on a wrong count, an unknown prompt or
    reference, contradicting seeds, and when fewer than two runs are left.
    """
    titles = _one_each(names, paths, "--name") or _folder_names(paths)
    prompts = _one_each(natives, paths, "--native") or [None] * len(paths)
    bases = _one_each(references, paths, "--reference") or [titles[0]] * len(paths)
    for prompt in prompts:
        if prompt not in (None, *PROMPTS):
            raise UserError(f"--native {prompt}: a run's native prompt is one of {', '.join(PROMPTS)}")
    for base in bases:
        if base not in titles:
            raise UserError(f"--reference {base}: no run has that name, only {', '.join(dict.fromkeys(titles))}")
    members: dict[str, list[int]] = {}
    for index, title in enumerate(titles):
        members.setdefault(title, []).append(index)
    if len(members) < 2:
        raise UserError(f"all folders are named {titles[0]}, so they are seeds of one run: name at least two runs")
    found = []
    for title, indices in members.items():
        if len({(prompts[index], bases[index]) for index in indices}) > 1:
            raise UserError(f"the seeds of {title} were given different native prompts or references: give one")
        seeds = tuple(runs.read(paths[index]) for index in indices)
        found.append(Entry(title, seeds, prompts[indices[0]], bases[indices[0]]))
    return found


def _one_each(values: Sequence[str], paths: Sequence[str], flag: str) -> list[str]:
    cleaned = [value.strip() for value in values]
    if cleaned and (len(cleaned) != len(paths) or not all(cleaned)):
        raise UserError(f"{flag} is given {len(cleaned)} times for {len(paths)} runs: give it once for each, in order")
    return cleaned


def _folder_names(paths: Sequence[str]) -> list[str]:
    """Distinct names: the folders' own (the parent's where it is `eval`, as the harness calls them), else the paths."""
    resolved = [Path(path).resolve() for path in paths]
    found = [path.parent.name if path.name == "eval" else path.name for path in resolved]
    for names in (found, list(paths)):
        if len(set(names)) == len(names):
            return names
    return [f"{path} ({number})" for number, path in enumerate(paths, start=1)]
