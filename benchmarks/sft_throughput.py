"""How much faster is image-grouped packing than what people use? Side by side: sft, TRL's SFTTrainer, a plain Trainer.

    python benchmarks/sft_throughput.py --json throughput.json

The same model (real Qwen2.5-VL classes, random weights, the real vocabulary size), the same records in the same order,
precision, effective batch and LoRA weights. Each run is a process of its own; the contenders take turns. Every image is
seen once, so nothing is gained from epochs. TRL's default gradient checkpointing is off for all: it trades the time
measured here for memory. Needs `pip install trl` beside the project.

Three kinds of runs: `curve`, one a contender, for the loss of `--steps` steps; `timing`, `--repeats` a contender, of
`--timing_steps` steps, the first of which warms up and isn't counted; `stages`, ours alone over the four stages, with
and without the cache of the frozen tower's features. FILE is written after each run; the same command goes on from it.

`--size 3b` is Qwen2.5-VL-3B's real configuration in bf16 for a GPU; take `--side 896` for 1,024 visual tokens. It adds
the model FLOPs utilisation against the rate of a matrix product measured on the device. Not yet run on a GPU.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

CONTENDERS = ("sft", "trl", "trainer")
STAGED = {"cached": "on", "uncached": "off"}
"""Runs of ours over the four stages: name → `--cache_features`."""
PER_IMAGE = 5
LEARNING_RATE = 2e-4
LORA = {"r": 16, "lora_alpha": 32, "lora_dropout": 0.0}
SIZES: dict[str, dict[str, Any]] = {
    # hidden, intermediate, layers, heads, key heads: about 100 million parameters with 151,936 words
    "100m": {"hidden_size": 512, "intermediate_size": 1536, "num_hidden_layers": 8, "num_attention_heads": 8},
    "smoke": {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2},
    # the text part of Qwen/Qwen2.5-VL-3B-Instruct's config.json
    "3b": {
        "hidden_size": 2048,
        "intermediate_size": 11008,
        "num_hidden_layers": 36,
        "num_attention_heads": 16,
        "max_position_embeddings": 128_000,
    },
}
VISION = {
    # its vision part; the small sizes take the tiny model's tower
    "3b": {
        "depth": 32,
        "hidden_size": 1280,
        "intermediate_size": 3420,
        "num_heads": 16,
        "fullatt_block_indexes": [7, 15, 23, 31],
        "tokens_per_second": 2,
    }
}
VOCABULARY = {"100m": 151_936, "smoke": 4096, "3b": 151_936}


def model_config(processor: Any, size: str) -> Any:
    """The Qwen2_5_VLConfig of that size, over the processor's tokens."""
    import torch

    from lmms_eval_drbench.tiny import architecture

    shape = dict(SIZES[size])
    half = shape["hidden_size"] // shape["num_attention_heads"] // 2
    rope = {"rope_type": "default", "mrope_section": [half // 4, 3 * half // 8, 3 * half // 8], "rope_theta": 1e6}
    overrides = shape | {"num_key_value_heads": 2, "vocab_size": VOCABULARY[size], "rope_parameters": rope}
    with torch.device("meta"):
        config = architecture.build_model(processor, head_start=False, **overrides).config
    for name, value in VISION.get(size, {}).items():
        setattr(config.vision_config, name, value)
    return config


def make_model(folder: Path, size: str, side: int) -> None:
    """A Qwen2.5-VL of that size with random weights; every picture becomes side x side pixels."""
    import torch
    from transformers import (
        Qwen2_5_VLForConditionalGeneration,
        Qwen2_5_VLProcessor,
        Qwen2VLImageProcessor,
        Qwen2VLVideoProcessor,
        set_seed,
    )

    from lmms_eval_drbench.tiny import architecture
    from lmms_eval_drbench.tiny.pretrain import vocabulary_texts

    limits = {"shortest_edge": side * side, "longest_edge": side * side}
    processor = Qwen2_5_VLProcessor(
        image_processor=Qwen2VLImageProcessor(size=limits, min_pixels=side * side, max_pixels=side * side),
        tokenizer=architecture.build_tokenizer(vocabulary_texts()),
        video_processor=Qwen2VLVideoProcessor(size=limits),
        chat_template=architecture.CHAT_TEMPLATE,
    )
    set_seed(0)
    model = Qwen2_5_VLForConditionalGeneration(model_config(processor, size))
    model = model.float() if _on_cpu() else model.to(torch.bfloat16)
    print(f"model: {sum(p.numel() for p in model.parameters()):,} parameters, {(side // 28) ** 2} visual tokens")
    model.save_pretrained(folder)
    processor.save_pretrained(folder)


def make_data(folder: Path, images: int) -> None:
    """PER_IMAGE records of each of `images` pictures, as a data folder."""
    import datasets

    from lmms_eval_drbench import data
    from lmms_eval_drbench.build.builder import Builder, embed
    from lmms_eval_drbench.build.questions.annotated import FAMILIES, View
    from lmms_eval_drbench.build.sources.procedural.source import ProceduralSource

    source, rows = ProceduralSource(), []
    builder = Builder(2 * images * PER_IMAGE, 0, "train", FAMILIES.values())  # twice as many, so that none is full
    for image_id in source.pool("train", 0):
        scene = source.scene(image_id)
        found = builder.ask(scene, PER_IMAGE, set(), View(scene))
        if len(found) >= PER_IMAGE:
            rows += embed(found[:PER_IMAGE], source.open(image_id))
        if len(rows) == images * PER_IMAGE:
            break
    folder.mkdir(parents=True)
    datasets.Dataset.from_list(rows, features=data.FEATURES).to_parquet(folder / "train-00000.parquet")


def sft_arguments(folder: Path, out: Path, steps: int, schedule: str = "joint", cache: str = "auto") -> list[str]:
    return [
        *("--model", str(folder / "model"), "--data", str(folder / "data"), "--output_dir", str(out)),
        *("--method", "drscaffold", "--schedule", schedule, "--stage_steps", str(steps), "--packing", "on"),
        *("--cache_features", cache),
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
    """Train in this process and measure. Questions per second leave the first step out: it warms up.

    contender: one of `CONTENDERS`, or one of `STAGED` for ours over the four stages.
    """
    from sft.log import peak_memory_mib

    clock = Clock()
    out = folder / f"run-{contender}"
    started = time.perf_counter()
    if contender in STAGED:
        trainer = _sft(folder, out, sft_arguments(folder, out, steps, "current", STAGED[contender]), steps)
    elif contender == "sft":
        trainer = _sft(folder, out, sft_arguments(folder, out, steps))
    else:
        trainer = _other(contender, folder, out, steps)
    trainer.add_callback(clock.callback)
    trainer.train()
    found = {
        "questions_per_second": PER_IMAGE * (len(clock.times) - 1) / sum(clock.times[1:]),
        "peak_memory_mib": peak_memory_mib(),
        "seconds": time.perf_counter() - started,
        "trainable": sum(p.numel() for p in trainer.model.parameters() if p.requires_grad),
        "losses": clock.losses,
    }
    if contender in CONTENDERS:
        found["flops_per_second"] = _flops(folder, contender, trainer.model, steps) / sum(clock.times[1:])
    return found


def _flops(folder: Path, contender: str, model: Any, steps: int) -> int:
    """Model FLOPs of the steps that were timed, over the tokens that this contender's sequences hold."""
    import flops

    work = json.loads((folder / "work.json").read_text())["packed" if contender == "sft" else "single"]
    model = model.get_base_model() if hasattr(model, "get_base_model") else model
    return sum(flops.step_flops(model, flops.Work(**step)) for step in work[1:steps])


def _sft(folder: Path, out: Path, arguments: list[str], images: int | None = None) -> Any:
    """Our trainer; `images` keeps the data to the first so many pictures."""
    from sft import run
    from sft.options import parse

    options = parse([*arguments, *(["--limit", str(images * PER_IMAGE)] if images else [])])
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
    model = Qwen2_5_VLForConditionalGeneration.from_pretrained(
        folder / "model", dtype="float32" if _on_cpu() else "bfloat16"
    )
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
    """What sft will draw, sample by sample, as prompt, completion and picture for the other trainers.

    And `work.json`: what each step holds, packed and as single rows, for the FLOP count.
    """
    from sft import run
    from sft.collate import PlannedSamples
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
            (folder / "pictures" / f"{record['image_id']}.webp").write_bytes(job.images.content(sample.image))
            target = SEPARATOR.join(text for _, text in recipe.fields(record)) + job.family.turn_end
            prompt = prompt_text(recipe.ask(record), job.family, job.processor)
            lines.write(json.dumps({"prompt": prompt, "completion": target, "images": record["image_id"]}) + "\n")
    drawn = PlannedSamples(job.order, job.encoded.samples)
    items = [drawn[index] for index in range(steps * PER_IMAGE)]
    patches = job.encoded.image_tokens[items[0].sample.image] * job.model.config.vision_config.spatial_merge_size**2
    cut = [items[start : start + PER_IMAGE] for start in range(0, len(items), PER_IMAGE)]
    work = {
        "packed": [_work(step, job.options.pack_length, patches) for step in cut],
        "single": [_work(step, 0, patches) for step in cut],
    }
    (folder / "work.json").write_text(json.dumps(work))


def _work(items: list, budget: int, patches: int) -> dict[str, int]:
    """A step's `flops.Work`. budget: tokens of a packed sequence; 0 packs nothing. patches: of each picture."""
    import flops

    from sft.collate import IGNORE
    from sft.packing import groups

    packed = groups(items, budget) if budget else [group for item in items for group in groups([item], 1)]
    parts = [
        flops.Work(len(group), flops.branched_pairs(group.branches), int((group.labels != IGNORE).sum()), patches)
        for group in packed
    ]
    return asdict(sum(parts[1:], parts[0]))


def plan(steps: int, timing_steps: int, repeats: int) -> list[tuple[str, str, int]]:
    """(key, contender, steps) of every run, in order: a first round of timing, the curves, the rest.

    So an interrupted benchmark has something of everything early. The contenders take turns from either end.
    """

    def timing(repeat: int) -> list[tuple[str, str, int]]:
        names = CONTENDERS if repeat % 2 == 0 else CONTENDERS[::-1]
        return [(f"timing {name} {repeat + 1}", name, timing_steps) for name in names]

    rounds = [timing(repeat) for repeat in range(repeats)]
    curves = [(f"curve {name}", name, steps) for name in CONTENDERS]
    staged = [(f"stages {name}", name, timing_steps) for name in STAGED]
    return [*rounds[0], *curves, *staged, *(run for found in rounds[1:] for run in found)]


def report(runs: dict[str, dict[str, Any]], about: dict[str, Any], rate: float | None) -> dict[str, Any]:
    """Medians over the timing runs, and their ratios to TRL's; what no run tells yet is left out.

    runs: key of `plan` → what `worker` gave. about: arguments and versions. rate: FLOPs a second of a matrix product.
    """
    timed = {name: [run for key, run in runs.items() if key.startswith(f"timing {name} ")] for name in CONTENDERS}
    keys = ("questions_per_second", "peak_memory_mib", "flops_per_second")
    median = {
        name: {key: statistics.median(run[key] for run in found) for key in keys}
        for name, found in timed.items()
        if found
    }
    found: dict[str, Any] = {"median": median, "timing_runs": {name: len(own) for name, own in timed.items()}}
    for name in median:
        if rate:
            median[name]["flops_utilisation"] = median[name]["flops_per_second"] / rate
    if {"sft", "trl"} <= median.keys():
        for key in ("questions_per_second", "peak_memory"):
            of = key if key in keys else f"{key}_mib"
            found[f"{key}_ratio"] = median["sft"][of] / median["trl"][of]
    losses = {name: runs[f"curve {name}"]["losses"] for name in CONTENDERS if f"curve {name}" in runs}
    for name, key in (("trl", "max_loss_difference"), ("trainer", "max_loss_difference_trainer")):
        if "sft" in losses and name in losses:
            found[key] = max(abs(a - b) for a, b in zip(losses["sft"], losses[name], strict=True))
    staged = {name: runs[f"stages {name}"]["questions_per_second"] for name in STAGED if f"stages {name}" in runs}
    if len(staged) == len(STAGED):
        found["stages_cache_ratio"] = staged["cached"] / staged["uncached"]
    return found | {"matmul_flops_per_second": rate, "losses": losses, "runs": runs} | about


def table(found: dict[str, Any]) -> str:
    """The Markdown table of `benchmarks/README.md`, and a line of each further figure that was measured."""
    titles = {"sft": "`sft`, packed", "trl": "TRL's SFTTrainer", "trainer": "plain Trainer"}
    lines = [
        "| | questions/s | against TRL | peak memory, MiB | against TRL | runs |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    base = found["median"].get("trl")
    for name, own in found["median"].items():
        speed = f"{own['questions_per_second'] / base['questions_per_second']:.2f}" if base else ""
        memory = f"{own['peak_memory_mib'] / base['peak_memory_mib']:.2f}" if base else ""
        speeds = f"{own['questions_per_second']:.2f} | {speed}"
        memories = f"{own['peak_memory_mib']:,.0f} | {memory}"
        lines.append(f"| {titles[name]} | {speeds} | {memories} | {found['timing_runs'][name]} |")
    lines.append("")
    for key, against in (("max_loss_difference", "TRL"), ("max_loss_difference_trainer", "the plain Trainer")):
        if key in found:
            steps = len(found["losses"]["sft"])
            lines.append(f"Largest difference of a step's loss to {against} over {steps} steps: {found[key]:.1e}.")
    if "stages_cache_ratio" in found:
        lines.append(f"Cached features over the four stages: {found['stages_cache_ratio']:.2f} times the questions/s.")
    for name, own in found["median"].items():
        if "flops_utilisation" in own:
            lines.append(
                f"Model FLOPs utilisation, {titles[name]}: {100 * own['flops_utilisation']:.1f} % of the measured "
                f"{found['matmul_flops_per_second'] / 1e12:.2f} TFLOP/s on {found['device']}."
            )
    return "\n".join(lines)


def earlier(file: Path | None, about: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Runs that an interrupted benchmark with the same arguments and versions left in `file`."""
    if file is None or not file.exists():
        return {}
    before = json.loads(file.read_text(encoding="utf-8"))
    different = [key for key in about if before.get(key) != about[key]]
    if different:
        sys.exit(f"error: {file} holds a benchmark with other {', '.join(different)}: choose another --json")
    return before["runs"]


def write(file: Path, content: dict[str, Any]) -> None:
    """Write whole or not at all."""
    partial = file.with_name(f"{file.name}.partial")
    partial.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    partial.replace(file)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="100m")
    parser.add_argument("--side", type=int, default=448, help="pixels of a picture's side; 448 gives 256 visual tokens")
    parser.add_argument(
        "--steps", type=int, default=20, help="steps of the loss curves, each of one picture's questions"
    )
    parser.add_argument("--timing_steps", type=int, default=6, help="steps of a timing run; the first isn't counted")
    parser.add_argument("--repeats", type=int, default=5, help="timing runs of each contender")
    parser.add_argument("--json", type=Path, help="where the results go, after every run; goes on from what is there")
    parser.add_argument("--worker", choices=(*CONTENDERS, *STAGED), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if not 2 <= arguments.timing_steps <= arguments.steps or arguments.repeats < 1:
        sys.exit("error: --timing_steps must be at least 2 and at most --steps, --repeats at least 1")
    if arguments.worker:
        print(json.dumps(worker(arguments.worker, arguments.folder, arguments.steps)))
        return
    import flops
    import torch

    from lmms_eval_drbench.versions import versions

    asked = {name: getattr(arguments, name) for name in ("size", "side", "steps", "timing_steps", "repeats")}
    device = "cpu" if _on_cpu() else torch.cuda.get_device_name()
    about = {"arguments": asked, "versions": versions(), "device": device}
    runs = earlier(arguments.json, about)
    rate = None if _on_cpu() else flops.matmul_rate(torch.device("cuda"), torch.bfloat16)
    todo = plan(arguments.steps, arguments.timing_steps, arguments.repeats)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        make_model(folder / "model", arguments.size, arguments.side)
        make_data(folder / "data", arguments.steps)
        write_order(folder, arguments.steps)
        for number, (key, contender, steps) in enumerate(todo, 1):
            if key in runs:
                continue
            command = [sys.executable, __file__, "--worker", contender, "--folder", str(folder)]
            command += ["--steps", str(steps), "--timing_steps", str(steps)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                sys.exit(f"{key} failed:\n{done.stderr[-3000:]}")
            one = runs[key] = json.loads(done.stdout.strip().splitlines()[-1])
            print(
                f"{number}/{len(todo)} {key:16} {one['questions_per_second']:7.2f} questions/s "
                f"{one['peak_memory_mib']:8.0f} MiB  {one['seconds']:6.0f} s  {one['trainable']:,} trainable",
                flush=True,
            )
            if arguments.json:
                write(arguments.json, report(runs, about, rate))
    print(table(report(runs, about, rate)))


if __name__ == "__main__":
    main()
