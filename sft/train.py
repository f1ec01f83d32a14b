"""Trainer, taught four things: the order of the plan, token-weighted loss, cached features, safe checkpoints."""

import math
import os
import re
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors import SafetensorError
from torch.utils.data import DataLoader, SequentialSampler
from transformers import PreTrainedModel, Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from lmms_eval_drbench.errors import UserError
from sft import attention, checkpoints, families, folder, guards, log, packing, schedule
from sft.collate import IGNORE
from sft.families import Family
from sft.images import VisionCache
from sft.loss import summed_loss
from sft.options import Options

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
        target_modules=lora_targets(model, family, options.lora_targets),
        task_type="CAUSAL_LM",
    )
    return get_peft_model(model, config)


def lora_targets(model: PreTrainedModel, family: Family, asked: str) -> str:
    """The regular expression for LoRA's modules: the one that was asked for, checked, or the family's own.

    Raises UserError when it is none, matches nothing or what can't be adapted, or reaches into what stays frozen.
    """
    if not asked:
        return family.lora_targets
    try:
        matched = {name: module for name, module in model.named_modules() if re.fullmatch(asked, name)}
    except re.error as error:
        raise UserError(f"--lora_targets {asked!r} is no regular expression: {error}") from None
    if not matched:
        raise UserError(
            f"--lora_targets {asked!r} matches no module's whole name; the default is {family.lora_targets}"
        )
    frozen = [name for name in matched if name.startswith(family.frozen)]
    if frozen:
        raise UserError(f"--lora_targets {asked!r} matches {frozen[0]}, which stays frozen: anchor it to the decoder")
    head, words = model.get_output_embeddings(), model.get_input_embeddings()
    for name, module in matched.items():
        if not isinstance(module, (torch.nn.Linear, torch.nn.Embedding)):
            kind = type(module).__name__
            raise UserError(f"--lora_targets {asked!r} matches {name}, a {kind}: name linear layers or embeddings")
        if head is not None and module in (head, words) and head.weight is words.weight:
            # A merged model could hold only one of the two.
            raise UserError(
                f"--lora_targets {asked!r} matches {name}, but this model's head and embeddings are one: leave it out"
            )
    return asked


class StagedTrainer(Trainer):
    """Walks the plan in order with one optimiser and one learning-rate schedule."""

    def __init__(
        self,
        *args: Any,
        family: Family,
        vision: VisionCache | None,
        rate_restarts: tuple[list[int], float] | None = None,
        attention_kind: str = "sdpa",
        **kwargs: Any,
    ) -> None:
        """rate_restarts: (steps of each stage, warm-up's share) for a schedule a stage. attention_kind: `attention`."""
        super().__init__(*args, **kwargs)
        self._family, self._vision, self._rate_restarts = family, vision, rate_restarts
        self._attention = attention_kind
        if family.packs:
            attention.use(base_of(self.model))
        # `compute_loss` below divides by the supervised tokens of the whole step; this makes Trainer count them.
        self.model_accepts_loss_kwargs = True
        self.supervised_tokens = 0
        """Tokens under the loss since the last log line, over all processes."""

    def _get_train_sampler(self, *args: Any) -> SequentialSampler:
        return SequentialSampler(self.train_dataset)

    def train(self, *args: Any, **kwargs: Any) -> Any:
        """As Trainer's. Whatever ends it, the bar is closed: what is said next stands on a line of its own."""
        try:
            return super().train(*args, **kwargs)
        finally:
            for callback in self.callback_handler.callbacks:
                if isinstance(callback, log.StageProgress):
                    callback.close()

    def get_train_dataloader(self) -> DataLoader:
        """Its processes are deaf to signals."""
        loader = super().get_train_dataloader()
        guards.deaf(loader)
        return loader

    def create_scheduler(self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None) -> Any:
        """One schedule over the run, or one a stage."""
        if self._rate_restarts is None or self.lr_scheduler is not None:
            return super().create_scheduler(num_training_steps, optimizer)
        steps, warmup_ratio = self._rate_restarts
        name = self.args.lr_scheduler_type
        self.lr_scheduler = schedule.per_stage(optimizer or self.optimizer, name, steps, warmup_ratio)
        return self.lr_scheduler

    def feature_counts(self) -> dict[str, int] | None:
        """Where this process' features came from, by `VisionCache`; None where none are cached."""
        return self._vision.counts if self._vision is not None else None

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
        labels, base = inputs["labels"], base_of(self.model)
        forward = {name: value for name, value in inputs.items() if name not in _NOT_THE_MODELS}
        kinds = forward.pop("mm_token_type_ids")
        if self._family.types_input:
            forward[self._family.types_input] = kinds
        if self._vision is not None:
            features, grid = self._vision(base, inputs["image_keys"])
            forward |= self._family.feature_inputs(features) | ({} if grid is None else {"image_grid_thw": grid})
        if "groups" in inputs:
            forward |= self._packed(base, inputs, forward.get("image_grid_thw"))
        call = partial(model, **forward, use_cache=False)
        loss = summed_loss(call, base.get_output_embeddings(), labels, self._family.plain_head)
        tokens = num_items_in_batch if num_items_in_batch is not None else (labels[:, 1:] != IGNORE).sum()
        # DDP, FSDP and DeepSpeed average gradients over processes, and `tokens` counts all of theirs.
        loss = loss / tokens * self.accelerator.num_processes
        return (loss, {}) if return_outputs else loss

    def _packed(self, base: PreTrainedModel, inputs: dict, grid: torch.Tensor | None) -> dict[str, Any]:
        shared = self._family.shared_positions(base, inputs["shared_ids"], inputs["shared_mask"], grid)
        return attention.inputs(self._attention, inputs) | {"position_ids": packing.positions(shared, inputs)}

    def training_step(self, model: torch.nn.Module, inputs: dict, *args: Any, **kwargs: Any) -> torch.Tensor:
        """One forward and backward pass; a loss that is no number ends the run before it can reach the weights."""
        loss = super().training_step(model, inputs, *args, **kwargs)
        if not torch.isfinite(loss):
            raise UserError(self.not_finite(float(loss)))
        return loss

    def _get_grad_norm(self, model: torch.nn.Module, grad_norm: Any = None) -> Any:
        """The gradient's norm; one that is no number ends the run as such a loss does."""
        norm = super()._get_grad_norm(model, grad_norm)
        if norm is not None and not math.isfinite(norm):
            raise UserError(self.not_finite(float(norm), "gradient's norm"))
        return norm

    def not_finite(self, value: float, of: str = "loss") -> str:
        """Where the loss or the gradient broke, as one sentence: the step, its stage, and its records."""
        step = self.state.global_step
        size = self.args.train_batch_size * self.args.gradient_accumulation_steps * self.args.world_size
        items = [self.train_dataset[index] for index in range(step * size, (step + 1) * size)]
        ids = ", ".join(dict.fromkeys(item.sample.record_id for item in items))
        return (
            f"the {of} became {value} in step {step + 1} (stage {items[0].stage.number} {items[0].stage.name}), over "
            f"the records {ids}: look at them, or lower --learning_rate; {checkpoints.left(Path(self.args.output_dir))}"
        )

    def floating_point_ops(self, inputs: dict) -> int:
        """Not counted: Trainer's estimate walks every parameter at each step and nobody reads it."""
        return 0

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: PreTrainedModel | None = None) -> None:
        """Load a whole model by its own loader.

        Trainer reads the file's names as they are. Qwen2.5-VL saves its weights under other names than its modules
        have, so Trainer would skip every one of them with a warning and go on from the base.
        """
        if isinstance(self.model, PeftModel) or folder.sharded():
            super()._load_from_checkpoint(resume_from_checkpoint, model)
        else:
            saved = families.load_model(self._family, resume_from_checkpoint, self.model.dtype)
            self.model.load_state_dict(saved.state_dict())

    def _get_output_dir(self, trial: Any) -> str:
        return os.path.join(self.args.output_dir, checkpoints.PARTIAL)

    def _save_checkpoint(self, model: torch.nn.Module, trial: Any) -> None:
        """Write the checkpoint aside and rename it when it is whole, so the last good one survives a full disk."""
        out = Path(self.args.output_dir)
        partial = out / checkpoints.PARTIAL / f"{PREFIX_CHECKPOINT_DIR}-{self.state.global_step}"
        try:
            super()._save_checkpoint(model, trial)
            self.accelerator.wait_for_everyone()
            if self.args.should_save:
                checkpoints.publish(partial, out)
        except WRITE_ERRORS as error:
            raise UserError(
                f"{partial.name} could not be written to {out} ({error}), make room; {checkpoints.left(out)}"
            ) from error
        finally:
            if self.args.should_save:
                shutil.rmtree(out / checkpoints.PARTIAL, ignore_errors=True)


class GradientCheck(TrainerCallback):
    """At the first step: every trainable parameter has a gradient, and nothing else has."""

    def __init__(self) -> None:
        self._done = False

    def on_pre_optimizer_step(self, args: TrainingArguments, state: Any, control: Any, model: Any = None, **_: Any):
        if self._done:
            return
        self._done = True
        if any(hasattr(p, "ds_id") for p in model.parameters()):
            return  # ZeRO keeps the gradients itself
        without = [name for name, p in model.named_parameters() if p.requires_grad and p.grad is None]
        beyond = [name for name, p in model.named_parameters() if not p.requires_grad and p.grad is not None]
        if without:
            raise UserError(f"{len(without)} trainable weights got no gradient, the first is {without[0]}")
        if beyond:
            raise UserError(f"{len(beyond)} frozen weights got a gradient, the first is {beyond[0]}")


def base_of(model: PreTrainedModel | PeftModel) -> PreTrainedModel:
    """The model beneath an adapter."""
    return model.get_base_model() if isinstance(model, PeftModel) else model
