"""From photographs to records: which picture is asked for what, wave by wave, until the paper's shares are filled.

A wave deals the questions that are still missing over the pictures, generates and judges them concurrently, and takes
what came through in the order in which it was dealt. Waves start only when the one before is over, so the data depend
on the answers and never on which of them came first.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tqdm import tqdm

from lmms_eval_drbench.build.llm.client import Refused
from lmms_eval_drbench.build.llm.model import Model
from lmms_eval_drbench.build.llm.parse import Unit
from lmms_eval_drbench.build.llm.photos import Photo
from lmms_eval_drbench.build.llm.stages import Verdict, generate, judge
from lmms_eval_drbench.data import apportion
from lmms_eval_drbench.errors import UserError
from lmms_eval_drbench.taxonomy import PAPER_SHARES, Category, QuestionType

WAVES = 5
"""Times that missing questions are asked for."""
_MOST_EXTRA = 3.0
"""Greatest factor by which more is asked for than is missing, where few candidates come through."""
_TYPES = [QuestionType(name) for name in ("single_choice", "single_choice", "multiple_choice", "single_choice")] + [
    QuestionType.OPEN_ENDED
]
"""Question types asked for in turn. The paper publishes no shares of them."""
DROPS = ("malformed", "repeated", "visual_filter", "scene_filter", "consistency", "refused", "surplus")
"""Where a candidate can be lost, in the order of the stages."""

Argument, Result = TypeVar("Argument"), TypeVar("Result")


@dataclass
class Made:
    """Records by picture, and the pipeline's tallies.

    fate: units (a question, or a pair of twins) by category and what became of them: a drop or `kept`. asked: units
    asked for, by category. written: questions by picture, those that were dropped as well. rounds: questions by the
    number of annotations that they took. malformed: entries of replies whose category nobody knows.
    """

    photos: list[Photo]
    records: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    written: dict[str, list[str]] = field(default_factory=dict)
    missing: Counter[str] = field(default_factory=Counter)
    fate: Counter[tuple[str, str]] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)
    malformed: int = 0
    rounds: Counter[int] = field(default_factory=Counter)

    @property
    def lost(self) -> dict[str, int]:
        """Candidates by the stage that dropped them, in the order of the stages."""
        sums = {name: sum(count for (_, fate), count in self.fate.items() if fate == name) for name in DROPS}
        return sums | {"malformed": self.malformed}

    @property
    def empty(self) -> int:
        """Pictures without any question."""
        return sum(not self.records[photo.id] for photo in self.photos)


def quota(questions: int) -> dict[str, int]:
    """Questions by category, in the paper's shares; false premises come in pairs, an odd one goes to perception."""
    found = {str(category): count for category, count in apportion(questions, dict(PAPER_SHARES)).items()}
    if found[Category.FALSE_PREMISE_REJECTION] % 2:
        found[Category.FALSE_PREMISE_REJECTION] -= 1
        found[Category.PERCEPTION] += 1
    return found


def check_enough(images: int, questions: int) -> None:
    """Raise UserError where not every picture could get a question."""
    if sum(count // unit_size(category) for category, count in quota(questions).items()) < images:
        raise UserError(
            f"{questions} questions are too few for {images} images, as false premises come in pairs about one image: "
            "ask for more questions or fewer images"
        )


def unit_size(category: str) -> int:
    """Questions that stand or fall together."""
    return 2 if category == Category.FALSE_PREMISE_REJECTION else 1


def interleaved(counts: dict[str, int]) -> list[str]:
    """Each category as often as it counts, spread evenly over the list."""
    places = [((index + 0.5) / count, name) for name, count in counts.items() for index in range(count)]
    return [name for _, name in sorted(places)]


def run(
    model: Model,
    chosen: list[Photo],
    spare: Iterator[Photo],
    questions: int,
    split: str,
    concurrency: int,
    boxes: str,
) -> Made:
    """Ask about the chosen pictures until `questions` are there or `WAVES` are over; the rest is `missing`.

    spare: pictures that stand in for those that carry no question. boxes: see `parse.annotated`.
    Raises UserError where the endpoint can't be worked with.
    """
    made = Made(list(chosen), missing=Counter(quota(questions)))
    made.records = {photo.id: [] for photo in made.photos}
    made.written = {photo.id: [] for photo in made.photos}
    with _Pool(model, concurrency) as each:
        for number in range(1, WAVES + 1):
            _wave(model, made, split, boxes, each, number)
            if not made.missing and not made.empty:
                break
            _replace_empty(made, spare)
    return made


class _Pool:
    """A pool of threads as a function `each(what, function, arguments)`, which keeps the order of its arguments.

    When something ends the run, what waits is never sent.
    """

    def __init__(self, model: Model, concurrency: int) -> None:
        self._model, self._threads = model, ThreadPoolExecutor(concurrency)

    def __enter__(self) -> Callable[..., list]:
        return self._each

    def _each(self, what: str, function: Callable[[Argument], Result], arguments: Sequence[Argument]) -> list[Result]:
        jobs = [self._threads.submit(function, argument) for argument in arguments]
        for job in tqdm(as_completed(jobs), what, len(jobs), disable=None):  # shown on a terminal only
            job.result()  # the first failure ends the run at once
        return [job.result() for job in jobs]

    def __exit__(self, kind: type | None, *_: object) -> None:
        if kind is not None:
            self._model.stop()
        self._threads.shutdown(wait=True, cancel_futures=True)


def _wave(model: Model, made: Made, split: str, boxes: str, each: Callable[..., list], number: int) -> None:
    dealt = _deal(made)
    photos = [photo for photo in made.photos if photo.id in dealt]

    def candidates(photo: Photo) -> tuple[list[Unit], int] | None:
        try:
            return generate(model, photo, split, dealt[photo.id], made.written[photo.id], number)
        except Refused:
            return None

    todo: list[tuple[Photo, Unit]] = []
    for photo, answer in zip(photos, each(f"wave {number}: questions", candidates, photos), strict=True):
        if answer is None:
            made.fate.update((category, "refused") for category, _ in dealt[photo.id])
            continue
        made.malformed += answer[1]
        for unit in answer[0]:
            known = {question.casefold() for question in made.written[photo.id]}
            if known & {draft["question"].casefold() for draft in unit}:
                made.fate[unit[0]["category"], "repeated"] += 1
            else:
                made.written[photo.id] += [draft["question"] for draft in unit]
                todo.append((photo, unit))

    verdicts = each(f"wave {number}: checks", lambda pair: judge(model, *pair, boxes), todo)
    came_through = []
    for (photo, unit), verdict in zip(todo, verdicts, strict=True):
        if verdict.dropped:
            made.fate[unit[0]["category"], verdict.dropped] += 1
        else:
            came_through.append((photo, verdict))
    _accept(made, came_through)


def _accept(made: Made, came_through: list[tuple[Photo, Verdict]]) -> None:
    """Take what is still missing, first for the pictures that have least."""
    places = {photo.id: place for place, photo in enumerate(made.photos)}
    taken = Counter({photo.id: len(made.records[photo.id]) for photo in made.photos})
    ranked = []
    for photo, verdict in came_through:
        ranked.append((taken[photo.id], places[photo.id], len(ranked), photo, verdict))
        taken[photo.id] += len(verdict.unit)
    for *_, photo, verdict in sorted(ranked, key=lambda entry: entry[:3]):
        category = verdict.unit[0]["category"]
        units_left = sum(count // unit_size(name) for name, count in made.missing.items())
        is_reserved = made.records[photo.id] and units_left <= made.empty  # every picture gets a question
        if made.missing[category] < len(verdict.unit) or is_reserved:
            made.fate[category, "surplus"] += 1
            continue
        made.missing[category] -= len(verdict.unit)
        made.missing = +made.missing
        made.fate[category, "kept"] += 1
        made.rounds.update(verdict.rounds)
        records = made.records[photo.id]
        ids = [f"{photo.id}-{len(records) + index}" for index in range(len(verdict.unit))]
        twins = reversed(ids) if len(ids) == 2 else [None]
        records += [
            record | {"id": name, "twin_id": twin} for record, name, twin in zip(verdict.unit, ids, twins, strict=True)
        ]


def _deal(made: Made) -> dict[str, list[tuple[str, str]]]:
    """(category, question type) of the units to ask each picture for: those with the fewest questions come first."""
    wanted = {}
    for category, count in sorted(made.missing.items()):
        asked, kept = made.asked[category], made.fate[category, "kept"]
        extra = min(_MOST_EXTRA, asked / max(1, kept)) if asked else 1.0
        wanted[category] = math.ceil(count // unit_size(category) * extra)
    made.asked.update(wanted)
    order = interleaved(wanted)
    by_need = sorted(made.photos, key=lambda photo: len(made.records[photo.id]))
    is_first = not any(made.records.values())
    dealt: dict[str, list[tuple[str, str]]] = {}
    turn: Counter[str] = Counter()
    for index, category in enumerate(order):
        place = index * len(by_need) // len(order) if is_first else index % len(by_need)
        premise = category == Category.FALSE_PREMISE_REJECTION
        kind = QuestionType.SINGLE_CHOICE if premise else _TYPES[turn[category] % len(_TYPES)]
        turn[category] += 1
        dealt.setdefault(by_need[place].id, []).append((category, str(kind)))
    return dealt


def _replace_empty(made: Made, spare: Iterator[Photo]) -> None:
    """Put the next pictures in the place of those that carried no question, as far as there are any."""
    for place, photo in enumerate(made.photos):
        if not made.records[photo.id] and (other := next(spare, None)) is not None:
            del made.records[photo.id]
            made.photos[place] = other
            made.records[other.id], made.written[other.id] = [], []
