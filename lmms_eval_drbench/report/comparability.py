"""What makes two runs incomparable, by name: a delta between them would measure the difference in settings.

Data, limit, generation settings, pixel limits, the versions of lmms-eval and transformers, and the prompt decide what
a score means (a min_pixels or a token limit moves published scores by points). Everything else that differs is noted.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from lmms_eval_drbench.prompts import PROMPTS
from lmms_eval_drbench.report.entries import Entry, prompt_of
from lmms_eval_drbench.runs import Run, TaskResult

PIXELS = ("min_pixels", "max_pixels")
_OF_THE_MODEL = ("", "pretrained", "peft", "model", "model_version")
_VERSIONS = ("lmms-eval", "transformers")
_SHOWN_TASKS = 3

Settings = Callable[[Run, TaskResult], dict[str, str]]
"""What a run's task was evaluated with: setting → value."""


@dataclass(frozen=True)
class Difference:
    """A setting in which two runs differ. tasks: where; empty when it concerns the whole run."""

    setting: str
    first: str
    first_value: str
    other: str
    other_value: str
    tasks: tuple[str, ...] = ()

    def __str__(self) -> str:
        shown = ", ".join(self.tasks[:_SHOWN_TASKS]) + (", ..." if len(self.tasks) > _SHOWN_TASKS else "")
        where = f" ({shown})" if shown else ""
        return f"{self.setting} differs: {self.first_value} in {self.first}, {self.other_value} in {self.other}{where}"


def obstacles(entries: Sequence[Entry]) -> list[str]:
    """Every reason why a delta between these runs would mean nothing, one sentence each."""
    found = [str(difference) for difference in _differences(entries, _data)]
    for group in _groups(entries):
        found += [str(difference) for difference in _differences(group, _decisive)]
        found += [str(difference) for difference in _differences(group, _versions, known_only=True)]
    return [*dict.fromkeys([*found, *_foreign_prompts(entries)])]


def remarks(entries: Sequence[Entry]) -> list[str]:
    """Other settings that differ between a run and its reference, one sentence each."""
    found = []
    for group in _groups(entries):
        found += [str(difference) for difference in _differences(group, _minor)]
        found += [str(difference) for difference in _differences(group, _other_versions, known_only=True)]
    return list(dict.fromkeys(found))


def _groups(entries: Sequence[Entry]) -> list[list[Entry]]:
    """Each reference with the entries whose deltas refer to it, reference first."""
    names = dict.fromkeys(entry.reference for entry in entries)
    return [
        [entry for entry in entries if entry.name == name]
        + [entry for entry in entries if entry.reference == name and entry.name != name]
        for name in names
    ]


def _differences(entries: Sequence[Entry], settings: Settings, known_only: bool = False) -> Iterator[Difference]:
    """Where a task's settings differ from those of the first run that has the task.

    known_only: pass over what one of the two does not tell, instead of taking it for the default.
    """
    labelled = [(_label(entry, index), run) for entry in entries for index, run in enumerate(entry.seeds)]
    first_of: dict[str, tuple[str, dict[str, str]]] = {}
    found: dict[tuple[str, ...], list[str]] = {}
    for label, run in labelled:
        for task, result in run.tasks.items():
            own = settings(run, result)
            first, expected = first_of.setdefault(task, (label, own))
            for key in expected.keys() & own.keys() if known_only else expected.keys() | own.keys():
                values = expected.get(key, "the default"), own.get(key, "the default")
                if values[0] != values[1]:
                    found.setdefault((key, first, values[0], label, values[1]), []).append(task)
    for (key, first, value, other, other_value), tasks in sorted(found.items()):
        yield Difference(key, first, value, other, other_value, tuple(tasks))


def _label(entry: Entry, seed: int) -> str:
    return entry.name if len(entry.seeds) == 1 else f"{entry.name} (seed {seed + 1})"


def _data(run: Run, result: TaskResult) -> dict[str, str]:
    return {"data": " ".join(filter(None, result.data)) or "unnamed data"}


def _decisive(run: Run, result: TaskResult) -> dict[str, str]:
    """Limit, offset, generation settings and pixels. A task's own `until` is part of its name, not of the settings."""
    generation = {**result.generation, **_mapping(result.call.get("gen_kwargs"))}
    found = {f"generation setting {key}": str(value) for key, value in generation.items() if key != "until"}
    found["limit"] = f"{result.call['limit']:g}" if result.call.get("limit") else "none"
    found["offset"] = str(result.call.get("offset") or 0)
    return found | {key: value for key, value in _model_arguments(result).items() if key in PIXELS}


def _versions(run: Run, result: TaskResult) -> dict[str, str]:
    known = {"lmms-eval": result.version} | {name: run.versions[name] for name in _VERSIONS if name in run.versions}
    return {f"the version of {name}": value for name, value in known.items() if value != "unknown"}


def _other_versions(run: Run, result: TaskResult) -> dict[str, str]:
    return {f"the version of {name}": value for name, value in run.versions.items() if name not in _VERSIONS}


def _minor(run: Run, result: TaskResult) -> dict[str, str]:
    found = {key: value for key, value in _model_arguments(result).items() if key not in PIXELS}
    found["batch size"] = str(result.call.get("batch_size") or "the default")
    return found | {"lmms-eval's model adapter": str(result.call.get("model"))}


def _model_arguments(result: TaskResult) -> dict[str, str]:
    given = result.call.get("model_args") or ""
    pairs = given.items() if isinstance(given, dict) else (pair.partition("=")[::2] for pair in str(given).split(","))
    return {str(key).strip(): str(value).strip() for key, value in pairs if str(key).strip() not in _OF_THE_MODEL}


def _mapping(value: object) -> dict[str, object]:
    """lmms-eval's gen_kwargs, logged as a dict or as `key=value,...`."""
    if isinstance(value, dict):
        return value
    return dict(pair.split("=", 1) for pair in str(value or "").split(",") if "=" in pair)


def _foreign_prompts(entries: Sequence[Entry]) -> list[str]:
    """Results under a prompt that is neither the direct one nor the run's own."""
    found = []
    for entry in entries:
        for name, suite in entry.suites.items():
            allowed = {"direct", entry.native} if entry.native else set(PROMPTS)
            if prompt_of(suite) not in allowed:
                found.append(
                    f"{name} of {entry.name} was asked under the {prompt_of(suite)} prompt, which is neither the "
                    f"direct one nor its native one ({entry.native or 'not said'})"
                )
    return found
