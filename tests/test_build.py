"""The builder over the procedural world: shares, balance, bytes, splits, and what the command refuses."""

import hashlib
import json
import sys
from collections import Counter

import datasets
import pytest

from lmms_eval_drbench import data
from lmms_eval_drbench.build import __main__ as command
from lmms_eval_drbench.build import annotated
from lmms_eval_drbench.build.sources import open_source
from lmms_eval_drbench.build.sources.procedural.source import FIRST_SEEDS, PILOT_SEEDS, SEED_STEP
from lmms_eval_drbench.errors import run_cli
from lmms_eval_drbench.record import chance, option_letters
from lmms_eval_drbench.taxonomy import PAPER_SHARES, Category
from lmms_eval_drbench.tiny import base_skills, pretrain


@pytest.fixture(scope="module")
def records(tmp_path_factory) -> list[dict]:
    """800 questions about 160 scenes, as the engine asks them, without their pictures."""
    spool = tmp_path_factory.mktemp("plan") / "spool.jsonl"
    made = annotated.plan(open_source("procedural"), 160, 800, 0, "train", spool)
    assert not made.missing
    return [json.loads(line) for line in spool.read_text().splitlines()]


def texts(record: dict) -> set[str]:
    """The right option texts, or the accepted strings of an open question."""
    by_letter = dict(zip(option_letters(record), record["options"], strict=True))
    return {by_letter.get(answer, answer) for answer in record["answer"]}


def test_categories_keep_the_papers_shares_and_images_are_shared_out_evenly(records):
    counts = Counter(record["category"] for record in records)
    assert len(records) == 800
    for category in Category:
        assert counts[category] / 800 == pytest.approx(PAPER_SHARES[category], abs=0.003)
    of_image = Counter(record["image_id"] for record in records)
    assert len(of_image) == 160 and set(of_image.values()) <= {3, 4, 5, 6}


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
    """Guessing one option text of a family wherever it is offered is right about one time more often than by chance."""
    offered, right, expected = Counter(), Counter(), Counter()
    for record in records:
        if record["question_type"] == "single_choice":
            for option in record["options"]:
                offered[record["family"], option] += 1
                expected[record["family"], option] += 1 / len(record["options"])
            right[record["family"], *texts(record)] += 1
    often = [key for key, count in offered.items() if count >= 8]
    assert len(often) >= 60
    for key in often:
        assert right[key] <= expected[key] + 1.5, (key, right[key], expected[key])


def test_same_seed_same_bytes_and_another_seed_others(tmp_path, monkeypatch):
    digests = []
    for name, seed in [("one", 0), ("two", 0), ("other", 1)]:
        flags = ["--images=6", "--questions=30", "--size=224", f"--seed={seed}", f"--out={tmp_path / name}"]
        assert _run(monkeypatch, *flags) == 0
        digests.append([(file.name, file.read_bytes()) for file in sorted((tmp_path / name).iterdir())])
    assert digests[0] == digests[1] and digests[0] != digests[2]
    (shard, first), (_, third) = digests[0][1], digests[2][1]
    assert shard == "stats.json" and json.loads(first)["fingerprint"] != json.loads(third)["fingerprint"]


def test_splits_share_no_scene_and_no_picture():
    span = 100 * SEED_STEP  # --seed 0 to 99
    ranges = [(first, span) for first in (*FIRST_SEEDS.values(), PILOT_SEEDS)]
    ranges += [(first, SEED_STEP) for first in base_skills.SEEDS.values()]
    ranges += [(0, pretrain.PICTURES), (pretrain.PROBE_SEED, SEED_STEP)]
    ordered = sorted(ranges)
    for (first, length), (following, _) in zip(ordered, ordered[1:], strict=False):
        assert first + length <= following, (first, following)
    packaged, skills = (data.load(name).records for name in ("packaged", "packaged:base_skills_v1"))
    assert {int(image_id.rsplit("-", 1)[1]) // SEED_STEP for image_id in packaged["image_id"]} == {900}
    assert {int(image_id.rsplit("-", 1)[1]) // SEED_STEP for image_id in skills["image_id"]} == {850}
    train = base_skills.records("train", 10)
    pictures = [_digests(packaged), _digests(skills), {_digest(record["image"]["bytes"]) for record in train}]
    assert [len(found) for found in pictures] == [240, 120, 10]
    assert len(set.union(*pictures)) == 370


def _digests(records: datasets.Dataset) -> set[str]:
    return {_digest(image["bytes"]) for image in records.cast_column("image", datasets.Image(decode=False))["image"]}


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_too_few_images_are_refused_with_what_is_missing(tmp_path, monkeypatch, capsys):
    assert _run(monkeypatch, "--images=2", "--questions=300", f"--out={tmp_path / 'out'}") == 2
    said = capsys.readouterr().err
    assert "2 images of procedural carry" in said and "these are missing: " in said and "Nothing was written" in said
    assert not (tmp_path / "out").exists()


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


def test_what_the_command_builds_is_loaded_under_its_name(tmp_path, monkeypatch, capsys):
    flags = ["--source=procedural", "--images=4", "--questions=12", "--split=validation"]
    assert _run(monkeypatch, *flags, f"--out={tmp_path / 'out'}") == 0
    assert "DRBench-Open procedural v1: 12 questions" in capsys.readouterr().out
    loaded = data.load(str(tmp_path / "out"), "validation")
    stats = json.loads((tmp_path / "out" / "stats.json").read_text())
    assert (loaded.name, loaded.fingerprint) == ("DRBench-Open procedural v1", stats["fingerprint"])
    assert len(loaded.records) == 12 == stats["questions"]


def _run(monkeypatch, *flags: str) -> int:
    monkeypatch.setattr(sys, "argv", ["build", *flags])
    with pytest.raises(SystemExit) as ended:
        run_cli(command.main)
    return ended.value.code
