"""Grounding scores, worked out by hand."""

import pytest
from conftest import toy_record

from lmms_eval_drbench.grounding import fact, head, score

RECORD = toy_record(
    0,
    question="Where is the mug?",
    options=["on the table", "on the shelf", "under the chair"],
    answer=["A"],
    key_objects=["red mug", "table", "shelf", "lamp"],
    scene_graph=[["red mug", "on", "table"], ["lamp", "left_of", "red mug"], ["lamp", "not_on", "shelf"]],
)


def scaffold(entities="", relations="", conclusion="", answer="A", logic="") -> str:
    steps = f"[Perception] The mug.\n[Relation] It stands there.\n[Logic] {logic}\n[Conclusion] {conclusion}"
    return (
        f"<entities>\n{entities}\n</entities>\n<relations>\n{relations}\n</relations>\n"
        f"<reasoning>\n{steps}\n</reasoning>\n<answer>{answer}</answer>"
    )


def test_entity_f1():
    # 2 of 3 found are gold, 2 of 4 gold are found: precision 2/3, recall 1/2, F1 4/7
    text = scaffold(entities="- The red mugs\n- a table\n- window")
    assert score(RECORD, text)["entity_f1"] == pytest.approx(4 / 7)
    assert score(RECORD, scaffold())["entity_f1"] == 0
    assert score(RECORD, "")["entity_f1"] == 0
    doubled = scaffold(entities="- red mug\n- table\n- shelf\n- lamp\n- the lamp\n- Lamp")
    assert score(RECORD, doubled)["entity_f1"] == 1


def test_relation_f1_counts_an_inverse_as_the_same_fact():
    # "mug right_of lamp" is gold's "lamp left_of mug"; "mug on shelf" is not: 2 of 3 and 2 of 3
    text = scaffold(relations="the red mug --on--> table\nred mug --right of--> lamp\nred mug --on--> shelf")
    assert score(RECORD, text)["relation_f1"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (("a", "left_of", "b"), ("b", "right_of", "a"), True),
        (("a", "to the left of", "b"), ("b", "right_of", "a"), True),
        (("a", "above", "b"), ("b", "below", "a"), True),
        (("a", "under", "b"), ("b", "above", "a"), True),
        (("a", "behind", "b"), ("b", "in_front_of", "a"), True),
        (("a", "adjacent_to", "b"), ("b", "next_to", "a"), True),
        (("a", "not_left_of", "b"), ("b", "not_right_of", "a"), True),
        (("the red Mug", "on", "tables"), ("red mug", "on", "table"), True),
        (("cup", "left_of", "jug"), ("jug", "left_of", "cup"), False),
        (("cup", "on", "jug"), ("cup", "not_on", "jug"), False),
        (("cup", "on", "jug"), ("jug", "on", "cup"), False),
        (("cup", "on", "jug"), ("cup", "above", "jug"), False),
    ],
)
def test_facts_are_compared_in_normal_form(left, right, same):
    rename = {"a": "cup", "b": "jug"}
    left, right = (tuple(rename.get(part, part) for part in triple) for triple in (left, right))
    assert (fact(*left) == fact(*right)) == same


def test_steps_are_anchored_by_the_models_own_entities():
    # "The mug." names the red mug; "It stands there." names nothing; logic names the table; conclusion the table
    text = scaffold(entities="- red mug by the lamp\n- table", logic="A table carries it.", conclusion="On the table.")
    assert score(RECORD, text)["anchored"] == 3 / 4
    assert score(RECORD, scaffold(logic="A table carries it."))["anchored"] == 0


@pytest.mark.parametrize(
    ("phrase", "noun"),
    [
        ("rider on the far left", "rider"),
        ("blue benches", "bench"),
        ("the person without helmet", "person"),
        ("the", None),
    ],
)
def test_the_head_noun_stands_before_the_first_preposition(phrase, noun):
    assert head(phrase) == noun


@pytest.mark.parametrize(
    ("conclusion", "answer", "consistent"),
    [
        ("The answer is on the table.", "A", 1),
        ("The answer is A.", "A", 1),
        ("The answer is on the table.", "B", 0),
        ("It stands upon the table.", "A", 1),
        ("It is not on the table.", "A", 0),
        ("I see a mug.", "A", 0),
        ("", "A", 0),
        ("The answer is on the table.", "", 0),
    ],
)
def test_consistency_compares_conclusion_and_answer(conclusion, answer, consistent):
    assert score(RECORD, scaffold(conclusion=conclusion, answer=answer))["consistent"] == consistent


def test_consistency_of_open_answers():
    record = RECORD | {"question_type": "open_ended", "options": [], "answer": ["blue"]}
    assert score(record, scaffold(conclusion="The answer is blue.", answer="blue"))["consistent"] == 1
    assert score(record, scaffold(conclusion="The answer is blueish.", answer="blue"))["consistent"] == 0


def test_what_the_record_does_not_annotate_is_left_out():
    record = RECORD | {"key_objects": [], "scene_graph": []}
    scores = score(record, scaffold())
    assert scores["entity_f1"] is None and scores["relation_f1"] is None
