"""Records as parquet: equal pictures once, nothing else changed."""

import datasets
import numpy as np
import pytest
from conftest import toy_record
from PIL import Image

from lmms_eval_drbench import data, parquet
from lmms_eval_drbench.record import FEATURES


@pytest.fixture
def records() -> datasets.Dataset:
    """Eight pictures of noise, which no codec makes small, with five questions each."""
    pictures = [np.random.default_rng(seed).integers(0, 256, (64, 64, 3), np.uint8) for seed in range(8)]
    encoded = [datasets.Image().encode_example(Image.fromarray(picture)) for picture in pictures]
    rows = [toy_record(index, image=encoded[index // 5], image_id=str(index // 5)) for index in range(40)]
    return datasets.Dataset.from_list(rows, features=FEATURES)


def test_a_picture_is_stored_once_and_nothing_is_lost(records, tmp_path):
    parquet.write(records, tmp_path / "train-00000.parquet")
    records.to_parquet(str(tmp_path / "plain.parquet"))
    ours, plain = ((tmp_path / name).stat().st_size for name in ("train-00000.parquet", "plain.parquet"))
    assert ours < plain / 3
    (tmp_path / "plain.parquet").unlink()
    loaded = data.load(str(tmp_path), "train")
    assert loaded.fingerprint == data.fingerprint(records) and loaded.records.features == FEATURES
    assert [row["image"].tobytes() for row in loaded.records] == [row["image"].tobytes() for row in records]


def test_several_row_groups_and_a_selection(records, tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "_ROWS", 7)
    chosen = records.select(range(39, -1, -2))
    parquet.write(chosen, tmp_path / "train-00000.parquet")
    loaded = data.load(str(tmp_path / "train-00000.parquet"), "train").records
    assert loaded["id"] == chosen["id"] and loaded["scene_graph"] == chosen["scene_graph"]


def test_the_same_records_give_the_same_bytes(records, tmp_path):
    for name in "ab":
        parquet.write(records, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
