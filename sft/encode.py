"""Records → token ids, once, before the first step; everything that can't be trained on is found here."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import datasets
import numpy as np
from transformers import ProcessorMixin

from lmms_eval_drbench.errors import UserError
from sft.families import Family
from sft.images import Images
from sft.stages import MIXED, token_fields
from sft.targets import SEPARATOR, Method

_CHUNK = 512
_SHOWN = 10


@dataclass(frozen=True)
class Sample:
    """One record as token ids.

    prompt: (P,) int32, exactly what lmms-eval sends, the image's placeholders included. target: (T,) int32, the
    fields and the end-of-turn token. fields: (T,) int8, each target token's field; the end-of-turn token belongs to
    the last field. image: its key in `Images`.
    """

    record_id: str
    image: str
    prompt: np.ndarray
    target: np.ndarray
    fields: np.ndarray

    def __len__(self) -> int:
        return len(self.prompt) + len(self.target)


@dataclass(frozen=True)
class Encoded:
    """All samples, the fields' names, each image's placeholder count, and the records that were left out and why.

    The last `mixed` samples are mixed in (`mixing`): supervised in every stage.
    """

    samples: list[Sample]
    field_names: list[str]
    image_tokens: dict[str, int]
    skipped: dict[str, str]
    mixed: int = 0

    def with_mixed(
        self,
        records: datasets.Dataset,
        taught: Method,
        first_row: int,
        family: Family,
        processor: ProcessorMixin,
        images: Images,
        limit: int,
    ) -> "Encoded":
        """These samples and those of `records`, whose pictures stand in `images` from `first_row` on."""
        extra = encode(records, taught, family, processor, images, limit, first_row)
        samples = [replace(sample, fields=np.full_like(sample.fields, MIXED)) for sample in extra.samples]
        tokens = self.image_tokens | extra.image_tokens
        return Encoded(self.samples + samples, self.field_names, tokens, self.skipped | extra.skipped, len(samples))


def encode(
    records: datasets.Dataset,
    taught: Method,
    family: Family,
    processor: ProcessorMixin,
    images: Images,
    limit: int,
    first_row: int = 0,
) -> Encoded:
    """Tokenise every record for the method that is `taught` and check it.

    The pictures of `records` stand in `images` from `first_row` on.

    Records that lack what the method teaches are left out and reported. Raises UserError when none is left, when a
    sample is longer than `limit` tokens (image tokens are never cut, and neither is a target), and when a record's
    text contains a special token of the model.
    """
    rows = records.remove_columns("image")
    samples, skipped, problems = [], {}, []
    own_keys = dict.fromkeys(images.keys[first_row : first_row + len(records)])
    sizes = {images.size(key) for key in own_keys}
    expansions = {size: family.expansion(processor, *size) for size in sizes}
    special = {token for token, of in processor.tokenizer.added_tokens_decoder.items() if of.special}
    token, placeholder = family.placeholder(processor)
    marks = {processor.image_token_id: processor.image_token, token: placeholder}
    image_tokens = {key: expansions[images.size(key)].count(placeholder) for key in own_keys}
    for start in range(0, len(rows), _CHUNK):
        chunk, keys = [], []
        for row in range(start, min(start + _CHUNK, len(rows))):
            record = rows[row]
            reason = taught.lacks(record)
            if reason:
                skipped[record["id"]] = reason
            else:
                chunk.append(record)
                keys.append(images.keys[first_row + row])
        if not chunk:
            continue
        fields = [taught.target(record) for record in chunk]
        prompts = _prompts(chunk, taught, family, processor, [expansions[images.size(key)] for key in keys])
        targets = _targets(fields, family, processor)
        asked = processor.tokenizer([taught.ask(record) for record in chunk], add_special_tokens=False)["input_ids"]
        for record, question in zip(chunk, asked, strict=True):
            if not special.isdisjoint(question):
                problems.append(f"record {record['id']} has a special token of the model in its question: remove it")
        for record, key, prompt, (target, owners) in zip(chunk, keys, prompts, targets, strict=True):
            sample = Sample(record["id"], key, prompt, target, owners)
            samples.append(sample)
            counts = {mark: expansions[images.size(key)].count(text) for mark, text in marks.items()}
            problems += _problems(sample, image_tokens[key], counts, images.size(key), processor, limit)
    if not samples:
        raise UserError(f"none of the {len(rows)} records can be used for --method {taught.name}: {_reasons(skipped)}")
    if problems:
        more = f"\n  ... and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise UserError("nothing was trained:\n  " + "\n  ".join(problems[:_SHOWN]) + more)
    return Encoded(samples, list(taught.field_names), image_tokens, skipped)


def prompt_text(text: str, family: Family, processor: ProcessorMixin) -> str:
    """The chat around one question, with a single image placeholder, ready for the model's turn."""
    return processor.apply_chat_template(family.messages(text), tokenize=False, add_generation_prompt=True)


def _prompts(
    records: list, taught: Method, family: Family, processor: ProcessorMixin, expansions: list[str]
) -> list[np.ndarray]:
    texts = [
        prompt_text(taught.ask(record), family, processor).replace(processor.image_token, expansion, 1)
        for record, expansion in zip(records, expansions, strict=True)
    ]
    return [np.array(ids, dtype=np.int32) for ids in processor.tokenizer(texts)["input_ids"]]


def _targets(fields: list, family: Family, processor: ProcessorMixin) -> list[tuple[np.ndarray, np.ndarray]]:
    tokenizer = processor.tokenizer
    texts = [[text for _, text in one] for one in fields]
    encoded = tokenizer([SEPARATOR.join(one) for one in texts], return_offsets_mapping=True, add_special_tokens=False)
    end = tokenizer.convert_tokens_to_ids(family.turn_end)
    targets = []
    for one, ids, offsets in zip(texts, encoded["input_ids"], encoded["offset_mapping"], strict=True):
        owners = np.append(token_fields(one, offsets), np.int8(len(one) - 1))
        targets.append((np.array([*ids, end], dtype=np.int32), owners))
    return targets


def _problems(
    sample: Sample,
    image_tokens: int,
    marks: dict[int, int],
    size: tuple[int, int],
    processor: ProcessorMixin,
    limit: int,
) -> list[str]:
    """marks: token → how often one picture brings it."""
    found = []
    if len(sample) > limit:
        found.append(
            f"record {sample.record_id} takes {len(sample)} tokens ({image_tokens} for its {size[0]}x{size[1]} image), "
            f"beyond --max_length {limit}: raise it, or lower --max_pixels"
        )
    special = list(processor.tokenizer.added_tokens_decoder)
    if any(int((sample.prompt == mark).sum()) != count for mark, count in marks.items()):
        found.append(f"record {sample.record_id} has {processor.image_token} in its question: remove it")
    if int(np.isin(sample.target, special).sum()) != 1:
        found.append(f"record {sample.record_id} has a special token of the model in its annotation: remove it")
    return found


def _reasons(skipped: dict[str, str]) -> str:
    counts: dict[str, int] = {}
    for reason in skipped.values():
        counts[reason] = counts.get(reason, 0) + 1
    return "; ".join(f"{count} have {reason}" for reason, count in sorted(counts.items(), key=lambda item: -item[1]))


def lengths(samples: Sequence[Sample]) -> tuple[int, float]:
    """(longest, mean) sample in tokens."""
    sizes = [len(sample) for sample in samples]
    return max(sizes), sum(sizes) / len(sizes)
