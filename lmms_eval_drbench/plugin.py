"""The only module that touches lmms-eval's registries.

lmms-eval 0.7.3 has no entry point for tasks. It does load the group `lmms_eval.models` when `lmms_eval.models` is
imported, which its evaluator does before it builds a TaskManager; that is the moment when `register` makes every
TaskManager index our tasks too. `python -m lmms_eval_drbench.plugin` prints the folder for `--include-path`, for
commands that load no plugin.
"""

import functools
import inspect
import logging
from pathlib import Path
from typing import Any

MODELS = {
    "drbench_tiny": ("lmms_eval_drbench.tiny.adapter.DRBenchTinySimple", "lmms_eval_drbench.tiny.adapter.DRBenchTiny"),
    "drbench_native": (None, "lmms_eval_drbench.native.DRBenchNative"),
}
"""Our models' names → (class with the simple interface, class with the chat interface)."""


CONFIGS = Path(__file__).resolve().parents[1] / "task_configs"
"""Beside this package in a wheel, an editable install and a checkout. Not found by import: a folder of that name in the
working directory would come first."""


def tasks_dir() -> Path:
    """The folder with the task YAML: the same in a wheel, an editable install and a checkout."""
    return CONFIGS / "tasks"


def register() -> list[Any]:
    """Entry point of the group `lmms_eval.models`: index our tasks, and return the manifests of our models.

    Never raises: where lmms-eval is not as expected, it logs one sentence and steps aside.
    """
    try:
        from lmms_eval.models.registry_v2 import ModelManifest
        from lmms_eval.tasks import TaskManager

        _wrap_loading(TaskManager)
        _index_our_tasks(TaskManager)
        return [
            ModelManifest(name, simple_class_path=simple, chat_class_path=chat)
            for name, (simple, chat) in MODELS.items()
        ]
    except Exception as error:  # a broken or newer lmms-eval must never crash because of us
        _log(f"lmms-eval-drbench steps aside, this lmms-eval is not the one it knows ({error!r}): use lmms-eval 0.7.3")
        return []


def _index_our_tasks(task_manager: type) -> None:
    original = task_manager.initialize_tasks
    if getattr(original, "indexes_drbench", False):
        return
    if list(inspect.signature(original).parameters) != ["self", "include_path", "include_defaults"]:
        raise TypeError("TaskManager.initialize_tasks has other parameters")

    @functools.wraps(original)
    def initialize_tasks(self: Any, include_path: Any = None, include_defaults: bool = True) -> dict[str, Any]:
        index = original(self, include_path=include_path, include_defaults=include_defaults)
        try:
            ours = self._get_task_and_group(str(tasks_dir())) if include_defaults else {}
        except Exception as error:
            _log(f"lmms-eval-drbench could not index its tasks ({error!r}): use --include-path {tasks_dir()}")
            ours = {}
        return {**ours, **index}

    initialize_tasks.indexes_drbench = True
    task_manager.initialize_tasks = initialize_tasks


def _wrap_loading(task_manager: type) -> None:
    """Two things that YAML can't say, where a task of ours is loaded.

    Data of one's own may lack a category or a layer: a group then goes without it, where upstream would crash. And a
    circular task asks every rotation of a question's options (`circular`).
    """
    original = task_manager._load_individual_task_or_group
    if getattr(original, "knows_drbench", False):
        return
    if list(inspect.signature(original).parameters)[:2] != ["self", "name_or_config"]:
        raise TypeError("TaskManager._load_individual_task_or_group has other parameters")

    @functools.wraps(original)
    def load(self: Any, name_or_config: Any = None, *args: Any, **options: Any) -> Any:
        absence = _absence(name_or_config)
        if absence and options.get("parent_name") is None:
            raise SystemExit(f"error: {absence}")
        if absence:
            _log(f"{name_or_config} is left out: {absence}")
            return {}
        return _with_rotations(original(self, name_or_config, *args, **options))

    load.knows_drbench = True
    task_manager._load_individual_task_or_group = load


def _with_rotations(loaded: Any) -> Any:
    for name, task in loaded.items() if isinstance(loaded, dict) else ():
        if isinstance(name, str) and name.startswith("drbench") and "_circular" in name and hasattr(task, "config"):
            from lmms_eval_drbench import circular

            circular.rotate(task)
    return loaded


def _absence(name: Any) -> str | None:
    if not isinstance(name, str) or not name.startswith("drbench"):
        return None
    from lmms_eval_drbench import task  # late: only a run of our tasks pays for reading data

    return task.absence(name)


def _log(sentence: str) -> None:
    try:
        from loguru import logger  # lmms-eval's logger; imported late, as everything of lmms-eval's
    except ImportError:
        logger = logging.getLogger(__name__)
    logger.warning(sentence)


if __name__ == "__main__":
    print(tasks_dir())
