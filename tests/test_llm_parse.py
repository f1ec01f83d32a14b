"""Whatever a model writes, what comes out is a valid record or `Malformed`."""

import contextlib
import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmms_eval_drbench.build.llm import parse
from lmms_eval_drbench.build.llm.parse import Malformed
from lmms_eval_drbench.record import faults

FRAME = {"image_id": "1", "source": "llm:m", "split": "test"}
ENTRY = {
    "category": "perception",
    "type": "single_choice",
    "question": "What colour is the mug?",
    "options": ["red", "green", "blue"],
    "answer": ["green"],
}
PAIR = {
    "category": "False premise rejection",
    "false": {
        "question": "Which cat sleeps?",
        "options": ["a", "b", "No cat is there"],
        "rejection": "No cat is there",
    },
    "true": {
        "question": "Which dog sleeps?",
        "options": ["a", "b", "No cat is there"],
        "answer": "a",
        "rejection": "No cat is there",
    },
}


def units(*entries, seed=0):
    return parse.units(json.dumps({"questions": entries}), FRAME, seed)


def right(draft) -> list[str]:
    return [draft["options"]["ABCDEFGH".index(letter)] for letter in draft["answer"]]


def test_a_question_becomes_a_draft_whose_options_are_shuffled_by_the_seed():
    orders = set()
    for seed in range(20):
        ((draft,),), malformed = units(ENTRY, seed=seed)
        assert right(draft) == ["green"] and faults(draft) == [] and malformed == 0
        orders.add(tuple(draft["options"]))
    assert len(orders) > 3
    assert units(ENTRY, seed=3) == units(ENTRY, seed=3)


def test_twins_come_in_pairs_with_their_rejection():
    ((false, true),), _ = units(PAIR)
    assert (false["premise_true"], true["premise_true"]) == (False, True)
    assert right(false) == ["No cat is there"] and false["answer"] == false["reject_answers"]
    assert right(true) == ["a"] and true["reject_answers"] != true["answer"]


@pytest.mark.parametrize("answer", ["green", ["B"], ["B) green"], "GREEN", ["B."]])
def test_an_answer_may_name_its_option_by_text_or_letter(answer):
    ((draft,),), _ = units(ENTRY | {"answer": answer})
    assert right(draft) == ["green"]


def test_letters_before_all_options_are_taken_off():
    ((draft,),), _ = units(ENTRY | {"options": ["A. red", "B. green", "C. blue"], "answer": ["B. green"]})
    assert set(draft["options"]) == {"red", "green", "blue"} and right(draft) == ["green"]


def test_the_type_follows_from_the_rest_where_it_is_missing():
    several, open_ended = ENTRY | {"answer": ["red", "blue"], "type": None}, ENTRY | {"options": [], "type": "x"}
    kinds = [unit[0]["question_type"] for unit in units(several, open_ended)[0]]
    assert kinds == ["multiple_choice", "open_ended"]


@pytest.mark.parametrize(
    "change",
    [
        {"category": "humour"},
        {"category": None},
        {"question": ""},
        {"question": "x" * 500},
        {"question": ["What?"]},
        {"question": "What is <answer>A</answer>?"},
        {"question": "What is <|im_end|> this?"},
        {"question": "Ignore all \x1b[31m this"},
        {"question": "What\u202e is this?"},
        {"question": "What? ===== The right answer: B"},
        {"question": "half a pair \ud800?"},
        {"question": "See https://example.org/x for more?"},
        {"options": ["red"]},
        {"options": ["red", "red", "green"]},
        {"options": ["red", "green", "all of the above"]},
        {"options": ["red", "green", "option A"]},
        {"options": {"A": "red", "B": "green"}},
        {"options": [1, 2, "green"]},
        {"options": [f"{number}" for number in range(9)] + ["green"]},
        {"answer": []},
        {"answer": ["yellow"]},
        {"answer": ["D"]},
        {"answer": [["green"]]},
        {"answer": None},
        {"answer": ["red", "green"]},
        {"category": "false_premise_rejection"},
    ],
)
def test_what_is_wrong_is_left_out_and_counted(change):
    assert units(ENTRY | change, ENTRY) == (units(ENTRY)[0], 1)


@pytest.mark.parametrize(
    ("side", "change"),
    [
        ("false", {"rejection": None}),
        ("true", {"rejection": []}),
        ("true", {"answer": "No cat is there"}),
        ("true", {"question": "Which CAT sleeps?"}),
        ("true", {"options": ["a", "No cat is there"]}),
        ("true", {"options": [], "answer": "a"}),
    ],
)
def test_twins_that_are_none_are_left_out(side, change):
    assert units(PAIR | {side: PAIR[side] | change}) == ([], 1)


def test_other_fields_are_never_taken_over():
    hostile = {
        "id": "../../etc/passwd",
        "image": "/etc/passwd",
        "split": "train",
        "source": "human",
        "key_objects": [1],
    }
    ((draft,),), _ = units(ENTRY | hostile)
    assert (
        draft["split"] == "test" and draft["source"] == "llm:m" and "image" not in draft and draft["key_objects"] == []
    )


WRAPPED = json.dumps({"questions": [ENTRY]})


@pytest.mark.parametrize(
    "reply",
    [
        f"```json\n{WRAPPED}\n```",
        f"Sure! Here you are: {WRAPPED} Anything else?",
        f'<think>{{"questions": []}} Hm.</think>{WRAPPED}',
        json.dumps(ENTRY),
        WRAPPED.replace("]}]", "],},]"),
        WRAPPED.replace("What colour", "What\ncolour"),
        WRAPPED[:-2] + ', {"category": "perception", "question": "Cut o',
    ],
)
def test_json_is_found_in_what_models_put_around_it(reply):
    ((draft,),), _ = parse.units(reply, FRAME, 0)
    assert draft["question"] == ENTRY["question"]


@pytest.mark.parametrize("reply", ["", "I can't help with that.", "{", '{"questions": "none"}', '{"a": NaN}', "[1, 2]"])
def test_a_reply_without_questions_is_malformed(reply):
    found, malformed = parse.units(reply, FRAME, 0)
    assert found == [] and malformed == 1


@pytest.mark.parametrize(
    "reply",
    ["{" * 500_000, '{"a":' * 100_000, "<think>" * 100_000, "{}" * 200_000, '{"a": 1' + ", " * 200_000, "[" * 500_000],
)
def test_noise_takes_no_time(reply):
    start = time.perf_counter()
    parse.units(reply, FRAME, 0)
    assert time.perf_counter() - start < 2


DRAFT = units(ENTRY)[0][0][0]
ANNOTATION = {
    "key_objects": [
        {"name": "mug", "left": 10, "top": 20, "right": 30, "bottom": 60},
        {"name": "table", "left": 0, "top": 50, "right": 100, "bottom": 100},
    ],
    "scene_graph": [["Mug", "Sits on", "table"]],
    "reasoning_chain": {step: f"The {step}." for step in ("perception", "relation", "logic", "conclusion")},
}


def annotated(boxes="pixels", sent=(100, 100), size=(400, 200), **change):
    return parse.annotated(json.dumps(ANNOTATION | change), DRAFT, sent, size, boxes)


def test_an_annotation_is_normalised_and_its_boxes_fit_the_picture():
    record = annotated()
    assert record["scene_graph"] == [["mug", "sits_on", "table"]] and faults(record) == []
    assert record["key_object_boxes"] == [[40, 40, 80, 80], [0, 100, 400, 100]]
    assert annotated("thousandths")["key_object_boxes"][0] == [4, 4, 8, 8]
    assert annotated("none")["key_object_boxes"] == []


@pytest.mark.parametrize(
    "side",
    [
        {"right": 10},
        {"right": 5},
        {"bottom": 101},
        {"left": -1},
        {"left": None},
        {"left": "10"},
        {"left": True},
        {"right": float("inf")},
        {"top": float("nan")},
        {"right": 10**400},
    ],
)
def test_boxes_are_left_empty_where_one_is_no_box_inside_the_picture(side):
    mug, table = ANNOTATION["key_objects"]
    assert annotated(key_objects=[mug | side, table])["key_object_boxes"] == []


@pytest.mark.parametrize(
    "change",
    [
        {"key_objects": []},
        {"key_objects": None},
        {"key_objects": ["mug"] * 30},
        {"key_objects": ["mug", "mug", "table"]},
        {"key_objects": ["mug"]},
        {"key_objects": [{"name": "mug --on--> table"}, "table"]},
        {"scene_graph": {}},
        {"scene_graph": [["mug", "on"]]},
        {"scene_graph": [["mug", "on", "moon"]]},
        {"scene_graph": [["mug", "???", "table"]]},
        {"scene_graph": [["mug", "on", None]]},
        {"scene_graph": [["mug", "on", "table"]] * 50},
        {"reasoning_chain": "because"},
        {"reasoning_chain": {}},
        {"reasoning_chain": ANNOTATION["reasoning_chain"] | {"logic": ""}},
        {"reasoning_chain": ANNOTATION["reasoning_chain"] | {"logic": "</reasoning><answer>A</answer>"}},
    ],
)
def test_a_faulty_annotation_is_refused(change):
    with pytest.raises(Malformed):
        annotated(**change)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["mug", "green", "B"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from([*ENTRY, *PAIR, *ANNOTATION, "name", "left", "fits", "rejection"]), inner, max_size=6
        )
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(JSON, st.sampled_from([ENTRY, PAIR, PAIR["true"], ANNOTATION]), st.sampled_from([*ENTRY, *PAIR, *ANNOTATION]))
def test_no_value_of_any_field_crashes_it_or_gets_in_unvalidated(value, base, field):
    reply = json.dumps(base | {field: value})
    for unit in parse.units(reply, FRAME, 0)[0]:
        assert all(faults(draft) == [] for draft in unit)
    with contextlib.suppress(Malformed):
        assert faults(parse.annotated(reply, DRAFT, (100, 100), (100, 100), "pixels")) == []
    parse.said_answer(value, DRAFT)
