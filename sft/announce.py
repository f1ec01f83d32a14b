"""What a run says about itself before its first step: its summary, what it will take, and both in print."""

import sys
from dataclasses import asdict
from typing import Any

import torch

from lmms_eval_drbench.versions import versions
from sft import families, folder, memory
from sft.collate import PlannedSamples
from sft.encode import lengths
from sft.job import Job, caches_features, collator, features_bytes, packs


def summary_of(job: Job) -> dict[str, Any]:
    """What `run.json` says from the start."""
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


def estimate_memory(job: Job) -> memory.Estimate:
    """The peak memory that training will take, in this process."""
    on_gpu, options = torch.cuda.is_available(), job.options
    weights = sum(p.numel() * p.element_size() for p in job.model.parameters())
    return memory.estimate(
        job.model,
        job.order,
        PlannedSamples(job.order, job.encoded.samples),
        collator(job, cached=True),  # cached: no image is decoded for it
        options.batch_size,
        packs=packs(options, job.family),
        gradient_checkpointing=options.gradient_checkpointing,
        features=0 if on_gpu or not caches_features(job) else features_bytes(job),  # they stay in main memory
        process=0 if on_gpu else max(0, memory.process_bytes() - weights),
        compute=torch.bfloat16 if on_gpu else torch.float32,
    )


def announce(summary: dict[str, Any], foreseen: memory.Estimate) -> None:
    """Print what will be trained on what, and the memory that is foreseen; once, whatever the number of processes."""
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
        print(f"mixed in: {extra['name']} (fingerprint {extra['fingerprint']}): {extra['used']} records")
    if facts["skipped"]:
        record, reason = next(iter(facts["skipped"].items()))
        print(f"left out: {len(facts['skipped'])} records, the first is {record}: {reason}")
    steps = ", ".join(f"{name} {count}" for name, count in zip(schedule["stages"], schedule["steps"], strict=True))
    print(f"schedule {schedule['name']}: {steps} steps of {schedule['samples_per_step']} samples")
    print(f"trainable: {parameters['trainable']:,} of {parameters['total']:,} weights, on {summary['device']}")
    print("\n".join(foreseen.lines()))
    if torch.cuda.is_available() and foreseen.peak > torch.cuda.mem_get_info()[1]:
        print("warning: that is more than the GPU has", file=sys.stderr)
