"""The tiny model's pretraining: every kind of batch runs, and an interrupted run goes on to the same weights."""

import random

import torch
from transformers import Qwen2_5_VLForConditionalGeneration

from lmms_eval_drbench.build.sources.procedural_v0 import compose
from lmms_eval_drbench.tiny import drills, lessons, pretrain
from lmms_eval_drbench.tiny.curriculum import drill, lesson

PHASES = tuple(
    pretrain.Phase(end, {kind: 1}, options)
    for end, kind, options in (
        (1, "drill", {}),
        (2, "grounding", {}),
        (3, "picture", {"count": 1, "looked_up": 2}),
        (4, "letters", {}),
        (5, "told", {"count": 1, "looked_up": 0, "sentences": 2}),
    )
) + (pretrain.Phase(6, {"picture": 1}, {"looked_up": 0, "sentences": 2}, at_length=True),)


def train(monkeypatch, out, stop_at=None):
    monkeypatch.setattr(pretrain, "PHASES", PHASES)
    monkeypatch.setattr(pretrain, "STEPS", PHASES[-1].end)
    monkeypatch.setattr(pretrain, "SENTENCES_FROM", PHASES[-3].end)
    texts = [
        text for seed in range(20) for turn in lesson(compose(seed), random.Random(seed), False).turns for text in turn
    ]
    monkeypatch.setattr(pretrain, "vocabulary_texts", lambda: texts)
    pretrain.train(out, 1, 6e-4, stop_at)


def test_an_interrupted_pretraining_goes_on_to_the_same_model(monkeypatch, tmp_path):
    train(monkeypatch, tmp_path / "whole")
    train(monkeypatch, tmp_path / "parts", stop_at=3)
    assert not (tmp_path / "parts/model").exists()
    train(monkeypatch, tmp_path / "parts")
    one, other = (
        Qwen2_5_VLForConditionalGeneration.from_pretrained(tmp_path / name / "model").state_dict()
        for name in ("whole", "parts")
    )
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert len((tmp_path / "parts/log.jsonl").read_text().splitlines()) == 6


def test_letters_of_a_drill_are_those_of_the_options_it_names():
    """Read back from the text alone: every lettered turn ends with exactly the letters of what it names."""
    rng, seen = random.Random(0), set()
    for _ in range(300):
        for user, assistant in drill(rng, letters=True).turns:
            options = dict(
                line.split(". ", 1) for line in user.splitlines() if line[:3] in ("A. ", "B. ", "C. ", "D. ")
            )
            if not options:
                continue
            letters = assistant.splitlines()[-1].strip("()").split(", ")
            named = drills.listing([options[letter] for letter in letters])
            assert named in user.replace(f". {named}\n", "\n") or named in assistant
            assert f"The answer is {named}." in f"{user}\n{assistant}"
            seen.add(len(letters))
    assert seen == {1, 2, 3}


def test_cells_name_what_stands_there():
    scene = compose(3)
    words = lessons.cells(scene)
    assert {len(row) for row in words.values()} == {36}
    for index, kind in enumerate(words["kinds"]):
        things = [thing for thing in scene.named(kind) if thing.colour == words["colours"][index]]
        assert bool(things) == (kind != lessons.NOTHING)
        if things:
            assert words["places"][index] in (thing.support or "mid" for thing in things)


def test_no_turn_of_pretraining_has_the_scaffolds_fields_tags_or_steps():
    rng = random.Random(1)
    texts = [
        text
        for seed in range(200)
        for item in (lesson(compose(seed), rng, True, sentences=20, at_length=True), drill(rng, seed % 2 == 0, True))
        for turn in item.turns
        for text in turn
    ]
    for mark in ("<entities", "<relations", "<reasoning", "<answer", "[Perception]", "[Relation]", "[Logic]", "[Conc"):
        assert not any(mark in text for text in texts)
