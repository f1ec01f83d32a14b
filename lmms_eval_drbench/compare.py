"""`python -m lmms_eval_drbench.compare BEFORE AFTER...`: the before/after table, from lmms-eval's output folders.

Deltas are to the first run, in percentage points, with 95 % intervals that are paired by question and clustered by
image. A prompt is part of a column's or row's name: results under different prompts are never merged.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lmms_eval_drbench import columns, pairing, runs, summary
from lmms_eval_drbench.columns import COLUMNS, Column
from lmms_eval_drbench.errors import UserError, run_cli
from lmms_eval_drbench.intervals import Estimate
from lmms_eval_drbench.markdown import escape, interval, percent, points, points_interval, table
from lmms_eval_drbench.prompts import PROMPTS, split_suite, suite_name
from lmms_eval_drbench.summary import Suite


@dataclass(frozen=True)
class Entry:
    """One run of the comparison. native: the prompt it was trained for, fixed beforehand; None when not said."""

    name: str
    run: runs.Run
    suites: dict[str, Suite]
    native: str | None = None

    def value(self, column: Column) -> float | None:
        """The column's value in percent: upstream's, or from the samples where only a suite's tasks were run."""
        if column.task in self.suites:
            samples = self.suites[column.task].samples
            return 100 * sum(sample["acc"] for sample in samples) / len(samples)
        result = self.run.tasks.get(column.task)
        return None if result is None else column.value(result.metrics)


def markdown(entries: Sequence[Entry], force: bool = False) -> str:
    """The whole comparison. Raises UserError when runs have nothing in common or differ in data (unless `force`)."""
    shown = [column for column in COLUMNS if any(entry.value(column) is not None for entry in entries)]
    _check_common(entries, shown)
    if not force:
        _check_data(entries)
    parts = ["# Before and after", _data_lines(entries), _notes(entries, force), _benchmarks(entries, shown, force)]
    for base in _bases(entries):
        variants = [(entry, entry.suites[name]) for entry in entries for name in _prompts_of(base, entry)]
        parts.append(_prompts(base, variants, force))
        if all(suite.is_layered for _, suite in variants):
            parts.append(_levels(base, variants, force))
    return "\n\n".join(part for part in parts if part) + "\n"


def _check_common(entries: Sequence[Entry], shown: Sequence[Column]) -> None:
    first = {column.task for column in shown if entries[0].value(column) is not None}
    for entry in entries[1:]:
        if not any(column.task in first for column in shown if entry.value(column) is not None):
            raise UserError(
                f"{entries[0].run.path} and {entry.run.path} have no benchmark in common: evaluate the same tasks"
            )


def _check_data(entries: Sequence[Entry]) -> None:
    """Refuse different data behind one task name, by the tasks' metadata: runs without samples have no other trace."""
    for entry in entries[1:]:
        for task, result in entry.run.tasks.items():
            first = entries[0].run.tasks.get(task)
            if first is not None and first.data != result.data:
                raise UserError(
                    f"{task} in {entries[0].run.path} and in {entry.run.path} was evaluated on different data: "
                    f"{' '.join(first.data)} and {' '.join(result.data)}; evaluate both on the same, or pass --force "
                    "to mark the table"
                )


def _bases(entries: Sequence[Entry]) -> list[str]:
    """Suite names without their prompt, in the order of `COLUMNS`."""
    known = [split_suite(column.task)[0] for column in COLUMNS]
    present = {split_suite(name)[0] for entry in entries for name in entry.suites}
    return sorted(present, key=lambda base: (known.index(base) if base in known else len(known), base))


def _prompts_of(base: str, entry: Entry) -> list[str]:
    return [name for name in (suite_name(base, prompt) for prompt in PROMPTS) if name in entry.suites]


def _prompt(suite: Suite) -> str:
    return split_suite(suite.name)[1]


# --- what was compared -----------------------------------------------------------------------------------------------


def _data_lines(entries: Sequence[Entry]) -> str:
    """Each data set once, with its fingerprint and the suites that used it."""
    used: dict[summary.Data, set[str]] = {}
    for entry in entries:
        for name, suite in entry.suites.items():
            used.setdefault(suite.data, set()).add(name)
    return "\n".join(
        f"- Data: {escape(data.name)}, fingerprint `{escape(data.fingerprint)}` ({', '.join(sorted(names))})."
        for data, names in used.items()
    )


def _notes(entries: Sequence[Entry], force: bool) -> str:
    """What a reader must know before trusting a delta: forced pairing, limits, missing categories, other settings."""
    notes = []
    if force:
        notes.append("**Made with `--force`: data or questions may differ between the runs; deltas may mean nothing.**")
    for entry in entries:
        limits = {result.call.get("limit") for result in entry.run.tasks.values()} - {None}
        if limits:
            notes.append(f"**{escape(entry.name)} was evaluated on a part of the data only (`--limit`).**")
        for name, suite in entry.suites.items():
            if suite.missing:
                lacking = ", ".join(category.replace("_", " ") for category in suite.missing)
                notes.append(f"**`{name}` of {escape(entry.name)} has no question of: {lacking}.**")
    notes += [f"**{escape(note)}**" for note in _call_differences(entries)]
    return "\n".join(f"- {note}" for note in notes)


def _call_differences(entries: Sequence[Entry]) -> list[str]:
    """Settings of the lmms-eval calls, other than the model itself, in which the runs differ."""
    settings = [_settings(entry.run) for entry in entries]
    notes = []
    for key in sorted(set().union(*settings)):
        values = [found.get(key, "default") for found in settings]
        if len(set(values)) > 1:
            listed = ", ".join(f"{entry.name} {value}" for entry, value in zip(entries, values, strict=True))
            notes.append(f"The runs differ in {key}: {listed}.")
    return notes


def _settings(run: runs.Run) -> dict[str, str]:
    found: dict[str, set[str]] = {}
    for result in run.tasks.values():
        call = {key: result.call.get(key) for key in ("batch_size", "gen_kwargs")} | {
            "lmms-eval version": result.version
        }
        for pair in str(result.call.get("model_args") or "").split(","):
            key, _, value = pair.partition("=")
            if key.strip() not in ("", "pretrained", "peft", "model", "model_version"):
                call[key.strip()] = value.strip()
        for key, value in call.items():
            if value not in (None, ""):
                found.setdefault(key, set()).add(str(value))
    return {key: " and ".join(sorted(values)) for key, values in found.items()}


# --- tables ----------------------------------------------------------------------------------------------------------


def _benchmarks(entries: Sequence[Entry], shown: Sequence[Column], force: bool) -> str:
    values = [{column.task: entry.value(column) for column in shown} for entry in entries]
    averages = {
        f"Average (DRBench {prompt})": [columns.average(found, suite_name("drbench", prompt)) for found in values]
        for prompt in PROMPTS
    }
    averages = {title: found for title, found in averages.items() if any(value is not None for value in found)}
    lines = []
    for position, entry in enumerate(entries):
        cells = [_cell(entries[0], entry, column, force) for column in shown]
        for found in averages.values():
            cells.append(_plain_cell(found[position], found[0] if position else None))
        lines.append([escape(entry.name), *cells])
    heading = (
        "## Benchmarks\n\nPercent; in brackets the delta to the first row in points, with its 95 % interval where "
    )
    heading += "the samples were logged."
    return f"{heading}\n\n{table(['', *[column.title for column in shown], *averages], lines)}"


def _cell(first: Entry, entry: Entry, column: Column, force: bool) -> str:
    value, reference = entry.value(column), first.value(column)
    if entry is first or column.task not in first.suites or column.task not in entry.suites:
        return _plain_cell(value, None if entry is first else reference)
    found = pairing.pairs(first.suites[column.task], entry.suites[column.task], force)
    return f"{value:.1f} ({_delta(pairing.difference(found))})"


def _plain_cell(value: float | None, reference: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.1f}" if reference is None else f"{value:.1f} ({points((value - reference) / 100)})"


def _delta(estimate: Estimate) -> str:
    return f"{points(estimate.mean)} {points_interval(estimate.low, estimate.high)}".strip()


def _reference(variants: Sequence[tuple[Entry, Suite]]) -> tuple[Entry, Suite]:
    """The first run under its native prompt (direct, when nothing was said)."""
    first = [variant for variant in variants if variant[0] is variants[0][0]]
    return next((variant for variant in first if _prompt(variant[1]) == (variant[0].native or "direct")), first[0])


def _prompts(base: str, variants: Sequence[tuple[Entry, Suite]], force: bool) -> str:
    """Every run under every prompt on the same questions, with the outputs that could not be read."""
    reference = _reference(variants)
    lines = []
    for entry, suite in variants:
        overall = next(row for row in summary.rows(suite) if row.level == "overall")
        prompt = f"{_prompt(suite)}{' (native)' if entry.native == _prompt(suite) else ''}"
        cells = [percent(overall.acc.mean), interval(overall.acc.low, overall.acc.high)]
        cells += [percent(overall.means["unparsed"]), percent(overall.means.get("truncated"))]
        if suite is reference[1]:
            deltas = ["", "", ""]
        else:
            found = pairing.pairs(reference[1], suite, force)
            both = pairing.both_parsed(found)
            deltas = [_delta(pairing.difference(found)), "–", "–"]
            if both is not None:
                shares = f"{percent(both.before)} → {percent(both.after)}"
                deltas[1:] = [f"{shares} ({_delta(both.difference)})", f"{both.difference.n} of {len(found)}"]
        lines.append([escape(entry.name), prompt, *cells, *deltas])
    text = f"## `{base}`: every run under every prompt\n\nChance is {percent(reference[1].chance)}."
    if len(variants) > 1:
        text += (
            f" The same questions everywhere; deltas are to {escape(reference[0].name)} under the "
            f"{_prompt(reference[1])} prompt. The last two columns leave out the questions for which either output "
            "could not be read."
        )
    header = ["run", "prompt", "acc", "95 % interval", "unparsed %", "truncated %", "delta"]
    header += ["acc where both parsed", "of them"]
    return f"{text}\n\n{table(header, lines, text_columns=2)}"


def _levels(base: str, variants: Sequence[tuple[Entry, Suite]], force: bool) -> str:
    """Categories and layers as rows; runs under their prompts as columns."""
    reference = _reference(variants)
    header = [f"{escape(entry.name)}, {_prompt(suite)}" for entry, suite in variants]
    accuracies = [{row.name: row.acc for row in summary.rows(suite)} for _, suite in variants]
    deltas = [
        {} if suite is reference[1] else pairing.by_row(suite, pairing.pairs(reference[1], suite, force))
        for _, suite in variants
    ]
    lines = []
    for row in summary.rows(reference[1]):
        label = row.name.replace("_", " ") if row.level != "macro" else "macro mean of categories"
        cells = [
            _level_cell(found.get(row.name), delta.get(row.name))
            for found, delta in zip(accuracies, deltas, strict=True)
        ]
        lines.append([label if row.level == "category" else f"**{label}**", str(row.acc.n), *cells])
    return f"### `{base}` by category and layer\n\n{table(['', 'n', *header], lines)}"


def _level_cell(accuracy: Estimate | None, delta: Estimate | None) -> str:
    if accuracy is None:
        return "–"
    return percent(accuracy.mean) + (f" ({_delta(delta)})" if delta is not None else "")


# --- command ---------------------------------------------------------------------------------------------------------


def read_entries(paths: Sequence[str], names: str | None, native: str | None) -> list[Entry]:
    """Read every folder. names, native: comma-separated, one each. Raises UserError on a wrong count or prompt."""
    titles = _one_each(names, paths, "--names") or [Path(path).name or path for path in paths]
    if len(set(titles)) < len(titles):
        titles = list(paths)
    prompts = _one_each(native, paths, "--native") or [None] * len(paths)
    for prompt in prompts:
        if prompt is not None and prompt not in PROMPTS:
            raise UserError(f"--native {prompt}: a run's native prompt is one of {', '.join(PROMPTS)}")
    found = []
    for path, title, prompt in zip(paths, titles, prompts, strict=True):
        run = runs.read(path)
        found.append(Entry(title, run, summary.suites(run), prompt))
    return found


def _one_each(values: str | None, paths: Sequence[str], flag: str) -> list[str] | None:
    if values is None:
        return None
    found = [value.strip() for value in values.split(",")]
    if len(found) != len(paths) or not all(found):
        raise UserError(f"{flag} gives {len(found)} values for {len(paths)} runs: give one each, separated by commas")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m lmms_eval_drbench.compare", description=__doc__)
    parser.add_argument("before", help="lmms-eval's output folder of the run that deltas refer to")
    parser.add_argument("after", nargs="+", help="output folders of the other runs")
    parser.add_argument("--names", help="names of the runs, separated by commas (default: the folders' names)")
    parser.add_argument("--native", help="the prompt each run was trained for, by commas: " + ", ".join(PROMPTS))
    parser.add_argument("--output", help="also write the table to this file")
    parser.add_argument("--force", action="store_true", help="compare runs on different data too, and mark the table")
    arguments = parser.parse_args()
    entries = read_entries([arguments.before, *arguments.after], arguments.names, arguments.native)
    text = markdown(entries, arguments.force)
    if arguments.output:
        try:
            Path(arguments.output).write_text(text, encoding="utf-8")
        except OSError as error:
            raise UserError(f"cannot write {arguments.output}: {error}") from error
    print(text, end="")


if __name__ == "__main__":
    run_cli(main)
