"""`python -m lmms_eval_drbench.harness RECIPE.yaml`: base evaluation → training → evaluation → comparison.

A recipe names a model, training data and runs; see `task_configs/recipes`. Everything lands in one folder, every step
that finished is skipped when the command is given again, and `--doctor` says what is missing before an hour is lost.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from lmms_eval_drbench import data, doctor, plugin, recipe, runner
from lmms_eval_drbench.errors import UserError, run_cli
from lmms_eval_drbench.recipe import Recipe, RunPlan
from lmms_eval_drbench.report import comparison, entries, formats, page

TABLE = "table.md"
REPORT = "report.html"
LAUNCH = ["accelerate.commands.launch", "--multi_gpu", "--main_process_port", "0"]
"""Accelerate starts several processes where `--multi_gpu` stands, on a CPU too; `--cpu` starts one whatever
`--num_processes` says (accelerate 1.15). Port 0: any that is free."""
CPU_ENV = {
    "MALLOC_MMAP_THRESHOLD_": str(2**33),
    "MALLOC_TRIM_THRESHOLD_": str(2**34),
    "MALLOC_TOP_PAD_": str(2**28),
    "GOMP_SPINCOUNT": "0",
}
"""glibc keeps memory between steps instead of returning it, and idle threads don't spin: on a virtual machine, fresh
pages and a busy neighbour otherwise cost more than the arithmetic of a tiny model."""


def run(plan: Recipe, out: Path) -> str:
    """Do every step of a recipe that is not done yet, and return the comparison.

    It is also written to `out/table.md`; `out/report.html` shows it with plots and every question.
    """
    started = time.monotonic()
    _build_data(plan, out)
    folders = []
    for step in plan.runs:
        pretrained = _train(plan, step, out) if step.train else plan.model
        folders.append(out / step.name / "eval")
        _say(f"evaluating {step.name}: {', '.join(step.tasks)}", started)
        call = runner.Call(
            model=plan.lmms_model,
            tasks=tuple(step.tasks),
            model_args=plan.model_args_for(pretrained),
            batch_size=plan.batch_size,
            limit=plan.limit,
            gen_kwargs=plan.gen_kwargs,
            env=CPU_ENV | ({data.ENV: plan.test_data} if plan.test_data else {}),
            changes=_weights_fingerprint(pretrained),
        )
        runner.evaluate(call, folders[-1])
    runs = entries.read(list(map(str, folders)), [step.name for step in plan.runs], [step.native for step in plan.runs])
    compared = comparison.compare(runs)
    table = formats.markdown(compared)
    (out / TABLE).write_text(table, encoding="utf-8")
    (out / REPORT).write_text(page.html(compared, title=f"{plan.name}: before and after"), encoding="utf-8")
    _say(f"the table is in {out / TABLE}, the report in {out / REPORT}", started)
    return table


def _build_data(plan: Recipe, out: Path) -> None:
    """Procedural records to train on and to replay, which are built on first use."""
    if plan.build:
        _built("lmms_eval_drbench.build", plan.build, out / recipe.DATA)
    if plan.replay:
        _built("lmms_eval_drbench.tiny.base_skills", {"images": plan.replay["images"]}, out / recipe.REPLAY)


def _built(module: str, options: dict[str, Any], folder: Path) -> None:
    """The train split that `module` builds with these options, unless it is there. Refuses one of other options."""
    options = {"split": "train"} | options
    stats = folder / "stats.json"
    if not stats.exists():
        _call([module, *recipe.flags(options | {"out": folder}, "-")], folder.parent)
        return
    made_by = json.loads(stats.read_text(encoding="utf-8"))["made_by"]
    if any(str(made_by.get(name)) != str(value) for name, value in options.items()):
        raise UserError(f"{folder} was built with other options ({made_by}): remove it or choose another --out")


def _train(plan: Recipe, step: RunPlan, out: Path) -> str:
    folder = recipe.model_folder(step, out)
    started = folder.exists() and any(folder.iterdir())
    launcher = [*LAUNCH, "--num_processes", str(plan.processes), "-m"] if plan.processes > 1 else []
    _say(f"training {step.name}: {step.train}", None)
    _call([*launcher, "sft.run", *recipe.training_flags(plan, step, out), *(["--resume"] if started else [])], out)
    return str(folder.resolve())


def _call(module: list[str], out: Path) -> None:
    """Run a module of ours with its progress on the terminal; it has already said what was wrong when it fails."""
    code = subprocess.run([sys.executable, "-m", *module], env=os.environ | CPU_ENV, check=False).returncode
    if code:
        raise UserError(f"{module[0]} stopped (exit code {code}); what is in {out} is kept, run the same command again")


def _weights_fingerprint(pretrained: str) -> str:
    """What tells one training result from another in the same folder; empty for a hub id."""
    for name in ("adapter_model.safetensors", "model.safetensors"):
        file = Path(pretrained) / name
        if file.is_file():
            return data.fingerprint_of_file(file)
    return ""


def _say(sentence: str, started: float | None) -> None:
    clock = f"[{(time.monotonic() - started) / 60:.1f} min] " if started is not None else ""
    print(f"{clock}{sentence}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m lmms_eval_drbench.harness", description=__doc__)
    parser.add_argument("recipe", nargs="?", help="a YAML file, or the name of a packaged recipe (tiny, ...)")
    parser.add_argument("--out", type=Path, help="output folder (default: runs/<recipe's name>)")
    parser.add_argument("--doctor", action="store_true", help="check what the recipe needs, run nothing")
    args = parser.parse_args()
    plan = recipe.load(args.recipe or "tiny", plugin.CONFIGS / "recipes")
    out = args.out or Path("runs") / plan.name
    problems = doctor.examine(plan, out)
    if args.doctor:
        print("\n".join(problems) or f"nothing is missing for {plan.name}")
        return 1 if problems else 0
    if problems:
        raise UserError("; ".join(problems))
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--out {out} cannot be made: {error.strerror}") from error
    print(run(plan, out))
    print(f"report: {out / REPORT}")
    return 0


if __name__ == "__main__":
    run_cli(main)
