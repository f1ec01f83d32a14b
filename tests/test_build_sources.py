"""Reading annotations: what the formats may hold, what is refused with which sentence, and the command itself."""

import json
import shutil
import sys

import pytest
from PIL import Image

from lmms_eval_drbench import data
from lmms_eval_drbench.build import __main__ as command
from lmms_eval_drbench.build import annotated, critic, pictures
from lmms_eval_drbench.build.sources import open_source
from lmms_eval_drbench.build.sources.base import clip, is_clear, split_of
from lmms_eval_drbench.errors import UserError, run_cli


def coco(folder, annotations, **image):
    """A file with one picture of 400 x 300 and these annotations (category, box, further fields)."""
    kinds = ["person", "car", "bus", "dog", "bench", "couch"]
    content = {
        "images": [{"id": 1, "file_name": "1.jpg", "width": 400, "height": 300} | image],
        "categories": [{"id": number, "name": name} for number, name in enumerate(kinds)],
        "annotations": [
            {"id": number, "image_id": 1, "category_id": kinds.index(kind), "bbox": box, "area": 1e5, "iscrowd": 0}
            | more
            for number, (kind, box, more) in enumerate(annotations)
        ],
    }
    (folder / "instances.json").write_text(json.dumps(content))
    return open_source("coco", folder / "instances.json", folder)


def test_crowds_tiny_and_cut_off_things_are_there_but_never_asked_about(tmp_path):
    scene = coco(
        tmp_path,
        [
            ("person", [10, 10, 80, 200], {"iscrowd": 1}),
            ("car", [200, 100, 8, 8], {}),
            ("bus", [-90, 50, 100, 100], {}),
            ("dog", [395, 100, 5, 150], {}),
            ("bench", [100, 100, 100, 100], {"area": 900}),
        ],
    ).scene("1")
    assert {thing.name: thing.clear for thing in scene.objects} == {
        "person": False,
        "car": False,
        "dog": False,
        "bench": False,
    }
    assert "person" not in scene.countable and "bus" not in scene.countable
    assert scene.absent == set(), "a bus is somewhere, and a couch may be called a bench"


def test_what_is_not_annotated_and_like_nothing_else_is_absent(tmp_path):
    scene = coco(tmp_path, [("person", [10, 10, 80, 200], {})]).scene("1")
    assert scene.absent == {"couch"} and scene.countable == {"person"}, "a dog may be in a print, a car far away"
    street = coco(tmp_path, [("bus", [10, 10, 180, 200], {})]).scene("1")
    assert street.absent == {"dog", "couch"}, "no prints hang in a street, but a driver may be hidden"


def test_a_kind_is_counted_only_where_none_of_it_can_have_been_missed(tmp_path):
    large, small = [10, 10, 90, 200], [300, 100, 30, 40]
    scene = coco(tmp_path, [("person", large, {}), ("person", small, {}), ("bus", [150, 10, 90, 200], {})]).scene("1")
    assert scene.countable == {"bus"}, "where a small person is labelled, another may not be"
    room = coco(tmp_path, [("person", large, {}), ("couch", [150, 100, 200, 150], {})]).scene("1")
    assert room.countable == {"couch"} and not room.absent & {"dog", "bus"}, "prints and screens show people too"


def test_somebody_on_a_bus_or_on_a_screen_is_not_asked_about(tmp_path):
    bus, person = ("bus", [50, 50, 300, 200], {}), ("person", [100, 80, 60, 120], {})
    clear = {thing.name: thing.clear for thing in coco(tmp_path, [bus, person]).scene("1").objects}
    assert clear == {"bus": True, "person": False}
    beside = ("person", [5, 80, 60, 120], {})
    assert all(thing.clear for thing in coco(tmp_path, [bus, beside]).scene("1").objects)


def test_what_a_person_carries_and_what_has_two_names_is_not_asked_about(tmp_path):
    person = ("person", [5, 20, 190, 260], {})
    couch, car = ("couch", [210, 100, 150, 150], {}), ("car", [60, 80, 60, 100], {})
    clear = {thing.name: thing.clear for thing in coco(tmp_path, [person, couch, car]).scene("1").objects}
    assert clear == {"person": True, "couch": True, "car": False}
    twins = [("car", [200, 100, 150, 150], {}), ("bus", [205, 100, 150, 150], {})]
    assert not any(thing.clear for thing in coco(tmp_path, twins).scene("1").objects)


def test_what_is_lost_in_the_dark_is_not_asked_about(tmp_path):
    source = coco(tmp_path, [("dog", [10, 10, 100, 100], {}), ("couch", [200, 100, 150, 150], {})])
    picture = Image.new("RGB", (400, 300), (20, 20, 24))
    picture.paste((120, 40, 30), (200, 100, 350, 250))
    picture.save(tmp_path / "1.jpg")
    assert {thing.name: thing.clear for thing in source.scene("1").objects} == {"dog": False, "couch": True}


@pytest.mark.parametrize(
    ("box", "clipped"),
    [
        ([10, 10, 50, 50], (10, 10, 50, 50)),
        ([-10, -10, 50, 50], (0, 0, 40, 40)),
        ([-40, 10, 50, 50], None),
        ([10, 10, 0, 50], None),
        ([500, 10, 50, 50], None),
    ],
)
def test_boxes_are_cut_to_the_picture(box, clipped):
    assert clip(box, 400, 300) == clipped


@pytest.mark.parametrize("box", [None, [1, 2, 3], ["a", 1, 2, 3], [float("nan"), 0, 1, 1], [float("inf"), 0, 1, 1]])
def test_what_is_no_box_is_refused(box):
    with pytest.raises(ValueError, match="is no box of four numbers"):
        clip(box, 400, 300)


def test_a_thing_must_be_big_enough():
    assert is_clear((100, 100, 40, 40), 400, 300)
    assert not is_clear((100, 100, 20, 20), 400, 300)
    assert not is_clear((0, 100, 20, 200), 400, 300)
    assert not is_clear((0, 100, 30, 30), 400, 300), "a hand at the edge is no person"


LISTED = '{"images": [{%s, "height": %d}], "annotations": [], "categories": []}'


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "is not JSON"),
        ("[]", "no lists `images` and `annotations`"),
        ('{"images": [{}], "annotations": [], "categories": []}', "lacks id, file_name, width or height"),
        (LISTED % ('"id": 1, "width": 4', 4), r"image \{'id': 1, .* lacks id, file_name"),
        (LISTED % ('"id": "\\ud800", "file_name": "a", "width": 4', 4), "lacks id"),
        (LISTED % ('"id": 1, "file_name": "a", "width": 4', 10**400), "lacks id, file_name, width or height"),
        ('{"images": [], "annotations": [{}], "categories": []}', "has no image_id"),
        ('{"images": [], "annotations": []}', "`categories` must be a list"),
        ('{"images": [], "annotations": [], "categories": [{"id": [], "name": "cup"}]}', "`categories` must be a list"),
        ('{"images": [], "annotations": [], "categories": [{"id": 1, "name": ""}]}', "`categories` must be a list"),
        (
            '{"images": [], "annotations": [], "categories": [{"id": 1, "name": "a\\nb"}]}',
            "`categories` must be a list",
        ),
    ],
)
def test_a_broken_coco_file_is_refused_by_name(tmp_path, content, sentence):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(UserError, match=sentence) as raised:
        open_source("coco", tmp_path / "a.json", tmp_path)
    assert str(tmp_path / "a.json") in str(raised.value)


def test_annotations_that_make_no_sense_are_refused_with_file_record_and_cure(tmp_path):
    source = coco(tmp_path, [("person", [0, 0, "x", 5], {})])
    with pytest.raises(UserError, match=r"annotation 0 of image 1: .* is no box of four numbers: give \[x, y"):
        source.scene("1")
    source = coco(tmp_path, [("person", [0, 0, 5, 5], {"category_id": 99})])
    with pytest.raises(UserError, match="annotation 0 of image 1 has the unknown category 99"):
        source.scene("1")
    source = coco(tmp_path, [("person", [0, 0, 5, 5], {"category_id": [1]})])
    with pytest.raises(UserError, match=r"annotation 0 of image 1 has the unknown category \[1\]"):
        source.scene("1")
    source = coco(tmp_path, [("person", [0, 0, 5, 5], {})], file_name="../../etc/passwd")
    with pytest.raises(UserError, match="leaves"):
        source.picture("1")


@pytest.mark.parametrize("area", [float("nan"), 10**400, -1, "5"], ids=["nan", "huge", "negative", "text"])
def test_an_area_that_no_thing_has_is_none(tmp_path, area):
    assert coco(tmp_path, [("person", [10, 10, 80, 200], {"area": area})]).scene("1").objects[0].area is None
    assert coco(tmp_path, [("person", [10, 10, 80, 200], {"area": 9e3})]).scene("1").objects[0].area == 9e3


def test_annotations_of_unlisted_pictures_and_pictures_without_annotations_are_reported(tmp_path):
    source = coco(tmp_path, [("person", [0, 0, 50, 50], {"image_id": 7})])
    assert source.ids() == []
    assert source.skipped == {"7": "is annotated, but not listed among the images", "1": "has no annotation"}


GQA = {
    "width": 400,
    "height": 300,
    "location": "street",
    "objects": {
        "a": {"name": "bus", "x": 10, "y": 50, "w": 150, "h": 150, "attributes": ["red"], "relations": []},
        "b": {
            "name": "man",
            "x": 250,
            "y": 50,
            "w": 60,
            "h": 150,
            "attributes": ["standing"],
            "relations": [{"name": "to the right of", "object": "a"}],
        },
    },
}


def gqa(folder, graphs):
    (folder / "graphs.json").write_text(json.dumps(graphs))
    return open_source("gqa", folder / "graphs.json", folder)


def test_a_gqa_scene_graph_is_read(tmp_path):
    scene = gqa(tmp_path, {"1": GQA}).scene("1")
    bus, man = scene.objects
    assert (bus.name, bus.colour, bus.box) == ("bus", "red", (10, 50, 150, 150)) and man.attributes == {"standing"}
    assert scene.relations == ((1, "right_of", 0),) and scene.outdoors
    assert "bathtub" in scene.absent and "car" not in scene.absent and scene.countable == set()


def test_a_gqa_colour_is_kept_where_the_pixels_confirm_it(tmp_path):
    picture = Image.new("RGB", (400, 300), (150, 150, 150))
    picture.paste((200, 30, 30), (10, 50, 160, 200))
    picture.save(tmp_path / "1.jpg", quality=95)
    bus, _ = gqa(tmp_path, {"1": GQA}).scene("1").objects
    assert (bus.colour, bus.shaded) == ("red", False) and "red" in bus.tints and "blue" not in bus.tints
    picture.paste((60, 60, 190), (10, 50, 160, 200))
    picture.save(tmp_path / "1.jpg", quality=95)
    bus, _ = gqa(tmp_path, {"1": GQA}).scene("1").objects
    assert bus.colour is None


def test_a_picture_of_a_thing_is_not_asked_about(tmp_path):
    graph = json.loads(json.dumps(GQA))
    graph["objects"]["b"]["relations"] = [{"name": "on", "object": "c"}]
    graph["objects"]["c"] = {"name": "poster", "x": 200, "y": 20, "w": 150, "h": 250, "attributes": [], "relations": []}
    clear = {thing.name: thing.clear for thing in gqa(tmp_path, {"1": graph}).scene("1").objects}
    assert clear == {"bus": True, "man": False, "poster": True}


def visual_genome(image_id, **changes):
    lamp = {"object_id": 1, "names": ["Lamp"], "x": 1, "y": 2, "w": 90, "h": 90, "attributes": ["on", "white"]}
    return {
        "image_id": image_id,
        "objects": [lamp | changes, {"object_id": 2, "names": ["table"], "x": 1, "y": 100, "w": 200, "h": 90}],
        "relationships": [{"subject_id": 1, "predicate": "ON", "object_id": 2, "relationship_id": 3}],
    }


def test_a_visual_genome_scene_graph_is_read(tmp_path):
    graph = visual_genome(5)
    Image.new("RGB", (400, 300), "white").save(tmp_path / "5.jpg")
    scene = gqa(tmp_path, [graph]).scene("5")
    assert [thing.name for thing in scene.objects] == ["lamp", "table"] and scene.relations == ((0, "on", 1),)
    assert (scene.width, scene.objects[0].colour, scene.objects[0].state) == (400, "white", "on")


def test_a_relation_to_an_unknown_object_is_refused(tmp_path):
    graph = json.loads(json.dumps(GQA))
    graph["objects"]["b"]["relations"] = [{"name": "on", "object": "z"}]
    with pytest.raises(UserError, match="object b of image 1 has a relation to the unknown object .*remove"):
        gqa(tmp_path, {"1": graph}).scene("1")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"relations": 5}, "relations must be a list"),
        ({"relations": {"name": "on"}}, "relations must be a list"),
        ({"attributes": 5}, "attributes must be a list"),
        ({"name": 5}, "no name in plain text"),
        ({"name": "cup\x1b[31m"}, "no name in plain text"),
        ({"name": "cup\ud800"}, "no name in plain text"),
    ],
)
def test_a_broken_object_is_refused_by_file_and_record(tmp_path, changes, sentence):
    graph = GQA | {"objects": GQA["objects"] | {"b": GQA["objects"]["b"] | changes}}
    with pytest.raises(UserError, match=rf"graphs\.json: object b of image 1\b.*{sentence}"):
        gqa(tmp_path, {"1": graph}).scene("1")


def test_a_name_beside_no_list_is_the_whole_name_and_a_number_is_none(tmp_path):
    Image.new("RGB", (400, 300)).save(tmp_path / "5.jpg")
    assert gqa(tmp_path, [visual_genome(5, names="Chair")]).scene("5").objects[0].name == "chair"
    with pytest.raises(UserError, match=r"graphs\.json: object 1 of image 5 has no name"):
        gqa(tmp_path, [visual_genome(5, names=7)]).scene("5")
    with pytest.raises(UserError, match=r"graphs\.json: scene graph 1 is not Visual Genome's"):
        gqa(tmp_path, [visual_genome(5), visual_genome(6) | {"relationships": 5}])


def test_a_picture_that_is_missing_or_unreadable_is_left_out_though_its_size_stands_nowhere_else(tmp_path):
    source = gqa(tmp_path, [visual_genome(number) for number in range(7)])
    for number in range(4):
        Image.effect_noise((64, 48), 120).resize((400, 300)).save(tmp_path / f"{number}.jpg")
    (tmp_path / "5.jpg").write_bytes(b"junk")
    (tmp_path / "6.jpg").write_bytes((tmp_path / "0.jpg").read_bytes()[:900])
    critic.taught(source, annotated.families_for(source))
    made = annotated.plan(source, 3, 6, 0, "test", tmp_path / "spool", whole_pool=True)
    assert set(made.image_ids) <= {"0", "1", "2", "3"}
    with pytest.raises(UserError, match=r"2 cannot be read; 1 has no picture at 4\.jpg"):
        annotated.plan(source, 7, 14, 0, "test", tmp_path / "spool", whole_pool=True)


@pytest.mark.parametrize("name", ["a" * 5000, "\ud800", "../5", "a\0b"])
def test_a_name_that_no_file_has_is_left_out_or_refused(tmp_path, name):
    source = gqa(tmp_path, {name: GQA})
    with pytest.raises(UserError, match=r"cannot be read|leaves|must be plain text"):
        annotated.plan(source, 1, 1, 0, "test", tmp_path / "spool", whole_pool=True)


@pytest.mark.parametrize("graphs", [3, {"1": []}, {"1": {}}, [{"image_id": 1}], [3]])
def test_what_is_no_scene_graph_is_refused(tmp_path, graphs):
    with pytest.raises(UserError, match=r"graphs\.json"):
        gqa(tmp_path, graphs)


def test_pictures_are_checked(tmp_path):
    noise = Image.effect_noise((9, 8), 90).resize((64, 48), Image.Resampling.NEAREST)
    noise.save(tmp_path / "a.png")
    assert pictures.fault(tmp_path / "a.png", 64, 48) is None
    assert pictures.fault(tmp_path / "a.png", 60, 48) == "has another size than its annotations say"
    assert pictures.fault(tmp_path / "b.png", 64, 48) == "has no picture at b.png"
    (tmp_path / "c.png").write_bytes((tmp_path / "a.png").read_bytes()[:-100])
    assert pictures.fault(tmp_path / "c.png", 64, 48) == "cannot be read"
    gallery = pictures.Gallery()
    assert gallery.add("a", tmp_path / "a.png") is None
    noise.resize((128, 96)).save(tmp_path / "d.jpg", quality=95)
    assert gallery.add("d", tmp_path / "d.jpg") == "is a near-duplicate of another picture"
    Image.effect_noise((64, 48), 90).save(tmp_path / "e.png")
    assert gallery.add("e", tmp_path / "e.png") is None


def test_a_picture_belongs_to_one_split_whatever_else_there_is():
    counts = {split: 0 for split in ("train", "validation", "test")}
    for number in range(2000):
        counts[split_of(str(number))] += 1
    assert counts == pytest.approx({"train": 1400, "validation": 200, "test": 400}, abs=80)


def run(monkeypatch, folder, out, *flags) -> int:
    given = ["--source=coco", f"--annotations={folder / 'instances.json'}", f"--images-dir={folder}", f"--out={out}"]
    monkeypatch.setattr(sys, "argv", ["build", *given, *flags])
    with pytest.raises(SystemExit) as ended:
        run_cli(command.main)
    return ended.value.code


def content(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_exact_counts_and_the_same_bytes_from_any_number_of_workers(world, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(annotated, "SHARD_QUESTIONS", 40)
    flags = ["--images=30", "--questions=120", "--split=test", "--whole-pool"]
    assert run(monkeypatch, world, tmp_path / "one", *flags) == 0
    assert "DRBench-Open COCO: 120 questions over 30 images" in capsys.readouterr().out
    assert run(monkeypatch, world, tmp_path / "two", *flags, "--workers=2") == 0
    assert content(tmp_path / "one") == content(tmp_path / "two")
    assert len(list((tmp_path / "one").glob("test-*.parquet"))) == 3
    loaded = data.load(str(tmp_path / "one"), "test")
    assert (loaded.name, len(loaded.records), len(set(loaded.records["image_id"]))) == ("DRBench-Open COCO", 120, 30)
    stats = json.loads((tmp_path / "one" / "stats.json").read_text())
    assert stats["missing"] == {} and stats["fingerprint"] == loaded.fingerprint
    assert all(abs(row["share"] - row["paper_share"]) <= 0.01 for row in stats["categories"].values())
    assert "CC BY 4.0" in (tmp_path / "one" / "README.md").read_text()


def test_what_cannot_be_filled_is_said_by_category_and_nothing_is_written(world, tmp_path, monkeypatch, capsys):
    flags = ["--images=3", "--questions=400", "--split=test", "--whole-pool"]
    assert run(monkeypatch, world, tmp_path / "out", *flags) == 2
    said = capsys.readouterr().err
    assert "3 images of coco carry" in said and "these are missing:" in said and "Nothing was written" in said
    assert all(name in said for name in ("perception", "spatial_reasoning", "false_premise_rejection"))
    assert not (tmp_path / "out").exists()
    assert run(monkeypatch, world, tmp_path / "out", *flags, "--allow-shortfall") == 0
    stats = json.loads((tmp_path / "out" / "stats.json").read_text())
    assert stats["questions"] + sum(stats["missing"].values()) == 400 and stats["missing"]
    assert "Missing for want of fitting pictures" in (tmp_path / "out" / "README.md").read_text()


def test_too_few_pictures_are_refused_with_the_reasons(world, tmp_path, monkeypatch, capsys):
    assert run(monkeypatch, world, tmp_path / "out", "--images=500", "--questions=900", "--whole-pool") == 2
    assert "500 images were asked for, but only" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_splits_share_no_picture_and_another_data_set_can_be_avoided(world, tmp_path, monkeypatch):
    for split in ("train", "test"):
        assert run(monkeypatch, world, tmp_path / split, "--images=6", "--questions=12", f"--split={split}") == 0
    ids = {split: set(data.load(str(tmp_path / split), split).records["image_id"]) for split in ("train", "test")}
    assert not ids["train"] & ids["test"]
    flags = ["--images=20", "--questions=40", "--split=validation", "--whole-pool"]
    avoid = [f"--avoid={tmp_path / 'train'}", f"--avoid={tmp_path / 'test'}"]
    assert run(monkeypatch, world, tmp_path / "other", *flags, *avoid) == 0
    assert not set(data.load(str(tmp_path / "other"), "validation").records["image_id"]) & (ids["train"] | ids["test"])
    assert run(monkeypatch, world, tmp_path / "none", *flags, f"--avoid={world}") == 2


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--images=0", "--questions=5"], "at least 1"),
        (["--images=5", "--questions=3"], "too few for 5 images"),
        (["--images=5", "--questions=5", "--seed=100"], "--seed must be 0 to 99"),
        (["--images=5", "--questions=5", "--images-dir=/nowhere"], "is no folder"),
        (["--images=5", "--questions=5", "--annotations=/nowhere.json"], "cannot read"),
    ],
)
def test_bad_options_are_refused(world, tmp_path, monkeypatch, capsys, flags, sentence):
    assert run(monkeypatch, world, tmp_path / "out", *flags) == 2
    assert sentence in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_the_real_sample_is_built_from_instances_and_from_scene_graphs(coco_sample, tmp_path, monkeypatch):
    for name, file, images, questions in [("coco", "instances.json", 24, 72), ("gqa", "scene_graphs.json", 9, 36)]:
        flags = [f"--source={name}", f"--annotations={coco_sample / file}", f"--images-dir={coco_sample / 'images'}"]
        flags += [f"--images={images}", f"--questions={questions}", "--split=test", "--whole-pool"]
        assert run(monkeypatch, coco_sample, tmp_path / name, *flags) == 0
        records = data.load(str(tmp_path / name), "test").records
        assert len(records) == questions and len(set(records["image_id"])) == images
    shutil.rmtree(tmp_path / "coco")
