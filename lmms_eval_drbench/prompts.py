"""From a question to a prompt. Evaluation and training read the same functions, so they can't drift apart.

`direct` asks for the answer alone and works with any model. `scaffold` also asks for the four fields; only this
prompt is trained to give them, so a model asked directly keeps answering directly (DESIGN section 6). `cot` and
`llava_cot` are the native prompts of the two rationale methods (`rationales`).
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
_COT = "Think step by step about what the image shows, in one paragraph. Then write 'Answer:' and {slot} on a new line."
_LLAVA_COT = (
    "Reply in four stages: how you will approach the question in <SUMMARY>, what the image shows of it in <CAPTION>, "
    "your reasoning in <REASONING>, and {slot} in <CONCLUSION>. Close every tag."
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
    return _with_slot(record, _SCAFFOLD)


def cot(record: Mapping[str, Any]) -> str:
    """Question, options, and the instruction to think aloud before the answer."""
    return _with_slot(record, _COT)


def llava_cot(record: Mapping[str, Any]) -> str:
    """Question, options, and the instruction to go through LLaVA-CoT's four stages."""
    return _with_slot(record, _LLAVA_COT)


def _with_slot(record: Mapping[str, Any], instruction: str) -> str:
    return f"{question_block(record)}\n{instruction.format(slot=_ANSWER_SLOT[QuestionType(record['question_type'])])}"


PROMPTS = {"direct": direct, "scaffold": scaffold, "cot": cot, "llava_cot": llava_cot}
"""Prompt name → function of a record, in the order that tables show them."""


def suite_name(base: str, prompt: str) -> str:
    """The suite of tasks that asks `base` (`drbench`, `drbench_mini`, ...) under a prompt; direct has no suffix."""
    return base if prompt == "direct" else f"{base}_{prompt}"


def split_suite(name: str) -> tuple[str, str]:
    """(base, prompt) of a suite's name. The longest suffix counts: `drbench_llava_cot` is no `cot` suite."""
    for prompt in sorted(PROMPTS, key=len, reverse=True):
        if name.endswith(f"_{prompt}"):
            return name.removesuffix(f"_{prompt}"), prompt
    return name, "direct"
