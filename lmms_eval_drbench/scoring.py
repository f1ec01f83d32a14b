"""One record and one model output → every score of that question.

Pure functions: lmms-eval's hooks (`task.process_results`) log what `score` returns, and every table is computed
from those logs.
"""

from collections.abc import Mapping
from typing import Any

from lmms_eval_drbench import grounding, rationales, scaffold
from lmms_eval_drbench.answers import Answer, extract
from lmms_eval_drbench.answers.matching import matches_any
from lmms_eval_drbench.answers.phrases import token_f1, tokens
from lmms_eval_drbench.answers.rejection import rejects
from lmms_eval_drbench.record import chance
from lmms_eval_drbench.taxonomy import QuestionType

_SHOWN = 200


def score(
    record: Mapping[str, Any], output: Any, prompt: str = "direct", truncated: bool | None = None
) -> dict[str, Any]:
    """Score one output.

    prompt: a name in `prompts.PROMPTS`. truncated: whether the token limit cut the output off, None when unknown;
    tagged text tells by itself (a field that is not closed), other text does not, so it is logged as None then.
    Returns a flat dict, ready to be logged: record_id, image_id, category and question_type (who was scored); acc (0
    or 1), partial (0 to 1), unparsed (0 or 1), truncated (0, 1 or None) and chance, floats; answer and reason
    (strings); for the scaffold prompt also `grounding.score`'s values; for false premise questions also
    `constant_policies`.
    """
    answer = extract(output, record)
    scores: dict[str, Any] = {
        "record_id": record["id"],
        "image_id": record["image_id"],
        "category": record["category"],
        "question_type": record["question_type"],
        "acc": float(is_right(record, answer)),
        "partial": partial_credit(record, answer),
        "unparsed": float(not answer.parsed),
        "truncated": _truncated(output, prompt, truncated),
        "chance": float(chance(record)),
        "answer": str(answer)[:_SHOWN].encode("utf-8", "replace").decode(),  # a lone surrogate can't be logged
        "reason": answer.reason,
    }
    if prompt == "scaffold":
        scores |= grounding.score(record, output if isinstance(output, str) else "")
    if record["premise_true"] is not None:
        scores |= constant_policies(record)
    return scores


def constant_policies(record: Mapping[str, Any]) -> dict[str, float]:
    """What three policies that don't look would score on a false premise question.

    always_reject: right on every false premise, wrong on every true twin. never_reject: the reverse, given that it
    answers every true twin right (its upper bound). always_a: the letter A, whatever is asked.
    """
    false_premise = record["premise_true"] is False
    return {
        "always_reject": float(false_premise),
        "never_reject": float(not false_premise),
        "always_a": float(bool(record["options"]) and is_right(record, Answer(frozenset("A"), None, "policy"))),
    }


def is_right(record: Mapping[str, Any], answer: Answer) -> bool:
    """Exact letter or set; normalised match for open questions; on a false premise, the rejection.

    A choice question on a false premise is right with any of its rejecting letters, where one letter is asked for.
    """
    if not answer.parsed:
        return False
    false_premise = record["premise_true"] is False
    if record["question_type"] == QuestionType.OPEN_ENDED:
        if matches_any(answer.text or "", record["answer"], record["question"]):
            return True
        return false_premise and rejects(answer.text or "", record["question"], record["reject_answers"])
    if false_premise and record["question_type"] == QuestionType.SINGLE_CHOICE and len(answer.letters) == 1:
        return answer.letters <= {*record["answer"], *record["reject_answers"]}
    return answer.letters == frozenset(record["answer"])


def partial_credit(record: Mapping[str, Any], answer: Answer) -> float:
    """Overlap with the gold answer, 0 to 1: Jaccard index of letter sets, best token F1 of open answers.

    Equals `acc` for single choice and for false premises (a rejection is one or isn't), and is 1 wherever `acc` is.
    """
    if is_right(record, answer):
        return 1.0
    if not answer.parsed or record["question_type"] == QuestionType.SINGLE_CHOICE or record["premise_true"] is False:
        return 0.0
    if answer.letters is not None:
        gold = frozenset(record["answer"])
        return len(answer.letters & gold) / len(answer.letters | gold)
    return max(token_f1(tokens(answer.text or ""), tokens(accepted)) for accepted in record["answer"])


def _truncated(output: Any, prompt: str, hint: bool | None) -> float | None:
    if hint is not None:
        return float(hint)
    if prompt == "scaffold":
        return float(isinstance(output, str) and scaffold.parse(output).unfinished)
    if prompt == "llava_cot":
        return float(isinstance(output, str) and rationales.unfinished(output))
    return None
