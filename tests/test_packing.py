"""Image-grouped packing: nothing is lost, nobody sees a neighbour, and loss and gradients are the unpacked ones."""

import numpy as np
import pytest
import torch
from conftest import toy_record, write_toy_data
from hypothesis import given, settings
from hypothesis import strategies as st
from packed_rows import flex_on_a_cpu
from test_sft import options_for

from lmms_eval_drbench.scaffold import FIELDS
from sft import loss, packing, run
from sft.collate import IGNORE, Collator, Item, row
from sft.encode import Sample
from sft.stages import plan, stages

QUESTIONS = (5, 1, 3, 2)
"""Questions of each image: uneven, one of them alone."""


@pytest.fixture(scope="module")
def job(random_tiny, tmp_path_factory):
    records, index = [], 0
    for image, count in enumerate(QUESTIONS):
        for _ in range(count):
            question = "What is on the table? " + "Look again. " * (index % 3)
            records.append(toy_record(image, id=f"q{index}", question=question))
            index += 1
    folder = write_toy_data(tmp_path_factory.mktemp("packing"), records)
    out = tmp_path_factory.mktemp("packed")
    options = options_for(random_tiny, folder, out, batch_size=3, packing="on")
    made = run.prepare(options, out)
    generator = torch.Generator().manual_seed(0)
    for name, parameter in made.model.named_parameters():
        if "lora_B" in name:  # zero at first, so that no gradient would reach lora_A
            parameter.data.normal_(0, 0.05, generator=generator)
    return made


@pytest.fixture(scope="module")
def trainer(job):
    return run.build_trainer(job)


def collators(job, budget, cached=True):
    tokens = job.processor.tokenizer.pad_token_id, job.processor.image_token_id
    return Collator(*tokens, job.images, cached), packing.PackedCollator(*tokens, job.images, cached, budget)


def gradients(model):
    found = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    return found


def assert_same(trainer, job, left, right, tokens):
    """Two lists of batches give one loss and one gradient of every parameter."""
    results = []
    for batches in (left, right):
        total = 0.0
        for batch in batches:
            part = trainer.compute_loss(job.model, dict(batch), num_items_in_batch=tokens)
            part.backward()
            total += float(part.detach())
        results.append((total, gradients(job.model)))
    (plain_loss, plain), (packed_loss, packed) = results
    assert packed_loss == pytest.approx(plain_loss, rel=1e-5)
    assert plain.keys() == packed.keys() and len(plain) > 10
    for name, gradient in plain.items():
        assert torch.linalg.norm(packed[name] - gradient) <= 1e-4 * torch.linalg.norm(gradient), name
        assert torch.linalg.norm(gradient) > 0, name


@pytest.mark.parametrize(
    ("schedule", "budget"), [("current", 1200), ("cumulative", 1200), ("joint", 100), ("joint", 1200), ("joint", 4096)]
)
@pytest.mark.parametrize("kind", ["sdpa", "flex"])
def test_packed_loss_and_gradients_equal_the_unpacked_ones(job, trainer, schedule, budget, kind, monkeypatch):
    """In every stage; with split groups, one image a row, and several images a row."""
    monkeypatch.setattr(trainer, "_attention", kind)
    plain, packed = collators(job, budget)
    for stage in stages(schedule, FIELDS):
        items = [Item(sample, stage) for sample in job.encoded.samples]
        one, other = plain(items), packed(items)
        if budget > 100:  # at 100 every group is cut into single samples
            assert other["input_ids"].numel() < one["input_ids"].numel()
        tokens = int((one["labels"] != IGNORE).sum())
        assert int((other["labels"] != IGNORE).sum()) == tokens
        with flex_on_a_cpu():
            assert_same(trainer, job, [one], [other], tokens)


def test_packing_makes_several_images_a_row_and_splits_long_groups(job):
    stage = stages("joint", FIELDS)[0]
    items = [Item(sample, stage) for sample in job.encoded.samples]
    wide, narrow = (collators(job, budget)[1](items) for budget in (4096, 100))
    assert len(wide["input_ids"]) == 1 and len(wide["image_keys"]) == len(QUESTIONS)
    assert len(narrow["image_keys"]) == sum(QUESTIONS) == len(job.encoded.samples)


def test_packing_is_the_same_over_accumulation_and_without_the_feature_cache(job, trainer):
    stage = stages("joint", FIELDS)[0]
    items = [Item(sample, stage) for sample in job.encoded.samples]
    plain, packed = collators(job, 1200)
    tokens = int((plain(items)["labels"] != IGNORE).sum())
    assert_same(trainer, job, [plain(items)], [packed(items[:4]), packed(items[4:])], tokens)
    vision, trainer._vision = trainer._vision, None
    try:
        _, uncached = collators(job, 1200, cached=False)
        with_pixels = uncached(items)
        assert "pixel_values" in with_pixels
        results = trainer.compute_loss(job.model, with_pixels, num_items_in_batch=tokens)
    finally:
        trainer._vision = vision
    expected = trainer.compute_loss(job.model, packed(items), num_items_in_batch=tokens)
    assert float(results.detach()) == pytest.approx(float(expected.detach()), rel=1e-5)


def test_packing_is_the_same_under_gradient_checkpointing(job, trainer):
    """Layers that run again in the backward pass attend as they did before."""
    stage = stages("joint", FIELDS)[0]
    items = [Item(sample, stage) for sample in job.encoded.samples]
    plain, packed = (collate(items) for collate in collators(job, 4096))
    tokens = int((plain["labels"] != IGNORE).sum())
    job.model.gradient_checkpointing_enable()
    job.model.train()
    try:
        assert job.model.get_base_model().model.language_model.gradient_checkpointing
        assert_same(trainer, job, [plain], [packed], tokens)
    finally:
        job.model.gradient_checkpointing_disable()


@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_the_loss_and_its_gradient_are_pytorchs_own(scale):
    torch.manual_seed(0)
    hidden, wanted = torch.randn(23, 8, requires_grad=True), torch.randint(0, 97, (23,))
    head = (torch.randn(97, 8) * scale).requires_grad_()
    results = []
    for entropy in (
        lambda logits: torch.nn.functional.cross_entropy(logits, wanted, reduction="sum"),
        lambda logits: loss._CrossEntropy.apply(logits, wanted),
    ):
        total = entropy(hidden @ head.T)
        gradients = torch.autograd.grad(total / 5, [hidden, head])
        results.append((total, *gradients))
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-5, atol=1e-5)
    with torch.no_grad():
        torch.testing.assert_close(entropy(hidden @ head.T), total)


def test_chunks_of_logits_give_the_same_loss_and_gradients(job, trainer, monkeypatch):
    stage = stages("joint", FIELDS)[0]
    batch = collators(job, 4096)[1]([Item(sample, stage) for sample in job.encoded.samples])
    whole = trainer.compute_loss(job.model, dict(batch))
    whole.backward()
    expected = gradients(job.model)
    monkeypatch.setattr(loss, "CHUNK", 7)
    parts = trainer.compute_loss(job.model, dict(batch))
    parts.backward()
    torch.testing.assert_close(parts, whole)
    for name, gradient in gradients(job.model).items():
        torch.testing.assert_close(gradient, expected[name], rtol=1e-4, atol=1e-7)


def test_a_branch_counts_on_from_the_highest_position_of_the_shared_part():
    shared = torch.tensor([[[0, 1, 1, 0]], [[0, 1, 2, 0]], [[0, 5, 1, 0]]])  # three axes, one group, one padding
    batch = {
        "groups": torch.tensor([[0, 0, 0, 0, 0, 0, -1]]),
        "branches": torch.tensor([[0, 0, 0, 1, 1, 2, 0]]),
        "offsets": torch.tensor([[0, 1, 2, 0, 1, 0, 0]]),
        "shared_mask": torch.tensor([[1, 1, 1, 0]]),
    }
    found = packing.positions(shared, batch)[:, 0, :6]
    assert found.tolist() == [[0, 1, 1, 6, 7, 6], [0, 1, 2, 6, 7, 6], [0, 5, 1, 6, 7, 6]]


samples = st.lists(
    st.tuples(
        st.sampled_from("xyz"),
        st.lists(st.integers(3, 5), min_size=1, max_size=6),
        st.lists(st.integers(6, 9), min_size=1, max_size=6),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=200, deadline=None)
@given(drawn=samples, budget=st.integers(5, 60))
def test_any_samples_are_packed_whole_and_once(drawn, budget):
    """Every sample can be read back: the shared part and its branch are its tokens and labels, in order."""
    stage = stages("joint", ["answer"])[0]
    items = [
        Item(
            Sample(str(i), image, np.array([1, 2, *prompt]), np.array(target), np.zeros(len(target), dtype=np.int8)),
            stage,
        )
        for i, (image, prompt, target) in enumerate(drawn)
    ]
    found = packing.groups(items, budget)
    read = []
    for group in found:
        for branch in range(1, group.branches.max() + 1):
            chosen = (group.branches == 0) | (group.branches == branch)
            read.append((group.image, group.tokens[chosen].tolist(), group.labels[chosen].tolist()))
        assert (np.diff(group.branches) >= 0).all()
        assert group.branches.max() == 1 or len(group) <= budget
        assert (group.labels[: group.shared] == IGNORE).all()
        starts = np.flatnonzero(np.diff(group.branches, prepend=0))
        assert (group.labels[starts] == IGNORE).all(), "a branch's first token is predicted from another branch"
    expected = [(item.sample.image, *(part.tolist() for part in row(item))) for item in items]
    assert sorted(read) == sorted(expected)
    rows = packing.fill(found, budget)
    assert sorted(map(id, (group for packed in rows for group in packed))) == sorted(map(id, found))
    assert all(len(packed) == 1 or sum(map(len, packed)) <= budget for packed in rows)


@settings(max_examples=50, deadline=None)
@given(images=st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=40), per_step=st.integers(1, 8))
def test_a_plan_by_image_keeps_the_questions_of_an_image_together(images, per_step):
    steps = -(-2 * len(images) // per_step)
    order = plan(stages("joint", FIELDS), [steps], per_step, [[1] * len(images)], 0, images=images)
    first = [sample for _, sample in order.entries[: len(images)]]
    assert sorted(first) == list(range(len(images)))
    changes = sum(images[one] != images[other] for one, other in zip(first, first[1:], strict=False))
    assert changes == len(set(images)) - 1
