"""The tiny model's pretraining: every kind of batch runs, and an interrupted run goes on to the same weights."""

import json
import random
import shutil
from collections import Counter
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import Qwen2_5_VLForConditionalGeneration

from lmms_eval_drbench.build.questions.annotated import View
from lmms_eval_drbench.build.sources.procedural import compose
from lmms_eval_drbench.build.sources.procedural.layout import arrange
from lmms_eval_drbench.build.sources.procedural.render import render
from lmms_eval_drbench.errors import UserError
from lmms_eval_drbench.tiny import architecture, curriculum, drills, lessons, pictures, pretrain
from lmms_eval_drbench.tiny.curriculum import Lesson, drill, lesson

PHASES = (
    pretrain.Phase(0.2, {"drill": 1}),
    pretrain.Phase(0.4, {"grounding": 1}),
    pretrain.Phase(0.6, {"picture": 1}, {"sentences": 1, "looked_up": 2}),
    pretrain.Phase(1.0, {"told": 1}, {"sentences": 2, "looked_up": 0}),
)
SMALL = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1}
SMALL |= {"num_attention_heads": 1, "num_key_value_heads": 1}


def texts(seeds) -> list[str]:
    made = [lesson(compose(seed), random.Random(seed), False) for seed in seeds]
    return [text for item in made for turn in item.turns for text in turn]


@pytest.fixture(scope="module")
def processor():
    return architecture.build_processor(texts(range(40)))


@pytest.fixture(scope="module")
def album(tmp_path_factory) -> pictures.Album:
    return pictures.Album(tmp_path_factory.mktemp("album") / "pictures.npy", 4)


# Runs


@pytest.fixture
def small(monkeypatch):
    """Five steps of a small model, every kind of batch, over four pictures."""
    monkeypatch.setattr(pretrain, "PHASES", PHASES)
    monkeypatch.setattr(pretrain, "build_model", partial(architecture.build_model, head_start=False, **SMALL))
    monkeypatch.setattr(pretrain, "vocabulary_texts", lambda: texts(range(20)))

    def train(out, steps=5, **more):
        pretrain.train(out, steps, 1, 6e-4, pictures=4, **more)

    return train


def test_an_interrupted_pretraining_goes_on_to_the_same_model(small, tmp_path):
    small(tmp_path / "whole")
    small(tmp_path / "parts", stop_at=3)
    assert not (tmp_path / "parts/model").exists()
    small(tmp_path / "parts")
    one, other = (
        Qwen2_5_VLForConditionalGeneration.from_pretrained(tmp_path / name / "model").state_dict()
        for name in ("whole", "parts")
    )
    assert all(torch.equal(one[name], other[name]) for name in one)
    log = [json.loads(line) for line in (tmp_path / "parts/log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in log] == [1, 2, 3, 4, 5]
    assert [entry["shows"] for entry in log] == ["text", "cells", "picture", "text", "text"]
    assert {weight.dtype for weight in one.values()} == {torch.bfloat16}
    with pytest.raises(UserError, match="is of a run with other settings .*: use another --out"):
        small(tmp_path / "parts", steps=6)


def test_a_probe_says_how_much_of_unseen_scenes_is_right(processor, album, monkeypatch):
    monkeypatch.setattr(pretrain, "PROBE_SEED", 0)  # whose pictures need not be drawn, being repeated
    monkeypatch.setattr(pretrain, "compose", lambda seed: compose(seed % 4))
    model = architecture.build_model(processor, head_start=False, **SMALL)
    for shows_picture in (False, True):
        found = pretrain.probe(model, processor, album, shows_picture)
        assert set(found) == {"tokens", "colours"} and all(0 <= share < 0.1 for share in found.values())


# Beginning with another model


def test_an_earlier_model_gives_its_weights_and_the_words_that_both_know(processor, tmp_path):
    folder = architecture.create(tmp_path / "earlier", ["the red zebra and the quokka"] * 9, head_start=False, **SMALL)
    earlier = Qwen2_5_VLForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).state_dict()
    model = architecture.build_model(processor, seed=1, head_start=False, **SMALL)
    pretrain.take_over(model, processor, folder)
    taken = model.state_dict()
    embeddings = "model.language_model.embed_tokens.weight"
    for name in set(earlier) - {embeddings, "lm_head.weight"}:
        assert torch.equal(taken[name], earlier[name]), name
    old = type(processor).from_pretrained(folder).tokenizer.get_vocab()
    shared = [word for word in processor.tokenizer.get_vocab() if word in old]
    new = [word for word in processor.tokenizer.get_vocab() if word not in old]
    assert len(shared) > 200 and len(new) > 200 and "Ġred" in shared
    ids = processor.tokenizer.get_vocab()
    for word in shared:
        assert torch.equal(taken[embeddings][ids[word]], earlier[embeddings][old[word]]), word
    fresh = taken[embeddings][[ids[word] for word in new]]
    assert fresh.std().item() == pytest.approx(earlier[embeddings].std().item(), rel=0.1)


def test_an_earlier_model_of_another_shape_is_refused(processor, tmp_path):
    folder = architecture.create(tmp_path / "other", ["red"] * 9, head_start=False, **SMALL | {"hidden_size": 64})
    model = architecture.build_model(processor, head_start=False, **SMALL)
    with pytest.raises(UserError, match=r"is no model of this shape: its .* differs \(check --init\)"):
        pretrain.take_over(model, processor, folder)


# The plan


def test_phases_follow_one_another_to_the_end_of_the_run():
    ends = [phase.end for phase in pretrain.PHASES]
    assert ends == sorted(set(ends)) and ends[-1] == 1
    assert all(sum(phase.shares.values()) == pytest.approx(1) for phase in pretrain.PHASES)
    start = 0.0
    for phase in pretrain.PHASES:
        steps = range(round(start * 10_000), round(phase.end * 10_000))
        kinds = Counter(pretrain._plan(step, random.Random(step), 10_000)[0] for step in steps)
        for kind, share in phase.shares.items():
            assert kinds[kind] / len(steps) == pytest.approx(share, abs=0.06)
        assert set(kinds) == set(phase.shares)
        start = phase.end


def test_the_learning_rate_warms_up_holds_and_falls():
    rates = [pretrain.learning_rate(step, 1000, 1.0) for step in range(1000)]
    assert rates[0] == pytest.approx(1 / pretrain.WARMUP) and max(rates) == 1 == rates[pretrain.WARMUP] == rates[449]
    assert rates[450:] == sorted(rates[450:], reverse=True) and 0.02 <= rates[-1] < 0.025


# Pictures


def test_an_album_is_drawn_once_and_shows_what_the_processor_would(processor, album, tmp_path, monkeypatch):
    for seed in range(4):
        whole = processor.image_processor(images=[render(arrange(seed))], return_tensors="pt")
        small = lessons.patches([seed], album, processor)
        assert torch.equal(small["image_grid_thw"], whole["image_grid_thw"])
        assert len(small["pixel_values"]) == lessons.PATCHES
        assert (small["pixel_values"] - whole["pixel_values"]).abs().mean() < 0.01
    shutil.copy(album._path, tmp_path / "pictures.npy")
    drawn = []
    monkeypatch.setattr(pictures, "draw", lambda seed: drawn.append(seed) or np.zeros((252, 252, 3), dtype=np.uint8))
    again = pictures.Album(tmp_path / "pictures.npy", 4)
    assert np.array_equal(again(3), album(3)) and drawn == []
    assert not again(4).any() and drawn == [4]


def test_a_conversations_tokens_are_those_of_the_chat_template_and_only_answers_are_learned(processor, album):
    item = Lesson([("Is there a mug?", "no"), ("What colour is the dog?", "red")], compose(2))
    ids, labels = lessons.encode(item, processor)
    roles = ("user", "assistant")
    messages = [{"role": role, "content": text} for turn in item.turns for role, text in zip(roles, turn, strict=True)]
    messages[0]["content"] = [{"type": "image"}, {"type": "text", "text": messages[0]["content"]}]
    text = processor.apply_chat_template([messages], tokenize=False)[0]
    picture = Image.fromarray(np.array(album(2)))
    assert ids == processor(text=[text], images=[picture])["input_ids"][0]
    learned = processor.tokenizer.decode([label for label in labels if label != lessons.IGNORED])
    assert learned == "no<|im_end|>red<|im_end|>"
    assert ids.count(processor.tokenizer.convert_tokens_to_ids("<|image_pad|>")) == lessons.VISUAL_TOKENS == 81


# Lessons


def test_letters_of_a_drill_are_those_of_the_options_it_names():
    """Read back from the text alone: every lettered turn ends with exactly the letters of what it names."""
    rng, seen = random.Random(0), set()
    for _ in range(300):
        for user, assistant in drills.knowledge_drill(rng):
            options = dict(
                line.split(". ", 1) for line in user.splitlines() if line[:3] in ("A. ", "B. ", "C. ", "D. ")
            )
            if not options:
                continue
            letters = assistant.splitlines()[-1].split(", ")
            named = drills.listing([options[letter] for letter in letters])
            assert f"The answer is {named}." in f"{user}\n{assistant}".splitlines()
            seen.add(len(letters))
    assert seen == {1, 2, 3}


def test_a_looked_up_fact_is_one_that_was_told():
    rng = random.Random(0)
    for _ in range(100):
        turns = drills.look_up_drill(rng)
        told = [line[2:] for line in turns[0][0].splitlines() if line.startswith("- ")]
        facts = {fact.split(" ", 1)[1]: fact.split(" ", 1)[0] for fact in told}
        (looked_up,) = (assistant for user, assistant in turns if user.endswith("Look up."))
        assert dict(line.split(": ") for line in looked_up.splitlines()) == facts


def test_what_is_looked_up_in_a_scene_is_there_and_what_is_not_is_no():
    for seed in range(60):
        scene = compose(seed)
        asked, said = curriculum.look_up(View(scene), random.Random(seed), 8)
        lines = dict(line.split(": ", 1) for line in said.splitlines())
        assert ", ".join(lines) == asked.removeprefix("Look up: ").removesuffix(".")
        for name, found in lines.items():
            things = [thing for thing in scene.named(name) if thing.clear]
            assert bool(scene.named(name)) == (found != "no")
            for thing, words in zip(things, found.split("; "), strict=False):
                assert words.split(", ")[0] in (thing.colour, "painted")
                assert words.split(", ")[1] in (thing.support, "wall", "mid-air")


def test_cells_name_what_stands_there():
    named = 0
    for seed in range(20):
        scene = compose(seed)
        words = lessons.cells(scene)
        assert {len(row) for row in words.values()} == {81} and set(words) == set(lessons.CELL_WORDS)
        read = {
            name: [lessons.CELL_WORDS[name][number - 1] if number else None for number in row]
            for name, row in words.items()
        }
        for index, kind in enumerate(read["kinds"]):
            colour, place = read["colours"][index], read["places"][index]
            middle = (index % 9 + 0.5) * scene.width / 9, (index // 9 + 0.5) * scene.height / 9
            there = [thing for thing in scene.objects if thing.clear and _touches(thing.box, middle, scene.width / 9)]
            fitting = [t for t in there if (t.name, t.colour) == (kind, colour)]
            if kind is None:
                assert (colour, place) == (None, None)
                assert not any(_holds(t.box, middle) for t in there if t.name not in drills.GROUNDS)
            else:
                assert any(place in (thing.support, "wall", "mid-air") for thing in fitting), (seed, index, kind)
                named += 1
    assert named > 20 * 10


def _touches(box, middle, side) -> bool:
    x, y, width, height = box
    half = side / 2
    return x - half < middle[0] < x + width + half and y - half < middle[1] < y + height + half


def _holds(box, middle) -> bool:
    x, y, width, height = box
    return min(width, height) > 30 and x < middle[0] < x + width and y < middle[1] < y + height


def test_no_turn_of_pretraining_has_the_scaffolds_fields_tags_or_steps():
    rng = random.Random(1)
    said = [
        text
        for seed in range(200)
        for item in (lesson(compose(seed), rng, True, sentences=20), drill(rng))
        for turn in item.turns
        for text in turn
    ]
    for mark in ("<entities", "<relations", "<reasoning", "<answer", "[Perception]", "[Relation]", "[Logic]", "[Conc"):
        assert not any(mark in text for text in said)
