"""What the tests of whole training runs share."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from lmms_eval_drbench.errors import UserError
from sft import run, train
from sft.collate import Collator, Item
from sft.options import Options
from sft.stages import stages

FAST = ["--batch_size=2", "--stage_steps=1", "--logging_steps=1", "--lora_rank=4"]


def sft(model, records, out, *flags):
    """One run in this process, by the command line's own entry."""
    return run.main([f"--model={model}", f"--data={records}", f"--output_dir={out}", *FAST, *flags])


def sft_process(*flags, **kwargs):
    """One run in a process of its own."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    return subprocess.run(
        [sys.executable, "-m", "sft.run", *flags],
        capture_output=True,
        text=True,
        env=environment,
        timeout=300,
        **kwargs,
    )


def metrics(out):
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


def adapter(out):
    return load_file(out / "adapter_model.safetensors")


def assert_same_adapter(left, right, atol=1e-6):
    left, right = adapter(left), adapter(right)
    assert left.keys() == right.keys()
    for name in left:
        torch.testing.assert_close(left[name], right[name], rtol=0, atol=atol)


def example(model_folder, records_folder):
    """One whole sample of the data as model inputs."""
    options = Options(model=str(model_folder), data=str(records_folder), output_dir="unused")
    job = run.prepare(options, Path("unused"))
    collate = Collator(job.processor.tokenizer.pad_token_id, job.processor.image_token_id, job.images, cached=False)
    batch = collate([Item(job.encoded.samples[7], stages("joint", job.encoded.field_names)[0])])
    return {name: value for name, value in batch.items() if name not in ("labels", "image_keys")}


class Interrupted(Exception):
    pass


def interrupt_at(monkeypatch, step):
    """Make the run die right after optimiser step `step`, whatever it would have saved there."""
    original = train.StagedTrainer._maybe_log_save_evaluate

    def die(self, *args, **kwargs):
        if self.state.global_step == step:
            raise Interrupted
        return original(self, *args, **kwargs)

    monkeypatch.setattr(train.StagedTrainer, "_maybe_log_save_evaluate", die)


def refused(match, *arguments):
    """The run ends with a UserError that says so."""
    with pytest.raises(UserError, match=match):
        sft(*arguments)
