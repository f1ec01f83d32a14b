"""`python -m lmms_eval_drbench.score RUN`: every number of one run, from its logged samples."""

import argparse
import dataclasses
import json
import math
from typing import Any

from lmms_eval_drbench import runs, summary
from lmms_eval_drbench.conditional import conditional
from lmms_eval_drbench.errors import UserError, run_cli
from lmms_eval_drbench.markdown import escape, interval, percent, table
from lmms_eval_drbench.summary import Row, Suite

_COLUMNS = {"partial": "partial", "chance": "chance", "unparsed": "unparsed %", "truncated": "truncated %"}
_OPTIONAL = {
    "rotation_acc": "rotations right",
    "entity_f1": "entity F1",
    "relation_f1": "relation F1",
    "anchored": "anchored %",
    "consistent": "consistent %",
    "well_formed": "well-formed %",
}
_POLICIES = {
    "always_reject": "always reject",
    "never_reject": "never reject (and otherwise right)",
    "always_a": "always A",
}


def report(run: runs.Run) -> dict[str, Any]:
    """Everything as one JSON-able dict. Raises UserError when the run logged no samples of this project."""
    found = summary.suites(run)
    if not found:
        tasks = ", ".join(list(run.tasks)[:3]) or "no task"
        raise UserError(
            f"{run.path} has no logged samples of a drbench task, only results of {tasks}: evaluate a drbench task "
            "with --log_samples"
        )
    return {
        "run": str(run.path),
        "model": run.model,
        "lmms_eval_version": next(iter(run.tasks.values())).version,
        "suites": {name: _suite_report(suite) for name, suite in found.items()},
    }


def _suite_report(suite: Suite) -> dict[str, Any]:
    return {
        "data": suite.data.name,
        "fingerprint": suite.data.fingerprint,
        "limit": suite.tasks[0].call.get("limit"),
        "rows": [
            {"name": row.name, "level": row.level, "acc": _json_numbers(dataclasses.asdict(row.acc))} | row.means
            for row in summary.rows(suite)
        ],
        "conditional": [
            {
                "layer": found.layer,
                "given": list(found.given),
                "right": _json_numbers(dataclasses.asdict(found.right)),
                "not_right": _json_numbers(dataclasses.asdict(found.not_right)),
            }
            for found in conditional(suite.samples)
        ],
    }


def _json_numbers(values: dict[str, float]) -> dict[str, float | None]:
    return {key: None if isinstance(value, float) and math.isnan(value) else value for key, value in values.items()}


def markdown(run: runs.Run) -> str:
    """The same rows as Markdown tables, one per suite; percentages, intervals are 95 % and clustered by image."""
    whole = report(run)
    parts = [
        f"# {escape(run.model)}",
        f"Run `{str(run.path).replace('`', '')}`. Accuracy in percent, with 95 % intervals clustered by image.",
    ]
    for name, suite in summary.suites(run).items():
        described = whole["suites"][name]
        parts.append(f"## `{name}`")
        parts.append(f"Data: {escape(suite.data.name)}, fingerprint `{escape(suite.data.fingerprint)}`.")
        if described["limit"] is not None:
            parts.append(f"**Only a part of the data was evaluated (`--limit {described['limit']:g}`).**")
        parts.append(suite_table(suite))
        parts += filter(None, [conditional_table(suite)])
    return "\n\n".join(parts) + "\n"


def suite_table(suite: Suite) -> str:
    """One suite's rows, and below them the constant policies of its false premise questions."""
    rows = summary.rows(suite)
    extra = _COLUMNS | {name: title for name, title in _OPTIONAL.items() if any(name in row.means for row in rows)}
    lines = [_line(row, list(extra)) for row in rows]
    for row in rows:
        for policy, title in _POLICIES.items():
            if policy in row.means:
                empty = ["–"] * (len(extra) + 1)
                lines.append([f"*false premise, {title}*", str(row.acc.n), percent(row.means[policy]), *empty])
    return table(["", "n", "acc", "95 % interval", *extra.values()], lines)


def conditional_table(suite: Suite) -> str:
    """Each upper layer where the layers below it were right on the same image, and where not; empty without both."""
    lines = []
    for found in conditional(suite.samples):
        below = " and ".join(layer.replace("_", " ") for layer in found.given)
        for estimate, state in ((found.right, "right"), (found.not_right, "not all right")):
            label = f"{found.layer.replace('_', ' ')}, given {below} {state} on the image"
            lines.append([label, str(estimate.n), percent(estimate.mean), interval(estimate.low, estimate.high)])
    return table(["layer by layer", "n", "acc", "95 % interval"], lines) if lines else ""


def _line(row: Row, extra: list[str]) -> list[str]:
    label = row.name.replace("_", " ")
    label = {"category": label, "macro": "**macro mean of categories**"}.get(row.level, f"**{label}**")
    values = [percent(row.means.get(name)) for name in extra]
    return [label, str(row.acc.n), percent(row.acc.mean), interval(row.acc.low, row.acc.high), *values]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m lmms_eval_drbench.score", description=__doc__)
    parser.add_argument("run", help="lmms-eval's output folder, of a run with --log_samples")
    parser.add_argument("--format", choices=("md", "json"), default="md")
    arguments = parser.parse_args()
    run = runs.read(arguments.run)
    print(markdown(run) if arguments.format == "md" else json.dumps(report(run), indent=2, ensure_ascii=False))


if __name__ == "__main__":
    run_cli(main)
