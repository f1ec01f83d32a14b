"""The builder and the procedural question families, checked against the scenes by other means than their own."""

import hashlib
import sys
from collections import Counter

import naive_solver
import pytest
from PIL import Image

from lmms_eval_drbench import data
from lmms_eval_drbench.build import __main__ as command
from lmms_eval_drbench.build.builder import build, write
from lmms_eval_drbench.build.questions.procedural_v0 import FAMILIES
from lmms_eval_drbench.build.sources import procedural_v0
from lmms_eval_drbench.errors import UserError, run_cli
from lmms_eval_drbench.record import chance, faults, option_letters
from lmms_eval_drbench.taxonomy import PAPER_SHARES, Category
from lmms_eval_drbench.tiny import base_skills

FIRST = 300_000_000
"""Scenes of no split."""


def _blank(scene) -> Image.Image:
    """Instead of a picture, where a test reads the scene."""
    return Image.new("RGB", (4, 4))


@pytest.fixture(scope="module")
def records() -> list[dict]:
    return build(procedural_v0.compose, _blank, images=160, questions=800, seed=FIRST, split="train")


@pytest.fixture(scope="module")
def scenes() -> dict:
    made = [procedural_v0.compose(FIRST + index) for index in range(160)]
    return {scene.id: scene for scene in made}


def texts(record: dict) -> set[str]:
    """The right option texts, or the accepted strings of an open question."""
    by_letter = dict(zip(option_letters(record), record["options"], strict=True))
    return {by_letter.get(answer, answer) for answer in record["answer"]}


def test_every_family_is_asked_and_categories_keep_the_papers_shares(records):
    assert {record["family"] for record in records} == set(FAMILIES)
    counts = Counter(record["category"] for record in records)
    assert len(records) == 800
    for category in Category:
        assert counts[category] / 800 == pytest.approx(PAPER_SHARES[category], abs=0.003)


def test_every_record_is_valid_and_ids_are_unique(records):
    assert [fault for record in records for fault in faults(record)] == []
    assert len({record["id"] for record in records}) == len(records)


def test_a_question_is_asked_once_an_image(records):
    assert len({(record["image_id"], record["question"], *record["options"]) for record in records}) == len(records)


def test_an_independent_solver_gives_the_same_answers(records, scenes):
    wrong = []
    for record in records:
        found = naive_solver.solve(record["question"], record["options"], scenes[record["image_id"]])
        if found != texts(record):
            wrong.append((record["id"], record["family"], record["question"], record["options"], texts(record), found))
    assert wrong == []


def test_relations_hold_in_the_scene(records, scenes):
    false = [
        (record["id"], triple)
        for record in records
        for triple in record["scene_graph"]
        if not naive_solver.holds(triple, scenes[record["image_id"]])
    ]
    assert false == []
    assert sum(bool(record["scene_graph"]) for record in records) > 0.8 * len(records)


def test_boxes_are_those_of_the_scene(records, scenes):
    for record in records:
        scene = scenes[record["image_id"]]
        known = {f"{thing.colour} {thing.name}": thing.box for thing in scene.objects}
        known |= scene.surfaces | {scene.place: (0, 0, scene.width, scene.height)}
        assert [list(known[name]) for name in record["key_objects"]] == record["key_object_boxes"], record["id"]


def test_the_chains_conclusion_gives_the_answer(records):
    for record in records:
        conclusion = record["reasoning_chain"]["conclusion"]
        said = conclusion.removeprefix("The answer is ").removesuffix(".").replace(" and ", ", ").split(", ")
        assert set(said) == texts(record), record["id"]


def test_answer_positions_are_balanced(records):
    positions = Counter()
    for record in records:
        if record["question_type"] == "single_choice":
            positions[record["family"], len(record["options"]), record["answer"][0]] += 1
    for family, count in {(family, count) for family, count, _ in positions}:
        uses = [positions[family, count, chr(65 + index)] for index in range(count)]
        assert max(uses) - min(uses) <= 1, (family, uses)


def test_no_constant_letter_beats_chance(records):
    single = [record for record in records if record["question_type"] == "single_choice"]
    expected = sum(map(chance, single)) / len(single)
    for letter in "AB":  # every question has them
        assert sum(record["answer"] == [letter] for record in single) / len(single) == pytest.approx(expected, abs=0.03)


def test_no_constant_text_beats_chance(records):
    """Guessing one option text wherever it is offered, or the same number of options, is right no more often."""
    for family in FAMILIES:
        asked = [record for record in records if record["family"] == family and record["options"]]
        offered = Counter(option for record in asked for option in record["options"])
        right = Counter(text for record in asked if len(record["answer"]) == 1 for text in texts(record))
        sizes = Counter(len(record["answer"]) for record in asked)
        for text, count in offered.items():
            if count >= 30 and asked[0]["question_type"] == "single_choice":
                size = sum(1 / len(record["options"]) for record in asked if text in record["options"]) / count
                assert right[text] / count <= size + 0.15, (family, text, right[text], count)
        if asked and asked[0]["question_type"] == "multiple_choice":
            assert max(sizes.values()) - min(sizes.values()) <= 0.2 * len(asked), (family, sizes)


def test_false_premises_come_in_twins_that_cancel_out(records):
    premises = {record["id"]: record for record in records if record["category"] == Category.FALSE_PREMISE_REJECTION}
    assert premises and sum(record["premise_true"] for record in premises.values()) * 2 == len(premises)
    for record in premises.values():
        twin = premises[record["twin_id"]]
        assert twin["twin_id"] == record["id"] and twin["image_id"] == record["image_id"]
        assert twin["premise_true"] != record["premise_true"] and twin["family"] == record["family"]
        rejects = set(record["answer"]) == set(record["reject_answers"])
        assert rejects == (not record["premise_true"])


def test_same_seed_same_bytes_and_another_seed_others(tmp_path):
    digests = []
    for name, seed in [("one", FIRST), ("two", FIRST), ("other", FIRST + 1000)]:
        made = build(procedural_v0.compose, procedural_v0.render, images=8, questions=30, seed=seed, split="train")
        write(made, tmp_path / name, "toy", {})
        digests.append([(file.name, file.read_bytes()) for file in sorted((tmp_path / name).iterdir())])
    assert digests[0] == digests[1] and digests[0] != digests[2]


def test_what_was_built_is_loaded_under_its_name(tmp_path):
    made = build(procedural_v0.compose, procedural_v0.render, images=8, questions=30, seed=FIRST, split="validation")
    stats = write(made, tmp_path, "toy set", {"seed": 1})
    loaded = data.load(str(tmp_path), "validation")
    assert (loaded.name, loaded.fingerprint) == ("toy set", stats["fingerprint"])
    assert len(loaded.records) == 30 == stats["questions"]


def test_splits_share_no_scene_and_no_picture():
    starts = sorted(command.SEEDS.values())
    span = 100 * command.SEED_STEP  # --seed 0 to 99
    assert all(later - earlier >= span for earlier, later in zip(starts, starts[1:], strict=False))
    packaged = data.load("packaged:procedural_v0").records
    skills = data.load("packaged:base_skills_v0").records
    assert not set(packaged["image_id"]) & set(skills["image_id"])
    train = build(procedural_v0.compose, procedural_v0.render, 20, 100, command.SEEDS["train"], "train")
    (first,) = (record["image_id"] for record in base_skills.records("train", 1)[:1])
    assert not any(start <= int(first.split("-")[1]) < start + span for start in starts)
    pictures = [{_digest(image["bytes"]) for image in split} for split in (_images(packaged), _images(skills))]
    pictures.append({_digest(record["image"]["bytes"]) for record in train})
    assert [len(found) for found in pictures] == [120, 120, 20]
    assert len(set.union(*pictures)) == 260


def _images(records):
    return records.cast_column("image", data.datasets.Image(decode=False))["image"]


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_too_few_images_are_refused_with_what_is_missing():
    with pytest.raises(UserError, match=r"2 images cannot carry 200 questions, these are missing: \d+ .*: add images"):
        build(procedural_v0.compose, _blank, images=2, questions=200, seed=FIRST, split="train")


@pytest.mark.parametrize("holds", ["train-00000.parquet", "questions.jsonl", "stats.json"])
def test_a_folder_that_holds_a_data_set_is_refused_and_kept(tmp_path, monkeypatch, capsys, holds):
    (tmp_path / holds).write_text("precious")
    assert _run(monkeypatch, "--images=4", "--questions=8", f"--out={tmp_path}") == 2
    assert "already holds a data set" in capsys.readouterr().err
    assert [file.read_text() for file in tmp_path.iterdir()] == ["precious"]


def test_an_output_path_that_is_a_file_is_refused(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("precious")
    assert _run(monkeypatch, "--images=4", "--questions=8", f"--out={tmp_path / 'file'}") == 2
    assert "is no folder" in capsys.readouterr().err


@pytest.mark.parametrize("flag", ["--seed=100", "--images=0", "--questions=0"])
def test_numbers_out_of_range_are_refused(tmp_path, monkeypatch, flag):
    assert _run(monkeypatch, "--images=4", "--questions=8", f"--out={tmp_path / 'out'}", flag) == 2
    assert not (tmp_path / "out").exists()


def test_the_command_builds_a_split(tmp_path, monkeypatch, capsys):
    flags = ["--source=procedural_v0", "--images=4", "--questions=12", "--split=validation"]
    assert _run(monkeypatch, *flags, f"--out={tmp_path / 'out'}") == 0
    assert "DRBench-Open procedural v0: 12 questions" in capsys.readouterr().out
    assert len(data.load(str(tmp_path / "out"), "validation").records) == 12


def test_the_command_of_the_base_skills(tmp_path, monkeypatch, capsys):
    flags = ["--split=train", "--images=5", f"--out={tmp_path / 'out'}"]
    assert _run(monkeypatch, *flags, main=base_skills.main) == 0
    assert set(data.load(str(tmp_path / "out"), "train").records["category"]) == {"perception"}
    assert _run(monkeypatch, *flags, main=base_skills.main) == 2
    assert "already holds a data set" in capsys.readouterr().err
    assert _run(monkeypatch, "--images=0", f"--out={tmp_path / 'none'}", main=base_skills.main) == 2


def _run(monkeypatch, *flags: str, main=command.main) -> int:
    monkeypatch.setattr(sys, "argv", ["build", *flags])
    with pytest.raises(SystemExit) as ended:
        run_cli(main)
    return ended.value.code
