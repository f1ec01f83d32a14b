"""Recipes for the tests of recipes, of the doctor and of the harness."""

from pathlib import Path

import yaml

import task_configs
from lmms_eval_drbench import recipe

RECIPES = Path(task_configs.__file__).parent / "recipes"
BASE = {"name": "base", "tasks": ["drbench"]}
TRAINED = {"name": "trained", "tasks": ["drbench", "drbench_scaffold"], "train": {"method": "drscaffold"}}
TRAINED |= {"native": "scaffold"}


def plan(folder: Path, more: dict | None = None, **changes) -> recipe.Recipe:
    """Write `mine.yaml`, for a folder that looks like a model, and load it; None removes a key."""
    (folder / "model").mkdir(exist_ok=True)
    (folder / "model" / "config.json").write_text("{}")
    content = {"model": str(folder / "model"), "lmms_model": "qwen2_5_vl"}
    content |= {"build": {"images": 4, "questions": 12, "seed": 0}, "runs": [BASE, TRAINED]} | (more or {}) | changes
    content = {key: value for key, value in content.items() if value is not None}
    (folder / "mine.yaml").write_text(yaml.safe_dump(content))
    return recipe.load(str(folder / "mine.yaml"), RECIPES)
