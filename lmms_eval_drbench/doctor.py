"""What a recipe needs and this machine lacks, found before an hour is lost."""

import shutil
from pathlib import Path

from lmms_eval_drbench import data
from lmms_eval_drbench.errors import UserError
from lmms_eval_drbench.plugin import tasks_dir
from lmms_eval_drbench.recipe import Recipe

_FREE_BYTES = 2 * 2**30
_OWN_TASKS = "drbench"


def examine(plan: Recipe, out: Path) -> list[str]:
    """Every problem as a sentence with its cure; empty when nothing is missing."""
    problems = [*_model(plan), *_data(plan), *_tasks(plan), *_pixels(plan)]
    if out.exists() and not out.is_dir():
        problems.append(f"{out} is no folder: choose another --out")
    existing = next(parent for parent in [out.resolve(), *out.resolve().parents] if parent.exists())
    free = shutil.disk_usage(existing).free
    if free < _FREE_BYTES:
        problems.append(f"only {free / 2**30:.1f} GiB are free at {existing}: make room for checkpoints and logs")
    return problems


def _model(plan: Recipe) -> list[str]:
    folder = Path(plan.model).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file() and not (folder / "adapter_config.json").is_file():
            return [f"{folder} is no model: it has neither config.json nor adapter_config.json"]
        return []
    if plan.model.count("/") != 1 or plan.model.startswith((".", "/")):
        return [f"no model folder {folder}: correct `model` in the recipe"]
    from huggingface_hub import constants, try_to_load_from_cache

    if constants.HF_HUB_OFFLINE and not isinstance(try_to_load_from_cache(plan.model, "config.json"), str):
        return [f"{plan.model} is not in the local hub cache and HF_HUB_OFFLINE is set: download it first"]
    return []


def _data(plan: Recipe) -> list[str]:
    problems = []
    trained_on = [(plan.data, str(plan.train.get("split", "train")))] if plan.data else []
    for spec, split in [(plan.test_data or None, "test"), *trained_on]:
        try:
            data.load(spec, split)
        except UserError as error:
            problems.append(str(error))
    return problems


def _tasks(plan: Recipe) -> list[str]:
    """Our own tasks, by their files; the names of the general benchmarks are lmms-eval's to check."""
    known = {file.stem for file in tasks_dir().rglob("*.yaml")}
    named = {task for step in plan.runs for task in step.tasks if task.startswith(_OWN_TASKS)}
    return [f"no task {task}: see --tasks list" for task in sorted(named - known)]


def _pixels(plan: Recipe) -> list[str]:
    """Pixel limits of training and evaluation must agree, or the scores measure another resolution."""
    in_eval = dict(part.split("=", 1) for part in plan.model_args.split(",") if "=" in part)
    problems = []
    for step in plan.runs:
        in_training = plan.train | step.train
        for name in ("min_pixels", "max_pixels") if step.train else ():
            trained, evaluated = (str(limits.get(name, "the default")) for limits in (in_training, in_eval))
            if trained != evaluated:
                problems.append(
                    f"{name} is {trained} in the training of {step.name} but {evaluated} in `model_args`: "
                    "make them equal"
                )
    return problems
