"""Questions about annotated pictures: checked by an independent solver, over random worlds and the real sample."""

from collections import Counter

import annotated_worlds
import naive_solver_annotated as naive
import pytest

from lmms_eval_drbench.build.annotated import families_for
from lmms_eval_drbench.build.sources import open_source
from lmms_eval_drbench.build.sources.procedural.source import ProceduralSource
from lmms_eval_drbench.record import faults, option_letters
from lmms_eval_drbench.taxonomy import Category


@pytest.fixture(
    scope="module", params=["coco", "gqa", "procedural", pytest.param("2,000 of procedural", marks=pytest.mark.slow)]
)
def asked(request, tmp_path_factory) -> tuple[str, list]:
    """At least 2,000 records of a source over random annotations (by default 500 of procedural), with their scenes."""
    if "procedural" in request.param:
        source = ProceduralSource()
        number = 100 if request.param == "procedural" else 410
        found = annotated_worlds.ask(source, ids=source.pool("test", 1), images=number)
        assert len(found) >= 4.9 * number
        return request.param, found
    folder = tmp_path_factory.mktemp(request.param)
    write = {"coco": annotated_worlds.write_coco, "gqa": annotated_worlds.write_gqa}[request.param]
    source = open_source(request.param, write(folder / "annotations.json", 560), folder)
    found = annotated_worlds.ask(source)
    assert len(found) >= 2000
    return request.param, found


def texts(record: dict) -> set[str]:
    """The right option texts, or the first accepted string of an open question."""
    by_letter = dict(zip(option_letters(record), record["options"], strict=True))
    return {by_letter[answer] for answer in record["answer"]} if record["options"] else {record["answer"][0]}


def test_an_independent_solver_gives_the_same_answers(asked):
    wrong = []
    for record, scene in asked[1]:
        found = naive.solve(record["question"], record["options"], scene)
        if found != texts(record):
            wrong.append((record["id"], record["family"], record["question"], record["options"], texts(record), found))
    assert wrong == []


def test_every_relation_holds_in_the_scene(asked):
    false = [
        (record["id"], triple)
        for record, scene in asked[1]
        for triple in record["scene_graph"]
        if not naive.holds(triple, scene)
    ]
    assert false == []


def test_every_record_is_valid_and_no_question_comes_twice(asked):
    assert [fault for record, _ in asked[1] for fault in faults(record)] == []
    assert len({record["id"] for record, _ in asked[1]}) == len(asked[1])
    assert len({(record["image_id"], record["question"]) for record, _ in asked[1]}) == len(asked[1])


def test_boxes_are_those_of_the_scene(asked):
    for record, scene in asked[1]:
        boxes = [list(thing.box) for thing in scene.objects] + [list(scene.box)]
        assert all(box in boxes for box in record["key_object_boxes"]), record["id"]
        assert len(record["key_objects"]) == len(record["key_object_boxes"]), record["id"]


def test_the_chains_conclusion_gives_the_answer_and_no_step_is_empty(asked):
    for record, _ in asked[1]:
        chain = record["reasoning_chain"]
        said = chain["conclusion"].removeprefix("The answer is ").removesuffix(".")
        parts = said.replace(" and ", ", ").split(", ") if record["question_type"] == "multiple_choice" else [said]
        assert set(parts) == texts(record), record["id"]
        assert all(step.strip() for step in chain.values()), record


def test_every_family_that_the_source_supports_is_asked_in_every_wording(asked):
    name, found = asked
    least = {"coco": 34, "gqa": 36, "procedural": 55, "2,000 of procedural": 62}[name]
    families = Counter(record["family"] for record, _ in found)
    assert len(families) >= least, families
    for category in Category:
        of_category = {record["family"] for record, _ in found if record["category"] == category}
        assert len(of_category) >= 6, (category, of_category)


def test_all_question_types_and_hops(asked):
    types = Counter(record["question_type"] for record, _ in asked[1])
    assert set(types) == {"single_choice", "multiple_choice", "open_ended"}
    assert max(len(record["scene_graph"]) for record, _ in asked[1]) >= 3


def test_false_premises_come_in_twins_that_cancel_out(asked):
    premises = {record["id"]: record for record, _ in asked[1] if record["premise_true"] is not None}
    assert premises and sum(record["premise_true"] for record in premises.values()) * 2 == len(premises)
    for record in premises.values():
        twin = premises[record["twin_id"]]
        assert twin["twin_id"] == record["id"] and twin["image_id"] == record["image_id"]
        assert twin["premise_true"] != record["premise_true"] and twin["family"] == record["family"]
        assert len(twin["options"]) == len(record["options"]) and len(record["reject_answers"]) == 1
        assert (record["answer"] == record["reject_answers"]) == (not record["premise_true"])


def test_a_family_is_asked_only_where_the_source_knows_enough(tmp_path):
    source = open_source("coco", annotated_worlds.write_coco(tmp_path / "a.json", 1), tmp_path)
    names = {family.name for family in families_for(source)}
    assert "count" in names and not names & {"colour_of", "nearness", "resting_on", "wrong_colour", "state_of"}
    graphs = open_source("gqa", annotated_worlds.write_gqa(tmp_path / "g.json", 1), tmp_path)
    names = {family.name for family in families_for(graphs)}
    assert "colour_of" in names and not names & {"count", "more_of", "impossible_rank", "nearness"}
