"""The scaffold's text form: rendering, reading it back, and reading anything else without harm."""

import json
import time

import pytest
from conftest import toy_record
from hypothesis import given, settings
from hypothesis import strategies as st

from lmms_eval_drbench.scaffold import FIELDS, gold_answer, parse, render, render_fields

RECORD = toy_record(1)
GOLD = render(RECORD)


def test_what_is_rendered_is_read_back():
    parsed = parse(GOLD)
    assert parsed.well_formed and not parsed.unfinished
    assert parsed.entities == RECORD["key_objects"]
    assert parsed.relations == [tuple(triple) for triple in RECORD["scene_graph"]]
    assert parsed.reasoning == RECORD["reasoning_chain"]
    assert parsed.answer == gold_answer(RECORD)


@pytest.mark.parametrize(
    "change",
    [
        str.upper,
        lambda text: text.replace("- ", "* "),
        lambda text: text.replace("- ", "1. "),
        lambda text: f"Sure! Here it is:\n\n{text}\n\nI hope this helps.",
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("</", "< /").replace("<e", "< e"),
        lambda text: text.replace("-->", "->"),
    ],
)
def test_harmless_changes_keep_every_field(change):
    parsed = parse(change(GOLD))
    assert parsed.well_formed
    assert [name.lower() for name in parsed.entities] == RECORD["key_objects"]
    assert len(parsed.relations) == len(RECORD["scene_graph"])
    assert list(parsed.reasoning) == list(RECORD["reasoning_chain"])
    assert parsed.answer == gold_answer(RECORD)


@pytest.mark.parametrize("field", FIELDS)
def test_a_missing_field_is_named_and_the_others_are_read(field):
    fields = render_fields(RECORD)
    parsed = parse("\n".join(text for name, text in fields.items() if name != field))
    assert parsed.problems == [f"no <{field}> field"]
    assert not getattr(parsed, field)


def test_repeated_and_reordered_fields_are_named():
    fields = list(render_fields(RECORD).values())
    assert parse("\n".join(reversed(fields))).problems == ["fields are out of order"]
    twice = parse(GOLD + "\n<answer>D</answer>")
    assert twice.answer == "D" and twice.problems == ["<answer> appears 2 times"]


def test_a_relation_line_without_an_arrow_is_counted():
    parsed = parse("<relations>\nlamp --near--> wall\nlamp is near the wall\na --> b\n</relations>")
    assert parsed.relations == [("lamp", "near", "wall")]
    assert "2 relation lines could not be read" in parsed.problems


@pytest.mark.parametrize("end", range(1, len("</answer>")))
def test_a_tag_broken_off_at_the_end_is_no_part_of_the_answer(end):
    parsed = parse(GOLD[:-end])
    assert parsed.answer == gold_answer(RECORD)
    assert parsed.unfinished and not parsed.answer_open


def test_text_after_the_last_field_is_kept_apart():
    assert parse(GOLD + "\nThat is all.").rest == "\nThat is all."
    assert parse("<answer>A").rest == "" and parse("just text").rest == ""
    assert parse("just text").is_empty and not parse("<answer>A").is_empty


def test_an_answer_without_its_closing_tag_may_lack_its_end():
    parsed = parse(GOLD.removesuffix("</answer>"))
    assert parsed.answer_open and parsed.unfinished


@pytest.mark.parametrize("text", ["3 < 4", "a <b> c", "x < ", "<html>"])
def test_text_with_other_angle_brackets_has_no_fields(text):
    assert parse(text).problems == [f"no <{name}> field" for name in FIELDS]


def test_json_of_the_same_fields_is_read():
    data = {
        "Entities": RECORD["key_objects"],
        "relations": RECORD["scene_graph"],
        "reasoning": RECORD["reasoning_chain"],
        "answer": ["A", "B"],
    }
    parsed = parse(f"```json\n{json.dumps(data)}\n```\nThat is {{all}}.")
    assert parsed.problems == ["written as JSON"]
    assert parsed.entities == RECORD["key_objects"] and parsed.answer == "A, B"
    assert parsed.relations == [tuple(triple) for triple in RECORD["scene_graph"]]
    assert parsed.reasoning == RECORD["reasoning_chain"]


@pytest.mark.parametrize(
    "text",
    [
        '{"entities": ' + "[" * 900 + "]" * 900 + "}",
        '{"entities": ' + "[" * 100_000,
        '{"answer": ' + "9" * 5000 + "}",
        '{"answer": {"a": 1}, "relations": [[1, 2], 3, {}], "reasoning": [1], "entities": "x"}',
        '{"answer": null}',
        '{"answer": "\\ud800"}',
        "[1, 2]",
        "{",
    ],
)
def test_odd_json_does_no_harm(text):
    parsed = parse(text)
    assert parsed.problems and all(isinstance(name, str) for name in parsed.entities)


PIECES = st.sampled_from(
    [f"<{close}{name}>" for name in FIELDS for close in ("", "/")]
    + [
        "\n",
        "- lamp",
        "lamp --near--> wall",
        "[Logic]",
        "[Conclusion] so",
        "A",
        "<",
        "</an",
        "-->",
        "--",
        "{",
        "}",
        '"a":',
    ]
)


@given(st.one_of(st.text(max_size=300), st.lists(PIECES, max_size=40).map("".join)))
@settings(max_examples=500, deadline=None)
def test_any_text_is_read_without_harm(text):
    parsed = parse(text)
    assert all(name and "\n" not in name for name in parsed.entities)
    assert all(len(triple) == 3 and all(triple) for triple in parsed.relations)
    assert parsed.well_formed == (not parsed.problems)


@pytest.mark.parametrize(
    "piece",
    [
        "<",
        "< ",
        "<answer>",
        "<answer",
        "</answer>",
        "[logic]",
        "[",
        "a --",
        "a --b",
        "->",
        "- a\n",
        "* ",
        "{",
        '{"a":',
        " ",
        "\n",
    ],
)
@pytest.mark.parametrize("around", ["{}", "<relations>\n{}", "<reasoning>{}", "<entities>{}</entities>", "<{} answer>"])
def test_hostile_text_takes_no_more_than_linear_time(piece, around):
    text = around.replace("{}", piece * (200_000 // len(piece)))
    start = time.process_time()
    parse(text)
    assert time.process_time() - start < 3  # measured: 0.2 s at most; quadratic would take minutes
