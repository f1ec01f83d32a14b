"""The schedule and the gradient masks: exact at token level, for any text and any tokenizer."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from lmms_eval_drbench.errors import UserError
from lmms_eval_drbench.scaffold import FIELDS
from sft.stages import MIXED, plan, stages, token_fields
from sft.targets import SEPARATOR

TEXTS = [
    "<entities>\n- cup\n</entities>",
    "<relations>\n</relations>",
    "<reasoning>\nx\n</reasoning>",
    "<answer>B</answer>",
]


@pytest.fixture(scope="module")
def tokenizer(random_tiny):
    return AutoTokenizer.from_pretrained(random_tiny)


def spans_of(texts):
    """(start, end) of each field in the joined text, its separator included."""
    spans, start = [], 0
    for text in texts:
        spans.append((start, start + len(text) + len(SEPARATOR)))
        start = spans[-1][1]
    return spans


def test_current_stages_activate_one_field_each_and_cut_after_it():
    found = stages("current", FIELDS)
    assert [(s.number, s.name, set(s.active), s.last) for s in found] == [
        (1, "entities", {0}, 0),
        (2, "relations", {1}, 1),
        (3, "reasoning", {2}, 2),
        (4, "answer", {3}, 3),
    ]


def test_cumulative_stages_activate_all_fields_so_far():
    assert [(set(s.active), s.last) for s in stages("cumulative", FIELDS)] == [
        ({0}, 0),
        ({0, 1}, 1),
        ({0, 1, 2}, 2),
        ({0, 1, 2, 3}, 3),
    ]


def test_joint_is_one_stage_over_all_fields():
    (stage,) = stages("joint", FIELDS)
    assert (set(stage.active), stage.last) == ({0, 1, 2, 3}, 3)


@pytest.mark.parametrize("schedule", ["current", "cumulative", "joint"])
def test_a_single_field_makes_every_schedule_one_stage(schedule):
    (stage,) = stages(schedule, ["answer"])
    assert (set(stage.active), stage.last) == ({0}, 0)


def test_an_unknown_schedule_is_refused_with_the_known_ones():
    with pytest.raises(UserError, match="current, cumulative, joint"):
        stages("nested", FIELDS)


def test_supervise_cuts_after_the_last_field_and_masks_the_active_one():
    owners = np.array([0, 0, 1, 1, 1, 2, 3, 3])
    assert stages("current", FIELDS)[1].supervise(owners).tolist() == [False, False, True, True, True]
    assert stages("cumulative", FIELDS)[1].supervise(owners).tolist() == [True] * 5
    assert stages("joint", FIELDS)[0].supervise(owners).tolist() == [True] * 8


def test_a_token_over_a_boundary_belongs_to_the_earlier_field():
    # "ab\ncd": tokens "a", "b\nc" and "d"; the middle one begins in field 0.
    assert token_fields(["ab", "cd"], [(0, 1), (1, 4), (4, 5)]).tolist() == [0, 0, 1]


def test_the_separator_belongs_to_the_earlier_field():
    assert token_fields(["ab", "cd"], [(0, 2), (2, 3), (3, 5)]).tolist() == [0, 0, 1]


def test_offsets_that_trim_white_space_do_not_move_a_token_to_the_later_field():
    # A tokenizer that reports "\ncd" as (3, 5): the token still begins at the separator.
    assert token_fields(["ab", "cd"], [(0, 2), (3, 5)]).tolist() == [0, 0]


def test_tokens_that_share_a_multi_byte_character_stay_in_its_field():
    # One character of two tokens at the end of field 0: both report (1, 2).
    assert token_fields(["aé", "b"], [(0, 1), (1, 2), (1, 2), (2, 3), (3, 4)]).tolist() == [0, 0, 0, 0, 1]


def test_decoded_masks_are_exactly_the_fields(tokenizer):
    encoded = tokenizer(SEPARATOR.join(TEXTS), return_offsets_mapping=True)
    owners = token_fields(TEXTS, encoded["offset_mapping"])
    ids = np.array(encoded["input_ids"])
    decoded = [tokenizer.decode(ids[owners == k]) for k in range(4)]
    assert decoded == [text + SEPARATOR for text in TEXTS[:-1]] + TEXTS[-1:]


field_texts = st.lists(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30), min_size=1, max_size=5
)


@settings(max_examples=200, deadline=None)
@given(texts=field_texts, data=st.data())
def test_any_tiling_gives_every_token_to_the_field_of_its_first_character(texts, data):
    """For any cut of the text into tokens: monotone, and each token's owner holds its first character."""
    joined = SEPARATOR.join(texts)
    cuts = data.draw(st.lists(st.integers(1, len(joined)), unique=True).map(sorted))
    edges = [0, *cuts, len(joined)] if not cuts or cuts[-1] != len(joined) else [0, *cuts]
    offsets = list(zip(edges[:-1], edges[1:], strict=True))
    owners = token_fields(texts, offsets)
    spans = spans_of(texts)
    assert all(spans[owner][0] <= start < spans[owner][1] for owner, (start, _) in zip(owners, offsets, strict=True))
    assert (np.diff(owners) >= 0).all()


@settings(max_examples=60, deadline=None)
@given(texts=field_texts)
def test_real_tokenizer_never_gives_a_token_to_a_later_field_than_its_text(texts, tokenizer):
    encoded = tokenizer(SEPARATOR.join(texts), return_offsets_mapping=True, add_special_tokens=False)
    owners = token_fields(texts, encoded["offset_mapping"])
    spans = spans_of(texts)
    assert len(owners) == len(encoded["input_ids"])
    assert (np.diff(owners) >= 0).all()
    for owner, (start, _) in zip(owners, encoded["offset_mapping"], strict=True):
        assert spans[owner][0] <= start < spans[owner][1]


@settings(max_examples=100, deadline=None)
@given(owners=st.lists(st.integers(0, 3), min_size=1, max_size=40).map(sorted))
def test_current_stages_supervise_every_token_exactly_once(owners):
    owners = np.array(owners)
    times = np.zeros(len(owners), dtype=int)
    for stage in stages("current", FIELDS):
        mask = stage.supervise(owners)
        times[: len(mask)] += mask
    assert (times == 1).all()


def make_plan(seed=0, steps=(3, 2), per_step=4, size=10):
    lengths = [[100 + (7 * i) % 31 for i in range(size)]] * len(steps)
    return plan(stages("current", FIELDS)[: len(steps)], list(steps), per_step, lengths, seed)


def test_plan_walks_the_stages_in_order_and_every_step_is_of_one_stage():
    order = make_plan()
    assert [stage for stage, _ in order.entries] == [0] * 12 + [1] * 8
    assert [order.stage_at(step).number for step in range(1, 6)] == [1, 1, 1, 2, 2]


def test_plan_uses_every_sample_before_it_repeats_one():
    order = make_plan(steps=(5,), per_step=4, size=10)
    counts = np.bincount([sample for _, sample in order.entries], minlength=10)
    assert counts.tolist() == [2] * 10


def test_plan_depends_on_the_seed_and_on_nothing_else():
    assert make_plan(seed=1).entries == make_plan(seed=1).entries
    assert make_plan(seed=1).entries != make_plan(seed=2).entries


def test_plan_groups_samples_of_similar_length():
    lengths = [[i for i in range(64)]]
    order = plan(stages("joint", FIELDS), [16], 4, lengths, 0)
    spread = [np.ptp([sample for _, sample in order.entries[i : i + 4]]) for i in range(0, 64, 4)]
    assert max(spread) == 3


@pytest.mark.parametrize("schedule", ["current", "cumulative", "joint"])
def test_a_mixed_in_sample_is_whole_and_supervised_in_every_stage(schedule):
    for stage in stages(schedule, FIELDS):
        assert stage.supervise(np.full(5, MIXED)).tolist() == [True] * 5


def test_plan_draws_mixed_in_samples_by_their_share_in_every_stage():
    order = plan(stages("current", FIELDS)[:2], [10, 10], 8, [[100] * 30] * 2, 0, mixed=5, share=0.25)
    for stage in (0, 1):
        drawn = [sample for index, sample in order.entries if index == stage]
        assert sum(sample >= 25 for sample in drawn) == 20
        assert len(drawn) == 80
    halves = [sum(sample >= 25 for _, sample in order.entries[:40]), sum(s >= 25 for _, s in order.entries[40:80])]
    assert min(halves) > 0  # spread over the stage, not appended to it
