"""From model text to an answer. Nothing is ever guessed: what can't be read is counted as unparsed, with a reason.

Readers run from the most explicit to the least: a scaffold's `<answer>` field or LLaVA-CoT's CONCLUSION, a LaTeX box, a
bare answer, the last declaration ("the answer is ..."), an option-like first or last line, and what the clauses of
prose claim; `choices` and `open_ended` have the details. Upstream's shared extractor reads the article of "A dog is on
the left; the answer is (C)" as the letter A; here declarations win, and a lone "A" before a noun is a word.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lmms_eval_drbench import rationales, scaffold
from lmms_eval_drbench.answers import choices, jsonfields, layout, open_ended
from lmms_eval_drbench.answers import letters as lettering
from lmms_eval_drbench.answers.chinese import anglicised
from lmms_eval_drbench.answers.translation import translated
from lmms_eval_drbench.record import option_letters
from lmms_eval_drbench.taxonomy import QuestionType

MAX_PROSE = 20_000
"""Characters of running text, half from its start and half from its end, that are searched for an answer. Fields and
boxes are found in any length."""

_THINK = re.compile(r"[<◁]\s{0,4}(/?)\s{0,4}(?:think|thinking|thought)\s{0,4}[>▷]", re.IGNORECASE)
_BOX = re.compile(r"\\(?:boxed|fbox|framebox)\s{0,4}\{")
_MAX_BOX = 1000
_MAX_BOXES = 26
_BETWEEN_BOXES = re.compile(r"[\s$]{0,9}(?:,|and|&|和|、|;)[\s$]{0,9}(?:and)?[\s$]{0,9}")


@dataclass(frozen=True)
class Answer:
    """What a model answered.

    letters: chosen letters of a choice question. text: the answer to an open question. Both None: unparsed.
    reason: how it was read, or why it could not be.
    """

    letters: frozenset[str] | None
    text: str | None
    reason: str

    @property
    def parsed(self) -> bool:
        return self.letters is not None or self.text is not None

    def __str__(self) -> str:
        if self.letters is not None:
            return ", ".join(sorted(self.letters))
        return self.text or ""


def extract(text: Any, record: Mapping[str, Any]) -> Answer:
    """Read the answer out of anything a model can write. Never raises for a valid record; linear in `text`."""
    if not isinstance(text, str):
        return _unparsed("no text")
    text = layout.without_roles(unicodedata.normalize("NFKC", text).replace("\u2019", "'"))
    answer = _without_thinking(text)
    if not answer.strip():
        return _unparsed("thinking was not finished" if text.strip() else "empty")
    found = _answer_field(answer)
    if found is None:
        return _unparsed("no <CONCLUSION> field" if rationales.is_llava_cot(answer) else "no <answer> field")
    body, field = found
    if field.startswith("unclosed ") and not _is_whole(body, record):
        return _unparsed(f"the {field.removeprefix('unclosed ')} was cut off")
    if not body.strip():
        return _unparsed(f"the {field} is empty" if field else "empty")
    box = _last_box(body)
    where = [field] if field else []
    if box is not None and box.strip():
        body = box
        where.append("LaTeX box")
    body = anglicised(layout.plain(_shortened(body.strip())))
    body = translated(body, " ".join((record["question"], *record["options"], *record["answer"])))
    if not body:
        return _unparsed("no answer found")
    if record["question_type"] == QuestionType.OPEN_ENDED:
        given, how = open_ended.read(body, record)
        return Answer(None, given, _joined(where, how) if given is not None else how)
    letters, how = choices.read(body, record)
    return Answer(letters, None, _joined(where, how) if letters is not None else how)


def _is_whole(body: str, record: Mapping[str, Any]) -> bool:
    """Whether a field without its end can't go on: "A" may have been on its way to "A, C", "A and C" has its end."""
    if record["question_type"] != QuestionType.MULTIPLE_CHOICE:
        return record["question_type"] == QuestionType.SINGLE_CHOICE
    valid = option_letters(record)
    found = lettering.bare(body, valid)
    return bool(found) and (valid[-1] in found or bool(re.search(r"\band\s+\W*[A-H]\W*$", body)))


def _joined(where: list[str], how: str) -> str:
    return ": ".join([*where, how])


def _unparsed(reason: str) -> Answer:
    return Answer(None, None, reason)


def _without_thinking(text: str) -> str:
    """What follows the last closed thought; an unclosed one leaves only what stood before it."""
    marks = list(_THINK.finditer(text))
    if not marks:
        return text
    if marks[-1].group(1):
        return text[marks[-1].end() :]
    closing = max((mark.end() for mark in marks if mark.group(1)), default=0)
    return text[closing : marks[-1].start()]


def _answer_field(text: str) -> tuple[str, str] | None:
    """(text to read, which field it is): the last answer field, all of a text without fields, or what follows them.

    None for a scaffold or LLaVA-CoT text that ends before its answer.
    """
    parsed = scaffold.parse(text)
    if (judged := jsonfields.judged(text)) is not None:
        return judged, "JSON"
    if parsed.answer is None and (found := jsonfields.answer(text)) is not None:
        return found, "JSON"
    if parsed.answer is None and jsonfields.is_cut_off(text):
        return None
    if parsed.answer is not None:
        return parsed.answer, "unclosed <answer> field" if parsed.answer_open else "<answer> field"
    if rationales.is_llava_cot(text):
        concluded = rationales.conclusion(text)
        if concluded is None:
            return None
        return concluded.body, "unclosed <CONCLUSION> field" if concluded.open else "<CONCLUSION> field"
    if parsed.is_empty:
        return scaffold.without_cut_tag(text)[0], ""
    return (parsed.rest, "after the fields") if parsed.rest.strip() else None


def _last_box(text: str) -> str | None:
    r"""Content of the last `\boxed{...}`, braces balanced; of boxes that form a list, all of them, joined."""
    contents: list[str] = []
    following = None
    for match in reversed(list(_BOX.finditer(text))[-_MAX_BOXES:]):
        end = _closing_brace(text, match.end())
        if end is None or (following is not None and not _BETWEEN_BOXES.fullmatch(text, end + 1, following)):
            break
        contents.insert(0, text[match.end() : end])
        following = match.start()
    return ", ".join(dict.fromkeys(contents)) if contents else None


def _closing_brace(text: str, start: int) -> int | None:
    depth = 1
    for index in range(start, min(len(text), start + _MAX_BOX)):
        depth += {"{": 1, "}": -1}.get(text[index], 0)
        if depth == 0:
            return index
    return None


def _shortened(text: str) -> str:
    half = MAX_PROSE // 2
    return text if len(text) <= MAX_PROSE else f"{text[:half]}\n...\n{text[-half:]}"
