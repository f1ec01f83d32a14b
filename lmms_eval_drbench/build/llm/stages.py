"""The stages that a question goes through (paper, figure of the construction pipeline), each one function.

Generation → quality control 1: visual filter (the model without the picture), scene filter → quality control 2, at most
`ROUNDS` times: annotation, consistency check. Every stage is a function of its arguments and the model's answers alone,
so the order in which threads run them changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from lmms_eval_drbench import prompts
from lmms_eval_drbench.answers import extract
from lmms_eval_drbench.build.llm.client import Refused
from lmms_eval_drbench.build.llm.model import Model, prompt
from lmms_eval_drbench.build.llm.parse import Draft, Malformed, Unit, annotated, only_object, said_answer, text, units
from lmms_eval_drbench.build.llm.photos import Photo
from lmms_eval_drbench.build.questions.draft import listing
from lmms_eval_drbench.record import option_letters
from lmms_eval_drbench.scoring import is_right
from lmms_eval_drbench.taxonomy import QuestionType

ROUNDS = 5
"""Annotations of one question, the paper's number; after the last a question is dropped."""
BLIND_TRIES = 3
"""Orders of the options in which the model must be right without the picture for the question to be dropped. One would
drop every fourth good question with four options by luck."""
_CREATIVE = 0.7
"""Temperature of generation, and of an annotation that is written again. Judgements are made at 0."""
_MOST_KNOWN = 40
"""Earlier questions about a picture that the model is told."""
_BOXES = {
    "pixels": " The picture is {width} x {height} pixels: give left, top, right and bottom in these pixels.",
    "thousandths": " Give left, top, right and bottom in thousandths of the picture's width and height.",
    "none": "",
}
_EXAMPLES = {
    True: '{"name": "red cup", "left": 10, "top": 20, "right": 60, "bottom": 90}',
    False: '{"name": "red cup"}',
}


@dataclass
class Verdict:
    """What became of a unit. dropped: the stage that dropped it, None for one that came through as `unit`.

    rounds: annotations that each of its questions took.
    """

    dropped: str | None = None
    unit: Unit = field(default_factory=list)
    rounds: list[int] = field(default_factory=list)


def generate(
    model: Model, photo: Photo, split: str, wanted: Sequence[tuple[str, str]], asked: Sequence[str], attempt: int
) -> tuple[list[Unit], int]:
    """(drafts about a photo, how many entries of the reply were malformed). wanted: (category, question type) each.

    asked: questions about it that were written before. attempt: which wave this is. Drafts that were not asked for are
    left out. Raises Refused.
    """
    lines = "\n".join(f"{number}. {category}, {kind}" for number, (category, kind) in enumerate(wanted, start=1))
    known = "\n".join(asked[-_MOST_KNOWN:]) or "(nothing)"
    reply = model.ask(prompt("generate", wanted=lines, asked=known), photo, _CREATIVE, attempt)
    frame = {"image_id": photo.id, "source": f"llm:{model.name}", "split": split}
    found, malformed = units(reply, frame, model.seed)
    left = [category for category, _ in wanted]
    kept = []
    for unit in found:
        if unit[0]["category"] in left:
            left.remove(unit[0]["category"])
            kept.append(unit)
    return kept, malformed


def judge(model: Model, photo: Photo, unit: Unit, boxes: str) -> Verdict:
    """Take one unit through both quality controls. boxes: see `parse.annotated`."""
    try:
        if all(answered_blind(model, draft) for draft in unit):
            return Verdict("visual_filter")
        if not all(fits_scene(model, photo, draft) for draft in unit):
            return Verdict("scene_filter")
        made = [annotate(model, photo, draft, boxes) for draft in unit]
    except Refused:
        return Verdict("refused")
    if any(record is None for record, _ in made):
        return Verdict("consistency")
    return Verdict(None, [record for record, _ in made if record is not None], [rounds for _, rounds in made])


def answered_blind(model: Model, draft: Draft) -> bool:
    """Whether the model answers without the picture, in every one of `BLIND_TRIES` orders of the options.

    Of twins both must be answered: a model that always rejects answers one, and so does one that never does.
    """
    orders = min(BLIND_TRIES, len(draft["options"]) or 1)
    return all(
        is_right(turned, extract(model.ask(prompt("visual_filter", question=prompts.direct(turned))), turned))
        for turned in (_turned(draft, step) for step in range(orders))
    )


def _turned(draft: Draft, step: int) -> Draft:
    """The draft with its options moved on by `step` places."""
    letters = option_letters(draft)
    if not letters or not step:
        return draft
    options = draft["options"][step:] + draft["options"][:step]
    moved = {letter: letters[(index - step) % len(letters)] for index, letter in enumerate(letters)}
    answers = {name: sorted(moved[letter] for letter in draft[name]) for name in ("answer", "reject_answers")}
    return draft | {"options": options} | answers


def fits_scene(model: Model, photo: Photo, draft: Draft) -> bool:
    """Whether the model, with the picture, finds that the question fits, and gives the answer that was meant."""
    try:
        verdict = only_object(model.ask(prompt("scene_filter", question=prompts.question_block(draft)), photo))
    except Malformed:
        return False
    return verdict.get("fits") is True and _agrees(verdict.get("answer"), draft)


def annotate(model: Model, photo: Photo, draft: Draft, boxes: str) -> tuple[Draft | None, int]:
    """(the annotated record, rounds it took), or (None, `ROUNDS`). What was wrong is told to the next round."""
    width, height = photo.sent_size(model.max_side)
    problems: list[str] = []
    for number in range(1, ROUNDS + 1):
        asked = prompt(
            "annotate",
            question=prompts.question_block(draft),
            answer=_answer_line(draft),
            said=said(draft),
            boxes=_BOXES[boxes].format(width=width, height=height),
            example=_EXAMPLES[boxes != "none"],
            problems="".join(f"- An earlier annotation was refused: {problem}\n" for problem in problems),
        )
        reply = model.ask(asked, photo, temperature=_CREATIVE if problems else 0.0)
        try:
            record = annotated(reply, draft, (width, height), (photo.width, photo.height), boxes)
        except Malformed as error:
            problem = str(error)
        else:
            problem = inconsistency(model, record)
        if not problem:
            return record, number
        problems.append(problem[:300])
    return None, ROUNDS


def inconsistency(model: Model, record: Draft) -> str:
    """Why a record's chain doesn't lead to its answer; empty where it does.

    First the rule (the conclusion, read like any model's output, gives the answer), then the model without the picture.
    """
    chain = record["reasoning_chain"]
    wanted = f"The answer is {said(record)}."
    if not chain["conclusion"].endswith(wanted) and not is_right(record, extract(chain["conclusion"], record)):
        return f'the conclusion must end with "{wanted}"'
    asked = prompt(
        "consistency",
        question=prompts.question_block(record),
        objects=", ".join(record["key_objects"]),
        relations="; ".join(" ".join(triple) for triple in record["scene_graph"]) or "(none)",
        **chain,
    )
    try:
        verdict = only_object(model.ask(asked))
        if verdict.get("consistent") is not True:
            return text(verdict.get("problem"), 300, "a problem")
    except Malformed:
        return "the reasoning does not hold together"
    return "" if _agrees(verdict.get("answer"), record) else "the reasoning leads to another answer"


def _agrees(answer: object, draft: Draft) -> bool:
    return is_right(draft, extract(said_answer(answer, draft), draft))


def said(draft: Draft) -> str:
    """The right answer in words."""
    if draft["question_type"] == QuestionType.OPEN_ENDED:
        return draft["answer"][0]
    by_letter = dict(zip(option_letters(draft), draft["options"], strict=True))
    return listing([by_letter[letter].rstrip(".") for letter in draft["answer"]])


def _answer_line(draft: Draft) -> str:
    if draft["question_type"] == QuestionType.OPEN_ENDED:
        return " or ".join(draft["answer"])
    return f"{', '.join(draft['answer'])} ({said(draft)})"
