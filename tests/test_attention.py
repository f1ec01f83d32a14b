"""Attention in packed rows: every token sees its shared part and its own branch, by every kernel, and nothing else."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from packed_rows import flex_on_a_cpu, visible
from torch.nn.attention.flex_attention import create_mask

from lmms_eval_drbench.errors import UserError
from sft import attention
from sft.collate import IGNORE, Item
from sft.encode import Sample
from sft.packing import PackedCollator
from sft.stages import stages

HEADS, KEY_HEADS, SIZE = 4, 2, 16


class NoImages:
    pass


def packed(shape, budget):
    """A packed batch of images with branches of these lengths: [[shared, branch, branch, ...], ...]."""
    stage = stages("joint", ["answer"])[0]
    items = []
    for image, (shared, *branches) in enumerate(shape):
        for number, length in enumerate(branches):
            prompt = np.array([*range(10, 10 + shared), 100 + number])  # the last token tells the prompts apart
            target = np.full(length - 1, 7)
            fields = np.zeros(length - 1, dtype=np.int8)
            items.append(Item(Sample(f"{image} {number}", str(image), prompt, target, fields), stage))
    return PackedCollator(0, -5, NoImages(), cached=True, budget=budget)(items)


SHAPES = {
    "one question": [[3, 2]],
    "uneven": [[5, 2, 9, 3]],
    "several images a row": [[5, 2, 9, 3], [2, 4], [7, 2, 2]],
    "more than a block of FlexAttention": [[90, 70, 20, 60], [40, 30, 50]],
}


@pytest.fixture(params=[12, 400], ids=["short rows", "long rows"])
def budget(request):
    return request.param


@pytest.fixture(params=SHAPES)
def batch(request, budget):
    made = packed(SHAPES[request.param], budget)
    assert (made["labels"] != IGNORE).any()
    return made


def states(batch):
    """query, key, value for the batch, the same at each call."""
    torch.manual_seed(0)
    rows, length = batch["input_ids"].shape
    return [torch.randn(rows, heads, length, SIZE, requires_grad=True) for heads in (HEADS, KEY_HEADS, KEY_HEADS)]


def outputs(batch, call):
    """Outputs of the real tokens (tokens, heads, size), and the gradients of a loss over them."""
    made = states(batch)
    real = batch["groups"] >= 0
    found = call(*made)[real]
    found.square().sum().backward()
    return [found.detach(), *(state.grad.transpose(1, 2)[real] for state in made)]


def by_definition(batch):
    mask = visible(batch["groups"], batch["branches"])[:, None]
    return outputs(
        batch, lambda *made: F.scaled_dot_product_attention(*made, attn_mask=mask, enable_gqa=True).transpose(1, 2)
    )


@pytest.mark.parametrize("kind", ["sdpa", "flex"])
def test_outputs_and_gradients_are_those_of_the_mask_by_definition(batch, kind):
    given = attention.inputs(kind, batch)
    with flex_on_a_cpu():
        found = outputs(batch, lambda *made: attention._attend(torch.nn.Module(), *made, **given)[0])
    for one, other in zip(found, by_definition(batch), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_flex_attentions_mask_is_the_definition_cell_by_cell(batch):
    groups, branches = batch["groups"], batch["branches"]
    rows, length = groups.shape
    mask = create_mask(attention.sees(groups, branches), rows, 1, length, length, device="cpu")
    expected = visible(groups, branches)
    assert torch.equal(mask[:, 0], expected)
    blocks = attention.block_mask(groups, branches).to_dense()[:, 0].bool()
    side = attention.block_mask(groups, branches).BLOCK_SIZE[0]
    for row, token, other in expected.nonzero().tolist():
        assert blocks[row, token // side, other // side]


def test_flex_attention_skips_blocks_that_nobody_sees():
    batch = packed([[128, 128, 128, 128], [128, 128]], 4096)
    blocks = attention.block_mask(batch["groups"], batch["branches"]).to_dense()[0, 0]
    drawn = ["".join("#" if block else "." for block in line) for line in blocks.tolist()]
    assert drawn == ["#.....", "##....", "#.#...", "#..#..", "....#.", "....##"]


@settings(max_examples=60, deadline=None)
@given(
    shape=st.lists(
        st.lists(st.integers(2, 9), min_size=2, max_size=5),
        min_size=1,
        max_size=4,
    ),
    budget=st.integers(5, 60),
)
def test_any_packed_batch_attends_as_its_mask_by_definition(shape, budget):
    batch = packed(shape, budget)
    given_inputs = attention.inputs("sdpa", batch)
    found = outputs(batch, lambda *made: attention._attend(torch.nn.Module(), *made, **given_inputs)[0])
    for one, other in zip(found, by_definition(batch), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_compiled_flex_attention_gives_the_same_outputs():
    """Forward only: on a CPU the compiled kernel has no backward pass."""
    torch._dynamo.reset()
    for shape in (SHAPES["several images a row"], SHAPES["uneven"], SHAPES["more than a block of FlexAttention"]):
        batch = packed(shape, 400)
        given = attention.inputs("flex", batch)
        with torch.no_grad():
            made = [state.detach() for state in states(batch)]
            found = attention._attend(torch.nn.Module(), *made, **given)[0]
        real = batch["groups"] >= 0
        torch.testing.assert_close(found[real], by_definition(batch)[0], rtol=1e-4, atol=1e-5)


def test_a_batch_that_lost_its_layout_is_noticed(batch):
    given = attention.inputs("sdpa", batch)
    with pytest.raises(RuntimeError, match="without its layout"):
        attention._attend(torch.nn.Module(), *states(batch), attention_mask=given["attention_mask"])


def test_a_window_over_packed_rows_is_refused(batch):
    given = attention.inputs("sdpa", batch)
    with pytest.raises(UserError, match="sliding_window.*--packing off"):
        attention._attend(torch.nn.Module(), *states(batch), **given, sliding_window=4096)


@pytest.mark.parametrize(
    ("cuda", "triton", "packs", "dropout", "match"),
    [
        (False, True, True, 0.0, "needs a CUDA GPU"),
        (True, False, True, 0.0, "Triton"),
        (True, True, False, 0.0, "packed rows"),
        (True, True, True, 0.1, "0.1"),
        (True, True, True, 0.0, None),
    ],
)
def test_flex_is_chosen_where_it_can_run_and_refused_by_name_elsewhere(
    monkeypatch, cuda, triton, packs, dropout, match
):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(attention, "has_triton", lambda: triton)
    assert attention.choose("sdpa", packs, dropout) == "sdpa"
    assert attention.choose("auto", packs, dropout) == ("flex" if match is None else "sdpa")
    if match is None:
        assert attention.choose("flex", packs, dropout) == "flex"
    else:
        with pytest.raises(UserError, match=f"--attention flex .*{match}"):
            attention.choose("flex", packs, dropout)
