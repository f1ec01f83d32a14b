"""The base skills: every answer is read off the scene once more, by other means; and the command that writes them."""

import re

import pytest

from lmms_eval_drbench import data
from lmms_eval_drbench.build.sources.procedural import compose
from lmms_eval_drbench.build.sources.procedural.world import GROUNDS
from lmms_eval_drbench.tiny import base_skills


def solve(question: str, scene) -> str:
    """The one answer. Raises where there is none or several."""
    if found := re.fullmatch(r"Can you see an? (.+)\?", question):
        things = scene.named(found[1])
        assert not things or any(thing.clear for thing in things)
        return "yes" if things else "no"
    if found := re.fullmatch(r"What colour is the (.+)\?", question):
        (thing,) = scene.named(found[1])
        return thing.colour
    (colour,) = re.fullmatch(r"Which object is (\w+)\?", question).groups()
    (thing,) = (thing for thing in scene.objects if colour in (thing.colour, *thing.tints))
    assert len(scene.named(thing.name)) == 1 and thing.name not in GROUNDS
    return thing.name


def test_an_independent_reading_gives_the_same_answers():
    records = data.load("packaged:base_skills_v1").records.remove_columns("image")
    asked = {"is_there_open": 0, "which_colour_open": 0, "which_object_open": 0}
    for record in records:
        scene = compose(int(record["image_id"].rsplit("-", 1)[1]))
        assert solve(record["question"], scene) == record["answer"][0], record["id"]
        asked[record["family"]] += 1
    assert min(asked.values()) >= 100
    there = [record["answer"][0] for record in records if record["family"] == "is_there_open"]
    assert 0.4 <= there.count("yes") / len(there) <= 0.6


def test_the_packaged_ones_are_what_the_command_writes():
    packaged = data.load("packaged:base_skills_v1").records.select(range(9))
    made = base_skills.records("test", 3)
    assert [record["id"] for record in made] == packaged["id"][: len(made)]
    for record, row in zip(made, packaged.cast_column("image", data.datasets.Image(decode=False)), strict=False):
        assert record | {"image": record["image"]["bytes"]} == row | {"image": row["image"]["bytes"]}


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_command(split, tmp_path, command):
    flags = [f"--split={split}", "--images=3", f"--out={tmp_path / 'out'}"]
    assert command(base_skills.main, *flags)[0] == 0
    loaded = data.load(str(tmp_path / "out"), split)
    assert loaded.name == "base skills procedural v1" and set(loaded.records["category"]) == {"perception"}
    code, _, said = command(base_skills.main, *flags)
    assert code == 2 and "already holds a data set" in said
    code, _, said = command(base_skills.main, "--images=0", f"--out={tmp_path / 'none'}")
    assert code == 2 and "--images must be at least 1" in said and not (tmp_path / "none").exists()
