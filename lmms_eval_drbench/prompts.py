"""From a question to a prompt. Evaluation and training read the same functions, so they can't drift apart.

`direct` asks for the answer alone and works with any model. `scaffold` also asks for the four fields; only this
prompt is trained to give them, so a model asked directly keeps answering directly (DESIGN section 6).
"""

from collections.abc import Mapping
from typing import Any

from lmms_eval_drbench.record import option_letters
from lmms_eval_drbench.taxonomy import QuestionType

_DIRECT = {
    QuestionType.SINGLE_CHOICE: "Answer with the option's letter only.",
    QuestionType.MULTIPLE_CHOICE: "Answer with the letters of all correct options, separated by commas.",
    QuestionType.OPEN_ENDED: "Answer with a short phrase.",
}
_ANSWER_SLOT = {
    QuestionType.SINGLE_CHOICE: "the option's letter",
    QuestionType.MULTIPLE_CHOICE: "the letters of all correct options, separated by commas",
    QuestionType.OPEN_ENDED: "a short phrase",
}
_SCAFFOLD = (
    "Reply in four fields: the key objects in <entities>, one a line; their relations in <relations>, one a line, as "
    "subject --relation--> object; the steps [Perception], [Relation], [Logic] and [Conclusion] in <reasoning>; "
    "{slot} in <answer>. Close every field."
)


def question_block(record: Mapping[str, Any]) -> str:
    """The question, and its lettered options below it where it has any."""
    letters = option_letters(record)
    options = [f"{letter}. {option}" for letter, option in zip(letters, record["options"], strict=True)]
    return "\n".join([record["question"], *options])


def direct(record: Mapping[str, Any]) -> str:
    """Question, options, and the instruction to answer with nothing else."""
    return f"{question_block(record)}\n{_DIRECT[QuestionType(record['question_type'])]}"


def scaffold(record: Mapping[str, Any]) -> str:
    """Question, options, and the instruction to fill the four fields."""
    return f"{question_block(record)}\n{_SCAFFOLD.format(slot=_ANSWER_SLOT[QuestionType(record['question_type'])])}"


PROMPTS = {"direct": direct, "scaffold": scaffold}
"""Prompt name → function of a record."""
