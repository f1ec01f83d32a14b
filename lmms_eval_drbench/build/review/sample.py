"""Which questions a person looks at, where there are too many for all of them."""

import hashlib
from collections import Counter

import datasets

from lmms_eval_drbench.data import apportion
from lmms_eval_drbench.errors import UserError
from lmms_eval_drbench.taxonomy import Category


def draw(records: datasets.Dataset, count: int, seed: int) -> list[int]:
    """Rows of `count` questions, each category with its share; twins come together.

    Drawn by the hash of seed and id, so that the same seed draws the same questions. Where only pairs are left for the
    last place of a category, another category gets it. Raises UserError when count is no number of questions.
    """
    if not 0 < count <= len(records):
        raise UserError(f"--sample {count}: give a number from 1 to {len(records)}, the questions there are")
    texts = records.select_columns(["id", "category", "twin_id"]).to_list()
    row_of = {text["id"]: row for row, text in enumerate(texts)}
    units: dict[str, tuple[int, ...]] = {}
    for row, text in enumerate(texts):
        rows = {row} | ({row_of[text["twin_id"]]} if text["twin_id"] in row_of else set())
        units.setdefault(min(texts[one]["id"] for one in rows), tuple(sorted(rows)))
    ordered = sorted(units, key=lambda key: hashlib.sha256(f"{seed} {key}".encode()).hexdigest())
    sizes = Counter(text["category"] for text in texts)
    left = apportion(count, {category: sizes[category] / len(texts) for category in Category})
    chosen: list[int] = []
    rest: list[tuple[int, ...]] = []
    for key in ordered:
        category = Category(texts[units[key][0]]["category"])
        if len(units[key]) <= left[category]:
            left[category] -= len(units[key])
            chosen += units[key]
        else:
            rest.append(units[key])
    for rows in rest:
        if len(chosen) + len(rows) <= count:
            chosen += rows
    return sorted(chosen)
