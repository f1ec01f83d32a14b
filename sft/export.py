"""What a run leaves behind: a folder that lmms-eval loads as it is.

`--tuning lora`: the adapter, its config with the base's absolute path, and the processor's files with the pixel limits
of the training; no config.json, because then transformers finds the adapter and its base by itself (DESIGN section
3). `--tuning full`: a whole model folder.
"""

import json
import os
import shutil
from pathlib import Path

from peft import PeftModel
from transformers import PreTrainedModel, ProcessorMixin

_PARTIAL = ".export.partial"


def save(model: PreTrainedModel | PeftModel, processor: ProcessorMixin, base: str, out: Path) -> None:
    """Write model and processor into `out`; a crash in between leaves no half-written model there.

    base: the base model's folder or hub id, as the adapter's config shall name it. Raises OSError and what the
    serialisers raise on a full disk.
    """
    partial = out / _PARTIAL
    shutil.rmtree(partial, ignore_errors=True)
    try:
        model.save_pretrained(partial)
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
