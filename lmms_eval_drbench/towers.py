"""One repair of transformers 5.23, for training and evaluation alike."""

import torch
from transformers.models.phi4_multimodal.modeling_phi4_multimodal import Phi4MultimodalVisionAttention


def look_both_ways(model: torch.nn.Module) -> None:
    """Make Phi-4-multimodal's vision tower attend in both directions.

    Its attention is marked causal. With a mask that does no harm; where no crop of a batch is padded, transformers
    drops the mask, and SDPA then takes the mark at its word: an image's features depend on its neighbours in the batch.
    """
    for module in model.modules():
        if isinstance(module, Phi4MultimodalVisionAttention):
            module.is_causal = False
