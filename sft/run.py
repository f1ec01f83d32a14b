"""Train a vision-language model on DRBench records: `python -m sft.run --model M --data D --output_dir out`.

Four stages (entities, relations, reasoning, answer) with staged gradient masking by default; `--method answer` for
the answer alone. Everything that can be wrong with the input is found before the first step.
"""

import math
import shlex
import shutil
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from transformers import ProcessorMixin, TrainingArguments, set_seed
from transformers.trainer_utils import SchedulerType

from lmms_eval_drbench import data
from lmms_eval_drbench.errors import UserError, run_cli
from sft import export, families, log, train
from sft.collate import Collator, PlannedSamples
from sft.encode import Encoded, encode, lengths
from sft.images import Images, VisionCache, cache_bytes
from sft.options import Options, parse
from sft.stages import Plan, plan, stages
from sft.targets import method

_CACHE_LIMIT = 4 * 2**30
_FREE_TO_CHANGE = {"resume", "overwrite", "save_steps", "logging_steps", "workers", "cache_features", "output_dir"}
"""Options that a resumed run may give differently: they don't change what is learned."""


def main(arguments: list[str] | None = None) -> int:
    """Run the training that the command line asks for."""
    options = parse(arguments)
    out = Path(options.output_dir).expanduser()
    previous = _previous_run(out, options)
    if previous and previous["status"] == "complete" and options.resume:
        print(f"{out} holds this run, complete. To evaluate it:\n  {previous['eval_command']}")
        return 0

    started = time.monotonic()
    recipe = method(options.method)
    family = families.identify(options.model)
    loaded = data.load(options.data, options.split)
    records = loaded.records.select(range(min(options.limit or len(loaded.records), len(loaded.records))))
    processor = families.load_processor(family, options.model, options.min_pixels, options.max_pixels)
    images = Images(records, processor)
    encoded = encode(records, recipe, family, processor, images, options.max_length)
    order = _plan(options, encoded)
    dtype = _dtype(options)
    set_seed(options.seed)
    base = families.load_model(family, options.model, dtype)
    eval_command = _eval_command(out, family.eval_model(base), processor, recipe.eval_task)
    model = train.trainable(base, family, options)
    summary = _summary(options, loaded, records, images, encoded, order, processor, model) | {
        "eval_command": eval_command
    }
    _announce(summary)

    checkpoint = _claim(out, options, previous, summary)
    cached = _cache_features(options, encoded, base.config.get_text_config().hidden_size, dtype)
    metrics = log.MetricsLog(out, order)
    trainer = train.StagedTrainer(
        model=model,
        args=_training_arguments(options, out, order),
        train_dataset=PlannedSamples(order, encoded.samples),
        data_collator=Collator(processor.tokenizer.pad_token_id, processor.image_token_id, images, cached),
        callbacks=[metrics, train.GradientCheck()],
        family=family,
        vision=VisionCache(family, images) if cached else None,
    )
    metrics.trainer = trainer
    trainer.remove_callback(log.ProgressCallback)
    trainer.add_callback(log.StageProgress(order))
    prepared = time.monotonic()
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    trainer.accelerator.wait_for_everyone()
    if trainer.is_world_process_zero():
        _finish(out, trainer, model, processor, export.resolve(options.model), summary, order, prepared - started)
    return 0


def _plan(options: Options, encoded: Encoded) -> Plan:
    """The order of the run; raises UserError where a stage would give some sample no supervised token."""
    stage_list = stages(options.schedule, encoded.field_names)
    sizes = []
    for stage in stage_list:
        masks = [stage.supervise(sample.fields) for sample in encoded.samples]
        for sample, mask in zip(encoded.samples, masks, strict=True):
            if not mask.any():
                raise UserError(f"record {sample.record_id} has no supervised token in stage {stage.name}")
        sizes.append([len(sample.prompt) + len(mask) for sample, mask in zip(encoded.samples, masks, strict=True)])
    per_step = options.batch_size * options.grad_accum * _processes()
    steps = options.steps_of(len(stage_list), len(encoded.samples), per_step)
    return plan(stage_list, steps, per_step, sizes, options.seed)


def _processes() -> int:
    """How many processes `accelerate launch` or `torchrun` started."""
    import os

    return int(os.environ.get("WORLD_SIZE", "1"))


def _dtype(options: Options) -> torch.dtype:
    """bf16 for a frozen base on a GPU. Weights that an optimiser updates stay fp32 (autocast computes in bf16)."""
    return torch.bfloat16 if torch.cuda.is_available() and options.tuning == "lora" else torch.float32


def _cache_features(options: Options, encoded: Encoded, hidden: int, dtype: torch.dtype) -> bool:
    if options.cache_features != "auto":
        return options.cache_features == "on"
    return cache_bytes(encoded.image_tokens, hidden, dtype) <= _CACHE_LIMIT


def _training_arguments(options: Options, out: Path, order: Plan) -> TrainingArguments:
    on_gpu = torch.cuda.is_available()
    known = [kind.value for kind in SchedulerType]
    if options.lr_scheduler not in known:
        raise UserError(f"--lr_scheduler {options.lr_scheduler!r} is unknown: use one of {', '.join(known)}")
    return TrainingArguments(
        output_dir=str(out),
        max_steps=order.total_steps,
        per_device_train_batch_size=options.batch_size,
        gradient_accumulation_steps=options.grad_accum,
        learning_rate=options.learning_rate,
        lr_scheduler_type=options.lr_scheduler,
        warmup_steps=math.ceil(options.warmup_ratio * order.total_steps),
        weight_decay=options.weight_decay,
        max_grad_norm=options.max_grad_norm,
        bf16=on_gpu,
        use_cpu=not on_gpu,
        gradient_checkpointing=options.gradient_checkpointing,
        seed=options.seed,
        save_strategy="steps",
        save_steps=options.save_steps,
        logging_steps=options.logging_steps,
        logging_nan_inf_filter=False,  # `MetricsLog` stops the run instead
        dataloader_num_workers=options.workers,
        dataloader_pin_memory=on_gpu,
        remove_unused_columns=False,
        report_to="none",
        disable_tqdm=False,
    )


def _previous_run(out: Path, options: Options) -> dict[str, Any] | None:
    """The run that `out` already holds, once the options say what shall become of it. Raises UserError."""
    if out.exists() and not out.is_dir():
        raise UserError(f"--output_dir {out} is a file: choose a folder")
    previous = log.read_run(out)
    if previous is None:
        if out.is_dir() and any(out.iterdir()):
            raise UserError(f"--output_dir {out} holds files that are no run of sft: choose an empty folder")
        return None
    if options.overwrite:
        return None
    if not options.resume:
        raise UserError(f"--output_dir {out} already holds a run: pass --resume to go on, or --overwrite to replace it")
    now, before = asdict(options), previous["options"]
    changed = [name for name in now if name not in _FREE_TO_CHANGE and now[name] != before.get(name)]
    if changed:
        name = changed[0]
        raise UserError(
            f"--resume: the run in {out} had --{name} {before.get(name)!r}, not {now[name]!r}: "
            "give the same options, or start anew with --overwrite"
        )
    return previous


def _claim(out: Path, options: Options, previous: dict | None, summary: dict) -> Path | None:
    """Make `out` this run's folder, and return the checkpoint to go on from, if any. Raises UserError."""
    if previous:
        if previous["data"]["fingerprint"] != summary["data"]["fingerprint"]:
            raise UserError(f"--resume: the data changed since the run in {out} began: start anew with --overwrite")
        last = train.checkpoints(out)
        return last[-1] if last else None
    try:
        if options.overwrite and out.is_dir():
            for path in out.iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        out.mkdir(parents=True, exist_ok=True)
        log.write_run(out, summary)
    except OSError as error:
        raise UserError(f"--output_dir {out} cannot be written: {error.strerror}") from error
    return None


def _summary(
    options: Options,
    loaded: data.Data,
    records: Any,
    images: Images,
    encoded: Encoded,
    order: Plan,
    processor: ProcessorMixin,
    model: torch.nn.Module,
) -> dict[str, Any]:
    longest, mean = lengths(encoded.samples)
    size = processor.image_processor.size
    return {
        "status": "running",
        "options": asdict(options),
        "versions": log.versions(),
        "data": {
            "name": loaded.name,
            "fingerprint": loaded.fingerprint,
            "split": loaded.split,
            "records": len(records),
            "used": len(encoded.samples),
            "images": len(images),
            "skipped": encoded.skipped,
            "longest_tokens": longest,
            "mean_tokens": round(mean, 1),
        },
        "schedule": {
            "name": options.schedule,
            "stages": [stage.name for stage in order.stages],
            "steps": order.steps,
            "samples_per_step": order.per_step,
        },
        "pixels": {"min_pixels": size["shortest_edge"], "max_pixels": size["longest_edge"]},
        "parameters": {
            "trainable": sum(p.numel() for p in model.parameters() if p.requires_grad),
            "total": sum(p.numel() for p in model.parameters()),
        },
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
    }


def _announce(summary: dict[str, Any]) -> None:
    facts, schedule, parameters = summary["data"], summary["schedule"], summary["parameters"]
    print(
        f"data: {facts['name']} ({facts['split']}, fingerprint {facts['fingerprint']}): "
        f"{facts['used']} records, {facts['images']} images, "
        f"{facts['mean_tokens']} tokens on average, {facts['longest_tokens']} at most"
    )
    if facts["skipped"]:
        record, reason = next(iter(facts["skipped"].items()))
        print(f"left out: {len(facts['skipped'])} records, the first is {record}: {reason}")
    steps = ", ".join(f"{name} {count}" for name, count in zip(schedule["stages"], schedule["steps"], strict=True))
    print(f"schedule {schedule['name']}: {steps} steps of {schedule['samples_per_step']} samples")
    print(f"trainable: {parameters['trainable']:,} of {parameters['total']:,} weights, on {summary['device']}")


def _eval_command(out: Path, lmms_model: str, processor: ProcessorMixin, task: str) -> str:
    size = processor.image_processor.size
    model_args = f"pretrained={out.resolve()}"
    if lmms_model != "drbench_tiny":
        model_args += f",min_pixels={size['shortest_edge']},max_pixels={size['longest_edge']}"
        if not torch.cuda.is_available():
            model_args += ",device_map=cpu,device=cpu"
    words = ["lmms-eval", "--model", lmms_model, "--model_args", model_args, "--tasks", task, "--batch_size", "1"]
    return shlex.join([*words, "--log_samples", "--output_path", str(out.resolve() / "eval")])


def _finish(
    out: Path,
    trainer: train.StagedTrainer,
    model: torch.nn.Module,
    processor: ProcessorMixin,
    base: str,
    summary: dict[str, Any],
    order: Plan,
    prepare_seconds: float,
) -> None:
    """Export the model, complete the summary, drop the checkpoints, and say how to evaluate."""
    try:
        export.save(trainer.accelerator.unwrap_model(model), processor, base, out)
        rows = log.stage_summaries(order, log.read_metrics(out / log.METRICS_FILE))
        seconds = sum(row["seconds"] for row in rows)
        summary |= {
            "status": "complete",
            "stages": rows,
            "seconds": {"prepare": round(prepare_seconds, 1), "train": round(seconds, 1)},
            "samples_per_second": round(len(order.entries) / seconds, 2) if seconds else None,
            "peak_memory_mib": log.peak_memory_mib(),
        }
        log.write_run(out, summary)
    except Exception as error:
        last = train.checkpoints(out)
        kept = f"; {last[-1].name} is whole: make room and use --resume" if last else ""
        raise UserError(f"the trained model could not be written to {out} ({error}){kept}") from error
    for path in train.checkpoints(out):
        shutil.rmtree(path)
    for row in summary["stages"]:
        print(
            f"stage {row['stage']} {row['name']}: loss {row['loss_first']:.3f} -> {row['loss_last']:.3f}, "
            f"{row['supervised_tokens']:,} supervised tokens, {row['seconds']} s"
        )
    print(
        f"trained in {summary['seconds']['train']} s ({summary['samples_per_second']} samples/s), "
        f"peak memory {summary['peak_memory_mib']} MiB; written to {out}\nTo evaluate it:\n  {summary['eval_command']}"
    )


if __name__ == "__main__":
    run_cli(main)
