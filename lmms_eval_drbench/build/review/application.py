"""Decisions applied: a new data folder without what people rejected, whose card and stats say who decided what.

A fixed record gets the right answer and a conclusion that gives it. Its logic step led to another answer, so it is
replaced by the one that the reviewer wrote, else emptied, and the record is listed in `stats.json` under
`without_logic`. Perception, relations and boxes stay as they are: a fix says that they are right.
"""

import json
import math
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import datasets

from lmms_eval_drbench import __version__, data, intervals
from lmms_eval_drbench.build.builder import card, check_free, describe
from lmms_eval_drbench.build.questions.draft import conclude
from lmms_eval_drbench.build.review import agreement, decisions, report
from lmms_eval_drbench.build.review.decisions import Decision, Review
from lmms_eval_drbench.build.review.verdicts import Fate, Outcome, settle
from lmms_eval_drbench.errors import UserError
from lmms_eval_drbench.markdown import escape
from lmms_eval_drbench.record import FEATURES, faults, option_letters
from lmms_eval_drbench.taxonomy import QuestionType

SHARD_QUESTIONS = 500
OLD_CARD = "README.before_review.md"


def apply(
    loaded: data.Data, spec: str, files: Sequence[Path], out: Path, reviewed_only: bool = False
) -> dict[str, Any]:
    """Write the reviewed data set into `out` and return its stats.

    spec: what `loaded` was loaded from; where that is a folder, its card and stats go along. Raises UserError when a
    review does not fit the data, two files are of one reviewer, nothing would be left, or `out` is not free.
    """
    check_free(out)
    if out.exists() and any(out.iterdir()):
        raise UserError(f"{out} is not empty: choose another --out")
    records = {record["id"]: record for record in loaded.records.remove_columns("image")}
    reviews = [decisions.read(file, loaded, records) for file in files]
    _check_distinct(reviews, files)
    outcome = settle(records, reviews, reviewed_only)
    if len(outcome.dropped) == len(records):
        raise UserError(f"nothing of {loaded.name} would be left: review more of it, or leave out --reviewed-only")
    half_written = out.with_name(f"{out.name}.unfinished")
    if half_written.exists():
        raise UserError(f"{half_written} is left from a stopped run: remove it")
    try:
        half_written.mkdir(parents=True)
        stats = _write(loaded, Path(spec).expanduser(), records, reviews, outcome, half_written)
        if out.exists():
            out.rmdir()
        half_written.replace(out)
    except OSError as error:
        raise UserError(f"cannot write {out}: {error}") from error
    finally:
        shutil.rmtree(half_written, ignore_errors=True)
    return stats


def _check_distinct(reviews: Sequence[Review], files: Sequence[Path]) -> None:
    of_name: dict[str, Path] = {}
    for review, file in zip(reviews, files, strict=True):
        if review.key in of_name:
            raise UserError(
                f"{of_name[review.key]} and {file} are both of {review.reviewer}: import one into the page of the "
                "other and export again, one file a reviewer"
            )
        of_name[review.key] = file


def _write(
    loaded: data.Data,
    origin: Path,
    records: Mapping[str, Mapping[str, Any]],
    reviews: Sequence[Review],
    outcome: Outcome,
    out: Path,
) -> dict[str, Any]:
    raw = loaded.records.cast_column("image", datasets.Image(decode=False))
    kept = [row for row, record_id in enumerate(loaded.records["id"]) if record_id not in outcome.dropped]
    shards = []
    for number, start in enumerate(range(0, len(kept), SHARD_QUESTIONS)):
        rows = list(_rows(raw.select(kept[start : start + SHARD_QUESTIONS]), outcome))
        shards.append(out / f"{loaded.split}-{number:05d}.parquet")
        datasets.Dataset.from_list(rows, features=FEATURES).to_parquet(str(shards[-1]))
    parts = [datasets.Dataset.from_parquet(str(shard), cache_dir=str(out / "cache")) for shard in shards]
    described = describe(datasets.concatenate_datasets(parts))
    shutil.rmtree(out / "cache")
    before = _old_stats(origin)
    name = f"custom: {origin.resolve().name}" if loaded.name.startswith("custom: ") else loaded.name
    stats = before | described | {"name": f"{name}, reviewed", "review": summary(loaded, records, reviews, outcome)}
    stats["review"]["of"] = {"name": name, "fingerprint": loaded.fingerprint, "questions": len(records)}
    stats["review"]["version"] = __version__
    (out / "stats.json").write_text(json.dumps(stats, indent=2) + "\n", encoding="utf-8")
    old_card = origin / "README.md"
    has_card = old_card.is_file()
    if has_card:
        shutil.copyfile(old_card, out / OLD_CARD)
    section = report.markdown(stats["review"], OLD_CARD if has_card else None)
    (out / "README.md").write_text(f"{card(stats) if before else _plain_card(stats)}\n{section}", encoding="utf-8")
    return stats


def _plain_card(stats: Mapping[str, Any]) -> str:
    """The head of a card of data that our engine did not make."""
    size = f"{stats['questions']} questions over {stats['images']} images"
    return f"# {escape(stats['name'])}\n\n{size}, fingerprint `{stats['fingerprint']}`.\n"


def _rows(part: datasets.Dataset, outcome: Outcome) -> Iterator[dict[str, Any]]:
    for record in part:
        image = record["image"]
        name = Path(image["path"]).name if image["path"] else None
        changed = dict(record)
        if record["id"] in outcome.fixes:
            changed = fixed(record, outcome.fixes[record["id"]])
        yield changed | {"image": {"bytes": data.image_bytes(image), "path": name}}


def fixed(record: Mapping[str, Any], decision: Decision) -> dict[str, Any]:
    """A record with the answer of a fix, and a chain that ends in it."""
    changed = decisions.corrected(record, decision.answer)
    letters = option_letters(record)
    right = [record["options"][letters.index(one)] for one in decision.answer] if letters else list(decision.answer)
    said = right[:1] if record["question_type"] == QuestionType.OPEN_ENDED else right
    changed["reasoning_chain"] = dict(record["reasoning_chain"]) | {
        "logic": decision.logic,
        "conclusion": conclude(said),
    }
    if wrong := faults(changed):
        raise AssertionError(f"fixing {record['id']} made it faulty: {wrong}")  # decisions.read checked the answer
    return changed


def _old_stats(origin: Path) -> dict[str, Any]:
    """stats.json of the data before, where it is ours; anything else is left behind."""
    file = origin / "stats.json"
    try:
        found = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    except (OSError, ValueError, RecursionError):
        found = {}
    is_ours = isinstance(found, dict) and isinstance(found.get("name"), str) and isinstance(found.get("made_by"), dict)
    return found if is_ours else {}


def summary(
    loaded: data.Data, records: Mapping[str, Mapping[str, Any]], reviews: Sequence[Review], outcome: Outcome
) -> dict[str, Any]:
    """Who decided what, what became of it, rates by family, and agreement. JSON-able."""
    fates = Counter(outcome.fates.values())
    families: dict[str, Counter[Fate]] = {}
    for record_id, fate in outcome.fates.items():
        families.setdefault(records[record_id]["family"], Counter())[fate] += 1
    reviewed = [record_id for record_id, fate in outcome.fates.items() if fate is not Fate.UNREVIEWED]
    faulty = [float(outcome.fates[record_id] is not Fate.ACCEPTED) for record_id in reviewed]
    estimate = intervals.proportion(faulty, [records[record_id]["image_id"] for record_id in reviewed])
    return {
        "reviewers": {
            review.reviewer: {"decided": len(review.decisions)}
            | {str(one): count for one, count in Counter(d.verdict for d in review.decisions.values()).items()}
            for review in reviews
        },
        "questions": {str(fate): fates[fate] for fate in Fate},
        "dropped": {str(reason): count for reason, count in sorted(Counter(outcome.dropped.values()).items())},
        "faulty": {
            "of": len(reviewed),
            "share": _rounded(estimate.mean),
            "interval": [_rounded(estimate.low), _rounded(estimate.high)],
        },
        "families": {
            name: _family(count) for name, count in sorted(families.items()) if count.total() > count[Fate.UNREVIEWED]
        },
        "agreement": [asdict(found) for found in agreement.pairs(reviews)],
        "without_logic": sorted(record_id for record_id, fix in outcome.fixes.items() if not fix.logic),
    }


def _family(count: Counter[Fate]) -> dict[str, Any]:
    reviewed = count.total() - count[Fate.UNREVIEWED]
    return {
        "reviewed": reviewed,
        "rejected": count[Fate.REJECTED],
        "disputed": count[Fate.DISPUTED],
        "fixed": count[Fate.FIXED],
        "reject_rate": _rounded((count[Fate.REJECTED] + count[Fate.DISPUTED]) / reviewed),
        "fix_rate": _rounded(count[Fate.FIXED] / reviewed),
    }


def _rounded(share: float) -> float | None:
    """A share within 0 to 1; None where it is unknown."""
    return None if math.isnan(share) else round(min(1.0, max(0.0, share)), 4)
