"""A comparison as Markdown, LaTeX, CSV or JSON. Names come from users and files: each format escapes them its way."""

import csv
import io
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from lmms_eval_drbench.intervals import Estimate
from lmms_eval_drbench.markdown import escape
from lmms_eval_drbench.markdown import table as markdown_table
from lmms_eval_drbench.report import published
from lmms_eval_drbench.report.comparison import Comparison, Delta, Variant
from lmms_eval_drbench.report.tables import Cell, Table, cell_as_text, tables

TITLE = "Before and after"


def markdown(comparison: Comparison, paper: bool = False) -> str:
    """Headings, notes and tables."""
    parts = [f"# {TITLE}", "\n".join(f"- {line}" for line in _markdown_head(comparison))]
    for table in tables(comparison, paper):
        parts.append(f"{'#' * table.depth} {_with_code(table.title, table.names)}")
        parts.append(_with_code(table.intro, table.names))
        header = [escape(title) for title in table.header]
        rows = (_markdown_row(row, table.text_columns) for row in table.rows)
        parts.append(markdown_table(header, rows, table.text_columns))
    return "\n\n".join(part for part in parts if part) + "\n"


def _markdown_head(comparison: Comparison) -> list[str]:
    lines = [
        f"Data: {escape(data.name)}, fingerprint `{escape(data.fingerprint)}` ({', '.join(names)})."
        for data, names in comparison.data.items()
    ]
    if comparison.forced:
        lines.append("**Made with `--force`: settings, data or questions may differ; deltas may mean nothing.**")
    return lines + [f"**{escape(note)}**" for note in comparison.notes]


def _with_code(text: str, names: tuple[str, ...]) -> str:
    found = escape(text)
    for name in names:
        found = found.replace(escape(name), f"`{name}`")
    return found


def _markdown_row(row: Sequence[Cell], text_columns: int) -> list[str]:
    """Only text columns hold what others wrote; numbers stay readable in the source too."""
    texts = [cell_as_text(cell) for cell in row]
    texts = [escape(text) if index < text_columns else text for index, text in enumerate(texts)]
    return [f"**{text}**" if cell.strong else text for cell, text in zip(row, texts, strict=True)]


_LATEX = {char: f"\\{char}" for char in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "−": "$-$",
    "±": r"$\pm$",
    "→": r"$\to$",
    "–": "--",
}


def latex(comparison: Comparison, paper: bool = False) -> str:
    """One `table` environment a table, with booktabs rules; notes as comments and in the captions."""
    notes = [_one_line(note) for note in comparison.notes]
    notes = ["Made with --force: deltas may mean nothing."] * comparison.forced + notes
    head = ["% needs \\usepackage{booktabs}", *[f"% {note}" for note in notes]]
    head += [f"% data: {_one_line(data.name)} {_one_line(data.fingerprint)}" for data in comparison.data]
    return (
        "\n\n".join(["\n".join(head), *[_latex_table(table, comparison) for table in tables(comparison, paper)]]) + "\n"
    )


def _latex_table(table: Table, comparison: Comparison) -> str:
    columns = "l" * table.text_columns + "r" * (len(table.header) - table.text_columns)
    forced = " Made with --force: deltas may mean nothing." if comparison.forced else ""
    lines = ["\\begin{table}", "\\centering", f"\\caption{{{_tex(f'{table.title}. {table.intro}{forced}'.strip())}}}"]
    lines += [f"\\begin{{tabular}}{{{columns}}}", "\\toprule"]
    lines += [" & ".join(map(_tex, table.header)) + r" \\", "\\midrule"]
    lines += [" & ".join(_tex(cell_as_text(cell)) for cell in row) + r" \\" for row in table.rows]
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}", "\\end{table}"])


def _tex(text: str) -> str:
    return "".join(_LATEX.get(char, char) for char in _one_line(text))


def _one_line(text: str) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


CSV_COLUMNS = ("kind", "suite", "run", "prompt", "level", "row", "n", "value", "low", "high", "sd", "unparsed")
CSV_COLUMNS += ("truncated", "delta", "delta_low", "delta_high", "verdict")


def as_csv(comparison: Comparison, paper: bool = False) -> str:
    """Long form, a line a number: percent and points. kind: benchmark, suite or published; a forced one says so."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, CSV_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for line in _csv_lines(comparison, paper):
        if comparison.forced and line["kind"] != "published":
            line["kind"] += " (forced)"
        writer.writerow({key: _csv_value(value) for key, value in line.items()})
    return stream.getvalue()


def _csv_value(value: Any) -> Any:
    if isinstance(value, float):
        return "" if math.isnan(value) else round(value, 4)
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@") else value  # no formulas


def _csv_lines(comparison: Comparison, paper: bool) -> Iterator[dict[str, Any]]:
    for score in (score for scores in comparison.scores for score in scores if score.value is not None):
        line = {"kind": "benchmark", "run": score.entry.name, "row": score.column, "value": score.value}
        line |= {"sd": score.sd, "unparsed": score.unparsed, "delta": score.change}
        yield line | (_csv_delta(score.delta) if score.delta else {})
    for suite in comparison.suites:
        for variant in suite.variants:
            for name, level in variant.levels.items():
                accuracy, means = level.row.acc, level.row.means
                line = {"kind": "suite", "suite": variant.suite.name, "run": variant.entry.name}
                line |= {"prompt": variant.prompt, "level": level.row.level, "row": name, "n": accuracy.n}
                line |= {"value": 100 * accuracy.mean, "low": 100 * accuracy.low, "high": 100 * accuracy.high}
                line |= {key: 100 * means[key] for key in ("unparsed", "truncated") if key in means}
                if name == "overall" and variant.sd is not None:
                    line["sd"] = 100 * variant.sd
                yield line | (_csv_delta(level.delta) if level.delta else {})
    for row in [*published.MODELS, *published.METHODS] if paper else []:
        for title, value in row.values.items():
            yield {"kind": "published", "run": row.name, "row": title, "value": value}


def _csv_delta(delta: Delta) -> dict[str, Any]:
    found = delta.estimate
    values = {"delta": 100 * found.mean, "delta_low": 100 * found.low, "delta_high": 100 * found.high}
    return values | {"verdict": str(delta.verdict)}


def as_json(comparison: Comparison, paper: bool = False) -> str:
    """Everything, with the ids of the questions gained and lost. Accuracies and deltas are shares, values percent."""
    found: dict[str, Any] = {
        "data": [asdict(data) | {"suites": names} for data, names in comparison.data.items()],
        "forced": comparison.forced,
        "tolerance_points": comparison.tolerance,
        "notes": comparison.notes,
        "runs": [
            {
                "name": entry.name,
                "native": entry.native,
                "reference": entry.reference,
                "folders": [str(run.path) for run in entry.seeds],
                "model": entry.seeds[0].model,
            }
            for entry in comparison.entries
        ],
        "benchmarks": [
            {
                "run": score.entry.name,
                "column": score.column,
                "value": score.value,
                "sd": score.sd,
                "change": score.change,
                "unparsed": score.unparsed,
            }
            | (_json_delta(score.delta) if score.delta else {})
            for scores in comparison.scores
            for score in scores
        ],
        "suites": {
            suite.base: {"chance": suite.chance, "variants": [_json_variant(variant) for variant in suite.variants]}
            for suite in comparison.suites
        },
    }
    if paper:
        found["published"] = {
            "source": published.SOURCE,
            "models": {row.name: row.values for row in published.MODELS},
            "methods": {row.name: row.values for row in published.METHODS},
        }
    return json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _json_variant(variant: Variant) -> dict[str, Any]:
    found: dict[str, Any] = {"run": variant.entry.name, "suite": variant.suite.name, "prompt": variant.prompt}
    found |= {"native": variant.is_native, "sd": variant.sd}
    found["rows"] = [
        {"name": name, "level": level.row.level, "acc": _json_estimate(level.row.acc)}
        | level.row.means
        | (_json_delta(level.delta) if level.delta else {})
        for name, level in variant.levels.items()
    ]
    if variant.change:
        change = variant.change
        found |= {"mcnemar_p": change.flips.p, "gained": change.flips.gained, "lost": change.flips.lost}
        found |= {"delta_parts": asdict(change.parts), "bootstrap": [_json_number(side) for side in change.bootstrap]}
        found["both_parsed"] = change.both_parsed and {
            "before": change.both_parsed.before,
            "after": change.both_parsed.after,
            "difference": _json_estimate(change.both_parsed.difference),
        }
    return found


def _json_delta(delta: Delta) -> dict[str, Any]:
    return {"delta": _json_estimate(delta.estimate), "verdict": str(delta.verdict)}


def _json_estimate(estimate: Estimate) -> dict[str, Any]:
    return {key: _json_number(value) for key, value in asdict(estimate).items()}


def _json_number(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value
