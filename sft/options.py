"""The command line of `sft.run`: one dataclass, read from flags or from a YAML file, checked before anything loads."""

import math
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

import yaml
from transformers import HfArgumentParser

from lmms_eval_drbench.errors import UserError
from lmms_eval_drbench.record import SPLITS
from lmms_eval_drbench.tiny import named
from sft.attention import KINDS as ATTENTION_KINDS
from sft.stages import SCHEDULES
from sft.targets import ANSWERS, METHODS

_CHOICES = {
    "method": tuple(METHODS),
    "schedule": SCHEDULES,
    "tuning": ("lora", "full"),
    "split": SPLITS,
    "cache_features": ("auto", "on", "off"),
    "answers": ANSWERS,
    "packing": ("auto", "on", "off"),
    "attention": ATTENTION_KINDS,
    "lr_span": ("run", "stage"),
    "report_to": ("none", "tensorboard", "wandb"),
}

_COUNTS = (
    *("batch_size", "grad_accum", "lora_rank", "lora_alpha"),
    *("max_length", "pack_length", "save_steps", "logging_steps", "limit", "min_pixels", "max_pixels"),
)
_NOT_NEGATIVE = ("weight_decay", "max_grad_norm", "workers")
_ABOVE_0 = ("epochs", "feature_memory_gib", "feature_cache_gib")
_LARGEST_SEED = 2**32 - 1
"""NumPy takes no larger one."""


@dataclass
class Options:
    """What one training run needs to know. Defaults are ours: the paper's hyper-parameters are not public."""

    model: str = field(default="", metadata={"help": "model folder, hub id, or packaged: the tiny model (required)"})
    data: str = field(default="", metadata={"help": "records: folder, .parquet, .jsonl or hub id (required)"})
    output_dir: str = field(default="", metadata={"help": "where the adapter and the logs go (required)"})
    method: str = field(default="drscaffold", metadata={"help": "answer | cot | llava_cot | drscaffold"})
    answers: str = field(
        default="letter", metadata={"help": "what choice questions are answered with: letter | text (the option's)"}
    )
    split: str = field(default="train", metadata={"help": "the data's split to train on"})
    allow_test_split: bool = field(default=False, metadata={"help": "permit --split test; scores on it mean nothing"})
    mix: str = field(
        default="",
        metadata={
            "help": "DATA:SHARE, mixed into every stage, so that old skills stay: records, asked directly, or JSONL of "
            "general instructions (`messages` and `images`)"
        },
    )
    limit: int | None = field(default=None, metadata={"help": "use the first N records only"})

    schedule: str = field(default="current", metadata={"help": "current | cumulative | joint"})
    stage_steps: str = field(
        default="200",
        metadata={"help": "optimiser steps of each stage: 200,200,200,200, or one number for every stage"},
    )
    epochs: float | None = field(
        default=None, metadata={"help": "passes over the data in each stage; replaces --stage_steps"}
    )
    batch_size: int = field(default=8, metadata={"help": "samples a device and forward pass"})
    grad_accum: int = field(default=1, metadata={"help": "forward passes an optimiser step"})
    learning_rate: float = field(default=2e-4, metadata={"help": "peak of the schedule"})
    lr_span: str = field(default="run", metadata={"help": "a schedule over the whole run, or one a stage: run | stage"})
    lr_scheduler: str = field(default="cosine", metadata={"help": "a transformers scheduler: cosine, linear, ..."})
    warmup_ratio: float = field(default=0.03, metadata={"help": "share of the schedule's steps with a rising rate"})
    weight_decay: float = field(default=0.0, metadata={"help": "AdamW's weight decay"})
    max_grad_norm: float = field(default=1.0, metadata={"help": "gradient clipping"})

    tuning: str = field(default="lora", metadata={"help": "lora | full (the language model; never the vision tower)"})
    lora_rank: int = field(default=16, metadata={"help": "rank of the adapter"})
    lora_alpha: int = field(default=32, metadata={"help": "scale of the adapter"})
    lora_dropout: float = field(default=0.0, metadata={"help": "dropout in the adapter"})

    lora_targets: str = field(
        default="", metadata={"help": "regular expression for whole module names; default: the family's linear layers"}
    )

    max_length: int = field(default=4096, metadata={"help": "longest sample in tokens; a longer one is refused"})
    min_pixels: int | None = field(default=None, metadata={"help": "smallest image; default: the processor's own"})
    max_pixels: int | None = field(default=None, metadata={"help": "largest image; default: the processor's own"})
    cache_features: str = field(
        default="auto",
        metadata={
            "help": "compute the frozen tower's features once an image: auto (if they can all be kept) | on | off"
        },
    )
    feature_cache: str = field(
        default="", metadata={"help": "a folder that keeps the frozen tower's features on disk, for later runs too"}
    )
    feature_memory_gib: float = field(default=4.0, metadata={"help": "main memory that cached features may take"})
    feature_cache_gib: float = field(default=64.0, metadata={"help": "disk space that --feature_cache may take"})
    packing: str = field(
        default="auto",
        metadata={"help": "the questions of an image share it in one sequence, with the same loss: auto | on | off"},
    )
    pack_length: int = field(
        default=16384, metadata={"help": "tokens a packed sequence may take; a longer sample stays whole"}
    )
    attention: str = field(
        default="auto",
        metadata={"help": "kernel of packed sequences: auto (flex on a CUDA GPU, sdpa elsewhere) | sdpa | flex"},
    )
    gradient_checkpointing: bool = field(default=False, metadata={"help": "less memory, about a third slower"})

    seed: int = field(default=0, metadata={"help": "of initialisation, order and dropout"})
    save_steps: int = field(default=500, metadata={"help": "steps between checkpoints; a stage's end also makes one"})
    logging_steps: int = field(default=10, metadata={"help": "steps between lines of metrics.jsonl"})
    report_to: str = field(
        default="none", metadata={"help": "none | tensorboard | wandb: where the metrics also go (metrics.jsonl stays)"}
    )
    inspect: int = field(
        default=0, metadata={"help": "print N samples as the trainer sees them and what trains; train nothing"}
    )
    workers: int = field(default=0, metadata={"help": "processes that prepare batches"})
    resume: bool = field(default=False, metadata={"help": "go on from the last checkpoint in --output_dir"})
    overwrite: bool = field(default=False, metadata={"help": "replace the run in --output_dir"})

    def check(self) -> None:
        """Raise UserError on the first option that makes no sense."""
        for name in ("model", "data", "output_dir"):
            if not getattr(self, name) and not (name == "output_dir" and self.inspect):
                raise UserError(f"--{name} is required")
        if self.inspect < 0:
            raise UserError(f"--inspect must be at least 1, not {self.inspect}")
        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in allowed:
                raise UserError(f"--{name} {getattr(self, name)!r} is unknown: use one of {', '.join(allowed)}")
        if self.split == "test" and not self.allow_test_split:
            raise UserError(
                "--split test would train on the benchmark's own questions: use --split train, "
                "or pass --allow_test_split if no score will be reported on them"
            )
        self.mixed()
        if self.resume and self.overwrite:
            raise UserError("--resume and --overwrite exclude each other")
        self._check_ranges()
        if self.feature_cache and self.cache_features == "off":
            raise UserError("--feature_cache and --cache_features off exclude each other")

    def _check_ranges(self) -> None:
        for name in _COUNTS:
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UserError(f"--{name} must be at least 1, not {value}")
        if not 0 < self.learning_rate < 1:
            raise UserError(f"--learning_rate must be between 0 and 1, not {self.learning_rate}")
        for name in ("warmup_ratio", "lora_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise UserError(f"--{name} must be at least 0 and below 1, not {getattr(self, name)}")
        for name in _NOT_NEGATIVE:
            if not 0 <= getattr(self, name) < math.inf:
                raise UserError(f"--{name} must be at least 0, not {getattr(self, name)}")
        for name in _ABOVE_0:
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise UserError(f"--{name} must be a number above 0, not {value}")
        if not 0 <= self.seed <= _LARGEST_SEED:
            raise UserError(f"--seed must be from 0 to {_LARGEST_SEED}, not {self.seed}")

    def as_config(self) -> str:
        """All options as the YAML that `--config` reads back; `--resume` and `--overwrite` belong to one call only."""
        return yaml.safe_dump(
            {name: value for name, value in asdict(self).items() if name not in ("resume", "overwrite", "inspect")},
            sort_keys=False,
        )

    def mixed(self) -> tuple[str, float] | None:
        """What `--mix` names: (data, share of the samples drawn), or None. Raises UserError."""
        if not self.mix:
            return None
        spec, _, share = self.mix.rpartition(":")
        try:
            value = float(share)
        except ValueError:
            value = -1.0
        if not spec or not 0 < value < 1:
            raise UserError(f"--mix {self.mix!r} must be DATA:SHARE with a share between 0 and 1, such as general:0.2")
        return spec, value

    def steps_of(self, stages: int, samples: int, per_step: int) -> list[int]:
        """Optimiser steps of each stage. samples: size of the data, without what is mixed in; per_step: samples a step
        takes, those that are mixed in included.
        """
        if self.epochs is not None:
            mixed = self.mixed()
            own = per_step * (1 - (mixed[1] if mixed else 0))
            return [max(1, round(self.epochs * samples / own))] * stages
        try:
            steps = [int(part) for part in self.stage_steps.split(",")]
        except ValueError:
            raise UserError(
                f"--stage_steps {self.stage_steps!r} must be whole numbers, such as 200,200,200,200"
            ) from None
        if min(steps) < 1:
            raise UserError(f"--stage_steps {self.stage_steps!r}: every stage needs at least one step")
        if len(steps) == 1:
            return steps * stages
        if len(steps) != stages:
            raise UserError(
                f"--stage_steps {self.stage_steps!r} names {len(steps)} stages, "
                f"but {self.method} under --schedule {self.schedule} has {stages}"
            )
        return steps


def parse(arguments: list[str] | None = None) -> Options:
    """Options from flags; `--config file.yaml` gives defaults that flags override. Raises UserError."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    parser = HfArgumentParser(Options, prog="python -m sft.run", allow_abbrev=False, description=__doc__)
    parser.add_argument("--config", help="YAML file with any of these options; flags override it")
    given, _ = parser.parse_known_args(arguments)
    from_file = _flags_of(Path(given.config)) if given.config else []
    values = vars(parser.parse_args(from_file + arguments))
    values.pop("config")
    options = Options(**values)
    options.model = named(options.model)
    options.check()
    return options


def _flags_of(path: Path) -> list[str]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"--config {path} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"--config {path} is not YAML: {str(error).splitlines()[0]}") from error
    if not isinstance(content, dict):
        raise UserError(f"--config {path} must hold option: value pairs")
    unknown = [str(name) for name in content if name not in Options.__dataclass_fields__]
    if unknown:
        raise UserError(f"--config {path} has unknown options: {', '.join(unknown)}")
    flags = []
    for name, value in content.items():
        if isinstance(value, list):
            value = ",".join(map(str, value))
        if isinstance(value, bool) and Options.__dataclass_fields__[name].type is str:
            value = "on" if value else "off"  # what YAML makes of a bare on, off, yes or no
        if value is not None:
            flags += [f"--{name}={value}"]
    return flags
