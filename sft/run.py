"""Train a vision-language model on DRBench records: `python -m sft.run --model M --data D --output_dir out`.

Four stages (entities, relations, reasoning, answer) with staged gradient masking by default; `--method answer` for
the answer alone. Everything that can be wrong with the input is found before the first step.
"""

import shlex
import shutil
import sys
import time
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import datasets
import torch
from transformers import PreTrainedModel, ProcessorMixin, TrainingArguments, set_seed
from transformers.integrations import is_tensorboard_available, is_wandb_available
from transformers.utils.logging import disable_progress_bar

from lmms_eval_drbench import data
from lmms_eval_drbench.errors import UserError, run_cli
from lmms_eval_drbench.versions import versions
from sft import (
    attention,
    card,
    checkpoints,
    export,
    families,
    feature_store,
    folder,
    guards,
    inspection,
    log,
    memory,
    schedule,
    train,
)
from sft.collate import Collator, PlannedSamples
from sft.encode import Encoded, encode, lengths
from sft.families import Family
from sft.images import Images, VisionCache, cache_bytes
from sft.options import Options, parse
from sft.packing import PackedCollator
from sft.stages import Plan, plan, stages
from sft.targets import method


@dataclass
class Job:
    """Everything a run needs, loaded and checked."""

    options: Options
    out: Path
    data: data.Data
    mixed_in: data.Data | None
    records: int
    family: Family
    processor: ProcessorMixin
    images: Images
    encoded: Encoded
    order: Plan
    model: PreTrainedModel
    eval_command: str


def main(arguments: list[str] | None = None) -> int:
    """Run the training that the command line asks for."""
    # peft reads a name that transformers deprecates; nothing a user could act on.
    warnings.filterwarnings("ignore", message=".*gradient_checkpointing.*", category=FutureWarning)
    options = parse(arguments)
    out = Path(options.output_dir).expanduser()
    if options.inspect:
        _inspect(prepare(options, out))
        return 0
    previous = folder.previous_run(out, options)
    if previous and previous["status"] == "complete":
        print(f"{out} holds this run, complete. To evaluate it:\n  {previous['eval_command']}")
        return 0
    started = time.monotonic()
    job = prepare(options, out)
    foreseen = estimate_memory(job)
    summary = _summary(job) | {"estimated_peak_mib": round(foreseen.peak / 2**20, 1)}
    _announce(summary, foreseen)
    checkpoint = folder.claim(out, options, previous, summary)
    disable_progress_bar()  # of writing weights: it would tear the training's own bar
    trainer = build_trainer(job)
    stop = guards.StopOnSignal()
    trainer.add_callback(stop)
    prepare_seconds = time.monotonic() - started
    try:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    except torch.OutOfMemoryError:
        sentence = guards.out_of_memory(options, job.family.pixel_limits)
        raise UserError(f"{sentence}; {checkpoints.left(out)}") from None
    finally:
        stop.restore()
    if stop.received is not None and trainer.state.global_step < job.order.total_steps:
        stopped = guards.Stopped(stop.received, trainer.state.global_step)
        if trainer.is_world_process_zero():
            print(f"{stopped}; to go on, give the same command with --resume", file=sys.stderr)
        return stopped.exit_code
    trainer.accelerator.wait_for_everyone()
    # Sharded weights are gathered by all processes together.
    whole = trainer.accelerator.get_state_dict(trainer.model_wrapped) if folder.sharded() else None
    if trainer.is_world_process_zero():
        summary["features"] = trainer.feature_counts()
        _finish(job, summary, prepare_seconds, whole)
    return 0


def check(options: Options) -> None:
    """What can be said about options before anything is loaded. Raises UserError."""
    reporters = {"tensorboard": is_tensorboard_available, "wandb": is_wandb_available}
    if options.report_to in reporters and not reporters[options.report_to]():
        raise UserError(
            f"--report_to {options.report_to} needs a package that is not installed: pip install {options.report_to}"
        )
    known = schedule.known()
    if options.lr_scheduler not in known:
        raise UserError(f"--lr_scheduler {options.lr_scheduler!r} is unknown: use one of {', '.join(known)}")
    fields = method(options.method, options.answers).field_names
    options.steps_of(len(stages(options.schedule, fields)), samples=1, per_step=1)


def prepare(options: Options, out: Path) -> Job:
    """Load and check all input, cheapest first. Raises UserError."""
    check(options)
    recipe = method(options.method, options.answers)
    family = families.identify(options.model)
    loaded = data.load(options.data, options.split)
    records = loaded.records
    if options.limit:
        records = records.select(range(min(options.limit, len(records))))
    processor = families.load_processor(family, options.model, options.min_pixels, options.max_pixels)
    mixed = options.mixed()
    mixed_in = data.load(mixed[0], options.split) if mixed else None
    extra = mixed_in.records if mixed_in else records.select([])
    images = Images(datasets.concatenate_datasets([records, extra]), family, processor)
    encoded = encode(records, recipe, family, processor, images, options.max_length)
    if mixed:
        encoded = encoded.with_mixed(extra, len(records), family, processor, images, options.max_length)
    order = _plan(options, encoded, family)
    set_seed(options.seed)
    base = families.load_model(family, options.model, _dtype(options))
    eval_command = _eval_command(out, family, family.eval_model(base), processor, recipe.eval_task, options)
    _attention(options, family, base)
    model = train.trainable(base, family, options)
    return Job(
        options, out, loaded, mixed_in, len(records), family, processor, images, encoded, order, model, eval_command
    )


def build_trainer(job: Job) -> train.StagedTrainer:
    """The trainer of a job. It writes into `job.out`."""
    options = job.options
    cached = _caches_features(job)
    metrics = log.MetricsLog(job.out, job.order)
    trainer = train.StagedTrainer(
        model=job.model,
        args=_training_arguments(options, job.out, job.order),
        train_dataset=PlannedSamples(job.order, job.encoded.samples),
        data_collator=_collator(job, cached),
        callbacks=[metrics, train.GradientCheck()],
        family=job.family,
        vision=_vision(job) if cached else None,
        rate_restarts=(job.order.steps, options.warmup_ratio) if options.lr_span == "stage" else None,
        attention_kind=_attention(options, job.family, job.model),
    )
    metrics.trainer = trainer
    trainer.remove_callback(log.ProgressCallback)
    trainer.add_callback(log.StageProgress(job.order))
    return trainer


def _vision(job: Job) -> VisionCache:
    options, store = job.options, None
    if options.feature_cache:
        base = train.base_of(job.model)
        tower = feature_store.fingerprint(base, job.family, job.processor)
        place = Path(options.feature_cache).expanduser()
        store = feature_store.FeatureStore(place, tower, int(options.feature_cache_gib * 2**30))
    return VisionCache(job.family, job.images, int(options.feature_memory_gib * 2**30), store)


def estimate_memory(job: Job) -> memory.Estimate:
    """The peak memory that training will take, in this process."""
    on_gpu, options = torch.cuda.is_available(), job.options
    weights = sum(p.numel() * p.element_size() for p in job.model.parameters())
    return memory.estimate(
        job.model,
        job.order,
        PlannedSamples(job.order, job.encoded.samples),
        _collator(job, cached=True),  # cached: no image is decoded for it
        options.batch_size,
        packs=packs(options, job.family),
        gradient_checkpointing=options.gradient_checkpointing,
        features=0 if on_gpu or not _caches_features(job) else _features_bytes(job),  # they stay in main memory
        process=0 if on_gpu else max(0, memory.process_bytes() - weights),
        compute=torch.bfloat16 if on_gpu else torch.float32,
    )


def _collator(job: Job, cached: bool) -> Collator | PackedCollator:
    tokens = job.processor.tokenizer.pad_token_id, job.family.placeholder(job.processor)[0]
    if packs(job.options, job.family):
        return PackedCollator(*tokens, job.images, cached, job.options.pack_length)
    return Collator(*tokens, job.images, cached)


def packs(options: Options, family: Family) -> bool:
    """Whether the run packs; `auto` does wherever the family can."""
    if options.packing == "on" and not family.packs:
        raise UserError(f"--packing on: {family.model_type} has no packing recipe, leave it out")
    return family.packs and options.packing != "off"


def _attention(options: Options, family: Family, model: PreTrainedModel) -> str:
    """The kernel of packed rows; raises UserError where the one asked for can't run."""
    dropout = getattr(model.config.get_text_config(), "attention_dropout", 0.0)
    return attention.choose(options.attention, packs(options, family), dropout)


def _plan(options: Options, encoded: Encoded, family: Family) -> Plan:
    """The order of the run; raises UserError where a stage would give some sample no supervised token."""
    stage_list = stages(options.schedule, encoded.field_names)
    sizes = []
    for stage in stage_list:
        masks = [stage.supervise(sample.fields) for sample in encoded.samples]
        for sample, mask in zip(encoded.samples, masks, strict=True):
            if not mask.any():
                raise UserError(f"record {sample.record_id} has no supervised token in stage {stage.name}")
        sizes.append([len(sample.prompt) + len(mask) for sample, mask in zip(encoded.samples, masks, strict=True)])
    per_step = options.batch_size * options.grad_accum * folder.processes()
    steps = options.steps_of(len(stage_list), len(encoded.samples) - encoded.mixed, per_step)
    mixed = options.mixed()
    images = [sample.image for sample in encoded.samples] if packs(options, family) else None
    return plan(stage_list, steps, per_step, sizes, options.seed, encoded.mixed, mixed[1] if mixed else 0.0, images)


def _dtype(options: Options) -> torch.dtype:
    """bf16 for a frozen base on a GPU. Weights that an optimiser updates stay fp32 (autocast computes in bf16)."""
    return torch.bfloat16 if torch.cuda.is_available() and options.tuning == "lora" else torch.float32


def _caches_features(job: Job) -> bool:
    if not job.family.caches_features:
        if job.options.cache_features == "on" or job.options.feature_cache:
            asked = "--feature_cache" if job.options.feature_cache else "--cache_features on"
            raise UserError(f"{asked}: {job.family.model_type} takes no ready features, leave it out")
        return False
    if folder.sharded():  # the tower's weights are gathered within the model's own forward only
        if job.options.cache_features == "on" or job.options.feature_cache:
            raise UserError("features of sharded weights cannot be cached: leave --feature_cache, --cache_features out")
        return False
    if job.options.feature_cache:
        return True
    if job.options.cache_features != "auto":
        return job.options.cache_features == "on"
    return _features_bytes(job) <= job.options.feature_memory_gib * 2**30


def _features_bytes(job: Job) -> int:
    """What the cached features of all images take."""
    hidden = job.model.config.get_text_config().hidden_size
    hidden *= job.family.features_per_token(job.model)
    return cache_bytes(job.encoded.image_tokens, hidden, _dtype(job.options))


def _training_arguments(options: Options, out: Path, order: Plan) -> TrainingArguments:
    on_gpu = torch.cuda.is_available()
    return TrainingArguments(
        output_dir=str(out),
        max_steps=order.total_steps,
        per_device_train_batch_size=options.batch_size,
        gradient_accumulation_steps=options.grad_accum,
        learning_rate=options.learning_rate,
        lr_scheduler_type=options.lr_scheduler,
        warmup_steps=schedule.warmup_steps(options.warmup_ratio, order.total_steps),
        weight_decay=options.weight_decay,
        max_grad_norm=options.max_grad_norm,
        bf16=on_gpu,
        use_cpu=not on_gpu,
        seed=options.seed,
        save_strategy="steps",
        save_steps=options.save_steps,
        logging_steps=options.logging_steps,
        logging_nan_inf_filter=False,  # `MetricsLog` stops the run instead
        dataloader_num_workers=options.workers,
        dataloader_pin_memory=on_gpu,
        ddp_find_unused_parameters=False,
        remove_unused_columns=False,
        report_to=options.report_to,
        disable_tqdm=False,
        **({"gradient_checkpointing": True} if options.gradient_checkpointing else {}),
    )


def _summary(job: Job) -> dict[str, Any]:
    longest, mean = lengths(job.encoded.samples)
    return {
        "status": "running",
        "options": asdict(job.options),
        "versions": versions(),
        "data": {
            "name": job.data.name,
            "fingerprint": job.data.fingerprint,
            "split": job.data.split,
            "records": job.records,
            "used": len(job.encoded.samples) - job.encoded.mixed,
            "mixed_in": _mixed_in(job),
            "images": len(job.images),
            "skipped": job.encoded.skipped,
            "longest_tokens": longest,
            "mean_tokens": round(mean, 1),
        },
        "schedule": {
            "name": job.options.schedule,
            "stages": [stage.name for stage in job.order.stages],
            "steps": job.order.steps,
            "samples_per_step": job.order.per_step,
        },
        "pixels": families.pixel_limits(job.family, job.processor),
        "parameters": {
            "trainable": sum(p.numel() for p in job.model.parameters() if p.requires_grad),
            "total": sum(p.numel() for p in job.model.parameters()),
        },
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "eval_command": job.eval_command,
    }


def _mixed_in(job: Job) -> dict[str, Any] | None:
    if job.mixed_in is None:
        return None
    return {"name": job.mixed_in.name, "fingerprint": job.mixed_in.fingerprint, "used": job.encoded.mixed}


def _announce(summary: dict[str, Any], foreseen: memory.Estimate) -> None:
    if not folder.is_first_process():
        return
    facts, schedule, parameters = summary["data"], summary["schedule"], summary["parameters"]
    print(
        f"data: {facts['name']} ({facts['split']}, fingerprint {facts['fingerprint']}): "
        f"{facts['used']} records, {facts['images']} images, "
        f"{facts['mean_tokens']} tokens on average, {facts['longest_tokens']} at most"
    )
    if facts["mixed_in"]:
        extra = facts["mixed_in"]
        print(
            f"mixed in: {extra['name']} (fingerprint {extra['fingerprint']}): {extra['used']} records, asked directly"
        )
    if facts["skipped"]:
        record, reason = next(iter(facts["skipped"].items()))
        print(f"left out: {len(facts['skipped'])} records, the first is {record}: {reason}")
    steps = ", ".join(f"{name} {count}" for name, count in zip(schedule["stages"], schedule["steps"], strict=True))
    print(f"schedule {schedule['name']}: {steps} steps of {schedule['samples_per_step']} samples")
    print(f"trainable: {parameters['trainable']:,} of {parameters['total']:,} weights, on {summary['device']}")
    print("\n".join(foreseen.lines()))
    if torch.cuda.is_available() and foreseen.peak > torch.cuda.mem_get_info()[1]:
        print("warning: that is more than the GPU has", file=sys.stderr)


def _inspect(job: Job) -> None:
    """Print what `--inspect` asks for."""
    _announce(_summary(job), estimate_memory(job))
    print(inspection.module_map(job.model))
    placeholder = job.family.placeholder(job.processor)[1]
    tokenizer, count = job.processor.tokenizer, job.options.inspect
    shown = inspection.samples(job.encoded, job.order.stages, job.images, tokenizer, placeholder, count)
    for block in shown:
        print(f"\n{block}")


def _eval_command(
    out: Path, family: Family, lmms_model: str, processor: ProcessorMixin, task: str, options: Options
) -> str:
    """The lmms-eval call with the training's pixels; before it, the merge where that adapter needs a whole model."""
    folder, before = out.resolve(), ""
    if options.tuning == "lora" and not family.evaluates_adapters:
        merging = ["python", "-m", "sft.export", "--format", "merged", "--model", str(folder)]
        folder /= "merged"
        before = shlex.join([*merging, "--output_dir", str(folder)]) + " && "
    model_args = f"pretrained={folder}"
    if lmms_model != "drbench_tiny":
        limits = families.pixel_limits(family, processor)
        model_args += "".join(f",{name}={value}" for name, value in limits.items())
        if not torch.cuda.is_available():
            model_args += ",device_map=cpu,device=cpu"
    words = ["lmms-eval", "--model", lmms_model, "--model_args", model_args, "--tasks", task, "--batch_size", "1"]
    return before + shlex.join([*words, "--log_samples", "--output_path", str(out.resolve() / "eval")])


def _finish(job: Job, summary: dict[str, Any], prepare_seconds: float, whole: dict[str, Any] | None = None) -> None:
    """Export the model, complete the summary, drop the checkpoints, and say how to evaluate. Raises UserError."""
    out = job.out
    try:
        export.save(job.model, job.processor, export.resolve(job.options.model), out, whole)
        rows = log.stage_summaries(job.order, log.read_metrics(out / log.METRICS_FILE))
        seconds = sum(row["seconds"] for row in rows)
        summary |= {
            "status": "complete",
            "stages": rows,
            "seconds": {"prepare": round(prepare_seconds, 1), "train": round(seconds, 1)},
            "samples_per_second": round(len(job.order.entries) / seconds, 2) if seconds else None,
            "peak_memory_mib": log.peak_memory_mib(),
        }
        card.write(out, summary)
        log.write_run(out, summary)
    except train.WRITE_ERRORS as error:
        raise UserError(
            f"the trained model could not be written to {out} ({error}), make room; {checkpoints.left(out)}"
        ) from error
    for path in checkpoints.found(out):
        shutil.rmtree(path)
    for row in rows:
        print(
            f"stage {row['stage']} {row['name']}: loss {row['loss_first']:.3f} -> {row['loss_last']:.3f}, "
            f"{row['supervised_tokens']:,} supervised tokens, {row['seconds']} s"
        )
    print(
        f"trained in {summary['seconds']['train']} s ({summary['samples_per_second']} samples/s), "
        f"peak memory {summary['peak_memory_mib']} MiB "
        f"({summary['estimated_peak_mib']} estimated); written to {out}\nTo evaluate it:\n  {job.eval_command}"
    )


if __name__ == "__main__":
    run_cli(main)
