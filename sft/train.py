"""Trainer, taught four things: the order of the plan, token-weighted loss, cached features, safe checkpoints."""

import os
import re
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors import SafetensorError
from torch.utils.data import SequentialSampler
from transformers import PreTrainedModel, Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from lmms_eval_drbench.errors import UserError
from sft import families, packing
from sft.collate import IGNORE
from sft.families import Family
from sft.images import VisionCache
from sft.loss import summed_loss
from sft.options import Options

PARTIAL = ".checkpoint.partial"
_NOT_THE_MODELS = {"labels", "image_keys", *packing.LAYOUT}
"""What a batch carries beside the model's own inputs."""

WRITE_ERRORS = (OSError, RuntimeError, SafetensorError)
"""What the serialisers raise on a full disk: torch a RuntimeError, safetensors its own."""


def trainable(model: PreTrainedModel, family: Family, options: Options) -> PreTrainedModel | PeftModel:
    """The model with only its trainable part requiring gradients: LoRA on the language model, or all of that."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(options.tuning == "full" and not name.startswith(family.frozen))
    if options.tuning == "full":
        return model
    config = LoraConfig(
        r=options.lora_rank,
        lora_alpha=options.lora_alpha,
        lora_dropout=options.lora_dropout,
        target_modules=family.lora_targets,
        task_type="CAUSAL_LM",
    )
    return get_peft_model(model, config)


class StagedTrainer(Trainer):
    """Walks the plan in order with one optimiser and one learning-rate schedule."""

    def __init__(self, *args: Any, family: Family, vision: VisionCache | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._family, self._vision = family, vision
        # `compute_loss` below divides by the supervised tokens of the whole step; this makes Trainer count them.
        self.model_accepts_loss_kwargs = True
        self.supervised_tokens = 0
        """Tokens under the loss since the last log line, over all processes."""

    def _get_train_sampler(self, *args: Any) -> SequentialSampler:
        return SequentialSampler(self.train_dataset)

    def get_batch_samples(self, *args: Any, **kwargs: Any) -> tuple[list, Any]:
        batches, tokens = super().get_batch_samples(*args, **kwargs)
        self.supervised_tokens += int(tokens or 0)
        return batches, tokens

    def compute_loss(
        self, model: torch.nn.Module, inputs: dict, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Cross-entropy summed over this batch's supervised tokens, divided by those of the whole optimiser step.

        So a token weighs the same however the step is cut into batches and processes.
        """
        labels, base = inputs["labels"], _base(self.model)
        forward = {name: value for name, value in inputs.items() if name not in _NOT_THE_MODELS}
        if not self._family.token_types:
            forward.pop("mm_token_type_ids")
        if self._vision is not None:
            features, grid = self._vision(base, inputs["image_keys"])
            forward |= self._family.feature_inputs(features) | ({} if grid is None else {"image_grid_thw": grid})
        if "groups" in inputs:
            forward |= self._packed(base, inputs, forward.get("image_grid_thw"))
        call = partial(model, **forward, use_cache=False)
        loss = summed_loss(call, base.get_output_embeddings(), labels, self._family.plain_head)
        tokens = num_items_in_batch if num_items_in_batch is not None else (labels[:, 1:] != IGNORE).sum()
        # DistributedDataParallel averages gradients over processes, and `tokens` counts all of theirs.
        loss = loss / tokens * self.accelerator.num_processes
        return (loss, {}) if return_outputs else loss

    def _packed(self, base: PreTrainedModel, inputs: dict, grid: torch.Tensor | None) -> dict[str, torch.Tensor]:
        shared = self._family.shared_positions(base, inputs["shared_ids"], inputs["shared_mask"], grid)
        return {
            "attention_mask": packing.attention(inputs["groups"], inputs["branches"]),
            "position_ids": packing.positions(shared, inputs),
        }

    def floating_point_ops(self, inputs: dict) -> int:
        """Not counted: Trainer's estimate walks every parameter at each step and nobody reads it."""
        return 0

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: PreTrainedModel | None = None) -> None:
        """Load a whole model by its own loader.

        Trainer reads the file's names as they are. Qwen2.5-VL saves its weights under other names than its modules
        have, so Trainer would skip every one of them with a warning and go on from the base.
        """
        if isinstance(self.model, PeftModel):
            super()._load_from_checkpoint(resume_from_checkpoint, model)
        else:
            saved = families.load_model(self._family, resume_from_checkpoint, self.model.dtype)
            self.model.load_state_dict(saved.state_dict())

    def _get_output_dir(self, trial: Any) -> str:
        return os.path.join(self.args.output_dir, PARTIAL)

    def _save_checkpoint(self, model: torch.nn.Module, trial: Any) -> None:
        """Write the checkpoint aside and rename it when it is whole, so the last good one survives a full disk."""
        out = Path(self.args.output_dir)
        partial = out / PARTIAL / f"{PREFIX_CHECKPOINT_DIR}-{self.state.global_step}"
        try:
            super()._save_checkpoint(model, trial)
            self.accelerator.wait_for_everyone()
            if self.args.should_save:
                old = checkpoints(out)
                _replace(partial, out / partial.name)
                for path in old:
                    if path.name != partial.name:
                        shutil.rmtree(path)
        except WRITE_ERRORS as error:
            raise UserError(f"{partial.name} could not be written to {out} ({error}); {last_good(out)}") from error
        finally:
            if self.args.should_save:
                shutil.rmtree(out / PARTIAL, ignore_errors=True)


class GradientCheck(TrainerCallback):
    """At the first step: every trainable parameter has a gradient, and nothing else has."""

    def __init__(self) -> None:
        self._done = False

    def on_pre_optimizer_step(self, args: TrainingArguments, state: Any, control: Any, model: Any = None, **_: Any):
        if self._done:
            return
        self._done = True
        without = [name for name, p in model.named_parameters() if p.requires_grad and p.grad is None]
        beyond = [name for name, p in model.named_parameters() if not p.requires_grad and p.grad is not None]
        if without:
            raise UserError(f"{len(without)} trainable weights got no gradient, the first is {without[0]}")
        if beyond:
            raise UserError(f"{len(beyond)} frozen weights got a gradient, the first is {beyond[0]}")


def checkpoints(out: Path) -> list[Path]:
    """Whole checkpoints in `out`, oldest first."""
    found = [path for path in out.glob(f"{PREFIX_CHECKPOINT_DIR}-*") if re.fullmatch(r".*-\d+", path.name)]
    return sorted(found, key=step_of)


def step_of(checkpoint: Path) -> int:
    """The optimiser step after which a checkpoint was taken."""
    return int(checkpoint.name.rsplit("-", 1)[1])


def last_good(out: Path) -> str:
    """What is left to go on from after a failed write, as a phrase."""
    last = checkpoints(out)
    return f"{last[-1].name} is whole: make room and use --resume" if last else "make room and start again"


def _replace(source: Path, target: Path) -> None:
    if target.exists():
        shutil.rmtree(target)
    os.replace(source, target)


def _base(model: PreTrainedModel | PeftModel) -> PreTrainedModel:
    return model.get_base_model() if isinstance(model, PeftModel) else model
