"""What differs between model families, with what holds for most of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image
from transformers import PreTrainedModel, ProcessorMixin
from transformers.modeling_outputs import BaseModelOutputWithPooling

_TEXT_INPUTS = {"input_ids", "attention_mask", "mm_token_type_ids", "token_type_ids"}
"""What a processor returns for the text beside an image."""


@dataclass(frozen=True)
class Family:
    """A model family.

    model_type: `config.model_type`. model_class: the transformers class, or an auto class. frozen: module prefixes that
    are never trained (vision tower and projector). lora_targets: a regular expression that must match a module's whole
    name; anchored, because bare names such as `q_proj` also hit vision towers. turn_end: the token that ends the
    model's turn. lmms_model: lmms-eval's name of the family. system: the system message that lmms-eval sends, None
    where it sends none. pixel_limits: whether the processor takes min_pixels and max_pixels. types_input: the name
    under which the forward wants to be told the image's placeholders, mm_token_type_ids or another, empty where it
    doesn't. image_token_id: the token that stands for a feature; None: the processor's own image token, which in some
    families only opens a picture. caches_features: whether the forward takes ready features in place of pixels.
    evaluates_adapters: whether lmms-eval's adapter loads a folder with a PEFT adapter; otherwise it needs a merged one.
    packs: whether the questions of an image can share it in one sequence (`packing`): the forward must take positions
    and hand keywords on to its attention (`attention`). plain_head: whether the model returns what its output layer
    does, without scaling or capping it.
    """

    model_type: str
    model_class: type[PreTrainedModel]
    frozen: tuple[str, ...]
    lora_targets: str
    turn_end: str
    lmms_model: str
    system: str | None = None
    pixel_limits: bool = False
    types_input: str = ""
    image_token_id: int | None = None
    caches_features: bool = True
    evaluates_adapters: bool = True
    packs: bool = False
    plain_head: bool = False

    def messages(self, text: str) -> list[dict[str, Any]]:
        """One question as lmms-eval's adapter of this family sends it: system, then the image before the text."""
        system = [] if self.system is None else [{"role": "system", "content": self.system}]
        return [*system, {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": text}]}]

    def expansion(self, processor: ProcessorMixin, width: int, height: int) -> str:
        """What the processor writes in place of one image placeholder, for an image of that size.

        The processor itself says so, given a blank image: it knows its crops, rows and separators.
        """
        blank = Image.new("RGB", (width, height))
        ids = processor(text=[processor.image_token], images=[blank], add_special_tokens=False)["input_ids"][0]
        return processor.tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)

    def placeholder(self, processor: ProcessorMixin) -> tuple[int, str]:
        """The token that stands for one feature of an image, and its text."""
        token = processor.image_token_id if self.image_token_id is None else self.image_token_id
        return token, processor.tokenizer.convert_ids_to_tokens(token)

    def process(self, processor: ProcessorMixin, image: Image.Image) -> dict[str, torch.Tensor]:
        """One image as the model takes it, through the processor's own defaults."""
        inputs = processor(text=[processor.image_token], images=[image], return_tensors="pt")
        return {name: value for name, value in inputs.items() if name not in _TEXT_INPUTS}

    def join(self, images: Sequence[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
        """Processed images as one batch: concatenated, smaller ones padded with zeros behind."""
        return {name: padded([one[name] for one in images]) for name in images[0]}

    @torch.no_grad()
    def encode_images(self, model: PreTrainedModel, images: Sequence[dict[str, torch.Tensor]]) -> list[torch.Tensor]:
        """The frozen tower's output of each image: shapes (image tokens, hidden), in the model's dtype."""
        return [_features(model, one) for one in images]

    def feature_inputs(self, features: Sequence[torch.Tensor]) -> dict[str, Any]:
        """The forward arguments that hand over ready features in place of pixels."""
        return {"mm_encoder_outputs": {"image": BaseModelOutputWithPooling(pooler_output=tuple(features))}}

    def shared_positions(
        self, model: PreTrainedModel, ids: torch.Tensor, mask: torch.Tensor, grid: torch.Tensor | None
    ) -> torch.Tensor:
        """Positions of the shared parts of packed groups as the model itself counts them: (axes, G, P).

        ids: (G, P), the shared parts, padded on the right. mask: (G, P), 1 where there is a token. grid: (G, 3), where
        the family has one.
        """
        return torch.arange(ids.shape[1], device=ids.device).expand(1, *ids.shape)

    def features_per_token(self, model: PreTrainedModel) -> int:
        """Hidden states that `encode_images` keeps of each image token."""
        return 1

    def eval_model(self, model: PreTrainedModel) -> str:
        """lmms-eval's `--model` for this checkpoint."""
        return self.lmms_model


def padded(tensors: Sequence[torch.Tensor], value: float = 0) -> torch.Tensor:
    """Tensors concatenated along their first axis, every other axis padded to its longest with `value`."""
    longest = [max(sizes) for sizes in zip(*(tensor.shape[1:] for tensor in tensors), strict=True)]
    if any(list(tensor.shape[1:]) != longest for tensor in tensors):
        tensors = [_pad(tensor, longest, value) for tensor in tensors]
    return torch.cat(list(tensors))


def _pad(tensor: torch.Tensor, longest: list[int], value: float) -> torch.Tensor:
    missing = [size - own for own, size in zip(tensor.shape[1:], longest, strict=True)]
    behind = [amount for size in reversed(missing) for amount in (0, size)]
    return torch.nn.functional.pad(tensor, behind, value=value)


def _features(model: PreTrainedModel, image: dict[str, torch.Tensor]) -> torch.Tensor:
    """(image tokens, hidden) of one image."""
    found = model.get_image_features(**{name: value.to(model.device) for name, value in image.items()}).pooler_output
    parts = [found] if isinstance(found, torch.Tensor) else found
    return torch.cat([part.reshape(-1, part.shape[-1]) for part in parts])
