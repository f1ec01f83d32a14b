"""How the output of a run is evaluated."""

import shlex
from pathlib import Path

import torch
from transformers import ProcessorMixin

from sft import families
from sft.families import Family
from sft.options import Options


def command(out: Path, family: Family, lmms_model: str, processor: ProcessorMixin, task: str, options: Options) -> str:
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
