"""The two rationale formats that the paper compares with, as text: render and read.

Chain of thought: the record's reasoning as running text, then the answer on a line of its own. LLaVA-CoT (Xu et al.
2024, arXiv 2411.10440): four tagged stages, SUMMARY (how the question will be approached), CAPTION (what the image
shows of it), REASONING, CONCLUSION (the answer). How a record fills them is ours: the papers' prompts for writing such
texts need a model, ours are the same four annotated steps that DRScaffold learns from.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from lmms_eval_drbench.record import CHAIN_STEPS
from lmms_eval_drbench.scaffold import gold_answer

TAGS = ("SUMMARY", "CAPTION", "REASONING", "CONCLUSION")
"""LLaVA-CoT's stages in order."""

_OWN_TAG = re.compile(r"<\s{0,4}/?\s{0,4}(?:summary|caption|conclusion)\s{0,4}>", re.IGNORECASE)
"""REASONING is a scaffold's field too, so it does not tell whose text it is."""
_CONCLUSION = re.compile(r"<\s{0,4}conclusion\s{0,4}>", re.IGNORECASE)
_ANY_TAG = re.compile(r"<\s{0,4}/?\s{0,4}(?:summary|caption|reasoning|conclusion)\s{0,4}>", re.IGNORECASE)
_CUT_TAG = re.compile(r"<\s{0,4}/?\s{0,4}([a-z]{0,10})\s{0,4}$", re.IGNORECASE)


class Conclusion(NamedTuple):
    """What a LLaVA-CoT text concludes. body: the text of its last CONCLUSION. open: whether its end may be missing."""

    body: str
    open: bool


def chain_of_thought(record: Mapping[str, Any]) -> str:
    """A record's gold chain of thought: its four steps as one paragraph, then `Answer: B`."""
    return f"{_text(record, *CHAIN_STEPS)}\nAnswer: {gold_answer(record)}"


def llava_cot(record: Mapping[str, Any]) -> str:
    """A record's gold LLaVA-CoT text, one stage a line."""
    stages = (
        f"I will look at {_listed(record['key_objects'])}, and reason from what they show to the answer.",
        _text(record, "perception", "relation"),
        _text(record, "logic", "conclusion"),
        gold_answer(record),
    )
    return "\n".join(f"<{tag}>{text}</{tag}>" for tag, text in zip(TAGS, stages, strict=True))


def is_llava_cot(text: str) -> bool:
    """Whether a text holds one of LLaVA-CoT's own tags."""
    return bool(_OWN_TAG.search(text))


def conclusion(text: str) -> Conclusion | None:
    """The last CONCLUSION of a LLaVA-CoT text, None where it has none. Never raises; linear in the length of `text`."""
    opening = None
    for opening in _CONCLUSION.finditer(text):  # noqa: B007 - the last one is what counts
        pass
    if opening is None:
        return None
    body = text[opening.end() :]
    closing = _ANY_TAG.search(body)
    if closing:
        return Conclusion(body[: closing.start()], False)
    cut = _CUT_TAG.search(body, max(0, len(body) - 20))
    if cut and any(tag.startswith(cut.group(1).upper()) for tag in TAGS):
        return Conclusion(body[: cut.start()], False)  # the closing tag had begun: the text before it is whole
    return Conclusion(body, True)


def unfinished(text: str) -> bool:
    """Whether a LLaVA-CoT text shows that the token limit cut it off: its last stage is missing or not closed."""
    if not is_llava_cot(text):
        return False
    last = conclusion(text)
    return last is None or not re.search(r"<\s{0,4}/\s{0,4}conclusion\s{0,4}>", text, re.IGNORECASE)


def _text(record: Mapping[str, Any], *steps: str) -> str:
    return " ".join(" ".join(record["reasoning_chain"][step].split()) for step in steps)


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
