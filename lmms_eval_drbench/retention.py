"""General benchmarks without a key and without a login: what must not be lost while DRBench is learned.

The tasks in `task_configs/tasks/retention` ask lmms-eval's own prompts about its own data sets (its `doc_to_*` of
0.7.3), and differ in three things. Upstream demands a hub login for four of them (`token: True`) and a GPT judge for
two; these don't. Upstream reads letters with four different extractors, of which one takes the article of "A dog is on
the left; the answer is (C)" for an answer, one the B of "Based on the image", and one draws a random letter where it
finds none; here `answers.extract` reads all of them and counts what it can't read. And every task has generation
arguments of its own, so that no batch mixes two tasks (adapters take a batch's images from its first task).

Every logged item has `item_id`, `image_id`, `score` (0 or 1), `unparsed`, `answer` and `reason`.
`DRBENCH_RETENTION_DATA=<folder>` takes the data sets from local clones, named as on the hub (`<folder>/MMStar`, ...).
"""

import ast
import math
import re
import string
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from lmms_eval_drbench import answers, clones
from lmms_eval_drbench.answers import Answer
from lmms_eval_drbench.answers.matching import matches
from lmms_eval_drbench.answers.statements import corrections

VERSION = "0.1"
HUB = {
    "MMBENCH": "lmms-lab-encoder/MMBench",
    "MMMU": "lmms-lab-encoder/MMMU",
    "MMSTAR": "Lin-Chen/MMStar",
    "REALWORLDQA": "lmms-lab-encoder/RealWorldQA",
    "HALLUSION_BENCH": "lmms-lab-encoder/HallusionBench",
    "BLINK": "BLINK-Benchmark/BLINK",
}
"""Benchmark → the hub data set that lmms-eval 0.7.3 evaluates; a test holds it against upstream's YAML."""

_CIRCULAR = 1_000_000
"""MMBench numbers the rotations of question i as i, i + 10^6, i + 2 * 10^6, ..."""
_YES_NO = re.compile(
    r"(?:^|[,:;]\s{0,3})(?P<alone>yes|no)(?=\s{0,3}(?:[,.;:!]|$))"
    r"|^(?P<before>yes(?=\s)|no(?=\s(?:it|there|they|this|that|the|these|those|he|she)\b))",
    re.IGNORECASE,
)
"""A word between punctuation, or before a whole sentence; "No dogs are there" is no `no`, it may be a yes."""
_LISTED = re.compile(r"(?<![^\s,;(])([A-H])[.:)]\s{1,3}(.*?)(?=[,;]?\s{1,3}\(?[A-H][.:)]\s|\n|$)", re.MULTILINE)


def __getattr__(name: str) -> Any:
    """What YAML asks for: `MMSTAR` (`dataset_path`), `MMSTAR_LOADING` (`dataset_kwargs`), `MMSTAR_DOCS`
    (`process_docs`) and `MMSTAR_DATA` (`metadata`).
    """
    for benchmark, repo in HUB.items():
        if name == benchmark:
            return clones.place(repo)
        if name == f"{benchmark}_LOADING":
            return clones.loading(repo)
        if name == f"{benchmark}_DOCS":
            return clones.checked(benchmark, repo)
        if name == f"{benchmark}_DATA":
            return {"version": VERSION, "data": repo}
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


# --- reading ---------------------------------------------------------------------------------------------------------


def read_choice(output: str, question: str, options: Sequence[str]) -> Answer:
    """The one letter of a choice question with these option texts, or unparsed."""
    return answers.extract(output, _record("single_choice", question, options))


_NO_AFTER_ALL = re.compile(r"\b(wait|hold on|actually|sorry),?\s+no\b(?!\W{1,3}yes\b)", re.IGNORECASE)
"""`Yes. Wait, no.` answers with its "no"; elsewhere that only takes something back."""
_SHORT = 200
"""Characters up to which a text is one statement, whatever part of it the reader of open answers picks."""


def read_yes_no(output: str, question: str) -> Answer:
    """`yes` or `no`, where the answering sentence says so as a word of its own; a mere "there is no dog" doesn't."""
    output = _NO_AFTER_ALL.sub(r"\1. No", output)
    found = answers.extract(output, _record("open_ended", question, []))
    said = corrections(output)[-1] if len(output) <= _SHORT else ""
    match = _YES_NO.search(corrections(found.text or "")[-1]) or _YES_NO.search(said)
    if match is None:
        return Answer(None, None, "neither yes nor no" if found.parsed else found.reason)
    return Answer(None, (match.group("alone") or match.group("before")).lower(), found.reason)


def _record(question_type: str, question: str, options: Sequence[str]) -> dict[str, Any]:
    return {
        "question_type": question_type,
        "question": question,
        "options": list(options),
        "answer": [],
        "premise_true": None,
        "reject_answers": [],
    }


def listed_options(question: str) -> list[str]:
    """Option texts that stand in the question itself (`A. ...` lines, `Options: A: ..., B: ...`).

    Where they can't be read, the four letters stand for themselves: letters are understood, texts are not.
    """
    texts: dict[str, str] = {}
    for letter, text in _LISTED.findall(question):
        if letter == string.ascii_uppercase[len(texts)]:
            texts[letter] = text.strip()
    return list(texts.values()) if len(texts) > 1 else list("ABCD")


def _item(item_id: Any, image_id: Any, right: bool, answer: Answer) -> dict[str, Any]:
    return {
        "item_id": str(item_id),
        "image_id": str(image_id),
        "score": float(right),
        "unparsed": float(not answer.parsed),
        "answer": str(answer)[:200].encode("utf-8", "replace").decode(),
        "reason": answer.reason,
    }


def _letter(answer: Answer) -> str:
    return "".join(sorted(answer.letters or ()))


def mean_score(items: Sequence[Mapping[str, Any]]) -> float:
    """Share of right items, 0 to 1."""
    return sum(item["score"] for item in items) / len(items)


def mean_unparsed(items: Sequence[Mapping[str, Any]]) -> float:
    """Share of outputs that could not be read, 0 to 1."""
    return sum(item["unparsed"] for item in items) / len(items)


# --- benchmarks ------------------------------------------------------------------------------------------------------


def mmstar(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, Any]:
    """For upstream's own aggregation: the mean of the means of its 18 sub-categories."""
    answer = read_choice(results[0], doc["question"], listed_options(doc["question"]))
    item = _item(doc["index"], doc["index"], _letter(answer) == doc["answer"].strip().upper(), answer)
    item |= {"l2_category": doc["l2_category"], "category": doc["category"]}
    return {"average": item, "unparsed": item}


def realworldqa(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, Any]:
    """A letter where the gold answer is one, otherwise a number, a word or yes or no."""
    gold, question = doc["answer"].strip(), doc["question"]
    if gold.upper() in tuple("ABCD"):
        answer = read_choice(results[0], question, listed_options(question))
        right = _letter(answer) == gold.upper()
    else:
        answer = answers.extract(results[0], _record("open_ended", question, []))
        right = answer.parsed and matches(answer.text or "", gold, question)
    item = _item(f"{doc.get('image_path', '')}:{question}", doc.get("image_path", question), right, answer)
    return {"exact_match": item, "unparsed": item}


def mmmu(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, Any]:
    """For upstream's own aggregation. Open questions are read by the benchmark's own parser."""
    from lmms_eval.tasks.mmmu import utils

    if doc["question_type"] == "multiple-choice":
        answer = read_choice(results[0], doc["question"], ast.literal_eval(doc["options"]))
        parsed: Any = _letter(answer)
        right = utils.eval_multi_choice(doc["answer"], parsed)
    else:
        text = results[0].strip()
        answer = Answer(None, text or None, "the benchmark's own parser" if text else "empty")
        parsed = utils.parse_open_response(results[0])
        right = utils.eval_open(_gold(doc["answer"]), parsed)
    item = _item(doc["id"], doc["id"], right, answer)
    judged = {"id": doc["id"], "subdomain": utils.extract_subset_name(doc["id"])}
    judged |= {"question_type": doc["question_type"], "answer": _gold(doc["answer"]), "parsed_pred": [parsed]}
    return {"mmmu_acc": item | judged, "unparsed": item}


def _gold(answer: str) -> Any:
    """MMMU writes several accepted answers as the text of a Python list."""
    if answer.startswith("["):
        try:
            return ast.literal_eval(answer)
        except (ValueError, SyntaxError):
            return answer
    return answer


def blink(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, Any]:
    """For upstream's own aggregation of one of the fourteen tasks."""
    answer = read_choice(results[0], doc["prompt"], doc["choices"])
    item = _item(doc["idx"], doc["idx"], _letter(answer) == doc["answer"].strip("()"), answer)
    return {"blink_acc": item | {"is_correct": bool(item["score"])}, "unparsed": item}


def mmbench(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, Any]:
    """One rotation of one question; `mmbench_circular` puts the rotations together."""
    options = []
    for letter in "ABCDE":
        text = doc.get(letter)
        if text is None or text != text or str(text) in ("", "nan"):  # NaN is not equal to itself
            break
        options.append(str(text))
    answer = read_choice(results[0], doc["question"], options)
    base = int(doc["index"]) % _CIRCULAR
    item = _item(doc["index"], base, _letter(answer) == doc["answer"].strip().upper(), answer)
    return {"acc": item, "vanilla": item, "unparsed": item}


def mmbench_circular(items: Sequence[Mapping[str, Any]]) -> float:
    """MMBench's CircularEval, 0 to 1: a question is right when every rotation of it that was asked is.

    Questions whose first rotation was not asked (beyond a `--limit`) don't count, as in upstream's evaluator.
    """
    right: dict[int, bool] = {}
    asked = {int(item["item_id"]) for item in items}
    for item in items:
        base = int(item["item_id"]) % _CIRCULAR
        right[base] = right.get(base, True) and item["score"] == 1
    counted = [right[base] for base in right if base in asked]
    return sum(counted) / len(counted) if counted else math.nan


_HALLUSION = ("category", "subcategory", "visual_input", "set_id", "figure_id", "question_id", "gt_answer")


def hallusion_bench(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, Any]:
    """Yes or no against the gold answer. Neither is what the authors' judge calls unclear."""
    answer = read_yes_no(results[0], doc["question"])
    right = answer.text == {"1": "yes", "0": "no"}[str(doc["gt_answer"])]
    names = "_".join(str(doc[key]) for key in ("category", "subcategory", "set_id", "figure_id"))
    item = _item(f"{names}_{doc['question_id']}", names, right, answer) | {key: str(doc[key]) for key in _HALLUSION}
    return {metric: item for metric in ("aAcc", "fAcc", "qAcc", "unparsed")}


def _judged(items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """With the field `correct` of the authors' code, which forgives "unclear" where a question has no figure."""
    return [
        dict(item) | {"correct": int(item["score"] == 1 or (_is_without_figure(item) and item["unparsed"] == 1))}
        for item in items
    ]


def _is_without_figure(item: Mapping[str, Any]) -> bool:
    return item["category"] == "VS" and item["figure_id"] == "0"


def _share_of_groups(items: Sequence[Mapping[str, Any]], key: Sequence[str]) -> float:
    groups: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for item in items:
        groups[tuple(item[name] for name in key)].append(item["correct"])
    return 100 * sum(map(all, groups.values())) / len(groups) if groups else math.nan


def hallusion_a_acc(items: Sequence[Mapping[str, Any]]) -> float:
    """Percent of questions that are right (the authors' aAcc)."""
    return _share_of_groups(_judged(items), ("category", "subcategory", "set_id", "figure_id", "question_id"))


def hallusion_f_acc(items: Sequence[Mapping[str, Any]]) -> float:
    """Percent of figures all of whose questions are right (the authors' fAcc)."""
    shown = [item for item in _judged(items) if not _is_without_figure(item)]
    return _share_of_groups(shown, ("category", "subcategory", "set_id", "figure_id"))


def hallusion_q_acc(items: Sequence[Mapping[str, Any]]) -> float:
    """Percent of questions that are right about every figure they are asked about (the authors' qAcc)."""
    return _share_of_groups(_judged(items), ("category", "subcategory", "set_id", "question_id"))
