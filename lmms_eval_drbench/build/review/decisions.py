"""What one person decided about a data set: the file that the review page exports, read and checked.

{"format": "drbench-review/1", "data": name, "fingerprint": of the whole data set, "split": ..., "reviewer": name,
 "decisions": {record id: {"decision": "accept" | "reject" | "fix", "answer": [...], "logic": "...", "note": "..."}}}

answer (fix only): the letters that are right, or the accepted strings of an open question, the best first. logic (fix
only, optional): the chain's logic step that leads to it. note: anything, never interpreted.
"""

import json
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

from lmms_eval_drbench import data
from lmms_eval_drbench.errors import UserError
from lmms_eval_drbench.record import faults, option_letters

FORMAT = "drbench-review/1"
_SHOWN_FAULTS = 20
_MAX_BYTES = 100_000_000
"""A hundred times the decisions of a data set of the paper's size."""


_MOST_ANSWER, _MOST_LOGIC = 300, 3000
"""Characters of what a reviewer writes into a record."""


class Verdict(StrEnum):
    """What a reviewer says about a record."""

    ACCEPT = "accept"
    REJECT = "reject"
    FIX = "fix"


@dataclass(frozen=True)
class Decision:
    """A verdict. answer and logic are set where it is a fix; letters are sorted, so that equal fixes are equal."""

    verdict: Verdict
    answer: tuple[str, ...] = ()
    logic: str = ""
    note: str = ""

    @property
    def label(self) -> str:
        """What two reviewers must have in common to agree."""
        return f"{self.verdict}: {', '.join(self.answer)}" if self.verdict is Verdict.FIX else str(self.verdict)


@dataclass(frozen=True)
class Review:
    """A reviewer's decisions by record id."""

    reviewer: str
    decisions: dict[str, Decision]

    @property
    def key(self) -> str:
        """The reviewer's name in one spelling: who writes it in another is no second opinion."""
        return " ".join(unicodedata.normalize("NFKC", self.reviewer).casefold().split())


def read(path: Path, loaded: data.Data, records: Mapping[str, Mapping[str, Any]]) -> Review:
    """Read an export and check it against the data. records: those of `loaded` by id.

    Raises UserError when it is no such file, was made on other data, or names ids or answers that the data lacks; then
    every fault is said at once.
    """
    found = _json(path)
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise UserError(f"{path} is no review in the format {FORMAT}: give a file that the review page exported")
    if found.get("fingerprint") != loaded.fingerprint:
        raise UserError(
            f"{path} is a review of data with the fingerprint {str(found.get('fingerprint'))[:40]!r}, but "
            f"{loaded.name} (split {loaded.split}) has {loaded.fingerprint}: give --data the data that was reviewed"
        )
    reviewer = found.get("reviewer")
    if not isinstance(reviewer, str) or not reviewer.strip() or not reviewer.isprintable() or len(reviewer) > 80:
        raise UserError(f"{path} does not name its reviewer in 1 to 80 printable characters: write `reviewer`")
    if not isinstance(found.get("decisions"), dict):
        raise UserError(f"{path} holds no object `decisions`: give a file that the review page exported")
    if not found["decisions"]:
        raise UserError(f"{path} decides about no record: review some and export again")
    decisions: dict[str, Decision] = {}
    problems = []
    for record_id, entry in found["decisions"].items():
        if record_id not in records:
            problems.append(f"record {record_id[:80]!r} is not in the data: remove it")
            continue
        try:
            decisions[record_id] = _decision(entry, records[record_id])
        except ValueError as error:
            problems.append(f"record {record_id!r}: {error}")
    if problems:
        shown = "\n  ".join(problems[:_SHOWN_FAULTS])
        more = f"\n  ... and {len(problems) - _SHOWN_FAULTS} more" if len(problems) > _SHOWN_FAULTS else ""
        raise UserError(f"{path}: {len(problems)} of {len(found['decisions'])} decisions are faulty:\n  {shown}{more}")
    return Review(reviewer.strip(), decisions)


def corrected(record: Mapping[str, Any], answer: tuple[str, ...]) -> dict[str, Any]:
    """A record with another answer; its premise holds or not as the new answer says."""
    changed = dict(record) | {"answer": list(answer)}
    if record["premise_true"] is not None:
        changed["premise_true"] = not set(answer) & set(record["reject_answers"])
    return changed


def _json(path: Path) -> Any:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise UserError(f"{path} has more than {_MAX_BYTES:,} bytes: it is no review")
        return json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=partial(_without_repeats, path))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not JSON ({error}): give a file that the review page exported") from error


def _without_repeats(path: Path, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of which no key comes twice: JSON lets the last one win, whatever somebody wrote before it."""
    counts = Counter(key for key, _ in pairs)
    if repeated := [key for key, count in counts.items() if count > 1]:
        raise UserError(f"{path} names {repeated[0][:80]!r} twice: remove one")
    return dict(pairs)


def _decision(entry: Any, record: Mapping[str, Any]) -> Decision:
    """Raises ValueError with the fault and its cure."""
    if not isinstance(entry, dict) or entry.get("decision") not in list(Verdict):
        raise ValueError(f"`decision` must be one of {', '.join(Verdict)}")
    texts = {name: entry.get(name, "") for name in ("logic", "note")}
    if wrong := [name for name, text in texts.items() if not isinstance(text, str)]:
        raise ValueError(f"`{wrong[0]}` must be a text")
    verdict = Verdict(entry["decision"])
    if verdict is not Verdict.FIX:
        return Decision(verdict, note=texts["note"])
    logic = " ".join(texts["logic"].split())
    if not logic.isprintable() or len(logic) > _MOST_LOGIC:
        raise ValueError(f"`logic` must be at most {_MOST_LOGIC} printable characters")
    return Decision(verdict, _answer(entry.get("answer"), record), logic, texts["note"])


def _answer(answer: Any, record: Mapping[str, Any]) -> tuple[str, ...]:
    if not isinstance(answer, list) or not answer or not all(isinstance(text, str) and text.strip() for text in answer):
        raise ValueError("a fix needs `answer`, a list of letters or texts: give it or reject the record")
    is_open = not record["options"]
    if is_open and record["premise_true"] is not None:
        raise ValueError("an open question about a premise has no answer to fix: reject it")
    texts = [" ".join(text.split()) for text in answer]
    if not all(text.isprintable() and len(text) <= _MOST_ANSWER for text in texts):
        raise ValueError(f"an answer must be at most {_MOST_ANSWER} printable characters")
    given = tuple(texts) if is_open else tuple(sorted(text.upper() for text in texts))
    if set(given) == set(record["answer"]):
        raise ValueError(f"the fixed answer {', '.join(given)} is the one it has: accept it instead")
    if not is_open and (beyond := [letter for letter in given if letter not in option_letters(record)]):
        raise ValueError(f"answer {beyond[0][:40]!r} is beyond the options: use {', '.join(option_letters(record))}")
    if len(set(given)) < len(given):
        raise ValueError(f"the answers repeat: {', '.join(given)}")
    if found := faults(corrected(record, given)):
        raise ValueError(found[0])
    return given
