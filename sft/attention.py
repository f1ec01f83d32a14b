"""How the tokens of packed rows attend to each other, without computing the pairs that must not.

Only attention needs to know about branches; every other layer takes a packed row as it is. Two ways, of equal result:

sdpa  Each shared part attends within itself; each branch is moved to a row of its own, behind its shared part:

          row   p p p a a b b b        queries   p p p        a a .              b b b
                                       keys      p p p        p p p a a .        p p p b b b

      No pair of two branches or two images is ever computed, so the length of a packed row costs nothing, and no
      padding reaches the other layers. It runs on every device.
flex  PyTorch's FlexAttention over the whole row, with a mask of blocks: blocks that nobody sees are skipped. It needs a
      CUDA GPU: on a CPU PyTorch has no backward pass for it.

A model is switched to `NAME` by `use`; what a batch then brings decides. One that isn't packed gets plain SDPA.
transformers' own `flex_attention` is refused by the Qwen classes (5.23), so a name of ours is registered, in the way
its documentation describes; the keyword `packed` reaches the attention through the models' keyword arguments.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch.nn.attention.flex_attention import BlockMask, create_block_mask
from torch.utils._triton import has_triton
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.flex_attention import flex_attention_forward
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from lmms_eval_drbench.errors import UserError

NAME = "packed_rows"
"""The attention implementation's name in transformers' registry."""
KINDS = ("auto", "sdpa", "flex")
_UNKNOWN = ("sliding_window", "softcap", "s_aux", "position_bias")
"""What some models ask of their attention and packed rows don't have."""


@dataclass(frozen=True)
class Layout:
    """Where the tokens of a packed batch stand (places), and where they stand once moved apart (slots).

    Slots are those of G shared parts of up to P tokens, then of N branches of up to T. place_of_slot: (G·P + N·T,) and
    slot_of_place: (B·L,), each −1 where nothing corresponds. owner: (N,), the shared part of each branch. visible:
    (N, 1, T, P + T) bool, what a branch's tokens attend to. A slot without a token sees something, too: its output is
    dropped, but must be finite.
    """

    place_of_slot: torch.Tensor
    slot_of_place: torch.Tensor
    owner: torch.Tensor
    visible: torch.Tensor
    shared: tuple[int, int]

    @classmethod
    def of(cls, batch: dict[str, torch.Tensor]) -> "Layout":
        """The layout of what `packing.PackedCollator` gives: place_of_slot, slot_of_place, owner and shared_mask."""
        mask, owner = batch["shared_mask"].bool(), batch["owner"]
        groups, width = mask.shape
        longest = (len(batch["place_of_slot"]) - groups * width) // len(owner)
        before = mask.new_ones((longest, longest)).tril().expand(len(owner), longest, longest)
        of_shared = mask[owner][:, None].expand(len(owner), longest, width)
        visible = torch.cat([of_shared, before], dim=2)[:, None]
        return cls(batch["place_of_slot"], batch["slot_of_place"], owner, visible, (groups, width))

    def apart(self, states: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, heads, L, size) → the shared parts (G, heads, P, size) and the branches (N, heads, T, size)."""
        _, heads, _, size = states.shape
        slots = _Move.apply(states.transpose(1, 2).reshape(-1, heads, size), self.place_of_slot, self.slot_of_place)
        count = self.shared[0] * self.shared[1]
        shared = slots[:count].view(*self.shared, heads, size)
        branches = slots[count:].view(len(self.owner), -1, heads, size)
        return shared.transpose(1, 2), branches.transpose(1, 2)

    def together(self, shared: torch.Tensor, branches: torch.Tensor, rows: int) -> torch.Tensor:
        """The way back: (B, L, heads, size)."""
        _, heads, _, size = shared.shape
        slots = torch.cat([part.transpose(1, 2).reshape(-1, heads, size) for part in (shared, branches)])
        return _Move.apply(slots, self.slot_of_place, self.place_of_slot).view(rows, -1, heads, size)


class _Move(torch.autograd.Function):
    """x (M, heads, size) → x[index] (K, heads, size); every row of x goes to one place at most.

    index: (K,), −1 where the result does not matter. inverse: (M,), where each row of x went, −1 where nowhere: the
    gradient is a plain look-up too, where autograd's own would add row by row, which on a CPU takes longer than the
    attention.
    """

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, index: torch.Tensor, inverse: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(inverse)
        return x.index_select(0, index.clamp(min=0))

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        (inverse,) = ctx.saved_tensors
        back = gradient.index_select(0, inverse.clamp(min=0))
        return back.masked_fill_((inverse < 0)[:, None, None], 0), None, None


def choose(asked: str, packs: bool, dropout: float) -> str:
    """`--attention` resolved to sdpa or flex. packs: whether the run packs. dropout: the model's, on attention weights.

    Raises UserError where flex was asked for and can't run.
    """
    obstacle = None
    if not packs:
        obstacle = "is for packed rows, and this run has none"
    elif not torch.cuda.is_available():
        obstacle = "needs a CUDA GPU: PyTorch's FlexAttention has no backward pass on a CPU"
    elif not has_triton():
        obstacle = "needs Triton, which compiles FlexAttention and is not installed: pip install triton"
    elif dropout:
        obstacle = f"knows no dropout on attention weights, and the model has {dropout}"
    if asked == "flex" and obstacle:
        raise UserError(f"--attention flex {obstacle}; use --attention sdpa")
    return "flex" if asked != "sdpa" and not obstacle else "sdpa"


def use(model: PreTrainedModel) -> None:
    """Give the model's language model the attention that this module registers; its tower keeps its own."""
    model.set_attn_implementation({"text_config": NAME})


def inputs(kind: str, batch: dict[str, torch.Tensor]) -> dict[str, Any]:
    """The forward arguments that make a packed batch attend as it must. kind: sdpa or flex."""
    if kind == "flex":
        return {"attention_mask": block_mask(batch["groups"], batch["branches"])}
    # transformers takes a 4D mask as it is and builds none of its own. Nobody may read this one: it would fit no row.
    unread = torch.zeros((1, 1, 1, 1), dtype=torch.bool, device=batch["groups"].device)
    return {"attention_mask": unread, "packed": Layout.of(batch)}


def sees(groups: torch.Tensor, branches: torch.Tensor) -> Callable[..., torch.Tensor]:
    """Who attends to whom, as FlexAttention asks: f(row, head, token, other) → bool.

    groups, branches: (B, L), see `packing.Group`. Padding (its group is -1) sees the padding before it and itself.
    """

    def visible(row: torch.Tensor, head: torch.Tensor, token: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        own = (branches[row, other] == 0) | (branches[row, token] == branches[row, other])
        return (other <= token) & (groups[row, token] == groups[row, other]) & own

    return visible


def block_mask(groups: torch.Tensor, branches: torch.Tensor) -> BlockMask:
    """FlexAttention's mask of a packed batch, made once and used by every layer."""
    rows, length = groups.shape
    return create_block_mask(sees(groups, branches), rows, None, length, length, device=groups.device)


def _attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | BlockMask | None,
    packed: Layout | None = None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **more: Any,
) -> tuple[torch.Tensor, None]:
    """What transformers calls: query (B, heads, L, size), key and value with fewer heads → (B, L, heads, size)."""
    flex = isinstance(attention_mask, BlockMask)
    if packed is None and not flex:
        if attention_mask is not None and attention_mask.shape[-1] != key.shape[2]:
            raise RuntimeError("a packed batch reached the attention without its layout")
        return sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, dropout=dropout, **more
        )
    asked = [name for name in _UNKNOWN if more.get(name) is not None]
    if asked:
        raise UserError(f"the model's attention has {asked[0]}, which packed rows don't: --packing off")
    if flex:
        output, _ = flex_attention_forward(module, query, key, value, attention_mask, scaling, dropout=dropout)
        return output, None
    shared_query, branch_query = packed.apart(query)
    shared_key, branch_key = packed.apart(key)
    shared_value, branch_value = packed.apart(value)
    keys = torch.cat([shared_key[packed.owner], branch_key], dim=2)
    values = torch.cat([shared_value[packed.owner], branch_value], dim=2)
    shared = _sdpa(shared_query, shared_key, shared_value, None, scaling, dropout)
    branches = _sdpa(branch_query, keys, values, packed.visible, scaling, dropout)
    return packed.together(shared, branches, len(query)), None


def _sdpa(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor | None,
    scaling: float | None,
    dropout: float,
) -> torch.Tensor:
    """PyTorch's scaled dot product attention, causal where there is no mask."""
    sharing = query.shape[1] // key.shape[1]
    if sharing > 1 and mask is not None and query.device.type != "cpu":
        # With a mask, only the CPU's fused kernel shares key heads by itself; elsewhere that falls back to a slow one.
        key, value = (states.repeat_interleave(sharing, dim=1) for states in (key, value))
        sharing = 1
    return F.scaled_dot_product_attention(
        query, key, value, mask, dropout, is_causal=mask is None, scale=scaling, enable_gqa=sharing > 1
    )


AttentionInterface.register(NAME, _attend)
AttentionMaskInterface.register(NAME, sdpa_mask)
