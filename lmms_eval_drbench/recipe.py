"""A recipe: one before/after experiment as a YAML file."""

import re
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin

import yaml

from lmms_eval_drbench.errors import UserError
from lmms_eval_drbench.prompts import PROMPTS, split_suite
from lmms_eval_drbench.tiny import named

_FOLDER_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")
DATA, REPLAY = "data", "replay"
"""Folders beside the runs' own that the harness makes: records to train on, and base skills to mix in."""
_KINDS = {str: "text", int: "a whole number", list: "a list", dict: "`key: value` lines", float: "a number"}


@dataclass(frozen=True)
class RunPlan:
    """One row of the comparison. tasks: lmms-eval tasks. train: options of `sft.run`, empty for the base model.

    native: the prompt that the run was trained for, fixed here beforehand.
    """

    name: str
    tasks: list[str]
    train: dict[str, Any] = field(default_factory=dict)
    native: str = "direct"


@dataclass(frozen=True)
class Recipe:
    """A model, its training data, and the runs to compare; the first run is what deltas refer to.

    model: path or hub id, or `packaged` for the tiny model. lmms_model, model_args: lmms-eval's adapter and its
    arguments beside `pretrained`. test_data: what the tasks ask (default: as `DRBENCH_DATA`). data: records to train on
    (as `sft.run --data`), or build: options of the builder. train: options of `sft.run` that all runs share. replay:
    `images` and `share` of base-skill questions on other scenes, mixed into every training so that old skills stay.
    direct: or the share of samples that ask the training's own records under the direct prompt, so that other
    benchmarks, which don't ask for the scaffold, still get direct answers. gen_kwargs: lmms-eval's --gen_kwargs,
    the same for every run. processes: training processes (accelerate).
    """

    name: str
    model: str
    lmms_model: str
    runs: list[RunPlan]
    model_args: str = ""
    test_data: str = ""
    data: str = ""
    build: dict[str, Any] = field(default_factory=dict)
    train: dict[str, Any] = field(default_factory=dict)
    replay: dict[str, Any] = field(default_factory=dict)
    batch_size: int = 1
    limit: int | None = None
    gen_kwargs: str = ""
    direct: float = 0.0
    processes: int = 1

    def model_args_for(self, pretrained: str) -> str:
        """lmms-eval's --model_args for these weights."""
        return ",".join(filter(None, [f"pretrained={pretrained}", self.model_args]))


def model_folder(step: RunPlan, out: Path) -> Path:
    """Where the run's weights go."""
    return out / step.name / "model"


def training_flags(plan: Recipe, step: RunPlan, out: Path) -> list[str]:
    """The command line of `sft.run` for this run; `build` and `replay` are folders of the harness."""
    options = {"model": plan.model, "output_dir": model_folder(step, out)}
    options["data"] = out / DATA if plan.build else plan.data
    if plan.direct:
        options["mix"] = f"{options['data']}:{plan.direct}"
    if plan.replay:
        options["mix"] = f"{out / REPLAY}:{plan.replay['share']}"
    return flags(options | plan.train | step.train, "_")


def flags(options: dict[str, Any], separator: str) -> list[str]:
    """`--name=value` each, with underscores or dashes in the names."""
    return [f"--{name.replace('_', separator)}={value}" for name, value in options.items()]


def load(name: str, packaged: Path) -> Recipe:
    """A recipe from a file, or from the packaged ones by name. Raises UserError naming the file and the fault."""
    path = Path(name) if Path(name).suffix in (".yaml", ".yml") else packaged / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in packaged.glob("*.yaml")))
        raise UserError(f"no recipe {name}: give a YAML file, or one of {known}")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not YAML: {str(error).splitlines()[0]}") from error
    content = {"name": path.stem} | _mapping(path, content, "the recipe")
    listed = content.get("runs") or []
    if not isinstance(listed, list):
        raise UserError(f"{path}: `runs` must be a list")
    content["runs"] = [_make(RunPlan, path, step) for step in listed]
    recipe = _make(Recipe, path, content)
    _check(recipe, path)
    return replace(recipe, model=named(recipe.model))


def _check(recipe: Recipe, path: Path) -> None:
    """What would otherwise fail only after hours of training."""
    if not recipe.runs:
        raise UserError(f"{path} has no runs: name at least a base run with its tasks")
    if any(step.train for step in recipe.runs) and bool(recipe.data) == bool(recipe.build):
        raise UserError(f"{path} must name its training data by `data` or by `build`, one of them")
    for key in ("batch_size", "limit", "processes"):
        value = getattr(recipe, key)
        if value is not None and value < 1:
            raise UserError(f"{path}: `{key}` must be at least 1, not {value}")
    for key in ("model_args", "gen_kwargs"):
        wrong = [part for part in getattr(recipe, key).split(",") if part and not part.partition("=")[2]]
        if wrong:
            raise UserError(f"{path}: `{key}` must be name=value pairs with commas between them, not {wrong[0]!r}")
    names = [step.name for step in recipe.runs]
    if len(set(names)) < len(names) or not all(_FOLDER_NAME.fullmatch(n) and n not in (DATA, REPLAY) for n in names):
        raise UserError(f"{path}: run names must be distinct folder names, not {', '.join(names)}")
    for step in recipe.runs:
        if not step.tasks or not all(isinstance(task, str) and task for task in step.tasks):
            raise UserError(f"{path}: run {step.name} must list the tasks to evaluate, not {step.tasks}")
        if step.native not in PROMPTS:
            raise UserError(f"{path}: run {step.name}: `native` is one of {', '.join(PROMPTS)}, not {step.native}")
        foreign = [task for task in step.tasks if split_suite(task)[1] not in ("direct", step.native)]
        if foreign:
            raise UserError(
                f"{path}: run {step.name}: {foreign[0]} is neither under the direct prompt nor under its native one "
                f"({step.native}): correct `native` or leave the task out"
            )
    if recipe.replay and set(recipe.replay) != {"images", "share"}:
        raise UserError(f"{path}: `replay` needs `images` and `share`, not {', '.join(map(str, recipe.replay))}")
    if not 0 <= recipe.direct < 1 or (recipe.direct and recipe.replay):
        raise UserError(
            f"{path}: `direct` is a share below 1, and not beside `replay`: `sft.run` mixes in one data set"
        )
    if recipe.replay:
        images, share = recipe.replay["images"], recipe.replay["share"]
        if not (isinstance(images, int) and images > 0 and isinstance(share, float) and 0 < share < 1):
            raise UserError(f"{path}: `replay` needs at least 1 image and a share between 0 and 1, not {recipe.replay}")


def _mapping(path: Path, value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UserError(f"{path}: {what} must be `key: value` lines")
    return value


def _make(kind: type, path: Path, value: Any) -> Any:
    content = _mapping(path, value, "each run" if kind is RunPlan else "the recipe")
    unknown = set(content) - {item.name for item in fields(kind)}
    if unknown:
        raise UserError(f"{path} has unknown keys: {', '.join(sorted(map(str, unknown)))}")
    for item in fields(kind):
        kinds = get_args(item.type) if isinstance(item.type, UnionType) else (get_origin(item.type) or item.type,)
        given = content.get(item.name)
        kinds += (int,) if float in kinds else ()
        if item.name in content and (isinstance(given, bool) or not isinstance(given, kinds)):
            raise UserError(f"{path}: `{item.name}` must be {_KINDS[kinds[0]]}, not {given!r}")
    try:
        return kind(**content)
    except TypeError as error:
        raise UserError(f"{path}: {str(error).split('__init__() ')[-1]}") from None
