"""`python -m lmms_eval_drbench.build.quality DATA [--train DATA] [--out FILE]`: the quality of a data set, measured.

What the text gives away (a trained reader, constant policies), whether answers are balanced, whether a question or a
picture comes twice, and whether two splits share a picture.
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import datasets

from lmms_eval_drbench import data, intervals
from lmms_eval_drbench.answers import Answer
from lmms_eval_drbench.build.pictures import NEAR, difference_hash
from lmms_eval_drbench.errors import UserError, run_cli
from lmms_eval_drbench.record import SPLITS, chance, option_letters
from lmms_eval_drbench.scoring import is_right
from lmms_eval_drbench.taxonomy import Category, QuestionType

Record = Mapping[str, Any]
REJECTING = ("there is no ", "there are no ", "none of them", "nothing")


def policies(record: Record) -> dict[str, float]:
    """What policies that look at nothing but the options would score on a choice question."""
    options, letters = record["options"], option_letters(record)
    by_length = sorted(range(len(options)), key=lambda index: len(options[index]))
    rejecting = [letter for letter, option in zip(letters, options, strict=True) if option.startswith(REJECTING)]
    chosen = {
        "first option": {letters[0]},
        "last option": {letters[-1]},
        "longest option": {letters[by_length[-1]]},
        "shortest option": {letters[by_length[0]]},
        "rejecting option where there is one": set(rejecting[:1]) or {letters[0]},
        "yes where there is one": {letters[options.index("yes")] if "yes" in options else letters[0]},
        "all options": set(letters),
    }
    return {name: float(is_right(record, Answer(frozenset(which), None, "policy"))) for name, which in chosen.items()}


def text_report(records: Sequence[Record], blind: Sequence[float]) -> dict[str, Any]:
    """Blind accuracy and policies against chance: overall, by category, by type, and for choice questions alone."""
    groups: dict[str, list[int]] = {"overall": list(range(len(records)))}
    for index, record in enumerate(records):
        is_choice = record["question_type"] != QuestionType.OPEN_ENDED
        names = [record["question_type"], record["category"]]
        if is_choice:
            names += ["choice questions", f"{record['category']}, choice questions"]
        for name in names:
            groups.setdefault(str(name), []).append(index)
    order = ["overall", "choice questions", *QuestionType, *Category, *[f"{c}, choice questions" for c in Category]]
    report = {}
    for name in filter(groups.get, map(str, order)):
        rows = groups[name]
        images = [records[index]["image_id"] for index in rows]
        expected = sum(chance(records[index]) for index in rows) / len(rows)
        found = intervals.proportion([blind[index] for index in rows], images)
        report[name] = {
            "questions": len(rows),
            "chance": round(expected, 4),
            "blind": round(found.mean, 4),
            "interval": [round(found.low, 4), round(found.high, 4)],
            "over_chance": round(found.mean - expected, 4),
        }
        if all(records[index]["options"] for index in rows):
            sums: Counter[str] = Counter()
            for index in rows:
                sums.update(policies(records[index]))
            report[name]["policies"] = {policy: round(total / len(rows), 4) for policy, total in sorted(sums.items())}
    return report


def premise_report(records: Iterable[Record]) -> dict[str, Any]:
    """What always and never rejecting would score on false premise questions (`scoring.constant_policies`)."""
    premises = [record["premise_true"] for record in records if record["premise_true"] is not None]
    if not premises:
        return {}
    share = sum(not holds for holds in premises) / len(premises)
    return {"questions": len(premises), "always_reject": round(share, 4), "never_reject": round(1 - share, 4)}


def balance_report(records: Iterable[Record]) -> dict[str, Any]:
    """How often each letter is right (by number of options), and yes against no."""
    letters: dict[str, Counter] = {}
    yes_no: Counter[str] = Counter()
    for record in records:
        if record["question_type"] != QuestionType.SINGLE_CHOICE:
            continue
        letters.setdefault(f"{len(record['options'])} options", Counter())[record["answer"][0]] += 1
        if set(record["options"]) == {"yes", "no"}:
            yes_no[record["options"][option_letters(record).index(record["answer"][0])]] += 1
    return {"letters": {name: dict(sorted(count.items())) for name, count in sorted(letters.items())}} | {
        "yes_no": dict(sorted(yes_no.items()))
    }


def duplicates(records: Iterable[Record]) -> list[str]:
    """Ids of questions that were asked about the same picture before, with the same options."""
    seen: set[tuple] = set()
    found = []
    for record in records:
        key = (record["image_id"], record["question"], *sorted(record["options"]))
        if key in seen:
            found.append(record["id"])
        seen.add(key)
    return found


def shared_pictures(splits: Mapping[str, datasets.Dataset]) -> dict[str, Any]:
    """Pictures that come twice: near-duplicates within a split, and the same or nearly the same in two splits."""
    hashes: dict[tuple[str, str], int] = {}
    for split, records in splits.items():
        for record in records.select_columns(["image_id", "image"]):
            if (split, record["image_id"]) not in hashes:
                hashes[split, record["image_id"]] = difference_hash(record["image"])
    keys = list(hashes)
    within, across = [], []
    for index, one in enumerate(keys):
        for other in keys[index + 1 :]:
            is_same = one[1] == other[1] or (hashes[one] ^ hashes[other]).bit_count() <= NEAR
            if is_same:
                (within if one[0] == other[0] else across).append([*one, *other])
    return {"pictures": len(keys), "near_duplicates": within, "in_two_splits": across}


def measure(path: str, train: str | None = None) -> dict[str, Any]:
    """Everything above for a data set. train: another, or the same, whose training split teaches the reader."""
    from lmms_eval_drbench.build.blind import FOLDS, blind_scores

    splits = {split: found for split in SPLITS if (found := _split(path, split)) is not None}
    if not splits:
        raise UserError(f"{path} holds none of the splits {', '.join(SPLITS)}: name a data folder")
    name = "test" if "test" in splits else next(iter(splits))
    records = splits[name].remove_columns("image").to_list()
    lessons = _split(train, "train") if train else splits.get("train") if name != "train" else None
    if train and lessons is None:
        raise UserError(f"--train {train} holds no training split: build one with --split train")
    training = lessons.remove_columns("image").to_list() if lessons is not None else None
    taught = f"{len(training)} training questions" if training else f"{FOLDS} folds of the split itself, by picture"
    if train and train != path:
        splits["train"] = lessons
    return {
        "data": data.load(path, name).name,
        "fingerprint": data.load(path, name).fingerprint,
        "split": name,
        "reader_taught_by": taught,
        "text": text_report(records, blind_scores(records, training)),
        "false_premise": premise_report(records),
        "balance": balance_report(records),
        "duplicated_questions": duplicates(records),
        "pictures": shared_pictures(splits),
    }


def _split(path: str, split: str) -> datasets.Dataset | None:
    folder = Path(path)
    if folder.is_dir() and not any(folder.glob(f"{split}-*.parquet")) and not (folder / "questions.jsonl").is_file():
        return None
    try:
        return data.load(path, split).records
    except UserError as error:
        if "holds no record of split" in str(error):
            return None
        raise


def table(report: Mapping[str, Any]) -> str:
    """The report on the text as a Markdown table."""
    lines = [
        "| questions | n | chance | blind reader | 95 % interval | over chance |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, row in report["text"].items():
        low, high = row["interval"]
        lines.append(
            f"| {name} | {row['questions']} | {row['chance']:.1%} | {row['blind']:.1%} | {low:.1%} to {high:.1%} "
            f"| {row['over_chance']:+.1%} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m lmms_eval_drbench.build.quality", description=__doc__)
    parser.add_argument("data", help="a data folder; its test split is measured, where it has one")
    parser.add_argument("--train", help="a data folder whose training split teaches the blind reader")
    parser.add_argument("--out", type=Path, help="write everything as JSON")
    args = parser.parse_args()
    report = measure(args.data, args.train)
    print(f"{report['data']}, split {report['split']}; the reader was taught by {report['reader_taught_by']}\n")
    print(table(report))
    for name in ("false_premise", "balance"):
        print(f"\n{name}: {json.dumps(report[name])}")
    pictures = report["pictures"]
    print(
        f"\nduplicated questions: {len(report['duplicated_questions'])}; of {pictures['pictures']} pictures, "
        f"near-duplicates: {len(pictures['near_duplicates'])}, in two splits: {len(pictures['in_two_splits'])}"
    )
    if args.out:
        args.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    run_cli(main)
