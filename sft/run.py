"""Train a vision-language model on DRBench records: `python -m sft.run --model M --data D --output_dir out`.

Four stages (entities, relations, reasoning, answer) with staged gradient masking by default; `--method answer` for
the answer alone. Everything that can be wrong with the input is found before the first step.
"""

import shutil
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import torch
from transformers import TrainingArguments
from transformers.integrations import is_tensorboard_available, is_wandb_available
from transformers.utils.logging import disable_progress_bar

from lmms_eval_drbench.errors import UserError, run_cli
from sft import card, checkpoints, export, feature_store, folder, guards, inspection, log, schedule, train
from sft.announce import announce, estimate_memory, summary_of
from sft.collate import PlannedSamples
from sft.images import VisionCache
from sft.job import Job, attention_kind, caches_features, collator, packs, prepare
from sft.options import Options, parse
from sft.stages import Plan, stages
from sft.targets import method

__all__ = ["build_trainer", "check", "estimate_memory", "main", "packs", "parse", "prepare"]


def main(arguments: list[str] | None = None) -> int:
    """Run the training that the command line asks for."""
    # peft reads a name that transformers deprecates; nothing a user could act on.
    warnings.filterwarnings("ignore", message=".*gradient_checkpointing.*", category=FutureWarning)
    options = parse(arguments)
    out = Path(options.output_dir).expanduser()
    check(options)
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
    summary = summary_of(job) | {"estimated_peak_mib": round(foreseen.peak / 2**20, 1)}
    announce(summary, foreseen)
    with folder.held(out):
        if folder.is_first_process() and folder.previous_run(out, options) != previous:
            raise UserError(f"another process has trained into {out} meanwhile: give the same command again")
        return _train(job, summary, folder.claim(out, options, previous, summary), started)


def _train(job: Job, summary: dict[str, Any], checkpoint: Path | None, started: float) -> int:
    """Train from the beginning or a checkpoint to the end, or until a signal; returns the exit code."""
    options, out = job.options, job.out
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


def build_trainer(job: Job) -> train.StagedTrainer:
    """The trainer of a job. It writes into `job.out`."""
    options = job.options
    cached = caches_features(job)
    metrics = log.MetricsLog(job.out, job.order)
    trainer = train.StagedTrainer(
        model=job.model,
        args=_training_arguments(options, job.out, job.order),
        train_dataset=PlannedSamples(job.order, job.encoded.samples),
        data_collator=collator(job, cached),
        callbacks=[metrics, train.GradientCheck()],
        family=job.family,
        vision=_vision(job) if cached else None,
        rate_restarts=(job.order.steps, options.warmup_ratio) if options.lr_span == "stage" else None,
        attention_kind=attention_kind(options, job.family, job.model),
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


def _inspect(job: Job) -> None:
    """Print what `--inspect` asks for."""
    announce(summary_of(job), estimate_memory(job))
    print(inspection.module_map(job.model))
    placeholder = job.family.placeholder(job.processor)[1]
    tokenizer, count = job.processor.tokenizer, job.options.inspect
    shown = inspection.samples(job.encoded, job.order.stages, job.images, tokenizer, placeholder, count)
    for block in shown:
        print(f"\n{block}")


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
        losses = f"{log.shown(row['loss_first'])} -> {log.shown(row['loss_last'])}"
        print(
            f"stage {row['stage']} {row['name']}: loss {losses}, "
            f"{row['supervised_tokens']:,} supervised tokens, {row['seconds']} s"
        )
    print(
        f"trained in {summary['seconds']['train']} s ({summary['samples_per_second']} samples/s), "
        f"peak memory {summary['peak_memory_mib']} MiB "
        f"({summary['estimated_peak_mib']} estimated); written to {out}\nTo evaluate it:\n  {job.eval_command}"
    )


if __name__ == "__main__":
    run_cli(main)
