"""From scenes to a data set: the paper's shares, balanced answers, shards, stats and a card."""

import json
import random
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import datasets

from lmms_eval_drbench import __version__, parquet
from lmms_eval_drbench.build.ledger import Ledger
from lmms_eval_drbench.build.questions.draft import Draft, Family, finish
from lmms_eval_drbench.build.scene import Scene
from lmms_eval_drbench.build.sources.base import Picture
from lmms_eval_drbench.data import apportion, fingerprint
from lmms_eval_drbench.errors import UserError
from lmms_eval_drbench.record import FEATURES, chance, faults
from lmms_eval_drbench.taxonomy import PAPER_SHARES, Category

DATA_FILES = ("*.parquet", "questions.jsonl", "stats.json")
"""What a data folder is recognised by."""
ROUNDS = 3
_TRIES = 6
"""Drafts drawn per family and question, to find the one whose bets the ledger needs most."""


class Builder:
    """Turns scenes into records so that categories keep their shares and no answer is more frequent than another."""

    def __init__(
        self,
        questions: int,
        seed: int,
        split: str,
        families: Iterable[Family],
        critic: Any = None,
    ) -> None:
        """critic: a `critic.Critic`, whose answers are bets as well."""
        self._critic = critic
        self._rng = random.Random(seed)
        self._split = split
        self._of_category: dict[Category, list[Family]] = {category: [] for category in Category}
        for family in families:
            self._of_category[family.category].append(family)
        self._quota = apportion(questions, dict(PAPER_SHARES))
        if self._quota[Category.FALSE_PREMISE_REJECTION] % 2:  # its questions come in pairs of twins
            self._quota[Category.FALSE_PREMISE_REJECTION] -= 1
            self._quota[Category.PERCEPTION] += 1
        self._left = Counter(self._quota)
        self._ledger = Ledger()
        self._numbers: Counter[str] = Counter()
        self._families: Counter[str] = Counter()
        self._positions: Counter[tuple[str, int, int]] = Counter()

    @property
    def missing(self) -> Counter[Category]:
        """Questions not yet written, by category."""
        return +self._left

    def ask(self, scene: Scene, count: int, asked: set[str], view: Any) -> list[dict[str, Any]]:
        """Up to `count` records about one scene (one more when the last is a pair of twins).

        asked: the questions about this scene so far, to which the new ones are added. view: the scene as the families
        read it.
        The category that lags most behind its share is asked first, if the scene can carry it.
        """
        records: list[dict[str, Any]] = []
        while len(records) < count:
            behind = sorted(self.missing, key=lambda c: (self._left[c] / self._quota[c], self._rng.random()))
            drawn = next(filter(None, (self._draw(view, category, asked) for category in reversed(behind))), None)
            if drawn is None:
                break
            family, drafts = drawn
            self._left[family.category] -= len(drafts)
            pair = [
                self._finish(draft, family, scene, self._numbers[scene.id] + index)
                for index, draft in enumerate(drafts)
            ]
            self._numbers[scene.id] += len(pair)
            if len(pair) == 2:
                pair[0]["twin_id"], pair[1]["twin_id"] = pair[1]["id"], pair[0]["id"]
            asked.update(record["question"] for record in pair)
            asked.update(_fact(draft, family) for draft in drafts)
            records += pair
        return records

    def _draw(self, view: Any, category: Category, asked: set[str]) -> tuple[Family, list[Draft]] | None:
        families = list(self._of_category[category])
        families = [family for family in families if self._may_grow(family)]
        families.sort(key=lambda family: self._families[family.name] / family.weight)
        for family in families:
            best = None
            for _ in range(_TRIES):
                drafts = family.draft(view, self._rng)
                if not drafts or any(draft.question in asked or _fact(draft, family) in asked for draft in drafts):
                    continue
                if len(drafts) > self._left[category]:
                    continue
                odds = self._odds(family, drafts)
                if odds is None:
                    continue
                odds += len(drafts) * self._families[family.name]  # equal for all, but settles ties as v1 has them
                if best is None or odds < best[0]:
                    best = odds, drafts
            if best is not None:
                return family, best[1]
        return None

    def _odds(self, family: Family, drafts: list[Draft]) -> float | None:
        """What these drafts cost in the ledger; None where they may not be asked."""
        odds = self._ledger.cost(family.name, [cue for draft in drafts for cue in draft.cues])
        if odds is None or self._critic is None:
            return odds
        for draft in drafts:  # the critic takes the longest, so it is asked last
            draft.cues = [*draft.cues, *self._critic.cues(draft, family)]
        return self._ledger.cost(family.name, [cue for draft in drafts for cue in draft.cues])

    def _may_grow(self, family: Family) -> bool:
        return family.most >= 1 or self._families[family.name] < family.most * self._quota[family.category]

    def _finish(self, draft: Draft, family: Family, scene: Scene, number: int) -> dict[str, Any]:
        positions = range(len(draft.options)) if draft.options else [0]
        uses = {position: self._positions[family.name, len(draft.options), position] for position in positions}
        least = min(uses.values())
        first = self._rng.choice([position for position in positions if uses[position] == least])
        self._positions[family.name, len(draft.options), first] += 1
        self._families[family.name] += 1
        self._ledger.enter(family.name, draft.cues)
        record = finish(draft, family, scene, self._split, number, first, self._rng)
        wrong = faults(record)
        if wrong:
            raise AssertionError(f"{family.name} wrote a faulty record {record['id']}: {wrong}")
        return record


def _fact(draft: Draft, family: Family) -> str:
    """What a question about a picture is about: the same topic and the same things make the same question again."""
    return f"{family.topic}: {sorted(draft.boxes)}"


def embed(records: Iterable[dict[str, Any]], picture: Picture) -> list[dict[str, Any]]:
    """The records of one picture with it in each."""
    image = {"bytes": picture.read(), "path": picture.name}
    return [record | {"image": image} for record in records]


def check_free(folder: Path) -> None:
    """Raise UserError where a data set can't be written without harm to what is there."""
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is no folder: choose another --out")
    if any(found for pattern in DATA_FILES for found in folder.glob(pattern)):
        raise UserError(f"{folder} already holds a data set: remove it or choose another --out")


def write(records: Iterable[dict[str, Any]], folder: Path, name: str, made_by: dict[str, Any]) -> dict[str, Any]:
    """Write `{split}-00000.parquet`, `stats.json` and the card `README.md`; returns the stats."""
    dataset = datasets.Dataset.from_list(list(records), features=FEATURES)
    folder.mkdir(parents=True, exist_ok=True)
    (split,) = set(dataset["split"])
    parquet.write(dataset, folder / f"{split}-00000.parquet")
    stats = describe(dataset) | {"name": name, "made_by": made_by | {"version": __version__}}
    (folder / "stats.json").write_text(json.dumps(stats, indent=2) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(card(stats), encoding="utf-8")
    return stats


def describe(dataset: datasets.Dataset) -> dict[str, Any]:
    """Counts, shares and chance of a data set."""
    texts = dataset.remove_columns("image")
    categories = Counter(texts["category"])
    total = len(dataset)
    return {
        "questions": total,
        "images": len(set(texts["image_id"])),
        "fingerprint": fingerprint(dataset),
        "categories": {
            category: {
                "questions": categories[category],
                "share": round(categories[category] / total, 4),
                "paper_share": PAPER_SHARES[category],
                "chance": round(
                    sum(chance(row) for row in texts if row["category"] == category) / max(1, categories[category]), 4
                ),
            }
            for category in Category
        },
        "families": dict(sorted(Counter(texts["family"]).items())),
        "question_types": dict(sorted(Counter(texts["question_type"]).items())),
    }


def card(stats: dict[str, Any], source: Any = None) -> str:
    """The data card. source: the annotated source, whose licence and limits the card then states."""
    note = "" if source is None else _provenance(stats, source)
    rows = "\n".join(
        f"| {name} | {row['questions']} | {row['share']:.1%} | {row['paper_share']:.1%} | {row['chance']:.1%} |"
        for name, row in stats["categories"].items()
        if row["questions"]
    )
    return (
        f"# {stats['name']}\n\n"
        "Made by the lmms-eval-drbench engine. **This is not the paper's data set**, which is unreleased; it has the "
        "paper's record format, categories, layers and shares.\n\n"
        f"{stats['questions']} questions over {stats['images']} images, fingerprint `{stats['fingerprint']}`.\n\n"
        "| category | questions | share | paper's share | chance |\n|---|---|---|---|---|\n"
        f"{rows}\n\n{note}Made by: `{json.dumps(stats['made_by'])}`\n"
    )


def _provenance(stats: dict[str, Any], source: Any) -> str:
    missing = ", ".join(f"{count} {category}" for category, count in stats["missing"].items())
    families = ", ".join(f"{name} {count}" for name, count in stats["families"].items())
    return (
        f"Source: `{source.name}`, which supports {', '.join(sorted(source.facts))}. Licence: {source.licence}\n\n"
        f"{f'Missing for want of fitting pictures: {missing}.' if missing else 'Nothing is missing.'}\n\n"
        f"Questions by family: {families}.\n\n"
    )
