r"""Image-grouped packing: an image once, and all of its questions as branches behind it (DESIGN section 8).

An image costs far more tokens than a question, and DRBench asks about five questions an image. Samples of one image
share what their prompts begin with (chat, image, perhaps the first words); each goes on as a branch of its own:

    tokens    p p p p p | a a a a | b b b | c c c c c        p shared, a, b and c three questions
    sees      p         | p a     | p b   | p c              and within each, only what came before
    position  0 1 2 3 4 | 5 6 7 8 | 5 6 7 | 5 6 7 8 9        a branch counts on from the shared part

So every token sees the same tokens (`attention`) at the same positions as in a sequence of its own, and the loss is
mathematically that of the unpacked batch. Short groups share a row, up to a budget of tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from sft.collate import IGNORE, Item, row
from sft.images import Images

PADDING = -1
"""The group of a token that belongs to none."""
LAYOUT = (
    *("groups", "branches", "offsets", "shared_ids", "shared_mask"),
    *("place_of_slot", "slot_of_place", "owner"),
)
"""What a packed batch says about itself, see `PackedCollator`."""


@dataclass(frozen=True)
class Group:
    """Samples of one image, packed.

    tokens, labels: (L,), labels `IGNORE` where no loss runs. branches: (L,), 0 for the shared part, then 1, 2, ...
    offsets: (L,), where a token stands within the shared part or within its branch. shared: length of the shared part.
    """

    image: str
    tokens: np.ndarray
    labels: np.ndarray
    branches: np.ndarray
    offsets: np.ndarray
    shared: int

    def __len__(self) -> int:
        return len(self.tokens)


def groups(items: Sequence[Item], budget: int) -> list[Group]:
    """The items by image, in the order in which images first occur; a group beyond `budget` tokens is split.

    A single sample longer than the budget stays whole: no token is ever cut.
    """
    by_image: dict[str, list[Item]] = {}
    for item in items:
        by_image.setdefault(item.sample.image, []).append(item)
    found = []
    for image, members in by_image.items():
        rows = [row(member) for member in members]
        start = 0
        while start < len(rows):
            count = _fitting(rows[start:], members[start:], budget)
            found.append(_group(image, rows[start : start + count], members[start : start + count]))
            start += count
    return found


def shared_length(prompts: Sequence[np.ndarray]) -> int:
    """How many tokens all prompts begin with. At least one prompt token stays with each branch: it predicts the first
    target token.
    """
    shortest = min(len(prompt) for prompt in prompts) - 1
    first = prompts[0][:shortest]
    same = np.ones(shortest, dtype=bool)
    for prompt in prompts[1:]:
        same &= prompt[:shortest] == first
    return shortest if same.all() else int(same.argmin())


def _fitting(rows: list, members: list[Item], budget: int) -> int:
    """How many of these samples of one image fit the budget together; at least one."""
    count = 1
    while count < len(rows):
        shared = shared_length([member.sample.prompt for member in members[: count + 1]])
        if shared + sum(len(tokens) - shared for tokens, _ in rows[: count + 1]) > budget:
            break
        count += 1
    return count


def _group(image: str, rows: list[tuple[np.ndarray, np.ndarray]], members: list[Item]) -> Group:
    shared = shared_length([member.sample.prompt for member in members])
    parts = [(tokens[shared:], labels[shared:]) for tokens, labels in rows]
    sizes = [len(tokens) for tokens, _ in parts]
    return Group(
        image=image,
        tokens=np.concatenate([rows[0][0][:shared], *(tokens for tokens, _ in parts)]),
        labels=np.concatenate([np.full(shared, IGNORE), *(labels for _, labels in parts)]),
        branches=np.repeat(np.arange(len(parts) + 1), [shared, *sizes]),
        offsets=np.concatenate([np.arange(shared), *(np.arange(size) for size in sizes)]),
        shared=shared,
    )


def fill(found: Sequence[Group], budget: int) -> list[list[Group]]:
    """As few rows of groups within the budget as a greedy assignment finds, evenly long: little of them is padding."""
    longest_first = sorted(found, key=len, reverse=True)
    for count in range(-(-sum(map(len, found)) // budget), len(found) + 1):
        rows: list[list[Group]] = [[] for _ in range(count)]
        sizes = [0] * count
        for group in longest_first:
            emptiest = sizes.index(min(sizes))
            rows[emptiest].append(group)
            sizes[emptiest] += len(group)
        if all(size <= budget or len(packed) == 1 for size, packed in zip(sizes, rows, strict=True)):
            return [packed for packed in rows if packed]
    return [[group] for group in longest_first]


class PackedCollator:
    """Packs the items of a batch.

    Returns, for B rows of which the longest has L tokens, G groups, and P tokens in the longest shared part:
    input_ids, labels and mm_token_type_ids (B, L) as `collate.Collator` does; groups, branches and offsets (B, L), see
    `Group`, groups numbered over the batch and `PADDING` where there is none; shared_ids and shared_mask (G, P), the
    shared parts; place_of_slot, slot_of_place and owner, see `attention.Layout`; image_keys, one a group, in the order
    in which their placeholders stand; and unless features are cached, pixel_values and image_grid_thw.
    """

    def __init__(self, pad: int, image_token: int, images: Images, cached: bool, budget: int) -> None:
        self._pad, self._image_token, self._images, self._cached = pad, image_token, images, cached
        self._budget = budget

    def __call__(self, items: Sequence[Item]) -> dict[str, Any]:
        rows = fill(groups(items, self._budget), self._budget)
        in_order = [group for packed in rows for group in packed]
        shape = (len(rows), max(sum(map(len, packed)) for packed in rows))
        fields = {name: np.full(shape, value, dtype=np.int64) for name, value in self._empty().items()}
        number, places = 0, []
        for index, packed in enumerate(rows):
            start = 0
            for group in packed:
                span = slice(start, start + len(group))
                places.append(np.arange(len(group)) + start + index * shape[1])
                fields["input_ids"][index, span] = group.tokens
                fields["labels"][index, span] = group.labels
                fields["branches"][index, span] = group.branches
                fields["offsets"][index, span] = group.offsets
                fields["groups"][index, span] = number
                start, number = span.stop, number + 1
        shared = np.full((len(in_order), max(group.shared for group in in_order)), self._pad, dtype=np.int64)
        mask = np.zeros_like(shared)
        for index, group in enumerate(in_order):
            shared[index, : group.shared] = group.tokens[: group.shared]
            mask[index, : group.shared] = 1
        fields |= {"shared_ids": shared, "shared_mask": mask} | _slots(in_order, places, shape[0] * shape[1])
        batch: dict[str, Any] = {name: torch.from_numpy(values) for name, values in fields.items()}
        batch["mm_token_type_ids"] = (batch["input_ids"] == self._image_token).long()
        batch["image_keys"] = [group.image for group in in_order]
        if not self._cached:
            batch |= self._images.batch(batch["image_keys"])
        return batch

    def _empty(self) -> dict[str, int]:
        return {"input_ids": self._pad, "labels": IGNORE, "groups": PADDING, "branches": 0, "offsets": 0}


def _slots(found: Sequence[Group], places: Sequence[np.ndarray], count: int) -> dict[str, np.ndarray]:
    """Every shared part and every branch in a row of its own, as indices, see `attention.Layout`.

    places: of each group, its tokens' indices into the `count` tokens of the flattened batch.
    """
    shared = [own[group.branches == 0] for group, own in zip(found, places, strict=True)]
    branches, owner = [], []
    for number, (group, own) in enumerate(zip(found, places, strict=True)):
        ends = np.flatnonzero(np.diff(group.branches)) + 1
        branches += np.split(own, ends)[1 if group.shared else 0 :]
        owner += [number] * int(group.branches[-1])
    place_of_slot = np.concatenate([_padded(shared).ravel(), _padded(branches).ravel()])
    used = np.flatnonzero(place_of_slot >= 0)
    slot_of_place = np.full(count, -1)
    slot_of_place[place_of_slot[used]] = used
    return {"place_of_slot": place_of_slot, "slot_of_place": slot_of_place, "owner": np.array(owner)}


def _padded(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Parts of several lengths as one array, -1 behind them."""
    full = np.full((len(parts), max(map(len, parts))), -1)
    for line, part in zip(full, parts, strict=True):
        line[: len(part)] = part
    return full


def positions(shared: torch.Tensor, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Position of every token: (axes, B, L), or (B, L) where the model counts on one axis.

    shared: (axes, G, P), positions of the shared parts as the model itself gives them. A branch goes on from the
    highest of them on any axis, plus one.
    """
    groups, offsets = batch["groups"].clamp(min=0), batch["offsets"]
    real = batch["shared_mask"].bool()
    highest = shared.masked_fill(~real, -1).amax(dim=(0, 2))  # (G,)
    of_shared = shared[:, groups, offsets.clamp(max=shared.shape[2] - 1)]
    of_branch = (highest[groups] + 1 + offsets).expand_as(of_shared)
    found = torch.where(batch["branches"] == 0, of_shared, of_branch)
    return found[0] if len(found) == 1 else found
