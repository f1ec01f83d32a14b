"""A training run, loaded and checked: everything that can be wrong with its input is found here."""

from dataclasses import dataclass
from pathlib import Path

import datasets
import torch
from transformers import PreTrainedModel, ProcessorMixin, set_seed

from lmms_eval_drbench import data
from lmms_eval_drbench.errors import UserError
from sft import attention, evaluation, families, folder, mixing, train
from sft.collate import Collator
from sft.encode import Encoded, encode
from sft.families import Family
from sft.images import Images, cache_bytes
from sft.options import Options
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


def prepare(options: Options, out: Path) -> Job:
    """Load and check all input, cheapest first. Raises UserError."""
    recipe = method(options.method, options.answers)
    family = families.identify(options.model)
    loaded = data.load(options.data, options.split)
    records = loaded.records
    if options.limit:
        records = records.select(range(min(options.limit, len(records))))
    processor = families.load_processor(family, options.model, options.min_pixels, options.max_pixels)
    mixed = options.mixed()
    mixed_in, taught = mixing.load(mixed[0], options.split) if mixed else (None, None)
    extra = mixed_in.records if mixed_in else records.select([])
    images = Images(datasets.concatenate_datasets([records, extra]), family, processor)
    encoded = encode(records, recipe, family, processor, images, options.max_length)
    if mixed:
        encoded = encoded.with_mixed(extra, taught, len(records), family, processor, images, options.max_length)
    order = _plan(options, encoded, family)
    set_seed(options.seed)
    base = families.load_model(family, options.model, _dtype(options))
    eval_command = evaluation.command(out, family, family.eval_model(base), processor, recipe.eval_task, options)
    attention_kind(options, family, base)
    model = train.trainable(base, family, options)
    return Job(
        options, out, loaded, mixed_in, len(records), family, processor, images, encoded, order, model, eval_command
    )


def packs(options: Options, family: Family) -> bool:
    """Whether the run packs; `auto` does wherever the family can."""
    if options.packing == "on" and not family.packs:
        raise UserError(f"--packing on: {family.model_type} has no packing recipe, leave it out")
    return family.packs and options.packing != "off"


def attention_kind(options: Options, family: Family, model: PreTrainedModel) -> str:
    """The kernel of packed rows; raises UserError where the one asked for can't run."""
    dropout = getattr(model.config.get_text_config(), "attention_dropout", 0.0)
    return attention.choose(options.attention, packs(options, family), dropout)


def collator(job: Job, cached: bool) -> Collator | PackedCollator:
    """The collator of a job. cached: whether features come ready, in place of pixels."""
    tokens = job.processor.tokenizer.pad_token_id, job.family.placeholder(job.processor)[0]
    if packs(job.options, job.family):
        return PackedCollator(*tokens, job.images, cached, job.options.pack_length)
    return Collator(*tokens, job.images, cached)


def caches_features(job: Job) -> bool:
    """Whether the frozen tower sees an image once. Raises UserError where it was asked for and can't be."""
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
    return features_bytes(job) <= job.options.feature_memory_gib * 2**30


def features_bytes(job: Job) -> int:
    """What the cached features of all images take."""
    hidden = job.model.config.get_text_config().hidden_size
    hidden *= job.family.features_per_token(job.model)
    return cache_bytes(job.encoded.image_tokens, hidden, _dtype(job.options))


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
