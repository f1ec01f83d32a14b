"""`python -m task_configs.variants`: write `tasks/drbench*/`, the YAML of every variant of the benchmark.

A variant is a size (full or mini), a control (or none) and a prompt; its folder holds a group, its layers and its
categories. lmms-eval wants each of them as a file; the rules are here. A test holds the files against this module.
"""

from collections.abc import Iterator
from pathlib import Path

from lmms_eval_drbench.prompts import suite_name
from lmms_eval_drbench.taxonomy import Category, Layer, categories_of

TASKS = Path(__file__).parent / "tasks"
SIZES = ("", "_mini")
CONTROLS = ("", "_blind", "_shuffled", "_circular")
PROMPTS = {"": ("direct", "scaffold", "cot", "llava_cot")}
"""Control → its prompts. The controls are asked under the two prompts that the paper's comparison is about."""

_HOOK = "!function lmms_eval_drbench.task."
_MAX_NEW_TOKENS = {"direct": 128}
_LONG = 768
"""Tokens for everything that reasons before it answers."""
_GROUP_METRICS = {"scaffold": ("acc", "unparsed", "anchored", "consistent", "well_formed")}
"""Metrics that every category has; entity and relation F1 may be undefined in one, and a group would lose them all."""


def variants() -> Iterator[dict[str, str]]:
    """Path below `tasks` → content, one dict a variant."""
    for size in SIZES:
        for control in CONTROLS:
            for prompt in PROMPTS.get(control, ("direct", "scaffold")):
                yield _variant(size, control, prompt)


def _variant(size: str, control: str, prompt: str) -> dict[str, str]:
    name = suite_name(f"drbench{size}{control}", prompt)
    metrics = _GROUP_METRICS.get(prompt, ("acc", "unparsed")) + (("rotation_acc",) if control == "_circular" else ())
    layers = [layer for layer in Layer if control != "_shuffled" or layer is not Layer.LOGICAL_RIGOR]
    found = {f"{name}/{name}.yaml": _group(name, [f"{name}_{layer}" for layer in layers], metrics)}
    for layer in layers:
        members = [f"{name}_{category}" for category in categories_of(layer)]
        found[f"{name}/{name}_{layer}.yaml"] = _group(f"{name}_{layer}", members, metrics)
        for category in categories_of(layer):
            found[f"{name}/{name}_{category}.yaml"] = _task(name, category, size, control, prompt)
    return found


def _group(name: str, members: list[str], metrics: tuple[str, ...]) -> str:
    lines = [f"group: {name}", "task:", *(f"  - {member}" for member in members), "aggregate_metric_list:"]
    for metric in metrics:
        lines += [f"  - metric: {metric}", "    weight_by_size: true"]
    return "\n".join([*lines, "metadata:", "  version: 0.1"]) + "\n"


def _task(variant: str, category: Category, size: str, control: str, prompt: str) -> str:
    name = f"{variant}_{category}"
    shared = "circular_" if control == "_circular" else ""
    selected = control if control in ("_shuffled", "_circular") else ""
    lines = [f"include: ../_{shared}{prompt}", f"task: {name}"]
    lines.append(f"process_docs: {_HOOK}docs{size}{selected}_{category}")
    visual = {"_blind": "no_visual", "_shuffled": "shuffled_visual"}.get(control)
    if visual:
        lines.append(f"doc_to_visual: {_HOOK}{visual}")
    lines += [
        "generation_kwargs:",
        f'  until: ["<|{name}|>"]',
        f"  max_new_tokens: {_MAX_NEW_TOKENS.get(prompt, _LONG)}",
        "  do_sample: false",
        "  temperature: 0",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    for variant in variants():
        for path, content in variant.items():
            (TASKS / path).parent.mkdir(exist_ok=True)
            (TASKS / path).write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
