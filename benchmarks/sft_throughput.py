"""How much faster is image-grouped packing than what people use? Side by side: sft, TRL's SFTTrainer, a plain Trainer.

    python benchmarks/sft_throughput.py --json throughput.json

The same model (real Qwen2.5-VL classes, random weights, the real vocabulary size), the same records in the same order,
precision, effective batch and LoRA weights. Each run is a process of its own; the contenders take turns. Every image is
seen once, so nothing is gained from epochs. TRL's default gradient checkpointing is off for all: it trades the time
measured here for memory. Needs `pip install trl` beside the project.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

CONTENDERS = ("sft", "trl", "trainer")
PER_IMAGE = 5
LEARNING_RATE = 2e-4
LORA = {"r": 16, "lora_alpha": 32, "lora_dropout": 0.0}
SIZES = {
    # hidden, intermediate, layers, heads, key heads: about 100 million parameters with 151,936 words
    "100m": {"hidden_size": 512, "intermediate_size": 1536, "num_hidden_layers": 8, "num_attention_heads": 8},
    "smoke": {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2},
}
VOCABULARY = {"100m": 151_936, "smoke": 4096}


def make_model(folder: Path, size: str, side: int) -> None:
    """A Qwen2.5-VL of that size with random weights; every picture becomes side x side pixels."""
    from transformers import Qwen2_5_VLProcessor, Qwen2VLImageProcessor, Qwen2VLVideoProcessor

    from lmms_eval_drbench.tiny import architecture
    from lmms_eval_drbench.tiny.pretrain import vocabulary_texts

    limits = {"shortest_edge": side * side, "longest_edge": side * side}
    processor = Qwen2_5_VLProcessor(
        image_processor=Qwen2VLImageProcessor(size=limits, min_pixels=side * side, max_pixels=side * side),
        tokenizer=architecture.build_tokenizer(vocabulary_texts()),
        video_processor=Qwen2VLVideoProcessor(size=limits),
        chat_template=architecture.CHAT_TEMPLATE,
    )
    shape = dict(SIZES[size])
    half = shape["hidden_size"] // shape["num_attention_heads"] // 2
    rope = {"rope_type": "default", "mrope_section": [half // 4, 3 * half // 8, 3 * half // 8], "rope_theta": 1e6}
    overrides = shape | {"num_key_value_heads": 2, "vocab_size": VOCABULARY[size], "rope_parameters": rope}
    model = architecture.build_model(processor, head_start=False, **overrides)
    print(f"model: {sum(p.numel() for p in model.parameters()):,} parameters, {(side // 28) ** 2} visual tokens")
    model.save_pretrained(folder)
    processor.save_pretrained(folder)


def make_data(folder: Path, images: int) -> None:
    """PER_IMAGE records of each of `images` pictures, as a data folder."""
    import datasets

    from lmms_eval_drbench import data
    from lmms_eval_drbench.build.builder import build
    from lmms_eval_drbench.build.sources.procedural_v0 import compose, render

    records = build(compose, render, 2 * images, 2 * images * PER_IMAGE, 0, "train")
    by_image: dict[str, list] = {}
    for record in records:
        by_image.setdefault(record["image_id"], []).append(record)
    whole = [found[:PER_IMAGE] for found in by_image.values() if len(found) >= PER_IMAGE][:images]
    rows = [record for found in whole for record in found]
    folder.mkdir(parents=True)
    datasets.Dataset.from_list(rows, features=data.FEATURES).to_parquet(folder / "train-00000.parquet")


def sft_arguments(folder: Path, out: Path, steps: int) -> list[str]:
    return [
        *("--model", str(folder / "model"), "--data", str(folder / "data"), "--output_dir", str(out)),
        *("--method", "drscaffold", "--schedule", "joint", "--stage_steps", str(steps), "--packing", "on"),
        *("--batch_size", str(PER_IMAGE), "--learning_rate", str(LEARNING_RATE), "--lr_scheduler", "constant"),
        *("--warmup_ratio", "0", "--lora_rank", str(LORA["r"]), "--lora_alpha", str(LORA["lora_alpha"])),
        *("--logging_steps", "1", "--save_steps", "1000000", "--seed", "0"),
    ]


class Clock:
    """Step times and losses, recorded the same way for every contender."""

    def __init__(self) -> None:
        from transformers import TrainerCallback

        self.times: list[float] = []
        self.losses: list[float] = []
        clock = self

        class Recorder(TrainerCallback):
            def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
                clock._start = time.perf_counter()

            def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
                clock.times.append(time.perf_counter() - clock._start)

            def on_log(self, args: Any, state: Any, control: Any, logs: dict | None = None, **_: Any) -> None:
                if logs and "loss" in logs:
                    clock.losses.append(logs["loss"])

        self.callback = Recorder()


def worker(contender: str, folder: Path, steps: int) -> dict[str, Any]:
    """Train in this process and measure. Questions per second leave the first step out: it warms up."""
    from sft.log import peak_memory_mib

    clock = Clock()
    out = folder / f"run-{contender}"
    started = time.perf_counter()
    trainer = _sft(folder, out, steps) if contender == "sft" else _other(contender, folder, out, steps)
    trainer.add_callback(clock.callback)
    trainer.train()
    wall = time.perf_counter() - started
    return {
        "questions_per_second": PER_IMAGE * (steps - 1) / sum(clock.times[1:]),
        "peak_memory_mib": peak_memory_mib(),
        "seconds": wall,
        "trainable": sum(p.numel() for p in trainer.model.parameters() if p.requires_grad),
        "losses": clock.losses,
    }


def _sft(folder: Path, out: Path, steps: int) -> Any:
    from sft import run
    from sft.options import parse

    options = parse(sft_arguments(folder, out, steps))
    out.mkdir(parents=True, exist_ok=True)
    return run.build_trainer(run.prepare(options, out))


def _other(contender: str, folder: Path, out: Path, steps: int) -> Any:
    """TRL's trainer, or transformers' own over TRL's collator: one question a row, padded, order as in sft."""
    import datasets
    from peft import LoraConfig, get_peft_model
    from torch.utils.data import SequentialSampler
    from transformers import (
        Qwen2_5_VLForConditionalGeneration,
        Qwen2_5_VLProcessor,
        Trainer,
        TrainingArguments,
        set_seed,
    )
    from trl import SFTConfig, SFTTrainer
    from trl.trainer.sft_trainer import DataCollatorForVisionLanguageModeling

    from sft.families import QWEN2_5_VL

    rows = [json.loads(line) for line in (folder / "order.jsonl").read_text().splitlines()]
    features = datasets.Features(
        {"images": datasets.List(datasets.Image()), "prompt": datasets.Value("string")}
        | {"completion": datasets.Value("string")}
    )
    pictures = {file.stem: str(file) for file in (folder / "pictures").iterdir()}
    dataset = datasets.Dataset.from_list(
        [row | {"images": [pictures[row["images"]]]} for row in rows], features=features
    )
    processor = Qwen2_5_VLProcessor.from_pretrained(folder / "model")
    set_seed(0)  # as sft does, so that the adapters start alike
    model = Qwen2_5_VLForConditionalGeneration.from_pretrained(folder / "model", dtype="float32")
    lora = LoraConfig(**LORA, target_modules=QWEN2_5_VL.lora_targets, task_type="CAUSAL_LM")
    common = {
        "output_dir": str(out),
        "max_steps": steps,
        "per_device_train_batch_size": PER_IMAGE,
        "learning_rate": LEARNING_RATE,
        "lr_scheduler_type": "constant",
        "weight_decay": 0.0,
        "seed": 0,
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": "none",
        "use_cpu": _on_cpu(),
        "bf16": not _on_cpu(),
        "gradient_checkpointing": False,
        "dataloader_pin_memory": False,
        "remove_unused_columns": False,
    }

    def in_order(base: type) -> type:
        return type("InOrder", (base,), {"_get_train_sampler": lambda self, *_: SequentialSampler(self.train_dataset)})

    if contender == "trl":
        config = SFTConfig(**common, max_length=None, completion_only_loss=True)
        return in_order(SFTTrainer)(
            model=model, args=config, train_dataset=dataset, processing_class=processor, peft_config=lora
        )
    collate = DataCollatorForVisionLanguageModeling(processor, completion_only_loss=True)
    return in_order(Trainer)(
        model=get_peft_model(model, lora),
        args=TrainingArguments(**common),
        train_dataset=dataset,
        data_collator=collate,
    )


def _on_cpu() -> bool:
    import torch

    return not torch.cuda.is_available()


def write_order(folder: Path, steps: int) -> None:
    """What sft will draw, sample by sample, as prompt, completion and picture for the other trainers."""
    from sft import run
    from sft.encode import prompt_text
    from sft.options import parse
    from sft.targets import SEPARATOR, method

    job = run.prepare(parse(sft_arguments(folder, folder / "order", steps)), folder / "order")
    recipe = method("drscaffold")
    records = {record["id"]: record for record in job.data.records.remove_columns("image")}
    (folder / "pictures").mkdir()
    with (folder / "order.jsonl").open("w") as lines:
        for _, index in job.order.entries:
            sample = job.encoded.samples[index]
            record = records[sample.record_id]
            (folder / "pictures" / f"{record['image_id']}.png").write_bytes(job.images.content(sample.image))
            target = SEPARATOR.join(text for _, text in recipe.fields(record)) + job.family.turn_end
            prompt = prompt_text(recipe.ask(record), job.family, job.processor)
            lines.write(json.dumps({"prompt": prompt, "completion": target, "images": record["image_id"]}) + "\n")


def report(runs: dict[str, list[dict]], arguments: argparse.Namespace) -> dict[str, Any]:
    """Medians, and their ratios to TRL's."""
    median = {
        name: {key: statistics.median(run[key] for run in found) for key in ("questions_per_second", "peak_memory_mib")}
        for name, found in runs.items()
    }
    losses = {name: found[0]["losses"] for name, found in runs.items()}
    differences = {
        name: max(abs(a - b) for a, b in zip(losses["sft"], other, strict=True)) for name, other in losses.items()
    }
    from lmms_eval_drbench.versions import versions

    return {
        "questions_per_second_ratio": median["sft"]["questions_per_second"] / median["trl"]["questions_per_second"],
        "peak_memory_ratio": median["sft"]["peak_memory_mib"] / median["trl"]["peak_memory_mib"],
        "max_loss_difference": differences["trl"],
        "max_loss_difference_trainer": differences["trainer"],
        "median": median,
        "losses": losses,
        "runs": {
            name: [{k: v for k, v in run.items() if k != "losses"} for run in found] for name, found in runs.items()
        },
        "arguments": {name: str(value) for name, value in vars(arguments).items()},
        "versions": versions(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="100m")
    parser.add_argument("--side", type=int, default=448, help="pixels of a picture's side; 448 gives 256 visual tokens")
    parser.add_argument("--steps", type=int, default=20, help="optimiser steps, each of one picture's questions")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--worker", choices=CONTENDERS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        print(json.dumps(worker(arguments.worker, arguments.folder, arguments.steps)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        make_model(folder / "model", arguments.size, arguments.side)
        make_data(folder / "data", arguments.steps)
        write_order(folder, arguments.steps)
        runs: dict[str, list[dict]] = {name: [] for name in CONTENDERS}
        for repeat in range(arguments.repeats):
            for name in CONTENDERS if repeat % 2 == 0 else reversed(CONTENDERS):
                command = [sys.executable, __file__, "--worker", name, "--folder", str(folder)]
                done = subprocess.run(
                    [*command, "--steps", str(arguments.steps)], capture_output=True, text=True, check=False
                )
                if done.returncode:
                    sys.exit(f"{name} failed:\n{done.stderr[-3000:]}")
                runs[name].append(json.loads(done.stdout.strip().splitlines()[-1]))
                found = runs[name][-1]
                print(
                    f"{repeat + 1}/{arguments.repeats} {name:8} {found['questions_per_second']:7.2f} questions/s "
                    f"{found['peak_memory_mib']:8.0f} MiB  {found['trainable']:,} trainable",
                    flush=True,
                )
        found = report(runs, arguments)
    print(
        f"sft against TRL: {found['questions_per_second_ratio']:.2f} times its questions per second, "
        f"{found['peak_memory_ratio']:.2f} of its peak memory, largest difference of a step's loss "
        f"{found['max_loss_difference']:.1e}"
    )
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
