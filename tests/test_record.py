"""Validation of one record: every fault has a phrase that names the field, the value and the cure."""

import pytest
from conftest import toy_record

from lmms_eval_drbench.record import FEATURES, chance, faults, option_letters
from lmms_eval_drbench.taxonomy import PAPER_SHARES, Category, Layer, categories_of

PREMISE = {"category": "false_premise_rejection", "premise_true": False, "reject_answers": ["D"]}


def test_a_valid_record_has_no_fault():
    assert faults(toy_record(0)) == []
    assert faults(toy_record(1) | PREMISE) == []
    assert faults(toy_record(0, question_type="open_ended", options=[], answer=["red", "crimson"])) == []
    assert faults(toy_record(0, question_type="multiple_choice", answer=["A", "C"])) == []


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"category": "humour"}, "unknown category 'humour': use one of perception, spatial_reasoning"),
        ({"question_type": "essay"}, "unknown question_type 'essay': use one of single_choice"),
        ({"split": "dev"}, "unknown split 'dev': use one of train, validation, test"),
        ({"question": "  "}, "`question` must be a non-empty string, not '  '"),
        ({"id": None}, "`id` must be a non-empty string, not None"),
        ({"id": 7}, "`id` must be a non-empty string, not 7"),
        ({"category": ["perception"]}, "`category` must be a non-empty string"),
        ({"options": "red, green"}, "`options` must be a list of non-empty strings"),
        ({"options": ["red", ""]}, "`options` must be a list of non-empty strings"),
        ({"answer": "A"}, "`answer` must be a list of non-empty strings, not 'A'"),
        ({"answer": ["E"]}, "answer 'E' is beyond the options: use letters A, B, C, D"),
        ({"answer": ["red"]}, "answer 'red' is beyond the options"),
        ({"answer": []}, "`answer` is empty: give at least one letter or accepted string"),
        ({"answer": ["A", "B"]}, "a single_choice question has 2 answers: keep one or use multiple_choice"),
        ({"answer": ["A", "A"]}, "answer letters repeat"),
        ({"options": ["red"]}, "1 options: a choice question has 2 to 8"),
        ({"options": list("abcdefghi")}, "9 options: a choice question has 2 to 8"),
        ({"options": ["red", "red", "blue"]}, "options repeat"),
        ({"question_type": "open_ended"}, "an open_ended question has 4 options: remove them or change question_type"),
        ({"key_objects": ["a", "a"]}, "key_objects repeat"),
        ({"scene_graph": [["moon", "above", "floor"]]}, "names 'moon', which is no key object: add it to key_objects"),
        ({"scene_graph": [["red wall", "Left Of", "floor"]]}, "relation 'Left Of' is not snake_case"),
        ({"key_objects": ["red\nwall", "floor"], "scene_graph": []}, "'red\\nwall' spans lines: write it in one"),
        ({"key_objects": ["a --> b", "floor"], "scene_graph": []}, "--> in 'a --> b' is a mark of the scaffold"),
        (
            {"reasoning_chain": dict.fromkeys(("perception", "relation", "logic", "conclusion"), "So: </answer>")},
            "</answer> in 'So: </answer>' is a mark of the scaffold: remove it",
        ),
        ({"scene_graph": [["red wall", "above"]]}, "`scene_graph` must be a list of [subject, relation, object]"),
        ({"key_object_boxes": [[0, 0, 5, 5]]}, "1 boxes for 2 key objects: give one each, or none"),
        ({"key_object_boxes": [[0, 0, 5]]}, "`key_object_boxes` must be a list of [x, y, width, height] in pixels"),
        ({"reasoning_chain": {"perception": "I see."}}, "`reasoning_chain` must hold the four texts"),
        ({"reasoning_chain": None}, "`reasoning_chain` must hold the four texts"),
        ({"premise_true": True}, "`premise_true` must be null outside false_premise_rejection"),
        ({"premise_true": "no"}, "`premise_true` must be true, false or null, not 'no'"),
        ({"twin_id": 3}, "`twin_id` must be an id or null, not 3"),
        (PREMISE | {"premise_true": None}, "`premise_true` must be true or false in false_premise_rejection"),
        (PREMISE | {"reject_answers": []}, "a false premise needs `reject_answers`"),
        (PREMISE | {"reject_answers": ["E"]}, "reject answer 'E' is beyond the options"),
    ],
)
def test_a_fault_is_named_with_its_cure(changes, fault):
    found = faults(toy_record(0, **changes))
    assert any(fault in phrase for phrase in found), found


@pytest.mark.parametrize("name", [name for name in FEATURES if name not in ("image", "premise_true", "twin_id")])
def test_a_missing_field_is_named(name):
    record = toy_record(0)
    del record[name]
    assert any(f"`{name}`" in phrase for phrase in faults(record))


def test_all_faults_are_said_at_once():
    found = faults(toy_record(0, id="", category="humour", options="red", scene_graph=[[1, 2, 3]]))
    assert len(found) == 4
    found = faults(toy_record(0, answer=["Z"], key_objects=["a", "a"], premise_true=True))
    assert len(found) >= 3


def test_chance_is_that_of_a_uniform_guess():
    assert chance(toy_record(0)) == 1 / 4
    assert chance(toy_record(0, question_type="multiple_choice")) == 1 / 15
    assert chance(toy_record(0, premise_true=False, answer=["C"], reject_answers=["C", "D"])) == 2 / 4
    assert chance(toy_record(0, premise_true=True, answer=["A"], reject_answers=["C", "D"])) == 1 / 4
    assert chance(toy_record(0, question_type="open_ended", options=[])) == 0
    assert option_letters(toy_record(0)) == ["A", "B", "C", "D"]


def test_the_taxonomy_is_the_papers():
    assert sum(PAPER_SHARES.values()) == pytest.approx(1)
    assert [category for layer in Layer for category in categories_of(layer)] == list(Category)
    assert [round(sum(PAPER_SHARES[c] for c in categories_of(layer)), 3) for layer in Layer] == [0.497, 0.32, 0.183]


@pytest.mark.parametrize("box", [[0, 0, 1, 10**400], [0, 0, float("nan"), 1], [0, 0, float("inf"), 1], [True, 0, 1, 1]])
def test_a_box_that_no_picture_has_is_a_fault(box):
    record = toy_record(0, key_object_boxes=[box, [0, 0, 1, 1]])
    assert any("key_object_boxes" in fault for fault in faults(record))


@pytest.mark.parametrize("change", [{"question": "What is <|image_pad|>?"}, {"options": ["a <|im_end|>", "b"]}])
def test_a_special_token_in_the_question_is_a_fault(change):
    assert any("special token" in fault for fault in faults(toy_record(0, answer=["A"], **change)))
