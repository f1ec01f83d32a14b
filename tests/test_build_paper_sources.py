"""Cityscapes and Hypersim, the paper's image sources: small files of exactly their formats."""

import json
from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest
from annotated_worlds import ask
from naive_solver_annotated import holds, solve
from PIL import Image

from lmms_eval_drbench.build.sources import hypersim, open_source
from lmms_eval_drbench.build.sources.base import Unusable
from lmms_eval_drbench.errors import UserError
from lmms_eval_drbench.record import faults, option_letters


def rectangle(x, y, w, h):
    return [[x, y], [x + w, y], [x + w, y + h], [x, y + h]]


STREET = [
    ("sky", rectangle(0, 0, 2048, 400)),
    ("road", rectangle(0, 400, 2048, 624)),
    ("out of roi", rectangle(0, 0, 2048, 5)),
    ("person", rectangle(300, 300, 120, 360)),
    ("person", rectangle(620, 320, 110, 340)),
    ("car", rectangle(900, 420, 400, 260)),
    ("bus", rectangle(1500, 200, 400, 420)),
    ("bicycle", rectangle(1000, 430, 120, 120)),
    ("cargroup", rectangle(20, 420, 120, 60)),
    ("car", rectangle(960, 400, 200, 200)),
]


def write_street(folder, objects, city="aachen", image_id="aachen_000000_000019"):
    annotations = folder / "gtFine" / "train" / city
    pictures = folder / "leftImg8bit" / "train" / city
    for made in (annotations, pictures):
        made.mkdir(parents=True, exist_ok=True)
    content = {
        "imgHeight": 1024,
        "imgWidth": 2048,
        "objects": [{"label": label, "polygon": polygon} for label, polygon in objects],
    }
    (annotations / f"{image_id}_gtFine_polygons.json").write_text(json.dumps(content))
    Image.new("RGB", (2048, 1024)).save(pictures / f"{image_id}_leftImg8bit.png")
    return open_source("cityscapes", folder / "gtFine", folder / "leftImg8bit")


def test_a_street_is_read(tmp_path):
    source = write_street(tmp_path, STREET)
    assert source.ids() == ["aachen_000000_000019"]
    assert source.picture("aachen_000000_000019").is_file()
    scene = source.scene("aachen_000000_000019")
    assert (scene.place, scene.outdoors, scene.width, scene.height) == ("street", True, 2048, 1024)
    clear = sorted((thing.name, thing.box) for thing in scene.objects if thing.clear)
    assert clear == [
        ("bus", (1500, 200, 400, 420)),
        ("car", (900, 420, 400, 260)),
        ("car", (960, 400, 200, 200)),
        ("person", (300, 300, 120, 360)),
        ("person", (620, 320, 110, 340)),
    ], "the bicycle is behind the second car"
    assert scene.countable == {"person", "bus", "bicycle"}, "a group of cars can't be counted"
    assert {"train", "motorcycle", "traffic light", "bed"} <= scene.absent
    assert not {"person", "bus", "bicycle", "car", "truck"} & scene.absent


def test_a_rider_means_that_a_person_is_there(tmp_path):
    scene = write_street(tmp_path, [("rider", rectangle(300, 300, 120, 360))]).scene("aachen_000000_000019")
    assert "person" not in scene.absent and "bus" in scene.absent


def test_polygons_in_no_list_are_refused_and_a_bomb_is_left_out(tmp_path):
    source = write_street(tmp_path, STREET)
    path = next((tmp_path / "gtFine").rglob("*.json"))
    path.write_text(json.dumps({"imgHeight": 1024, "imgWidth": 2048, "objects": 5}))
    with pytest.raises(UserError, match=r"_gtFine_polygons\.json: `objects` must be a list"):
        source.scene("aachen_000000_000019")
    path.write_text(json.dumps({"imgHeight": 99_999, "imgWidth": 99_999, "objects": []}))
    with pytest.raises(Unusable, match="beyond 50,000,000 pixels"):
        source.scene("aachen_000000_000019")


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"label": "car"},
        {"label": "car", "polygon": [[1]]},
        {"label": 3, "polygon": []},
        {"label": "car", "polygon": [[10**400, 1], [2, 3], [4, 5]]},
    ],
)
def test_a_broken_polygon_is_refused_by_file_and_number(tmp_path, entry):
    source = write_street(tmp_path, STREET)
    path = next((tmp_path / "gtFine").rglob("*.json"))
    path.write_text(json.dumps({"imgHeight": 1024, "imgWidth": 2048, "objects": [entry]}))
    with pytest.raises(UserError, match="object 0 has no label and polygon"):
        source.scene("aachen_000000_000019")


def test_folders_without_annotations_are_refused(tmp_path):
    with pytest.raises(UserError, match="holds no .*_gtFine_polygons.json"):
        open_source("cityscapes", tmp_path, tmp_path)
    with pytest.raises(UserError, match="holds no .*semantic_instance.hdf5"):
        open_source("hypersim", tmp_path, None)


ROOM = {"bed": (60, 300, 300, 200, 2.0), "lamp": (500, 150, 80, 160, 4.0), "television": (700, 100, 200, 150, 6.0)}


def arrays():
    """Labels, instances and depth of a room with three things, a chair that isn't an instance, and a sky."""
    numbers = {name: number for number, name in hypersim.NYU40.items()}
    semantic = np.full((768, 1024), numbers["wall"], dtype=np.int16)
    instance = np.full((768, 1024), -1, dtype=np.int16)
    depth = np.full((768, 1024), 8.0, dtype=np.float16)
    for number, (name, (x, y, w, h, metres)) in enumerate(ROOM.items(), start=5):
        where = np.s_[y : y + h, x : x + w]
        semantic[where], instance[where], depth[where] = numbers[name], number, metres
    semantic[700:760, 900:1000] = numbers["chair"]
    semantic[:20], depth[:20] = -1, np.inf
    return semantic, instance, depth


def check_room(scene):
    assert [(thing.name, thing.box, thing.clear) for thing in scene.objects] == [
        (name, box[:4], True) for name, box in ROOM.items()
    ]
    assert [thing.depth for thing in scene.objects] == [(2.0, 2.0), (4.0, 4.0), (6.0, 6.0)]
    assert scene.countable == {"bed", "television"} and {"toilet", "bathtub", "bus"} <= scene.absent
    assert not {"chair", "sofa", "bed", "lamp"} & scene.absent, "a sofa may be called a chair, and a chair is there"


def test_a_rooms_arrays_make_a_scene():
    check_room(hypersim.scene_of("ai_001_001.cam_00.frame.0000", *arrays()))


def test_without_h5py_one_sentence_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    folder = tmp_path / "ai_001_001" / "images" / "scene_cam_00_geometry_hdf5"
    folder.mkdir(parents=True)
    (folder / "frame.0000.semantic_instance.hdf5").write_bytes(b"")
    with pytest.raises(UserError, match=r"needs h5py: pip install 'lmms-eval-drbench\[hypersim\]'"):
        open_source("hypersim", tmp_path, None)


def test_a_room_is_read_from_its_files(tmp_path):
    h5py = pytest.importorskip("h5py", reason="h5py is an optional extra")
    images = tmp_path / "ai_001_001" / "images"
    geometry, preview = images / "scene_cam_00_geometry_hdf5", images / "scene_cam_00_final_preview"
    geometry.mkdir(parents=True)
    preview.mkdir()
    for name, array in zip(("semantic", "semantic_instance", "depth_meters"), arrays(), strict=True):
        with h5py.File(geometry / f"frame.0000.{name}.hdf5", "w") as file:
            file.create_dataset("dataset", data=array)
    Image.new("RGB", (1024, 768)).save(preview / "frame.0000.tonemap.jpg")
    source = open_source("hypersim", tmp_path, None)
    assert source.ids() == ["ai_001_001.cam_00.frame.0000"]
    assert source.picture("ai_001_001.cam_00.frame.0000").is_file()
    check_room(source.scene("ai_001_001.cam_00.frame.0000"))
    (geometry / "frame.0000.semantic.hdf5").write_bytes(b"nonsense")
    with pytest.raises(UserError, match=r"frame\.0000\.semantic\.hdf5 cannot be read"):
        source.scene("ai_001_001.cam_00.frame.0000")


class Shaped:
    """An array of an HDF5 file as far as it is looked at before it is read."""

    def __init__(self, array, shape=None):
        self.array, self.dtype, self.shape = array, array.dtype, shape or array.shape

    def __array__(self, *args, **options):
        return self.array


@pytest.mark.parametrize(
    ("name", "dataset", "sentence"),
    [
        ("semantic", Shaped(np.zeros((4, 4))), "float64 of shape (4, 4), not signedinteger of height x width"),
        ("semantic_instance", Shaped(np.zeros((4, 4), dtype="S4")), "|S4 of shape"),
        ("semantic_instance", Shaped(np.zeros((4, 4), dtype=np.uint16)), "uint16 of shape"),
        ("depth_meters", Shaped(np.zeros((4, 4), dtype=int)), "int64 of shape"),
        ("depth_meters", Shaped(np.zeros((4, 4, 3), dtype=np.float16)), "float16 of shape (4, 4, 3)"),
        ("depth_meters", Shaped(np.zeros((4, 4)), (10**5, 10**5)), "float64 of shape (100000, 100000)"),
        ("semantic", {}, "cannot be read"),
    ],
)
def test_arrays_of_another_kind_are_refused_by_name(tmp_path, monkeypatch, name, dataset, sentence):
    opened = nullcontext({"dataset": dataset})
    monkeypatch.setattr(hypersim, "_h5py", lambda: SimpleNamespace(File=lambda path, mode: opened))
    with pytest.raises(UserError, match="frame") as raised:
        hypersim.read_array(tmp_path / f"frame.0000.{name}.hdf5", hypersim.KINDS[name])
    assert sentence in str(raised.value)


def test_pixels_without_a_depth_count_for_nothing():
    semantic, instance, depth = arrays()
    depth[:, ::2] = np.nan
    check_room(hypersim.scene_of("ai_001_001.cam_00.frame.0000", semantic, instance, depth))
    nowhere = hypersim.scene_of("ai_001_001.cam_00.frame.0000", semantic, instance, depth * np.nan)
    assert [thing.depth for thing in nowhere.objects] == [None, None, None]


class Rooms:
    """A source of random rooms, as Hypersim's arrays would give them."""

    facts = hypersim.HypersimSource.facts

    def ids(self):
        return [str(number) for number in range(60)]

    def scene(self, image_id):
        rng = np.random.default_rng(int(image_id))
        numbers = {name: number for number, name in hypersim.NYU40.items()}
        semantic = np.full((192, 256), numbers["wall"], dtype=np.int16)
        instance = np.full((192, 256), -1, dtype=np.int16)
        depth = np.full((192, 256), 9.0, dtype=np.float32)
        for number in range(9):
            x, y, w, h = rng.integers(0, 200), rng.integers(0, 150), rng.integers(15, 80), rng.integers(15, 60)
            where = np.s_[y : y + h, x : x + w]
            kind = rng.choice(["bed", "sofa", "chair", "lamp", "television", "desk", "door", "window", "toilet"])
            metres = rng.uniform(1, 8)
            semantic[where], instance[where] = numbers[str(kind)], number
            depth[where] = metres + rng.uniform(-0.1, 0.1, depth[where].shape)
        return hypersim.scene_of(image_id, semantic, instance, depth)


def test_an_independent_solver_answers_questions_about_depth():
    found = ask(Rooms())
    families = {record["family"] for record, _ in found}
    assert "nearness" in families and "count" in families and "colour_of" not in families
    for record, scene in found:
        assert faults(record) == []
        right = dict(zip(option_letters(record), record["options"], strict=True))
        texts = {right.get(answer, answer) for answer in record["answer"]}
        answer = solve(record["question"], record["options"], scene)
        assert answer == texts if record["options"] else answer <= texts, record
        assert all(holds(triple, scene) for triple in record["scene_graph"]), record
