"""A family that nobody named: anything that `AutoModelForImageTextToText` and a chat template load.

What the named families write down is found out here: the decoder by asking the model class, the end of the turn by
rendering one. It works unpacked and without cached features.
"""

import inspect
import re

import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, PretrainedConfig, ProcessorMixin

from lmms_eval_drbench.errors import UserError
from sft.families.base import Family

_PROBE = "answer"
_TOKEN_TYPES = ("mm_token_type_ids", "token_type_ids")


def family_of(model: str, config: PretrainedConfig, processor: ProcessorMixin) -> Family:
    """The family of a model. Raises UserError where it has no image placeholder, chat template, or known decoder."""
    try:
        with torch.device("meta"):
            empty = AutoModelForImageTextToText.from_config(config)
    except ValueError:
        raise UserError(
            f"--model {model} is of type {config.model_type}, which is no image-text-to-text model"
        ) from None
    if getattr(processor, "image_token", None) is None or not processor.chat_template:
        raise UserError(f"--model {model}: its processor has no image placeholder or no chat template")
    decoder = empty.get_decoder()
    name = next((name for name, module in empty.named_modules() if module is decoder), None)
    if not name:
        raise UserError(f"--model {model} of type {config.model_type} has no decoder that could be told from its tower")
    head = empty.get_output_embeddings()
    language = {id(weight) for module in (decoder, head) if module is not None for weight in module.parameters()}
    return Family(
        model_type=config.model_type,
        model_class=AutoModelForImageTextToText,
        frozen=tuple(name for name, weight in empty.named_parameters() if id(weight) not in language),
        lora_targets=_linears(decoder, name),
        turn_end=_turn_end(model, processor),
        types_input=_types_input(empty, processor),
        image_token_id=getattr(config, "image_token_id", None),
        lmms_model="drbench_native",
        caches_features=False,
    )


def _linears(decoder: torch.nn.Module, name: str) -> str:
    """A regular expression for every linear module inside the decoder's layers."""
    paths = [path for path, module in decoder.named_modules() if isinstance(module, torch.nn.Linear)]
    kinds = {r"\.".join(r"\d+" if part.isdigit() else re.escape(part) for part in path.split(".")) for path in paths}
    return rf"{re.escape(name)}\.({'|'.join(sorted(kinds))})"


def _types_input(empty: torch.nn.Module, processor: ProcessorMixin) -> str:
    """The name under which the processor tells the model where the image is: positions or masks hang on it."""
    given = processor(text=[processor.image_token], images=[Image.new("RGB", (64, 64))])
    taken = inspect.signature(type(empty).forward).parameters
    return next((name for name in _TOKEN_TYPES if name in given and name in taken), "")


def _turn_end(model: str, processor: ProcessorMixin) -> str:
    """The special token that the chat template writes after the model's turn."""
    turns = [
        {"role": "user", "content": [{"type": "text", "text": "question"}]},
        {"role": "assistant", "content": [{"type": "text", "text": _PROBE}]},
    ]
    after = processor.apply_chat_template(turns, tokenize=False).rpartition(_PROBE)[2].lstrip()
    special = {str(token) for token in processor.tokenizer.added_tokens_decoder.values()}
    ends = sorted((token for token in special if after.startswith(token)), key=len)
    end = ends[-1] if ends else processor.tokenizer.eos_token
    if not end:
        raise UserError(f"--model {model}: its chat template ends the model's turn with no special token")
    return end
