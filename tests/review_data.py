"""A small data set to review: choice and open questions, and two pairs of twins."""

import json
from pathlib import Path

from conftest import toy_record, write_toy_data

from lmms_eval_drbench.build.review.decisions import FORMAT

PREMISE = {"category": "false_premise_rejection", "family": "premise", "reject_answers": ["D"]}
TWINS = {"q6": "q7", "q7": "q6", "q8": "q9", "q9": "q8"}


def records(**changes) -> list[dict]:
    """q0 to q3 single choice (A to D right), q4 multiple choice, q5 open, q6/q7 and q8/q9 twins: a true premise
    (A right), a false one (D right).
    """
    found = [toy_record(index, key_object_boxes=[[20, 30, 60, 40]] * (2 + index % 2)) for index in range(10)]
    found[4] |= {"question_type": "multiple_choice", "answer": ["A", "C"], "family": "colors"}
    found[5] |= {"question_type": "open_ended", "options": [], "answer": ["green", "dark green"], "family": "open"}
    for index in range(6, 10):
        holds = index % 2 == 0
        found[index] |= PREMISE | {"premise_true": holds, "answer": ["A" if holds else "D"]}
        found[index]["twin_id"] = TWINS[f"q{index}"]
    return [record | {"id": f"q{index}", "split": "test"} | changes for index, record in enumerate(found)]


def write_reviewable(folder: Path, **changes) -> Path:
    return write_toy_data(folder, records(**changes))


def write_review(file: Path, fingerprint: str, decisions: dict, reviewer: str = "Ada", **changes) -> Path:
    """An export of the page. decisions: id → its entry, or only its verdict."""
    entries = {key: {"decision": value} if isinstance(value, str) else value for key, value in decisions.items()}
    content = {"format": FORMAT, "fingerprint": fingerprint, "reviewer": reviewer, "decisions": entries} | changes
    file.write_text(json.dumps(content), encoding="utf-8")
    return file
