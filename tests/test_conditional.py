"""Layer-conditional accuracy, worked out by hand."""

import math

import pytest

from lmms_eval_drbench import intervals
from lmms_eval_drbench.conditional import conditional


def samples(text: str) -> list[dict]:
    """`image: layer-1 scores / layer-2 scores / layer-3 scores`, one image a line."""
    categories = ("perception", "anomaly_detection", "false_premise_rejection")
    found = []
    for line in text.split():
        image, scores = line.split(":")
        for category, digits in zip(categories, scores.split("/"), strict=True):
            found += [{"image_id": image, "category": category, "acc": float(digit)} for digit in digits]
    return found


def test_by_hand():
    # a, b: layer 1 all right (layer 2: 1, 1, 0 of 3); c, d: not (layer 2: 0, 1); e has no layer 1, f no layer 2
    found = samples("a:11/11/1 b:1/0/0 c:10/0/1 d:0/1/1 e:/1/1 f:1//0")
    two, three = conditional(found)
    assert (two.layer, two.given) == ("contextual_application", ("structural_grounding",))
    assert (two.right.mean, two.right.n, two.right.clusters) == (pytest.approx(2 / 3), 3, 2)
    assert (two.not_right.mean, two.not_right.n) == (1 / 2, 2)
    # a: layers 1 and 2 right, layer 3 right; b, c, d: not both; their layer 3 is 0, 1, 1
    assert three.given == ("structural_grounding", "contextual_application")
    assert (three.right.mean, three.right.n) == (1, 1)
    assert (three.not_right.mean, three.not_right.n) == (pytest.approx(2 / 3), 3)


def test_categories_of_one_layer_count_together():
    found = samples("a:1/1/1") + [{"image_id": "a", "category": "spatial_reasoning", "acc": 0.0}]
    assert [(c.right.n, c.not_right.n) for c in conditional(found)] == [(0, 1), (0, 1)]


def test_intervals_are_clustered_by_image():
    found = samples("a:1/1100/ b:1/111/ c:1/0/ d:0/0/")
    (two,) = conditional(found)
    scores, images = [1, 1, 0, 0, 1, 1, 1, 0], list("aaaabbbc")
    assert two.right == intervals.mean(scores, images)
    # by hand: mean 5/8; sums of (x - 5/8)/8 by image: a -4/64, b 9/64, c -5/64; G/(G-1) = 3/2
    assert two.right.se == pytest.approx(math.sqrt(1.5 * (16 + 81 + 25)) / 64)


def test_what_can_not_be_conditioned_on_is_left_out():
    assert conditional(samples("a:1// b:0//")) == []
    assert [c.layer for c in conditional(samples("a:1/1/ b:0/1/"))] == ["contextual_application"]
    assert conditional([]) == []
