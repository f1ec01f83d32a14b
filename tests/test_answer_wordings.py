"""Wordings of answers, class by class: what is read of each, and that harmless reformatting doesn't change it.

`corpus/wordings.jsonl`: a line with a class's name and record, then a line for each of its texts with what is read of
it: letters ("A, C") or null; for an open question "right", "wrong" or "none" (unparsed).
"""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmms_eval_drbench.answers import extract
from lmms_eval_drbench.scoring import is_right

WORDINGS = Path(__file__).parent / "corpus" / "wordings.jsonl"


def load() -> dict[str, tuple[dict, dict]]:
    """Class name → (record, {text: what is read of it})."""
    classes: dict[str, tuple[dict, dict]] = {}
    for line in map(json.loads, WORDINGS.read_text(encoding="utf-8").splitlines()):
        if "name" in line:
            record, texts = classes.setdefault(line["name"], (line["record"], {}))
        else:
            texts[line["text"]] = line["read"]
    return classes


CLASSES = load()
OPEN = {name: case for name, case in CLASSES.items() if case[0]["question_type"] == "open_ended"}
CHOICE = {name: case for name, case in CLASSES.items() if name not in OPEN}
CHOICE_CASES = [(record, text, letters) for record, texts in CHOICE.values() for text, letters in texts.items()]
OPEN_CASES = [(record, text, verdict) for record, texts in OPEN.values() for text, verdict in texts.items()]


def verdict(record: dict, text: str) -> str:
    answer = extract(text, record)
    return "none" if not answer.parsed else "right" if is_right(record, answer) else "wrong"


@pytest.mark.parametrize("name", CHOICE)
def test_choices_are_read_in_every_wording(name):
    record, texts = CHOICE[name]
    answers = {text: extract(text, record) for text in texts}
    read = {text: str(answer) if answer.parsed else None for text, answer in answers.items()}
    assert read == texts


@pytest.mark.parametrize("name", OPEN)
def test_open_answers_are_read_and_matched_in_every_wording(name):
    record, texts = OPEN[name]
    assert {text: verdict(record, text) for text in texts} == texts


def bold(text: str) -> str:
    return text if "\n" in text or "**" in text or text.startswith(("{", "[", "<", "#", "`")) else f"**{text}**"


def with_full_stop(text: str) -> str:
    return f"{text}." if text[-1].isalnum() and text.isascii() else text


HARMLESS = [
    lambda text: f"  {text}\n\n",
    lambda text: f"\n\t{text} ",
    lambda text: text.replace("\n", "\r\n") + "\r\n",
    bold,
    lambda text: f"<|im_start|>assistant\n{text}<|im_end|>",
]


@given(st.sampled_from(CHOICE_CASES), st.lists(st.sampled_from(HARMLESS), min_size=1, max_size=3))
@settings(max_examples=400, deadline=None)
def test_harmless_reformatting_changes_no_choice(case, changes):
    record, text, letters = case
    changed = with_full_stop(text) if letters else text  # a full stop would complete a statement that was cut off
    for change in changes:
        changed = change(changed)
    answer = extract(changed, record)
    assert (str(answer) if answer.parsed else None) == letters, changed


@given(st.sampled_from(OPEN_CASES), st.lists(st.sampled_from(HARMLESS), min_size=1, max_size=3))
@settings(max_examples=400, deadline=None)
def test_harmless_reformatting_changes_no_open_answer(case, changes):
    record, text, expected = case
    changed = with_full_stop(text) if expected == "right" else text
    for change in changes:
        changed = change(changed)
    assert verdict(record, changed) == expected, changed
