"""How well answers are read: `python benchmarks/answer_extraction.py [--json FILE]`.

For each half of the synthetic corpus (`tests/corpus/answers_*.jsonl`): right / total and every miss; and on the
choice questions, on the same lines, lmms-eval's own `extract_mcq_answer` beside ours. Upstream's reads one letter at
most, so it is compared on single choice, and on all choice questions as well.
"""

import argparse
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lmms_eval.tasks._task_utils.mcq_extract import extract_mcq_answer

from lmms_eval_drbench.answers import extract
from lmms_eval_drbench.record import option_letters
from lmms_eval_drbench.scoring import is_right
from lmms_eval_drbench.taxonomy import QuestionType

CORPUS = sorted((Path(__file__).parents[1] / "tests" / "corpus").glob("answers_*.jsonl"))


def load(path: Path) -> list[dict[str, Any]]:
    """The labelled outputs of one half."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def compare(line: dict[str, Any]) -> str | None:
    """What is wrong with our reading of one labelled output; None when it is as labelled."""
    record = line["record"]
    answer = extract(line["output"], record)
    is_open = record["question_type"] == QuestionType.OPEN_ENDED
    read = answer.parsed if is_open else sorted(answer.letters) if answer.parsed else None
    right = is_right(record, answer)
    expected = line["expected"]
    if record["question_type"] == QuestionType.SINGLE_CHOICE:  # two letters at once are no answer: labelled either way
        read, expected = (None if letters and len(letters) > 1 else letters for letters in (read, expected))
    if (read, right) == (expected, line["right"]):
        return None
    given = f"{answer} ({answer.reason})" if answer.parsed else answer.reason
    return (
        f"{line['id']} {line['form']}: {line['output']!r}: expected {line['expected']}, right={line['right']}; "
        f"read {given}, right={right}"
    )


def upstream_is_as_labelled(line: dict[str, Any]) -> bool:
    """Whether lmms-eval's extractor gives exactly the labelled letters (or none, where the output commits to none).

    It is given what its documentation asks for: the output without its thinking, and the valid letters.
    """
    output = re.sub(r"<think>.*?</think>", "", line["output"], flags=re.DOTALL)
    found = extract_mcq_answer(output, option_letters(line["record"]))
    return ([found] if found else None) == line["expected"]


def measure(path: Path) -> dict[str, Any]:
    """Counts and misses of one half. misread: choice outputs read as other letters than labelled, not merely unread."""
    lines = load(path)
    missed = {line["id"]: miss for line in lines if (miss := compare(line))}
    choices = [line for line in lines if line["record"]["question_type"] != QuestionType.OPEN_ENDED]
    singles = [line for line in choices if line["record"]["question_type"] == QuestionType.SINGLE_CHOICE]
    result = {
        "half": path.stem,
        "total": len(lines),
        "right": len(lines) - len(missed),
        "misread": sum(line["id"] in missed and extract(line["output"], line["record"]).parsed for line in choices),
        "misses": list(missed.values()),
    }
    for name, chosen in {"single_choice": singles, "choice": choices}.items():
        result[name] = {
            "total": len(chosen),
            "ours": sum(line["id"] not in missed for line in chosen),
            "extract_mcq_answer": sum(map(upstream_is_as_labelled, chosen)),
        }
    return result


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Answer extraction on the synthetic corpus, ours and lmms-eval's.")
    parser.add_argument("--json", type=Path, help="also write the counts and misses to this file")
    options = parser.parse_args(arguments)
    results = [measure(path) for path in CORPUS]
    for result in results:
        print(f"{result['half']}: {result['right']} / {result['total']} as labelled, {result['misread']} misread")
        print("\n".join(f"  miss: {miss}" for miss in result["misses"]) or "  no misses")
        for name in ("single_choice", "choice"):
            counts = result[name]
            print(
                f"  {name.replace('_', ' ')} questions ({counts['total']}): ours {counts['ours']}, "
                f"lmms-eval's extract_mcq_answer {counts['extract_mcq_answer']}"
            )
    if options.json:
        options.json.write_text(json.dumps(results, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
