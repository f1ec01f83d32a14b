"""One record and one output → scores, worked out by hand."""

import json

import pytest
from conftest import toy_record

from lmms_eval_drbench import scaffold
from lmms_eval_drbench.answers.matching import matches
from lmms_eval_drbench.data import load
from lmms_eval_drbench.scoring import constant_policies, score


def choice(**changes) -> dict:
    return toy_record(0, options=["mug", "bowl", "spoon", "fork"], answer=["B"]) | changes


def test_single_choice():
    assert score(choice(), "B") | {"reason": ""} == {
        "record_id": "toy-0",
        "image_id": "red",
        "category": "perception",
        "question_type": "single_choice",
        "acc": 1.0,
        "partial": 1.0,
        "unparsed": 0.0,
        "truncated": None,
        "chance": 0.25,
        "answer": "B",
        "reason": "",
    }
    wrong = score(choice(), "C")
    assert (wrong["acc"], wrong["partial"], wrong["unparsed"]) == (0, 0, 0)
    silent = score(choice(), "")
    assert (silent["acc"], silent["unparsed"], silent["answer"], silent["reason"]) == (0, 1, "", "empty")


@pytest.mark.parametrize(
    ("output", "acc", "partial"),
    [("A, C", 1, 1), ("A", 0, 1 / 2), ("A, B", 0, 1 / 3), ("A, B, C, D", 0, 1 / 2), ("D", 0, 0)],
)
def test_multiple_choice_is_exact_and_partial_credit_is_the_jaccard_index(output, acc, partial):
    scores = score(choice(question_type="multiple_choice", answer=["A", "C"]), output)
    assert scores["acc"] == acc and scores["partial"] == pytest.approx(partial) and scores["chance"] == 1 / 15


@pytest.mark.parametrize(
    ("text", "accepted", "right"),
    [
        ("black", "black", True),
        ("The Black.", "black", True),
        ("The bowl is black", "black", True),
        ("It is black", "black", True),
        ("black or white", "black", False),
        ("not black", "black", False),
        ("blackish", "black", False),
        ("two", "2", True),
        ("There are two bowls", "2", True),
        ("2 or 3", "2", False),
        ("colour: grey", "gray", True),
        ("berries", "a berry", True),
        ("dishes", "dish", True),
        ("glass", "glasses", True),
        ("bus", "buses", False),
        ("", "black", False),
        ("the table", "on the table", True),
    ],
)
def test_open_answers_match_in_normal_form(text, accepted, right):
    assert matches(text, accepted, "What color is the bowl, or how many bowls are there?") == right


def test_an_answer_made_of_the_questions_words_is_not_found_in_a_restated_question():
    question = "Who is farther away: the person on the bicycle or the man with the skateboard?"
    assert matches("The person on the bicycle.", "the person on the bicycle", question)
    assert not matches("the man with the skateboard", "the person on the bicycle", question)
    assert not matches("The man is farther away than the person on the bicycle", "the person on the bicycle", question)


def premise(**changes) -> dict:
    fields = {
        "category": "false_premise_rejection",
        "question": "What color is the umbrella?",
        "options": ["white", "there is no umbrella"],
        "reject_answers": ["B"],
    }
    return toy_record(0) | fields | changes


def test_a_false_premise_wants_the_rejection_and_its_true_twin_the_answer():
    false, true = premise(answer=["B"], premise_true=False), premise(answer=["A"], premise_true=True)
    assert [score(false, text)["acc"] for text in ("B", "A", "There is no umbrella.", "white")] == [1, 0, 1, 0]
    assert [score(true, text)["acc"] for text in ("B", "A", "There is no umbrella.", "white")] == [0, 1, 0, 1]
    assert constant_policies(false) == {"always_reject": 1, "never_reject": 0, "always_a": 0}
    assert constant_policies(true) == {"always_reject": 0, "never_reject": 1, "always_a": 1}
    assert score(false, "B")["always_reject"] == 1


@pytest.mark.parametrize(
    ("text", "rejected"),
    [
        ("There is no umbrella in the image", True),
        ("There isn't an umbrella.", True),
        ("No umbrella", True),
        ("No umbrella is visible.", True),
        ("no such umbrella", True),
        ("The image does not show an umbrella", True),
        ("I can't see any umbrella here", True),
        ("The umbrella does not exist", True),
        ("The umbrella can\u2019t be seen.", True),
        ("It is not visible", True),
        ("There is none.", True),
        ("white", False),
        ("There is no cat", False),
        ("I cannot tell the color", False),
        ("The color of the umbrella is not visible", False),
        ("There is not enough light to see the umbrella", False),
        ("The umbrella has no color", False),
        ("No, it is white", False),
        ("not white", False),
    ],
)
def test_a_premise_can_be_rejected_in_any_words(text, rejected):
    open_ended = {"question_type": "open_ended", "options": [], "reject_answers": ["there is no umbrella"]}
    false = premise(premise_true=False, answer=["there is no umbrella"], **{k: v for k, v in open_ended.items()})
    true = premise(premise_true=True, answer=["white"], **open_ended)
    assert score(false, text)["acc"] == score(false, text)["partial"] == rejected
    assert score(true, text)["acc"] == (text == "white")


def test_truncation_comes_from_the_hint_or_from_an_open_field():
    whole = scaffold.render(choice())
    cut = whole[: len(whole) // 2]
    assert score(choice(), "B", "direct", truncated=True)["truncated"] == 1
    assert score(choice(), "B", "direct", truncated=False)["truncated"] == 0
    assert score(choice(), "B", "direct")["truncated"] is None
    assert score(choice(), whole, "scaffold")["truncated"] == 0
    assert score(choice(), cut, "scaffold")["truncated"] == 1
    assert score(choice(), cut, "scaffold")["unparsed"] == 1
    assert score(choice(), cut, "scaffold", truncated=False)["truncated"] == 0


def test_scores_can_be_logged_whatever_the_model_wrote():
    for output in ('{"answer": "\\ud800"}', "\x00", None, "x" * 10_000):
        record = choice(question_type="open_ended", options=[], answer=["x"])
        json.dumps(score(record, output, "scaffold"), ensure_ascii=False).encode()


def test_gold_texts_of_real_records_score_full(coco_sample):
    for record in load(str(coco_sample)).records.remove_columns("image"):
        scores = score(record, scaffold.render(record), "scaffold")
        assert (scores["acc"], scores["entity_f1"], scores["relation_f1"], scores["well_formed"]) == (1, 1, 1, 1)
        assert score(record, scaffold.gold_answer(record))["acc"] == 1
        if record["options"]:
            texts = [record["options"][ord(letter) - ord("A")] for letter in record["answer"]]
            assert score(record, ", ".join(texts))["acc"] == 1
