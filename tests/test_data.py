"""Loading data: bad input is refused with file, line, id and cure, all faults at once; fingerprints are stable."""

import io
import json
import os
import shutil
import struct
import zlib
from collections import Counter
from pathlib import Path

import datasets
import pyarrow.parquet
import pytest
from conftest import toy_record, write_toy_data
from PIL import Image, ImageFile

from lmms_eval_drbench import data, packaged
from lmms_eval_drbench.errors import UserError
from lmms_eval_drbench.record import FEATURES
from lmms_eval_drbench.taxonomy import PAPER_SHARES, Category

PACKAGED_FINGERPRINT = "16e9081a932800cd"
BASE_SKILLS_FINGERPRINT = "3633a0c236b12f8f"


@pytest.fixture(autouse=True)
def no_data_named(monkeypatch):
    monkeypatch.delenv(data.ENV, raising=False)


def refused(spec, *phrases: str) -> str:
    with pytest.raises(UserError) as raised:
        data.load(str(spec), "train")
    for phrase in phrases:
        assert phrase in str(raised.value)
    return str(raised.value)


def folder_of(tmp_path: Path, *records: dict) -> Path:
    return write_toy_data(tmp_path / "toy", list(records))


def parquet_of(path: Path, records: list[dict], picture=None, drop: tuple[str, ...] = ()) -> Path:
    """A parquet file with embedded images; picture: record → image bytes."""
    rows = []
    for record in records:
        content = picture(record) if picture else png(record["image_id"])
        rows.append(record | {"image": {"bytes": content, "path": None}})
    table = datasets.Dataset.from_list(rows, features=FEATURES).remove_columns(list(drop))
    table.to_parquet(str(path))
    return path


def png(color: str) -> bytes:
    picture = io.BytesIO()
    Image.new("RGB", (168, 168), color).save(picture, "PNG")
    return picture.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A PNG of few bytes that claims a huge size."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


# The packaged splits


def test_the_packaged_split_is_frozen():
    loaded = data.load()
    assert (loaded.name, loaded.fingerprint) == ("DRBench-Open procedural v1", PACKAGED_FINGERPRINT)
    assert len(loaded.records) == 1200 and len(set(loaded.records["image_id"])) == 240
    assert sum(file.stat().st_size for file in packaged.TEST.iterdir()) < 12 * 2**20  # in the wheel
    shares = Counter(loaded.records["category"])
    for category in Category:
        assert abs(shares[category] / len(loaded.records) - PAPER_SHARES[category]) < 0.005


def test_the_base_skills_are_frozen():
    loaded = data.load("packaged:base_skills_v1")
    assert loaded.fingerprint == BASE_SKILLS_FINGERPRINT and len(loaded.records) >= 300
    assert sum(file.stat().st_size for file in packaged.BASE_SKILLS.iterdir()) < 4 * 2**20  # in the wheel


@pytest.mark.parametrize("name", ["procedural_v1", "base_skills_v1"])
def test_the_card_and_the_stats_say_what_is_there(name):
    folder = packaged.ASSETS / name
    loaded = data.load(str(folder))
    stats = json.loads((folder / "stats.json").read_text())
    assert stats["fingerprint"] == loaded.fingerprint and stats["questions"] == len(loaded.records)
    card = (folder / "README.md").read_text()
    assert loaded.fingerprint in card and loaded.name in card and "not the paper's data set" in card


# Where records come from


def test_the_environment_names_the_data_and_an_argument_beats_it(tmp_path, monkeypatch):
    folder = write_toy_data(tmp_path / "toy", [toy_record(0, split="test")])
    monkeypatch.setenv(data.ENV, str(folder))
    assert data.load().name == f"custom: {folder}" and len(data.load().records) == 1
    assert data.load("packaged").fingerprint == PACKAGED_FINGERPRINT


def test_splits_are_kept_apart(tmp_path):
    folder = folder_of(tmp_path, toy_record(0), toy_record(1, split="test"), toy_record(2))
    assert data.load(str(folder), "train").records["id"] == ["toy-0", "toy-2"]
    assert data.load(str(folder), "test").records["id"] == ["toy-1"]


def test_the_fingerprint_depends_on_content_not_on_order_or_container(tmp_path):
    records = [toy_record(index) for index in range(8)]
    forwards = write_toy_data(tmp_path / "forwards", records)
    backwards = write_toy_data(tmp_path / "backwards", records[::-1])
    # embedded are the very bytes that the folder's files hold
    parquet = parquet_of(tmp_path / "all.parquet", records, lambda record: (forwards / record["image"]).read_bytes())
    shards = tmp_path / "shards"
    shards.mkdir()
    for number, part in enumerate((records[:3], records[3:])):
        parquet_of(
            shards / f"train-{number:05d}.parquet", part, lambda record: (forwards / record["image"]).read_bytes()
        )
    specs = [forwards, backwards, forwards / "questions.jsonl", parquet, shards]
    found = [data.load(str(spec), "train").fingerprint for spec in specs]
    assert len(set(found)) == 1
    changed = write_toy_data(tmp_path / "changed", [toy_record(0, question="Which one?"), *records[1:]])
    assert data.load(str(changed), "train").fingerprint != found[0]
    Image.new("RGB", (168, 168), "black").save(backwards / "red.png")
    data._load.cache_clear()
    assert data.load(str(backwards), "train").fingerprint != found[0]


def test_the_fingerprint_covers_every_rows_own_picture(tmp_path):
    records = [toy_record(0), toy_record(4)]  # two rows of one image_id
    one = parquet_of(tmp_path / "one.parquet", records)
    other = parquet_of(tmp_path / "other.parquet", records, lambda r: png("red" if r["id"] == "toy-0" else "black"))
    assert data.load(str(one), "train").fingerprint != data.load(str(other), "train").fingerprint


def test_photographs_load(coco_sample):
    loaded = data.load(str(coco_sample))
    assert len(loaded.records) == 50 and {record["image"].mode for record in loaded.records} == {"RGB"}


# The mini subset


def test_mini_is_400_stratified_and_stable():
    records = data.load().records.remove_columns("image")
    subset = data.mini(records)
    assert len(subset) == 400 == len(set(subset["id"]))
    whole, part = Counter(records["category"]), Counter(subset["category"])
    for category in Category:
        assert abs(part[category] / 400 - whole[category] / len(records)) < 0.005
    assert data.mini(records.shuffle(seed=1))["id"] != subset["id"]
    assert sorted(data.mini(records.shuffle(seed=1))["id"]) == sorted(subset["id"])
    small = records.select(range(30))
    assert data.mini(small)["id"] == small["id"]


def test_apportion_adds_up():
    assert data.apportion(10, {"a": 1 / 3, "b": 1 / 3, "c": 1 / 3}) == {"a": 4, "b": 3, "c": 3}
    assert sum(data.apportion(97, dict(PAPER_SHARES)).values()) == 97


# Bad input


def test_no_such_data(tmp_path):
    refused(tmp_path / "none", f"no data at {tmp_path / 'none'}", "hub id in DRBENCH_DATA or --data")


def test_a_hub_id_that_cannot_be_had_is_named(monkeypatch):
    def offline(*args, **kwargs):
        raise ConnectionError("offline")

    monkeypatch.setattr(datasets, "load_dataset", offline)
    refused("someone/records", "someone/records is no local path, and loading it from the hub failed: offline")


def test_a_folder_without_data(tmp_path):
    refused(tmp_path, "holds neither train-*.parquet nor questions.jsonl")


def test_another_kind_of_file(tmp_path):
    (tmp_path / "data.csv").write_text("id,question\n")
    refused(tmp_path / "data.csv", "is neither a folder nor a .parquet or .jsonl file")


def test_an_unknown_split():
    with pytest.raises(UserError, match="no split 'dev': use one of train, validation, test"):
        data.load("packaged", "dev")


def test_a_split_without_records(tmp_path):
    refused(folder_of(tmp_path, toy_record(0, split="test")), "holds no record of split 'train'")
    (tmp_path / "toy" / "questions.jsonl").write_text("\n")
    data._load.cache_clear()
    refused(tmp_path / "toy", "holds no record of split 'train'")


def test_all_faults_are_said_at_once_with_file_line_id_and_cure(tmp_path):
    folder = folder_of(tmp_path, toy_record(0), toy_record(1, category="humour"), toy_record(2, answer=["E"]))
    said = refused(folder, "2 faults in 3 records; nothing was used")
    file = folder / "questions.jsonl"
    assert f"{file}:2, record 'toy-1': unknown category 'humour': use one of perception" in said
    assert f"{file}:3, record 'toy-2': answer 'E' is beyond the options: use letters A, B, C, D" in said


def test_none_usable(tmp_path):
    folder = folder_of(tmp_path, *(toy_record(index, category="humour") for index in range(30)))
    said = refused(folder, "30 faults in 30 records; nothing was used", "... and 10 more")
    assert len(said.splitlines()) == 22


def test_a_line_that_is_no_json(tmp_path):
    folder = folder_of(tmp_path, toy_record(0))
    with (folder / "questions.jsonl").open("a") as file:
        file.write('\n{"id": "toy-1", \n[1, 2]\n' + "[" * 100_000 + "\n")
    said = refused(folder, "3 faults in 4 records")
    assert ":3: not JSON" in said and ":4: a record must be a JSON object" in said and ":5: not JSON" in said


def test_text_that_is_not_utf8(tmp_path):
    folder = folder_of(tmp_path, toy_record(0))
    (folder / "questions.jsonl").write_bytes(b'{"id": "caf\xe9"}\n')
    refused(folder, "is not UTF-8 text")


def test_text_that_no_encoding_can_hold(tmp_path):
    refused(folder_of(tmp_path, toy_record(0, question="What is \ud800?")), ":1, record 'toy-0'", "surrogate")


def test_duplicate_ids(tmp_path):
    refused(folder_of(tmp_path, toy_record(0), toy_record(1, id="toy-0")), ":2, record 'toy-0': same id as line 1")
    parquet = parquet_of(tmp_path / "twice.parquet", [toy_record(0), toy_record(1, id="toy-0")])
    refused(parquet, "row 1, record toy-0: same id as row 0")


@pytest.mark.parametrize(
    ("image", "phrase"),
    [
        ("none.png", "image 'none.png' is missing from"),
        ("../outside.png", "image '../outside.png' leaves the data root"),
        ("/etc/hostname", "image '/etc/hostname' leaves the data root"),
        ("link.png", "image 'link.png' leaves the data root"),
        ("loop.png", "image 'loop.png'"),  # older Pythons say that it is no path
        ("", "`image` must be a path relative to"),
        (None, "`image` must be a path relative to"),
        ("a\0b.png", "image 'a\\x00b.png'"),
        ("a" * 5000, "is no path"),
        (".", "image '.' is missing from"),
    ],
)
def test_an_image_path_that_is_missing_or_leaves_the_root(tmp_path, image, phrase):
    Image.new("RGB", (8, 8)).save(tmp_path / "outside.png")
    folder = folder_of(tmp_path, toy_record(0, image=image))
    (folder / "link.png").symlink_to(tmp_path / "outside.png")
    (folder / "loop.png").symlink_to(folder / "loop.png")
    refused(folder, "questions.jsonl:1, record 'toy-0'", phrase)


def test_an_absolute_path_inside_the_root_is_fine_and_so_is_a_link_within_it(tmp_path):
    folder = folder_of(tmp_path, toy_record(0, image="link.png"))
    (folder / "link.png").symlink_to("red.png")
    assert data.load(str(folder), "train").records[0]["image"].getpixel((0, 0)) == (255, 0, 0)


BAD_PICTURES = {
    "truncated": (lambda: png("red")[:200], "image cannot be read"),
    "text": (lambda: b"hello", "image cannot be read"),
    "nothing": (lambda: b"", "image cannot be read"),
    "large": (lambda: bomb(10_000, 6_000), "image is 10000x6000, beyond 50,000,000 pixels: scale it down"),
    "bomb": (lambda: bomb(60_000, 60_000), "beyond 50,000,000 pixels: scale it down"),
}


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("kind", BAD_PICTURES)
def test_an_image_that_cannot_be_used(tmp_path, kind):
    make, phrase = BAD_PICTURES[kind]
    folder = folder_of(tmp_path, toy_record(0), toy_record(1, image="bad.png"))
    (folder / "bad.png").write_bytes(make())
    refused(folder, "1 fault in 2 records", "questions.jsonl:2, record 'toy-1'", phrase)
    parquet = parquet_of(tmp_path / "bad.parquet", [toy_record(0)], lambda record: make())
    refused(parquet, "bad.parquet row 0, record toy-0", phrase)


def test_a_truncated_image_is_refused_where_pillow_was_told_to_be_lenient(tmp_path, monkeypatch):
    """Importing lmms-eval tells it so, and half a photograph would be evaluated in silence."""
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    photograph = io.BytesIO()
    Image.effect_noise((200, 200), 90).save(photograph, "JPEG")
    folder = folder_of(tmp_path, toy_record(0, image="half.jpg"))
    (folder / "half.jpg").write_bytes(photograph.getvalue()[: len(photograph.getvalue()) // 2])
    Image.open(folder / "half.jpg").load()  # Pillow accepts it
    refused(folder, "record 'toy-0': image cannot be read")
    assert ImageFile.LOAD_TRUNCATED_IMAGES, "others' setting was changed"


def test_every_rows_own_picture_is_checked(tmp_path):
    records = [toy_record(0), toy_record(4)]  # two rows of one image_id
    parquet = parquet_of(tmp_path / "a.parquet", records, lambda r: png("red")[: 200 if r["id"] == "toy-4" else None])
    refused(parquet, "1 fault in 2 records", "row 1, record toy-4: image cannot be read")


def test_a_parquet_file_without_the_columns(tmp_path):
    file = parquet_of(tmp_path / "some.parquet", [toy_record(0)], drop=("answer", "scene_graph"))
    refused(file, "some.parquet lacks the columns answer, scene_graph: it is not in the DRBench record format")


def test_a_parquet_file_with_another_kind_of_image_column(tmp_path):
    row = {name: "x" for name in FEATURES} | {"split": "train", "image": 7}
    datasets.Dataset.from_list([row]).to_parquet(str(tmp_path / "odd.parquet"))
    refused(tmp_path / "odd.parquet", "odd.parquet", "image")


def test_a_parquet_file_cannot_point_at_files(tmp_path):
    (tmp_path / "secret.png").write_bytes(png("red"))
    row = toy_record(0) | {"image": {"bytes": None, "path": str(tmp_path / "secret.png")}}
    table = datasets.Dataset.from_list([row], features=FEATURES).data.table
    pyarrow.parquet.write_table(table, tmp_path / "points.parquet")
    refused(tmp_path / "points.parquet", "row 0, record toy-0: `image` is not embedded")


def test_a_damaged_parquet_file(tmp_path):
    (tmp_path / "train-00000.parquet").write_bytes(b"PAR1 but not really")
    refused(tmp_path, "cannot read train-00000.parquet")


def test_records_of_wrong_types_in_parquet_are_named(tmp_path):
    row = toy_record(0) | {"options": "red, green", "image": {"bytes": png("red"), "path": None}}
    datasets.Dataset.from_list([row]).to_parquet(str(tmp_path / "odd.parquet"))
    refused(tmp_path / "odd.parquet", "row 0, record toy-0: `options` must be a list of non-empty strings")


def test_an_unreadable_file_is_named(tmp_path):
    folder = folder_of(tmp_path, toy_record(0))
    (folder / "questions.jsonl").chmod(0)
    if os.access(folder / "questions.jsonl", os.R_OK):
        pytest.skip("this user may read everything")
    refused(folder, "questions.jsonl")


def test_a_name_in_damaged_stats_is_not_used(tmp_path):
    folder = folder_of(tmp_path, toy_record(0))
    for content in ("{", "[1]", '{"name": 7}'):
        (folder / "stats.json").write_text(content)
        data._load.cache_clear()
        assert data.load(str(folder), "train").name == f"custom: {folder}"
    shutil.rmtree(folder)


def test_a_thread_of_a_picture_is_refused(tmp_path):
    folder = write_toy_data(tmp_path / "thin", [toy_record(0)])
    Image.new("RGB", (3000, 2)).save(folder / "red.png")
    with pytest.raises(UserError, match="3000x2, longer than 200 times"):
        data.load(str(folder), "train")


@pytest.mark.parametrize("spec", ["~nobody-of-that-name/x", "x" * 5000])
def test_a_path_that_can_be_none_is_refused(spec):
    with pytest.raises(UserError, match="no data at"):
        data.load(spec, "train")
