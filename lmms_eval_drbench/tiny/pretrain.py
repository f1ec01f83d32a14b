"""Train the tiny model: `python -m lmms_eval_drbench.tiny.pretrain --out DIR`.

What fills each cell of a picture first, then conversations about pictures; see `curriculum`. Runs on CPU cores with
bfloat16 autocast, writes a checkpoint every SAVE_EVERY steps, and goes on from it when started again. A step's data
depends on the step's number alone.
"""

import argparse
import json
import random
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader
from tqdm import tqdm
from transformers import Qwen2_5_VLForConditionalGeneration, Qwen2_5_VLProcessor

from lmms_eval_drbench import prompts, scaffold
from lmms_eval_drbench.build.builder import Builder
from lmms_eval_drbench.build.questions.annotated import FAMILIES
from lmms_eval_drbench.build.questions.annotated.view import View
from lmms_eval_drbench.build.sources.procedural import compose
from lmms_eval_drbench.build.sources.procedural.world import COLOURS
from lmms_eval_drbench.errors import UserError, run_cli
from lmms_eval_drbench.tiny.architecture import build_model, build_processor
from lmms_eval_drbench.tiny.curriculum import drill, lesson
from lmms_eval_drbench.tiny.lessons import CELL_WORDS, IGNORED, NOTHING, LessonStream, collate, word_ids
from lmms_eval_drbench.tiny.pictures import Album


@dataclass(frozen=True)
class Phase:
    """A stretch of the run: the share of the run at which it ends, the shares of its kinds of batches (see
    `LessonStream`), and the arguments of `lesson` for pictures and told scenes.
    """

    end: float
    shares: dict[str, float]
    lesson: dict[str, Any] = field(default_factory=dict)


PHASES = (
    Phase(0.04, {"drill": 1}),  # letters and look-ups in text, before the first picture
    Phase(0.18, {"grounding": 1}),  # the vision tower learns to say what fills each cell
    Phase(0.40, {"picture": 0.7, "grounding": 0.2, "told": 0.05, "drill": 0.05}, {"sentences": 1, "looked_up": 10}),
    Phase(1.00, {"picture": 0.74, "grounding": 0.12, "told": 0.06, "drill": 0.08}, {"sentences": 4, "looked_up": 4}),
)
"""What is learned when. Text in every phase keeps the look-ups alive."""
STEPS = 2400
PICTURES = 8000
VISION_RATE = 2.0
"""The vision tower's learning rate relative to the language model's, whose head start a high rate destroys."""
WARMUP, DECAY_FROM = 50, 0.45
"""Learning-rate warm-up in steps; from this part of the run on the rate falls linearly to a fiftieth."""
SAVE_EVERY, PROBE_EVERY = 100, 100
PROBE_SEED = 800_000_000
"""Scenes of the probes: apart from the training scenes (from 0), the fine-tuning and the test scenes."""


def vocabulary_texts() -> list[str]:
    """Everything the tokenizer should know as whole words: lessons, and the benchmark's prompts and scaffolds."""
    rng = random.Random(0)
    lessons = [lesson(compose(seed), rng, shows_picture=seed % 2 == 0) for seed in range(1500)]
    lessons += [drill(rng) for _ in range(900)]
    texts = [text for item in lessons for turn in item.turns for text in turn]
    builder = Builder(4000, 0, "train", families=FAMILIES.values())
    for seed in range(800):
        scene = compose(seed)
        for record in builder.ask(scene, 5, set(), View(scene)):
            texts += [prompts.direct(record), prompts.scaffold(record), scaffold.render(record)]
    return texts


def _plan(step: int, rng: random.Random, steps: int) -> tuple[str, dict[str, Any]]:
    phase = next(phase for phase in PHASES if step < phase.end * steps)
    kind = rng.choices(list(phase.shares), list(phase.shares.values()))[0]
    return kind, phase.lesson if kind in ("picture", "told") else {}


def learning_rate(step: int, steps: int, peak: float) -> float:
    """Warm up, hold, then fall linearly."""
    if step < WARMUP:
        return peak * (step + 1) / WARMUP
    fall_from = int(steps * DECAY_FROM)
    if step < fall_from:
        return peak
    return peak * (0.02 + 0.98 * (steps - step) / (steps - fall_from))


@torch.no_grad()
def take_over(model: Qwen2_5_VLForConditionalGeneration, processor: Qwen2_5_VLProcessor, folder: Path) -> None:
    """Begin with the weights of another tiny model: those of the same shape, and the embeddings of words that both
    know. A new word's begins as a random one of the same size.
    """
    learned = Qwen2_5_VLForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).state_dict()
    known = Qwen2_5_VLProcessor.from_pretrained(folder).tokenizer.get_vocab()
    weights = model.state_dict()
    for name, value in learned.items():
        if name.endswith(("embed_tokens.weight", "lm_head.weight")):
            weights[name].normal_(0, value.std().item())
            for word, index in processor.tokenizer.get_vocab().items():
                if word in known:
                    weights[name][index] = value[known[word]]
        elif weights[name].shape != value.shape:
            raise UserError(f"{folder} is no model of this shape: its {name} differs (check --init)")
        else:
            weights[name].copy_(value)
    model.tie_weights()


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
    """Loss of reading CELL_WORDS off each visual token through the output layer; hits where the word is not NOTHING.

    A word of several tokens ("traffic light") is read as the mean of theirs.
    """
    text = model.model.language_model
    visual = model.model.visual(batch["pixel_values"], batch["image_grid_thw"]).pooler_output  # [B * cells, hidden]
    visual = text.norm(visual)
    loss, hits = 0.0, []
    for name, words in CELL_WORDS.items():
        rows = [text.embed_tokens.weight[word_ids(word, processor)].mean(0) for word in (NOTHING, *words)]
        logits = (visual @ torch.stack(rows).T).float()  # [B * cells, words]
        targets = batch[name].flatten()
        loss = loss + torch.nn.functional.cross_entropy(logits, targets)
        hits.append((logits.argmax(-1) == targets)[targets != 0])
    return loss, torch.cat(hits)


@torch.no_grad()
def probe(
    model: Qwen2_5_VLForConditionalGeneration, processor: Qwen2_5_VLProcessor, album: Album, shows_picture: bool
) -> dict:
    """Accuracy on unseen scenes: per supervised token, and of colours."""
    rng = random.Random(1)
    lessons = [lesson(compose(PROBE_SEED + index), rng, shows_picture) for index in range(32)]
    tokenizer = processor.tokenizer
    kinds = {"colours": torch.tensor(tokenizer.convert_tokens_to_ids([f"Ġ{colour}" for colour in COLOURS]))}
    hits, targets = [], []
    for start in range(0, len(lessons), 16):
        batch = collate(lessons[start : start + 16], album, processor)
        with torch.autocast("cpu", torch.bfloat16):
            hits.append(loss_and_hits(model, batch)[1])
        labels = batch["labels"][:, 1:]
        targets.append(labels[labels != IGNORED])
    hit, target = torch.cat(hits).float(), torch.cat(targets)
    accuracy = {name: round(hit[torch.isin(target, ids)].mean().item(), 3) for name, ids in kinds.items()}
    return {"tokens": round(hit.mean().item(), 3)} | accuracy


@dataclass
class Run:
    """A run's state, and where it is kept: `out/checkpoint.pt`, replaced as a whole."""

    model: Qwen2_5_VLForConditionalGeneration
    processor: Qwen2_5_VLProcessor
    optimizer: torch.optim.Optimizer
    settings: list[float]
    checkpoint: Path
    step: int = 0

    @classmethod
    def begin(cls, out: Path, steps: int, batch_size: int, peak: float, init: Path | None) -> "Run":
        """A new run, or the one whose checkpoint is in `out`. Raises UserError if that has other settings."""
        out.mkdir(parents=True, exist_ok=True)
        if (out / "processor").exists():
            processor = Qwen2_5_VLProcessor.from_pretrained(out / "processor")
        else:
            processor = build_processor(vocabulary_texts())
            processor.save_pretrained(out / "processor")
        model = build_model(processor)
        if init is not None:
            take_over(model, processor, init)
        vision = list(model.model.visual.parameters())
        known = set(map(id, vision))
        language = [weight for weight in model.parameters() if id(weight) not in known]
        groups = [{"params": language, "factor": 1.0}, {"params": vision, "factor": VISION_RATE}]
        optimizer = torch.optim.AdamW(groups, lr=peak, betas=(0.9, 0.98), weight_decay=0.01)
        run = cls(model, processor, optimizer, [steps, batch_size, peak], out / "checkpoint.pt")
        if run.checkpoint.exists():
            state = torch.load(run.checkpoint, weights_only=True)
            if state["plan"] != run.settings:
                raise UserError(f"{run.checkpoint} is of a run with other settings {state['plan']}: use another --out")
            model.load_state_dict(state["model"])
            optimizer.load_state_dict(state["optimizer"])
            run.step = state["step"]
        return run

    def save(self) -> None:
        """Write the checkpoint; the one before stays until this one is whole."""
        state = {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(), "step": self.step}
        temporary = self.checkpoint.with_suffix(".tmp")
        torch.save(state | {"plan": self.settings}, temporary)
        temporary.replace(self.checkpoint)

    def learn(self, batch: dict[str, Any], rate: float) -> tuple[float, torch.Tensor]:
        """One optimiser step: the loss, and whether each supervised token was right."""
        for group in self.optimizer.param_groups:
            group["lr"] = group["factor"] * rate
        with torch.autocast("cpu", torch.bfloat16):
            if "kinds" in batch:
                loss, hits = grounding_loss_and_hits(self.model, self.processor, batch)
            else:
                loss, hits = loss_and_hits(self.model, batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.step += 1
        return loss.item(), hits


def train(
    out: Path,
    steps: int,
    batch_size: int,
    peak: float,
    init: Path | None = None,
    stop_at: int | None = None,
    pictures: int = PICTURES,
) -> None:
    """Train from where the checkpoint in `out` stands to the last step, then write the model as bfloat16.

    pictures: scenes to learn from, at least four times the batch size.
    """
    torch.set_flush_denormal(True)  # late in training tiny values would slow a CPU down many times
    run = Run.begin(out, steps, batch_size, peak, init)
    album = Album(out / "pictures.npy", pictures)
    stream = LessonStream(run.processor, album, run.step, steps, batch_size, partial(_plan, steps=steps))
    started = time.time()
    with (out / "log.jsonl").open("a") as log, tqdm(total=steps, initial=run.step, desc="pretraining") as bar:
        for batch in DataLoader(stream, batch_size=None, num_workers=1, prefetch_factor=4):
            loss, hits = run.learn(batch, learning_rate(run.step, steps, peak))
            bar.update()
            entry = {"step": run.step, "loss": loss, "tokens": hits.float().mean().item()}
            entry["shows"] = "cells" if "kinds" in batch else "picture" if "pixel_values" in batch else "text"
            entry["seconds"] = time.time() - started
            if run.step % PROBE_EVERY == 0:
                entry["probe_text"] = probe(run.model, run.processor, album, shows_picture=False)
                entry["probe_picture"] = probe(run.model, run.processor, album, shows_picture=True)
                bar.write(json.dumps(entry))
            log.write(json.dumps(entry) + "\n")
            log.flush()
            if run.step % SAVE_EVERY == 0 or run.step in (steps, stop_at):
                run.save()
            if run.step == stop_at:
                return
    export(run.model, run.processor, out / "model")


def export(model: Qwen2_5_VLForConditionalGeneration, processor: Qwen2_5_VLProcessor, folder: Path) -> None:
    """Write the model as lmms-eval loads it: bfloat16, safetensors, with its processor."""
    model.to(torch.bfloat16).save_pretrained(folder)
    processor.save_pretrained(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the tiny Qwen2.5-VL on procedural scenes.")
    parser.add_argument("--out", type=Path, required=True, help="folder of the checkpoint, the log and the model")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--learning-rate", type=float, default=6e-4)
    parser.add_argument("--init", type=Path, help="folder of an earlier tiny model to begin with")
    parser.add_argument("--stop-at", type=int, help="stop after this step, to go on later")
    args = parser.parse_args()
    train(args.out, args.steps, args.batch_size, args.learning_rate, args.init, args.stop_at)


if __name__ == "__main__":
    run_cli(main)
