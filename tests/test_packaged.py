"""The packaged data: what the names mean, and the splits that are built on first use."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from lmms_eval_drbench import data, packaged
from lmms_eval_drbench.errors import UserError


@pytest.fixture
def small_cache(tmp_path, monkeypatch):
    monkeypatch.setenv(packaged.CACHE_ENV, str(tmp_path / "cache"))
    monkeypatch.setattr(packaged, "BUILT", {"train": (4, 16), "validation": (3, 9)})
    return tmp_path / "cache"


def test_names_that_are_not_packaged_are_left_to_others():
    assert packaged.folder("some/folder", "test") is None
    assert packaged.folder("packaged_by_me", "test") is None
    assert packaged.folder("packaged", "test") == packaged.TEST
    with pytest.raises(UserError, match="no packaged data packaged:v9: use one of packaged, packaged:base_skills_v1"):
        data.load("packaged:v9")


def test_the_training_split_is_built_once_into_the_cache(small_cache, capfd):
    built = data.load("packaged", "train")
    assert (built.name, len(built.records)) == ("DRBench-Open procedural v1", 16)
    assert "building the train split" in capfd.readouterr().err
    again = packaged.folder("packaged", "train")
    assert again.parent == small_cache and "building" not in capfd.readouterr().err
    assert data.load(str(again), "train").fingerprint == built.fingerprint
    tested = set(data.load("packaged", "test").records["image_id"])
    assert not tested & set(built.records["image_id"])


def test_two_processes_build_it_once(small_cache, capfd):
    code = (
        "from lmms_eval_drbench import packaged; packaged.BUILT = {'train': (4, 16)}; "
        "print(packaged.folder('packaged', 'train'))"
    )
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda _: subprocess.run([sys.executable, "-c", code], check=True), range(2)))
    assert len(done) == 2
    said = capfd.readouterr().err
    assert said.count("building the train split") == 1 and said.count("waiting for the process that holds") == 1


def test_a_cache_that_cannot_be_made_is_said(small_cache):
    small_cache.write_text("a file in the way")
    with pytest.raises(UserError, match=f"set {packaged.CACHE_ENV} to a folder"):
        packaged.folder("packaged", "train")
