"""lmms-eval's model `drbench_native`: whatever transformers loads by itself, through its processor's chat template.

For families without an adapter upstream that runs transformers' own class: Phi-4-multimodal (upstream's wants remote
code), SmolVLM, Idefics3. `pretrained` may be a model, or a folder with a PEFT adapter and the processor's files.
"""

from typing import Any

import torch
from lmms_eval.api.instance import GenerationResult, Instance, TokenCounts
from lmms_eval.api.model import lmms
from lmms_eval.protocol import ChatMessages
from tqdm import tqdm
from transformers import AutoModelForMultimodalLM, AutoProcessor

_DEFAULT_NEW_TOKENS = 1024


class DRBenchNative(lmms):
    """One question at a time; greedy unless a task asks for a temperature.

    dtype: `auto` is bfloat16 on a GPU and fp32 on a CPU.
    """

    is_simple = False

    def __init__(
        self, pretrained: str, batch_size: int | str = 1, device: str = "auto", dtype: str = "auto", **kwargs: Any
    ) -> None:
        super().__init__()
        unknown = set(kwargs) - {"device_map"}
        if unknown:
            raise ValueError(f"drbench_native takes pretrained, device and dtype, not {', '.join(sorted(unknown))}")
        if int(batch_size) != 1:
            raise ValueError(f"drbench_native answers one question at a time: use --batch_size 1, not {batch_size}")
        has_gpu = torch.cuda.is_available()
        self._device = torch.device(("cuda" if has_gpu else "cpu") if device == "auto" else device)
        if self._device.type == "cuda" and not has_gpu:
            self._device = torch.device("cpu")  # lmms-eval's own --device default
        if dtype == "auto":
            dtype = "bfloat16" if self._device.type == "cuda" else "float32"
        self._model = AutoModelForMultimodalLM.from_pretrained(pretrained, dtype=getattr(torch, dtype))
        self._model.to(self._device).eval()
        self.processor = AutoProcessor.from_pretrained(pretrained)
        # Phi-4's class drops the template of its own folder (transformers 5.23); its tokenizer keeps it.
        self.processor.chat_template = self.processor.chat_template or self.processor.tokenizer.chat_template

    @property
    def model(self) -> torch.nn.Module:
        return self._model

    @property
    def device(self) -> torch.device:
        return self._device

    def generate_until(self, requests: list[Instance]) -> list[GenerationResult]:
        """Answer every request, in the order given."""
        found = []
        for _, to_messages, options, doc_id, task, split in tqdm(
            (request.args for request in requests), total=len(requests), desc="drbench_native", disable=self.rank != 0
        ):
            chat = ChatMessages(messages=to_messages(self.task_dict[task][split][doc_id]))
            found.append(self._answer(chat, options))
        return found

    def _answer(self, chat: ChatMessages, options: dict[str, Any]) -> GenerationResult:
        images, videos, audios = chat.extract_media()
        if videos or audios:
            raise ValueError("drbench_native takes images only")
        messages = [
            {"role": message.role, "content": [_part(part) for part in message.content]} for message in chat.messages
        ]
        text = self.processor.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        inputs = self.processor(text=[text], images=images or None, return_tensors="pt")
        inputs = inputs.to(self._device, self._model.dtype)
        temperature = options.get("temperature") or 0
        generated = self._model.generate(
            **inputs,
            max_new_tokens=options.get("max_new_tokens", _DEFAULT_NEW_TOKENS),
            do_sample=temperature > 0,
            **({"temperature": temperature} if temperature > 0 else {}),
        )[0, inputs["input_ids"].shape[1] :]
        answer = self.processor.tokenizer.decode(generated, skip_special_tokens=True)
        for stop in options.get("until") or []:
            answer = answer.split(stop)[0]
        return GenerationResult(text=answer, token_counts=TokenCounts(output_tokens=len(generated)))

    def loglikelihood(self, requests: list[Instance]) -> list[tuple[float, bool]]:
        raise NotImplementedError("drbench_native only generates")

    def generate_until_multi_round(self, requests: list[Instance]) -> list[str]:
        raise NotImplementedError("drbench_native answers single questions")


def _part(part: Any) -> dict[str, str]:
    """A part of a message as chat templates take it: the pictures themselves go to the processor."""
    return {"type": "text", "text": part.text} if part.type == "text" else {"type": part.type}
