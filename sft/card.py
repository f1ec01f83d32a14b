"""The model card that a finished run leaves in its folder: what was done, in numbers, with no claim about quality."""

import json
from pathlib import Path
from typing import Any

from sft import log

CARD_FILE = "README.md"
_NOT_SHOWN = {"resume", "overwrite", "inspect", "output_dir", "workers", "logging_steps", "save_steps"}
"""Options that don't change what is learned."""


def render(summary: dict[str, Any]) -> str:
    """The card of a complete run (`run.json`'s content) as Markdown with a metadata header."""
    options, data, schedule = summary["options"], summary["data"], summary["schedule"]
    adapter = options["tuning"] == "lora"
    lines = ["---", *_header(options, adapter), "---", "", f"# {_title(options)}", ""]
    lines += [
        f"{'A LoRA adapter of' if adapter else 'Trained from'} `{options['model']}` (vision tower frozen), made by "
        f"`python -m sft.run` of lmms-eval-drbench {summary['versions']['lmms-eval-drbench']}. This card is written by "
        "the run itself; it says what was done, not how good the result is.",
        "",
        "## Data",
        "",
        f"{data['name']}, split {data['split']}, fingerprint `{data['fingerprint']}`: {data['used']} of "
        f"{data['records']} records about {data['images']} images"
        + (f", {len(data['skipped'])} left out." if data["skipped"] else "."),
    ]
    if data["mixed_in"]:
        extra = data["mixed_in"]
        lines.append(f"Mixed in: {extra['name']}, fingerprint `{extra['fingerprint']}`, {extra['used']} records.")
    lines += [
        "",
        "## Method",
        "",
        f"Method `{options['method']}`, schedule `{schedule['name']}`, {schedule['samples_per_step']} samples a step, "
        f"on {summary['device']}; {summary['parameters']['trainable']:,} of {summary['parameters']['total']:,} weights "
        "trained.",
        "",
        "| stage | steps | loss, first logged | mean | last | supervised tokens | seconds |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += [_stage_row(row) for row in summary["stages"]]
    chosen = {name: value for name, value in options.items() if name not in _NOT_SHOWN and value not in (None, "")}
    lines += ["", "Options:", "", "```yaml", *(f"{name}: {json.dumps(value)}" for name, value in chosen.items()), "```"]
    versions = ", ".join(f"{name} {version}" for name, version in summary["versions"].items())
    lines += ["", f"Versions: {versions}.", "", "## To evaluate it", "", "```bash", summary["eval_command"], "```", ""]
    return "\n".join(lines)


def write(out: Path, summary: dict[str, Any]) -> None:
    """Write the card of a complete run. Raises OSError on a full disk."""
    (out / CARD_FILE).write_text(render(summary), encoding="utf-8")


def _header(options: dict[str, Any], adapter: bool) -> list[str]:
    """Metadata as model hubs read it; a base that is a local folder has no name there."""
    base = [] if Path(options["model"]).expanduser().exists() else [f"base_model: {json.dumps(options['model'])}"]
    library = "peft" if adapter else "transformers"
    return [
        *base,
        f"library_name: {library}",
        "pipeline_tag: image-text-to-text",
        f"tags: [drbench, {options['method']}]",
    ]


def _title(options: dict[str, Any]) -> str:
    return f"{Path(options['model']).name}, {options['method']}"


def _stage_row(row: dict[str, Any]) -> str:
    losses = [log.shown(row[name]) for name in ("loss_first", "loss_mean", "loss_last")]
    cells = [f"{row['stage']} {row['name']}", str(row["steps"]), *losses, f"{row['supervised_tokens']:,}"]
    return f"| {' | '.join([*cells, str(row['seconds'])])} |"
