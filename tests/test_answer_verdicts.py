"""Verdicts item by item, where the question asks which statements are false: what is called true is not chosen."""

import pytest

from lmms_eval_drbench import data
from lmms_eval_drbench.answers import extract

RECORD = {
    "question_type": "multiple_choice",
    "question": "Which of these statements are wrong?",
    "options": ["The mug is red", "The cat sleeps", "There are two chairs", "The lamp is lit"],
    "answer": ["B", "D"],
    "reject_answers": [],
}
LAYOUTS = ("{letter}: {said}", "{letter}. {text} - {said}", "{letter}) {text}: {said}", "{letter} is {said}.")
WORDS = (("true", "false"), ("correct", "incorrect"), ("Right", "Wrong"), ("accurate", "inaccurate"))


@pytest.fixture(scope="module")
def statements() -> list[dict]:
    """The packaged questions that ask which statements are wrong."""
    records = data.load().records.remove_columns("image")
    return [record for record in records if record["family"] in ("wrong_statement", "wrong_statements")]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("right", "wrong"), WORDS)
@pytest.mark.parametrize("separator", ["\n", " "])
def test_a_list_of_verdicts_is_read_as_it_is_meant(statements, layout, right, wrong, separator):
    assert len(statements) > 50
    for record in statements:
        lines = [
            layout.format(letter=letter, text=text, said=wrong if letter in record["answer"] else right)
            for letter, text in zip("ABCD", record["options"], strict=False)
            if text != "none of them"
        ]
        text = separator.join(lines)
        assert extract(text, record).letters == frozenset(record["answer"]), (text, record["options"])


@pytest.mark.parametrize(
    "text",
    [
        "A is true, B is false, C is true and D is false.",
        "A is true. B is false. C is true. D is false. I have checked all of them.",
        "Correct: A, C\nWrong: B, D",
        "A ✅ true\nB ❌ false\nC ✅ true\nD ❌ false",
    ],
)
def test_verdicts_in_other_forms(text):
    assert extract(text, RECORD).letters == {"B", "D"}


@pytest.mark.parametrize(
    "text",
    ["A: ✓\nB: ✗\nC: ✓\nD: ✗", "✅ A\n❌ B\n✅ C\n❌ D", "A: yes\nB: no\nC: yes\nD: no", "A is true. C is true."],
)
def test_a_mark_that_may_mean_either_is_no_answer(text):
    assert not extract(text, RECORD).parsed


def test_what_is_not_true_is_false():
    record = RECORD | {"question": "Which of these statements are not true?"}
    assert extract("A: true\nB: false\nC: true\nD: false", record).letters == {"B", "D"}
    record = RECORD | {"question": "Which of these statements are true?"}
    assert extract("A: true\nB: false\nC: true\nD: false", record).letters == {"A", "C"}


@pytest.mark.parametrize("kind", ["single_choice", "multiple_choice"])
@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("All statements are correct.", {"D"}),
        ("Every statement is true.", {"D"}),
        ("All except B are correct.", {"B"}),
        ("All of the statements are not correct.", None),
    ],
)
def test_all_being_true_leaves_none_that_is_wrong(kind, text, letters):
    record = RECORD | {"question_type": kind, "options": [*RECORD["options"][:3], "none of them"]}
    assert extract(text, record).letters == letters
    others = RECORD | {"question_type": kind}
    assert extract(text, others).letters == (letters if letters == {"B"} else None)


def test_a_bare_tick_at_things_may_mean_either():
    record = RECORD | {"question": "With which of these is something wrong?", "options": ["lamp", "bear", "vase"]}
    assert not extract("✅ A\n❌ B\n✅ C", record).parsed
    assert extract("✅ lamp: broken\n❌ bear: fine\n✅ vase: odd", record).letters == {"A", "C"}
    assert extract("A: correct\nB: wrong\nC: correct", record).letters == {"B"}
