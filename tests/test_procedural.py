"""The procedural world: what a composition says of a picture is what the picture shows."""

import colorsys
import io
import sys
from collections import Counter

import numpy as np
import pytest
from PIL import Image, ImageChops

from lmms_eval_drbench.build import __main__ as command
from lmms_eval_drbench.build import annotated, kinds
from lmms_eval_drbench.build.pictures import Gallery
from lmms_eval_drbench.build.sources import open_source
from lmms_eval_drbench.build.sources.base import Fact
from lmms_eval_drbench.build.sources.procedural import compose
from lmms_eval_drbench.build.sources.procedural.drawers import load
from lmms_eval_drbench.build.sources.procedural.layout import _SHOWN_WITH, arrange, pixels, scene_of
from lmms_eval_drbench.build.sources.procedural.pieces import FLAW_ROOM, Piece
from lmms_eval_drbench.build.sources.procedural.render import encode, render, sprite
from lmms_eval_drbench.build.sources.procedural.rooms import PLACES
from lmms_eval_drbench.build.sources.procedural.source import FIRST_SEEDS, SEED_STEP
from lmms_eval_drbench.build.sources.procedural.world import COLOURS, GROUNDS, KINDS, WRONG_STATES
from lmms_eval_drbench.errors import UserError, run_cli

SEED = 900_000_000


@pytest.fixture(scope="module")
def made() -> list:
    return [arrange(SEED + index) for index in range(120)]


def _looks():
    """Every kind in each of its states, and in its wrong state."""
    for kind in KINDS.values():
        colour = kind.colours[0] if kind.colours else None
        for state in kind.states or (None,):
            yield Piece(kind.name, 0, 0, kind.size[0], 0, 0, state=state, colour=colour)
        if kind.name in WRONG_STATES and kind.name != "refrigerator":
            yield Piece(kind.name, 0, 0, kind.size[0], 0, 0, colour=colour, flaw=WRONG_STATES[kind.name][0])


def _natural(piece: Piece) -> tuple[int, int]:
    width, height = KINDS[piece.kind].size_in(piece.state)
    wider, higher = FLAW_ROOM.get(piece.flaw, (1, 1))
    return round(width * wider), round(height * higher)


def test_the_world_is_as_rich_as_promised():
    assert set(load()) == set(KINDS) and len(KINDS) >= 45
    assert sum(not place.outdoors for place in PLACES) >= 5 and sum(place.outdoors for place in PLACES) >= 2
    assert 8 <= len(COLOURS) <= 12
    assert set(COLOURS) <= set(kinds.COLOURS)


@pytest.mark.parametrize("piece", list(_looks()), ids=lambda piece: f"{piece.kind} {piece.state or piece.flaw or ''}")
def test_every_drawing_fills_its_box(piece):
    size = _natural(piece)
    _, alpha = sprite(piece, size)
    left, top, right, bottom = alpha.point(lambda value: 255 if value >= 110 else 0).getbbox()
    assert max(left, top, size[0] - right, size[1] - bottom) <= 1


def test_boxes_are_tight_around_a_render_of_the_thing_alone(made):
    for composition in made[:5]:
        empty = render(composition, only=composition.pieces[0])
        for piece in composition.pieces:
            if piece.ground:
                continue
            alone = render(composition, only=piece)
            changed = ImageChops.difference(alone, empty).convert("L").point(lambda value: 255 if value > 3 else 0)
            x, y, width, height = pixels(piece, 1)
            found, box = changed.getbbox(), (x, y, x + width, y + height)
            assert max(abs(one - other) for one, other in zip(found, box, strict=True)) <= 3, (piece.kind, found, box)


def test_what_is_clear_can_be_seen(made):
    """Visibility as composed, on a coarse grid, against the pixels that are really drawn."""
    hidden = 0
    for composition in made[:25]:
        scene = scene_of(composition, 448)
        clear = {thing.box: thing.clear for thing in scene.objects}
        taken = np.zeros((448, 448), dtype=bool)
        for piece in reversed(composition.pieces):
            if piece.ground:
                continue
            box = pixels(piece, 1)
            x, y, width, height = box
            mask = np.asarray(sprite(piece, (width, height))[1]) > 127
            window = taken[y : y + height, x : x + width]
            share = (mask & ~window).sum() / mask.sum()
            window |= mask
            if clear[box]:
                assert share >= 0.55, (composition.seed, piece.kind, share)
            elif width * height > 0.02 * 448 * 448:
                assert share <= 0.68, (composition.seed, piece.kind, share)
            hidden += share < 0.95
    assert hidden >= 25  # things do hide one another


def test_a_thing_in_front_is_nearer_lower_and_larger(made):
    pairs = 0
    for composition in made:
        scene = scene_of(composition, 448)
        for one, name, other in scene.relations:
            if name == "in_front_of":
                pairs += 1
                near, far = scene.objects[one], scene.objects[other]
                assert near.depth[0] < far.depth[0]
                assert (other, "behind", one) in scene.relations
            elif name == "on":
                assert scene.objects[one].support == scene.objects[other].name
    assert pairs >= len(made)
    assert sum(any(name == "in_front_of" for _, name, _ in scene_of(c, 448).relations) for c in made) >= 0.8 * len(made)


def test_scenes_are_dense_and_say_everything(made):
    for composition in made:
        scene = scene_of(composition, 448)
        things = [piece for piece in composition.pieces if not piece.ground and piece.order >= 2]
        assert 8 <= len(things) <= 16
        names = {thing.name for thing in scene.objects}
        drawn_within = {kind for what in _SHOWN_WITH.values() for kind in what} - scene.countable
        assert scene.countable == names - set(GROUNDS) - drawn_within
        assert not names & scene.absent
        assert not ("bed" in names and "pillow" in scene.absent | scene.countable), "a bed is drawn with a pillow"
        for thing in scene.objects:
            assert thing.name in KINDS or thing.name in GROUNDS
            assert thing.support is None or thing.support in scene.surfaces
            assert thing.colour is None or thing.colour in thing.attributes
    doubles = sum(max(Counter(piece.kind for piece in c.pieces).values()) > 1 for c in made)
    assert doubles >= 0.7 * len(made)
    assert {kind for c in made for kind in (piece.kind for piece in c.pieces)} >= set(GROUNDS)


def test_about_half_of_the_scenes_have_something_wrong(made):
    wrong = Counter(kind for composition in made for kind, _, _ in composition.anomalies)
    assert set(wrong) == {"floating", "fallen", "out_of_place", "wrong_state", "blocking"}
    assert 0.35 <= sum(not composition.anomalies for composition in made) / len(made) <= 0.65
    assert max(len(composition.anomalies) for composition in made) == 2


def test_what_is_wrong_is_in_the_drawing(made):
    for composition in made:
        scene = scene_of(composition, 448)
        marked = {anomaly.thing: anomaly for anomaly in scene.anomalies}
        for number, thing in enumerate(scene.objects):
            kind = marked[number].kind if number in marked else None
            hangs = thing.name in ("shelf", "window", "painting", *GROUNDS)
            assert (kind == "floating") == (thing.support is None and not hangs), (scene.id, thing.name)
            assert (kind == "fallen") == thing.fallen
        for kind, piece, target in composition.anomalies:
            if kind == "floating":
                assert piece.shadow - (piece.y + piece.height) >= 26
            elif kind == "wrong_state":
                assert WRONG_STATES[piece.kind][0] in piece.attributes
            elif kind == "out_of_place":
                assert piece.kind not in composition.place.kinds
            elif kind == "blocking" and target.kind == "door":
                covered = min(piece.x + piece.width, target.x + target.width) - max(piece.x, target.x)
                assert covered >= 0.6 * target.width
            elif kind == "blocking":
                assert target.kind == "road" and target.y < piece.y + piece.height < target.y + target.height


def test_no_room_has_a_blocked_door_that_is_not_said_to_be(made):
    for composition in made:
        said = {id(piece) for kind, piece, _ in composition.anomalies if kind == "blocking"}
        for door in (piece for piece in composition.pieces if piece.kind == "door"):
            assert {id(piece) for piece in composition.pieces if piece.order >= 2 and piece.meets(door)} <= said


@pytest.mark.parametrize("name", sorted(set(WRONG_STATES) - {"refrigerator"}))
def test_a_wrong_state_changes_the_drawing(name):
    kind = KINDS[name]
    usual = Piece(name, 0, 0, kind.size[0], 0, 0, state=kind.states[0] if kind.states else None, colour=kind.colours[0])
    wrong = Piece(name, 0, 0, kind.size[0], 0, 0, colour=kind.colours[0], flaw=WRONG_STATES[name][0])
    images = [np.asarray(Image.composite(*_flat(piece)), dtype=int) for piece in (usual, wrong)]
    if images[0].shape == images[1].shape:
        assert (np.abs(images[0] - images[1]).max(axis=2) > 60).mean() > 0.03
    else:
        assert images[1].size > 1.3 * images[0].size


def _flat(piece: Piece):
    rgb, alpha = sprite(piece, _natural(piece))
    return rgb, Image.new("RGB", rgb.size, (128, 128, 128)), alpha


_SHOWS_OTHERS = ("laptop", "computer monitor", "television", "oven", "refrigerator", "microwave", "keyboard")
"""Things of which a screen, a pane or what is inside takes the larger part."""


def _colour_name(pixel) -> str:
    hue, saturation, value = colorsys.rgb_to_hsv(*(channel / 255 for channel in pixel))
    if saturation < 0.2 or value < 0.2:
        return "black" if value < 0.36 else "white" if value > 0.8 else "gray"
    degrees = 360 * hue
    if degrees < 11 or degrees >= 345:
        return "pink" if saturation < 0.55 and value > 0.75 else "red"
    if degrees < 41:
        return "brown" if value < 0.78 else "orange"
    for end, name in ((70, "yellow"), (170, "green"), (255, "blue"), (300, "purple")):
        if degrees < end:
            return name
    return "pink"


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind.colours and name not in _SHOWS_OTHERS])
def test_a_things_colour_is_the_one_that_it_shows_most(name):
    kind = KINDS[name]
    for colour in kind.colours:
        looks = [look for look in kind.looks if look not in ("wooden", "metal")] or [None]
        for look in looks:
            state = kind.states[0] if kind.states else None
            piece = Piece(name, 0, 0, kind.size[0], 0, 0, colour=colour, look=look, state=state)
            rgb, alpha = sprite(piece, _natural(piece))
            shown = np.asarray(rgb)[np.asarray(alpha) > 200]
            found = Counter(_colour_name(pixel) for pixel in shown[::3])
            assert found.most_common(1)[0][0] == colour, (name, colour, look, found)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_scene():
    assert compose(SEED) == compose(SEED)
    assert encode(render(arrange(SEED))) == encode(render(arrange(SEED)))
    scenes = [compose(SEED + index) for index in range(60)]
    assert len({scene.objects for scene in scenes}) == 60


@pytest.mark.parametrize("size", [224, 300, 640])
def test_any_size(size):
    source = open_source("procedural", size=size)
    scene, usual = source.scene(str(SEED)), compose(SEED)
    with Image.open(io.BytesIO(source.open(str(SEED)).read())) as picture:
        assert picture.size == (size, size) == (scene.width, scene.height)
    for thing, other in zip(scene.objects, usual.objects, strict=True):
        assert thing.name == other.name
        assert max(abs(a - b * size / 448) for a, b in zip(thing.box, other.box, strict=True)) <= 2


def test_the_source_knows_everything_and_its_splits_are_apart():
    source = open_source("procedural")
    assert source.facts == frozenset(Fact) - {Fact.SIZES}
    starts = sorted(FIRST_SEEDS.values())
    assert all(end - start >= 100 * SEED_STEP for start, end in zip(starts, starts[1:], strict=False))
    assert next(iter(source.pool("test", 3))) == str(FIRST_SEEDS["test"] + 3 * SEED_STEP)
    gallery, scene = Gallery(), source.scene(str(SEED))
    assert source.open(str(SEED)).fault(scene, gallery) is None
    assert source.open(str(SEED)).fault(scene, gallery) == "shows the same as another picture"
    with pytest.raises(UserError, match="whole-pool"):
        source.pool("test", 0, whole=True)
    with pytest.raises(UserError, match="--size 100"):
        open_source("procedural", size=100)


def _build(monkeypatch, *flags: str) -> int:
    monkeypatch.setattr(sys, "argv", ["build", *flags])
    with pytest.raises(SystemExit) as ended:
        run_cli(command.main)
    return ended.value.code


def test_workers_write_the_same_bytes_and_a_stopped_build_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(annotated, "SHARD_QUESTIONS", 20)
    flags = ["--images=12", "--questions=60", "--size=224", "--split=test"]
    written = {}
    for workers in (1, 2):
        out = tmp_path / str(workers)
        assert _build(monkeypatch, *flags, f"--workers={workers}", f"--out={out}") == 0
        written[workers] = {path.name: path.read_bytes() for path in sorted(out.iterdir())}
    assert written[1] == written[2] and len(written[1]) >= 5

    out, real, drawn = tmp_path / "stopped", annotated._write_shard, []

    def stop_at_the_second(spool, shard, job, bar=None):
        drawn.append(shard.name)
        if len(drawn) == 2:
            raise UserError("the plug was pulled")
        return real(spool, shard, job, bar)

    monkeypatch.setattr(annotated, "_write_shard", stop_at_the_second)
    assert _build(monkeypatch, *flags, f"--out={out}") != 0
    drawn.append("again")
    assert _build(monkeypatch, *flags, f"--out={out}") == 0
    assert drawn[0] not in drawn[3:]
    assert {path.name: path.read_bytes() for path in sorted(out.iterdir())} == written[1]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--annotations=a.json"], "it has no such option"),
        (["--size=10"], "224 to 4096"),
        (["--avoid=x"], "--avoid: procedural"),
        (["--source=coco", "--annotations=a.json", "--size=448"], "--size"),
    ],
)
def test_options_that_make_no_sense_are_refused(flags, message, tmp_path, monkeypatch, capsys):
    assert _build(monkeypatch, "--images=2", "--questions=4", f"--out={tmp_path / 'o'}", *flags) != 0
    assert message in capsys.readouterr().err
    assert not (tmp_path / "o").exists()
