"""Colours as pixels show them: what confirms an annotated colour, and what may not be denied."""

import numpy as np
import pytest

from lmms_eval_drbench.build import pixels
from lmms_eval_drbench.build.sources import open_source
from lmms_eval_drbench.build.sources.procedural.world import COLOURS


def of(*colours: tuple[int, int, int]) -> np.ndarray:
    """Pixels of which each colour takes an equal share."""
    return np.repeat(np.array(colours, dtype=np.uint8), 60, axis=0)


@pytest.mark.parametrize("colour", COLOURS)
def test_a_colour_of_our_own_palette_goes_by_its_name(colour):
    confirmed, _, tints = pixels.verdict(colour, of(COLOURS[colour]))
    assert confirmed and colour in tints
    far = {"red": "green", "blue": "yellow", "green": "purple", "yellow": "blue", "orange": "blue", "purple": "yellow"}
    far |= {"pink": "green", "brown": "blue", "black": "white", "white": "black", "gray": "yellow"}
    assert far[colour] not in tints and not pixels.verdict(far[colour], of(COLOURS[colour]))[0]


def test_what_two_people_would_call_by_two_names_may_be_denied_neither():
    confirmed, plain, tints = pixels.verdict("red", of((150, 72, 52)))
    assert confirmed and not plain and {"red", "brown"} <= tints


def test_a_white_part_of_a_red_thing_counts_and_a_speck_does_not():
    assert "white" in pixels.verdict("red", of((200, 20, 20), (200, 20, 20), (245, 245, 245)))[2]
    assert "white" not in pixels.verdict("red", of(*[(200, 20, 20)] * 20, (245, 245, 245)))[2]


@pytest.mark.parametrize(
    ("colour", "rgb"), [("teal", (20, 130, 130)), ("maroon", (110, 20, 30)), ("silver", (170,) * 3)]
)
def test_a_shade_goes_by_its_basic_colours_and_is_never_plain(colour, rgb):
    assert pixels.verdict(colour, of(rgb))[:2] == (True, False)


def test_a_box_is_found_in_a_picture_of_another_size():
    picture = np.zeros((50, 100, 3), dtype=np.uint8)
    picture[10:20, 30:50] = 255
    assert (pixels.within(picture, (60, 20, 40, 20), 200, 100) == 255).all()
    assert pixels.within(picture, (199, 99, 1, 1), 200, 100).shape == (1, 3)


def test_a_thing_is_dark_when_hardly_any_of_its_pixels_is_bright_or_most_are_black():
    assert pixels.is_dark(of((30, 20, 10))) and not pixels.is_dark(of((30, 20, 10), (30, 20, 10), (200, 200, 200)))
    assert pixels.is_dark(of((9, 8, 8), (9, 8, 8), (200, 200, 200)))


def test_most_colours_of_the_real_sample_are_confirmed(coco_sample):
    source = open_source("gqa", coco_sample / "scene_graphs.json", coco_sample / "images")
    named = {"kept": 0, "lost": 0}
    for image_id in source.ids():
        for thing in source.scene(image_id).objects:
            said = [word for word in thing.attributes if word in pixels.NAMES]
            if thing.clear and len(said) == 1:
                named["kept" if thing.colour else "lost"] += 1
    assert named["kept"] >= 0.8 * sum(named.values()) and named["lost"] >= 1, named
