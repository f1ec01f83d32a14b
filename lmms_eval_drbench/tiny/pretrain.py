"""Train the tiny model from scratch: `python -m lmms_eval_drbench.tiny.pretrain --out DIR`.

Text-only lessons first (letters and look-ups), then mostly pictures; see `curriculum`. Runs on CPU cores with
bfloat16 autocast, writes a checkpoint every SAVE_EVERY steps, and goes on from it when started again. A step's data
depends on the step's number alone.
"""

import argparse
import json
import random
import time
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch.utils.data import DataLoader
from tqdm import tqdm
from transformers import Qwen2_5_VLForConditionalGeneration, Qwen2_5_VLProcessor

from lmms_eval_drbench import prompts, scaffold
from lmms_eval_drbench.build.builder import build
from lmms_eval_drbench.build.sources.procedural import compose, world
from lmms_eval_drbench.errors import UserError, run_cli
from lmms_eval_drbench.tiny.architecture import build_model, build_processor
from lmms_eval_drbench.tiny.curriculum import LETTERED_FIRST, drill, lesson
from lmms_eval_drbench.tiny.lessons import IGNORED, NOTHING, LessonStream, collate, word_id

DRILL_STEPS = 300
"""Steps of text-only drills before the first picture."""
WORDS_FROM = 600
"""From this step on lessons are shorter, and most questions are answered in words and no longer by letter."""
SENTENCES_FROM = 2100
"""From this step on lists, sentences and arrows take the place of look-ups."""
KINDS = {"picture": 0.85, "told": 0.1, "drill": 0.05}
KINDS_AT_LAST = {"picture": 0.8, "grounding": 0.08, "told": 0.08, "drill": 0.04}
"""Shares of the kinds of batches after the drills, until and from WORDS_FROM; the text keeps the look-ups alive."""
GROUNDING_STEPS = range(700, 960)
"""Steps in which the vision tower alone learns to say, in the language model's words, what fills each cell."""
VISION_RATE = 2.0
"""The vision tower's learning rate relative to the language model's, whose head start a high rate destroys."""
WARMUP, DECAY_FROM = 50, 0.6
"""Learning-rate warm-up in steps; from this part of the run on the rate falls linearly to a fiftieth."""
SAVE_EVERY, PROBE_EVERY = 100, 100
PROBE_SEED = 800_000_000
"""Scenes of the probes: apart from the training scenes (from 0), the fine-tuning and the test scenes."""


def vocabulary_texts() -> list[str]:
    """Everything the tokenizer should know as whole words: lessons, and the benchmark's prompts and scaffolds."""
    rng = random.Random(0)
    texts = []
    for seed in range(1500):
        texts += [text for turn in lesson(compose(seed), rng, shows_picture=seed % 2 == 0).turns for text in turn]
    texts += [text for _ in range(300) for turn in drill(rng).turns for text in turn]
    for record in build(compose, lambda scene: Image.new("RGB", (1, 1)), 300, 1500, 0, "train"):  # the texts matter
        texts += [prompts.direct(record), prompts.scaffold(record), scaffold.render(record)]
    return texts


def _plan(step: int, rng: random.Random) -> tuple[str, dict[str, Any]]:
    if step < DRILL_STEPS:
        return "drill", {}
    if step in GROUNDING_STEPS:
        return "grounding", {}
    if step >= SENTENCES_FROM:
        kind = rng.choices(["picture", "told", "drill"], [0.82, 0.08, 0.1])[0]
        return kind, {"sentences": True} if kind == "drill" else {"count": 1, "looked_up": 0, "sentences": 3}
    shares = KINDS if step < WORDS_FROM else KINDS_AT_LAST
    kind = rng.choices(list(shares), list(shares.values()))[0]
    if step >= WORDS_FROM or kind == "drill":
        return kind, {}
    return kind, {"kinds": LETTERED_FIRST, "count": 4 if kind == "picture" else 6, "looked_up": 10}


def learning_rate(step: int, steps: int, peak: float) -> float:
    """Warm up, hold, then fall linearly; the sentences start a shorter fall of their own."""
    if step >= SENTENCES_FROM:
        return peak * max(0.02, (steps - step) / (steps - SENTENCES_FROM))
    steps = SENTENCES_FROM
    if step < WARMUP:
        return peak * (step + 1) / WARMUP
    fall_from = int(steps * DECAY_FROM)
    if step < fall_from:
        return peak
    return peak * (0.02 + 0.98 * (steps - step) / (steps - fall_from))


def loss_and_hits(model: Qwen2_5_VLForConditionalGeneration, batch: dict) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean loss over supervised tokens, and for each of them whether the model's first choice is right: [S] bool.

    Logits are computed at supervised positions only.
    """
    labels = batch["labels"][:, 1:]
    inputs = {name: value for name, value in batch.items() if name != "labels"}
    hidden = model.model(**inputs, use_cache=False).last_hidden_state[:, :-1]
    supervised = labels != IGNORED
    logits = model.lm_head(hidden[supervised]).float()
    targets = labels[supervised]
    return torch.nn.functional.cross_entropy(logits, targets), logits.argmax(-1) == targets


def grounding_loss_and_hits(
    model: Qwen2_5_VLForConditionalGeneration, processor: Qwen2_5_VLProcessor, batch: dict
) -> tuple[torch.Tensor, torch.Tensor]:
    """Loss of reading kind and colour off each visual token through the output layer; hits where a thing stands."""
    text = model.model.language_model
    visual = model.model.visual(batch["pixel_values"], batch["image_grid_thw"]).pooler_output  # [B * 36, hidden]
    loss, hits = 0.0, []
    for name, words in (("kinds", world.KINDS), ("colours", tuple(world.COLOURS))):
        ids = torch.tensor([word_id(word, processor) for word in (NOTHING, *words)])
        logits = (text.norm(visual) @ text.embed_tokens.weight[ids].T).float()  # [B * 36, words]
        in_order = ids.sort()
        targets = in_order.indices[torch.searchsorted(in_order.values, batch[name].flatten())]
        loss = loss + torch.nn.functional.cross_entropy(logits, targets)
        hits.append((logits.argmax(-1) == targets)[targets != 0])
    return loss, torch.cat(hits)


@torch.no_grad()
def probe(model: Qwen2_5_VLForConditionalGeneration, processor: Qwen2_5_VLProcessor, shows_picture: bool) -> dict:
    """Accuracy on unseen scenes: per supervised token, of colours, and of letters (chance 0.25 to 0.5)."""
    rng = random.Random(1)
    lessons = [lesson(compose(PROBE_SEED + index), rng, shows_picture) for index in range(48)]
    tokenizer = processor.tokenizer
    kinds = {
        "letters": torch.tensor(tokenizer.convert_tokens_to_ids(list("ABCD"))),
        "colours": torch.tensor(tokenizer.convert_tokens_to_ids([f"Ġ{colour}" for colour in world.COLOURS])),
    }
    hits, targets = [], []
    for start in range(0, len(lessons), 16):
        batch = collate(lessons[start : start + 16], processor)
        with torch.autocast("cpu", torch.bfloat16):
            hits.append(loss_and_hits(model, batch)[1])
        labels = batch["labels"][:, 1:]
        targets.append(labels[labels != IGNORED])
    hit, target = torch.cat(hits).float(), torch.cat(targets)
    accuracy = {name: round(hit[torch.isin(target, ids)].mean().item(), 3) for name, ids in kinds.items()}
    return {"tokens": round(hit.mean().item(), 3)} | accuracy


def train(out: Path, steps: int, batch_size: int, peak: float, stop_at: int | None) -> None:
    """Train from where the checkpoint in `out` stands to step `steps`, then write the model as bfloat16."""
    torch.set_flush_denormal(True)  # late in training tiny values would slow a CPU down many times
    out.mkdir(parents=True, exist_ok=True)
    checkpoint = out / "checkpoint.pt"
    processor_dir = out / "processor"
    if processor_dir.exists():
        processor = Qwen2_5_VLProcessor.from_pretrained(processor_dir)
    else:
        processor = build_processor(vocabulary_texts())
        processor.save_pretrained(processor_dir)
    model = build_model(processor)
    vision = list(model.model.visual.parameters())
    known = set(map(id, vision))
    language = [weight for weight in model.parameters() if id(weight) not in known]
    groups = [{"params": language, "factor": 1.0}, {"params": vision, "factor": VISION_RATE}]
    optimizer = torch.optim.AdamW(groups, lr=peak, betas=(0.9, 0.98), weight_decay=0.01)
    first = 0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        if state["plan"] != [steps, batch_size, peak]:
            raise UserError(f"{checkpoint} is of a run with other settings {state['plan']}: use another --out")
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        first = state["step"]
    stream = LessonStream(processor, first, steps, batch_size, _plan)
    started = time.time()
    with (out / "log.jsonl").open("a") as log, tqdm(total=steps, initial=first, desc="pretraining") as bar:
        for step, batch in enumerate(DataLoader(stream, batch_size=None, num_workers=1, prefetch_factor=4), first):
            for group in optimizer.param_groups:
                group["lr"] = group["factor"] * learning_rate(step, steps, peak)
            with torch.autocast("cpu", torch.bfloat16):
                if "kinds" in batch:
                    loss, hits = grounding_loss_and_hits(model, processor, batch)
                else:
                    loss, hits = loss_and_hits(model, batch)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            bar.update()
            entry = {"step": step + 1, "loss": loss.item(), "tokens": hits.float().mean().item()}
            entry["picture"] = "pixel_values" in batch
            if (step + 1) % PROBE_EVERY == 0:
                entry["probe_text"] = probe(model, processor, shows_picture=False)
                entry["probe_picture"] = probe(model, processor, shows_picture=True)
                entry["seconds"] = time.time() - started
                bar.write(json.dumps(entry))
            log.write(json.dumps(entry) + "\n")
            log.flush()
            if (step + 1) % SAVE_EVERY == 0 or step + 1 in (steps, stop_at):
                state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step + 1}
                temporary = checkpoint.with_suffix(".tmp")
                torch.save(state | {"plan": [steps, batch_size, peak]}, temporary)
                temporary.replace(checkpoint)
            if step + 1 == stop_at:
                return
    export(model, processor, out / "model")


def export(model: Qwen2_5_VLForConditionalGeneration, processor: Qwen2_5_VLProcessor, folder: Path) -> None:
    """Write the model as lmms-eval loads it: bfloat16, safetensors, with its processor."""
    model.to(torch.bfloat16).save_pretrained(folder)
    processor.save_pretrained(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the tiny Qwen2.5-VL from scratch on procedural scenes.")
    parser.add_argument("--out", type=Path, required=True, help="folder of the checkpoint, the log and the model")
    parser.add_argument("--steps", type=int, default=2520)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--learning-rate", type=float, default=6e-4)
    parser.add_argument("--stop-at", type=int, help="stop after this step, to go on later")
    args = parser.parse_args()
    train(args.out, args.steps, args.batch_size, args.learning_rate, args.stop_at)


if __name__ == "__main__":
    run_cli(main)
