"""What a recipe needs and this machine lacks, found before an hour is lost."""

import inspect
import json
import shutil
import subprocess
import sys
from pathlib import Path

from lmms_eval_drbench import data
from lmms_eval_drbench.errors import UserError
from lmms_eval_drbench.plugin import tasks_dir
from lmms_eval_drbench.recipe import Recipe, training_flags

_FREE_BYTES = 2 * 2**30


def examine(plan: Recipe, out: Path) -> list[str]:
    """Every problem as a sentence with its cure; empty when nothing is missing."""
    problems = [*_model(plan), *_data(plan), *_tasks(plan), *_adapter(plan), *_pixels(plan), *_training(plan, out)]
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
    """Our own tasks by their files; only where others are named, lmms-eval's registry is read (it takes seconds)."""
    named = {task for step in plan.runs for task in step.tasks}
    unknown = named - {file.stem for file in tasks_dir().rglob("*.yaml")}
    if unknown:
        from lmms_eval.tasks import TaskManager
        from loguru import logger

        logger.disable("lmms_eval")  # it tells of every file that is no task
        unknown -= set(TaskManager().all_tasks)
        logger.enable("lmms_eval")
    return [f"no task {task}: correct it in the recipe, `lmms-eval --tasks list` names all" for task in sorted(unknown)]


def _adapter(plan: Recipe) -> list[str]:
    """lmms-eval's model adapter: its name, whether it can be imported here, and the names of its arguments."""
    from lmms_eval.models import get_model, list_available_models

    if plan.lmms_model not in list_available_models():
        return [f"lmms-eval has no model adapter {plan.lmms_model}: correct `lmms_model` in the recipe"]
    try:
        parameters = inspect.signature(get_model(plan.lmms_model).__init__).parameters
    except Exception as error:  # an adapter imports whatever its model needs
        return [f"lmms-eval's model adapter {plan.lmms_model} cannot be imported here ({error}): install what it needs"]
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return []
    given = [part.partition("=")[0].strip() for part in plan.model_args_for(plan.model).split(",")]
    return [
        f"lmms-eval's model adapter {plan.lmms_model} takes no argument {name}: correct `model_args` in the recipe"
        for name in given
        if name not in parameters
    ]


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


def _training(plan: Recipe, out: Path) -> list[str]:
    """The options of every training, as `sft.run` itself reads them, in a process of its own as the run will be."""
    calls = {step.name: training_flags(plan, step, out) for step in plan.runs if step.train}
    if not calls:
        return []
    ended = subprocess.run(
        [sys.executable, "-m", "sft.check"], input=json.dumps(calls), capture_output=True, text=True, check=False
    )
    if ended.returncode:
        last = (ended.stderr.strip().splitlines() or ["no reason given"])[-1]
        return [f"sft.run cannot start here ({last}): install this project with its dependencies"]
    found = json.loads(ended.stdout.strip().splitlines()[-1])
    return [f"the training of {name}: {sentence}" for name, sentence in found.items()]
