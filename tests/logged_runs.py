"""Output folders that lmms-eval's loop writes for sixty toy records: what the tests of `score` and `compare` read."""

import shutil
from pathlib import Path

import lmms_runs
from conftest import toy_record

from lmms_eval_drbench import scaffold
from lmms_eval_drbench.taxonomy import Category

SUITES = ["drbench", "drbench_scaffold"]


def _record(index: int) -> dict:
    category = list(Category)[index % 5]
    premise = {"premise_true": bool(index % 2), "reject_answers": ["D"]} if index % 5 == 4 else {}
    fields = {"split": "test", "category": str(category), "image_id": f"image-{index // 5}"}
    return toy_record(index) | fields | premise


RECORDS = [_record(index) for index in range(60)]


def base_answers(record: dict, suite: str) -> str:
    """Always A, except that every seventh output is unreadable."""
    return "no idea" if int(record["id"].split("-")[1]) % 7 == 0 else "A"


def trained_answers(record: dict, suite: str) -> str:
    """Right but for every fourth record; scaffolds when asked for one; one of those is cut off."""
    index = int(record["id"].split("-")[1])
    right = record["answer"][0]
    letter = right if index % 4 else "ABCD"[("ABCD".index(right) + 1) % 4]
    if not suite.endswith("_scaffold"):
        return f"The answer is ({letter})."
    text = scaffold.render(record | {"answer": [letter]})
    return text[:40] if index == 1 else text


def write(root: Path) -> dict[str, Path]:
    """Folders that lmms-eval itself wrote, by what is special about them."""
    base = lmms_runs.evaluate(root / "base", RECORDS, SUITES, base_answers, model="models/base")
    without_samples = edited(base, root / "without_samples")
    for file in without_samples.rglob("*_samples_*"):
        file.unlink()
    return {
        "base": base,
        "trained": lmms_runs.evaluate(root / "trained", RECORDS, SUITES, trained_answers, model="models/trained"),
        "other_data": edited(base, root / "other_data", lmms_runs.FINGERPRINT, "f" * 16),
        "direct_only": lmms_runs.evaluate(root / "direct_only", RECORDS, ["drbench"], base_answers),
        "limited": lmms_runs.evaluate(root / "limited", RECORDS, ["drbench"], base_answers, limit=3),
        "without_samples": without_samples,
        "without_too": edited(without_samples, root / "without_too"),
        "other_bare": edited(without_samples, root / "other_bare", lmms_runs.FINGERPRINT, "f" * 16),
        "other_tasks": lmms_runs.evaluate(root / "other_tasks", RECORDS, ["drbench_mini"], base_answers),
    }


def edited(folder: Path, target: Path, old: str = "", new: str = "") -> Path:
    """A copy of a run with one text replaced in all its files."""
    shutil.copytree(folder, target)
    for file in target.rglob("*.json*") if old else ():
        file.write_text(file.read_text().replace(old, new))
    return target


def only(folder: Path, pattern: str) -> Path:
    """The one file of that name pattern."""
    (file,) = folder.rglob(pattern)
    return file
