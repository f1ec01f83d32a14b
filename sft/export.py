"""What a run leaves behind: a folder that lmms-eval loads as it is; and other forms of it.

`python -m sft.export --format merged --model RUN --output_dir OUT` makes an adapter folder a whole model folder, for
vLLM and for adapters that want one. `--format trl | ms-swift | llama-factory --data D --output_dir OUT` writes the
training targets in the layouts that those trainers read (`layouts`).

`--tuning lora`: the adapter, its config with the base's absolute path, and the processor's files with the pixel limits
of the training; no config.json, because then transformers finds the adapter and its base by itself (DESIGN section
3). `--tuning full`: a whole model folder.
"""

import argparse
import json
import os
import shutil
from pathlib import Path
from typing import Any

from peft import PeftModel
from safetensors import SafetensorError
from transformers import PreTrainedModel, ProcessorMixin

from lmms_eval_drbench import data
from lmms_eval_drbench.errors import UserError, run_cli
from lmms_eval_drbench.record import SPLITS
from lmms_eval_drbench.tiny import named
from sft import families, layouts, merge
from sft.stages import SCHEDULES
from sft.targets import ANSWERS, METHODS, method

_PARTIAL = ".export.partial"


def save(
    model: PreTrainedModel | PeftModel,
    processor: ProcessorMixin,
    base: str,
    out: Path,
    weights: dict[str, Any] | None = None,
) -> None:
    """Write model and processor into `out`; a crash in between leaves no half-written model there.

    base: the base model's folder or hub id, as the adapter's config shall name it. weights: the whole state dict, where
    the model itself holds only a shard of it. Raises OSError and what the
    serialisers raise on a full disk.
    """
    partial = out / _PARTIAL
    shutil.rmtree(partial, ignore_errors=True)
    try:
        model.save_pretrained(partial, state_dict=weights)
        processor.save_pretrained(partial)
        if isinstance(model, PeftModel):
            _name_base(partial / "adapter_config.json", base)
            (partial / "README.md").unlink(missing_ok=True)  # peft's empty model card
        # The file that makes the folder loadable goes last.
        for path in sorted(partial.iterdir(), key=lambda path: path.name in ("adapter_config.json", "config.json")):
            os.replace(path, out / path.name)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def resolve(model: str) -> str:
    """A local model's absolute path; a hub id as it is."""
    path = Path(model).expanduser()
    return str(path.resolve()) if path.is_dir() else model


def _name_base(config_file: Path, base: str) -> None:
    config = json.loads(config_file.read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = base
    config_file.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m sft.export", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--format", required=True, choices=("merged", *layouts.LAYOUTS))
    parser.add_argument(
        "--model", type=named, help="merged: a run's adapter folder; trl: the model whose chat template is used"
    )
    parser.add_argument("--output_dir", required=True, type=Path, help="a folder that is empty or not there yet")
    parser.add_argument("--data", help="records, as for sft.run")
    parser.add_argument("--split", default="train", choices=SPLITS)
    parser.add_argument("--allow_test_split", action="store_true")
    parser.add_argument("--method", default="drscaffold", choices=tuple(METHODS))
    parser.add_argument("--schedule", default="current", choices=SCHEDULES)
    parser.add_argument("--answers", default="letter", choices=ANSWERS)
    given = parser.parse_args(arguments)
    out = given.output_dir.expanduser()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"--output_dir {out} is not empty: choose another")
    try:
        _merged(given, out) if given.format == "merged" else _targets(given, out)
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"--output_dir {out} could not be written: {reason}") from error
    return 0


def _merged(given: argparse.Namespace, out: Path) -> None:
    if not given.model:
        raise UserError("--format merged needs --model, the --output_dir of a run with --tuning lora")
    model, processor = merge.merged(Path(given.model).expanduser())
    out.mkdir(parents=True, exist_ok=True)
    save(model, processor, "", out)
    print(f"the merged model is in {out}")


def _targets(given: argparse.Namespace, out: Path) -> None:
    if not given.data:
        raise UserError(f"--format {given.format} needs --data, the records to write")
    if given.split == "test" and not given.allow_test_split:
        raise UserError("--split test holds the benchmark's own questions: use --split train, or --allow_test_split")
    chat = None
    if given.format == "trl":
        if not given.model:
            raise UserError("--format trl needs --model, whose chat template the prompts are written in")
        family = families.identify(given.model)
        chat = layouts.Chat(family, families.load_processor(family, given.model, None, None))
    records = data.load(given.data, given.split).records
    taught = method(given.method, given.answers)
    files, used = layouts.write(records, taught, given.schedule, given.format, out, chat)
    left_out = f" ({len(records) - used} lack what {taught.name} needs)" if used < len(records) else ""
    print(
        f"{used} records{left_out} in {len(files)} files, one a stage, in {out}; README.md there says how to use them"
    )


if __name__ == "__main__":
    run_cli(main)
