"""lmms-eval's model `drbench_tiny`: the packaged tiny Qwen2.5-VL, or a fine-tuned one of its kind, on a CPU in fp32.

Everything is upstream's `qwen2_5_vl`, only the defaults differ, so that no model argument is needed. Upstream always
loads bfloat16; fp32 keeps what fine-tuning on a CPU wrote.
"""

from pathlib import Path
from typing import Any

import torch
from lmms_eval.models.chat.qwen2_5_vl import Qwen2_5_VL as ChatQwen2_5_VL
from lmms_eval.models.simple.qwen2_5_vl import Qwen2_5_VL as SimpleQwen2_5_VL
from transformers import Qwen2_5_VLForConditionalGeneration

from lmms_eval_drbench.tiny import PACKAGED
from lmms_eval_drbench.tiny.architecture import PIXELS


class _Defaults:
    """`pretrained` may also be an adapter folder or a fully tuned model; square images are always 252x252 pixels."""

    def __init__(self, pretrained: str = str(PACKAGED), batch_size: int | str = 1, **kwargs: Any) -> None:
        unknown = set(kwargs) - {"device", "device_map", "min_pixels", "max_pixels"}
        if unknown:
            raise ValueError(f"drbench_tiny takes pretrained and batch_size, not {', '.join(sorted(unknown))}")
        limits = {
            name: kwargs[name] for name in ("min_pixels", "max_pixels") if int(kwargs.get(name, PIXELS)) != PIXELS
        }
        if limits:
            raise ValueError(f"drbench_tiny sees {PIXELS} pixels, not {limits}: leave them out")
        if not Path(pretrained).is_dir() or not list(Path(pretrained).glob("*.safetensors")):
            # lmms-eval would print a stack trace and exit with 0
            raise SystemExit(f"error: pretrained={pretrained} is no model folder: it holds no *.safetensors")
        torch.set_flush_denormal(True)
        super().__init__(
            pretrained=pretrained,
            device="cpu",
            device_map="cpu",
            batch_size=batch_size,
            min_pixels=PIXELS,
            max_pixels=PIXELS,
        )
        self._model = Qwen2_5_VLForConditionalGeneration.from_pretrained(
            pretrained, dtype=torch.float32, device_map="cpu"
        ).eval()


class DRBenchTiny(_Defaults, ChatQwen2_5_VL):
    """The chat interface: pictures go to the processor as they are."""


class DRBenchTinySimple(_Defaults, SimpleQwen2_5_VL):
    """The simple interface (`--force_simple`): upstream sends pictures through JPEG first."""
