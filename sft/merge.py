"""An adapter folder → the whole model it stands for, with its weights merged into the base's."""

import json
from pathlib import Path

import torch
from peft import PeftModel, get_peft_model_state_dict
from safetensors.torch import load_file
from transformers import PreTrainedModel, ProcessorMixin

from lmms_eval_drbench.errors import UserError
from sft import families

_ADAPTER = "adapter_model.safetensors"


def load_adapted(folder: Path, dtype: torch.dtype = torch.float32) -> tuple[PeftModel, families.Family]:
    """The base of an adapter folder with its adapter on, and its family.

    Raises UserError when the folder holds no adapter, its base is gone, or the adapter's weights are not exactly those
    that the base asks for: peft would skip a weight whose name no longer fits, and give the base back unchanged.
    """
    base = base_of(folder)
    family = families.identify(base)
    model = families.load_model(family, base, dtype)
    try:
        adapted = PeftModel.from_pretrained(model, folder)
        saved = set(load_file(folder / _ADAPTER))
    except Exception as error:  # peft, safetensors and the file system raise many types
        raise UserError(f"{folder}: its adapter cannot be loaded: {str(error).strip().splitlines()[0]}") from error
    wanted = set(get_peft_model_state_dict(adapted))
    for names, problem in ((wanted - saved, "lacks"), (saved - wanted, "has, beside the model's own,")):
        if names:
            raise UserError(
                f"{folder}: the adapter {problem} {len(names)} weights, the first is {min(names)}: "
                f"it was not made for {base} by this version"
            )
    return adapted.eval(), family


def base_of(folder: Path) -> str:
    """What `adapter_config.json` names as the base. Raises UserError where there is none."""
    try:
        return json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))["base_model_name_or_path"]
    except FileNotFoundError:
        raise UserError(f"{folder} holds no adapter: give the --output_dir of a run with --tuning lora") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{folder / 'adapter_config.json'} is damaged ({error}): train again") from error


def merged(folder: Path) -> tuple[PreTrainedModel, ProcessorMixin]:
    """The merged model, in the base's own precision, and the adapter folder's processor. Raises UserError.

    The sum is taken in fp32: adding a small update to bf16 weights step by step would lose most of it.
    """
    adapted, family = load_adapted(folder)
    stored = families.stored_dtype(base_of(folder))
    whole = adapted.merge_and_unload(safe_merge=True).to(stored)
    whole.config.dtype = stored
    return whole, families.load_processor(family, str(folder), None, None)
