"""Builds that were stopped: they go on to the same bytes, and never mix two data sets."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
from array import array
from contextlib import suppress
from pathlib import Path

import pytest
from annotated_worlds import write_coco
from PIL import Image
from test_build_sources import content, run

from lmms_eval_drbench.build import annotated
from lmms_eval_drbench.build.sources.base import PictureFile
from lmms_eval_drbench.errors import UserError

FLAGS = ["--images=12", "--questions=45", "--split=train", "--whole-pool", "--seed=3"]


@pytest.fixture
def stopped(world, tmp_path, monkeypatch):
    """A folder of our own with the world's pictures, and a build of it that was stopped after two shards."""
    folder = shutil.copytree(world, tmp_path / "own")
    monkeypatch.setattr(annotated, "SHARD_QUESTIONS", 12)
    write, written = annotated._write_shard, []

    def stop_at_the_third(spool, shard, job, bar=None):
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(shard.name)
        write(spool, shard, job, bar)

    with monkeypatch.context() as patched:
        patched.setattr(annotated, "_write_shard", stop_at_the_third)
        assert run(monkeypatch, folder, tmp_path / "out", *FLAGS) == 130
    return folder, tmp_path / "out"


def test_a_stopped_build_goes_on_and_gives_the_same_bytes(stopped, tmp_path, monkeypatch):
    folder, out = stopped
    written = {path.name for path in out.glob("*.parquet")}
    write, again = annotated._write_shard, []
    monkeypatch.setattr(annotated, "_write_shard", lambda *a: (again.append(a[1].name), write(*a)))
    assert len(written) == 2 and run(monkeypatch, folder, out, *FLAGS) == 0
    assert again and not set(again) & written
    assert run(monkeypatch, folder, tmp_path / "whole", *FLAGS) == 0
    assert content(out) == content(tmp_path / "whole")


def test_an_unfinished_build_of_other_options_is_refused(stopped, monkeypatch, capsys):
    folder, out = stopped
    before = sorted(out.rglob("*"))
    assert run(monkeypatch, folder, out, *FLAGS, "--seed=4") == 2
    assert "unfinished build of other options" in capsys.readouterr().err and sorted(out.rglob("*")) == before


def test_a_build_that_was_stopped_before_it_had_a_plan_binds_nobody(world, tmp_path, monkeypatch):
    (tmp_path / "out" / annotated.PARTIAL).mkdir(parents=True)
    (tmp_path / "out" / annotated.PARTIAL / "options.json").write_text("{}")
    assert run(monkeypatch, world, tmp_path / "out", "--images=3", "--questions=9", "--whole-pool") == 0


def test_two_builds_in_one_folder(stopped, monkeypatch, capsys):
    folder, out = stopped
    with (out / annotated.PARTIAL / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert run(monkeypatch, folder, out, *FLAGS) == 2
    assert "another process builds" in capsys.readouterr().err
    assert run(monkeypatch, folder, out, *FLAGS) == 0


def test_an_output_that_cannot_be_written_is_refused(world, tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("")
    assert run(monkeypatch, world, tmp_path / "file" / "out", "--images=3", "--questions=9", "--whole-pool") == 2
    assert "choose another --out" in capsys.readouterr().err


def used(out: Path, folder: Path) -> Path:
    """The file of a picture that the stopped build has in its plan, and the last of them to be written."""
    records = [json.loads(line) for line in (out / annotated.PARTIAL / "spool.jsonl").open(encoding="utf-8")]
    return folder / f"{max(int(record['image_id'].removeprefix('coco-')) for record in records):012d}.jpg"


@pytest.mark.parametrize("change", ["annotations", "picture"])
def test_what_was_made_from_other_files_is_never_mixed(stopped, tmp_path, monkeypatch, capsys, change):
    folder, out = stopped
    before = {path.name: path.read_bytes() for path in out.glob("*.parquet")}
    shutil.copytree(folder, tmp_path / "before")
    if change == "annotations":
        write_coco(folder / "instances.json", 60, seed=1)
    else:
        file = used(out, folder)
        Image.effect_noise((64, 48), 120).resize((640, 480)).save(file, quality=30)
    assert run(monkeypatch, folder, out, *FLAGS) == 2
    said = capsys.readouterr().err
    assert "unfinished build of other annotations or pictures: give those again or remove" in said
    assert {path.name: path.read_bytes() for path in out.glob("*.parquet")} == before
    shutil.rmtree(folder)
    shutil.move(tmp_path / "before", folder)
    assert run(monkeypatch, folder, out, *FLAGS) == 0, "with the old files it goes on"
    assert run(monkeypatch, folder, tmp_path / "whole", *FLAGS) == 0
    assert content(out) == content(tmp_path / "whole")


def test_a_try_that_fails_leaves_what_there_is_to_go_on_from(stopped, tmp_path, monkeypatch):
    folder, out = stopped
    shutil.move(folder / "instances.json", tmp_path / "kept.json")
    write_coco(folder / "instances.json", 5)
    assert run(monkeypatch, folder, out, *FLAGS) == 2
    shutil.move(tmp_path / "kept.json", folder / "instances.json")
    assert run(monkeypatch, folder, out, *FLAGS) == 0


def test_a_cache_of_which_a_part_is_gone_is_made_anew(stopped, monkeypatch):
    folder, out = stopped
    described = annotated.describe

    def stop(dataset):
        described(dataset)
        raise KeyboardInterrupt

    monkeypatch.setattr(annotated, "describe", stop)
    assert run(monkeypatch, folder, out, *FLAGS) == 130
    parts = list((out / annotated.PARTIAL / "cache").rglob("*.arrow"))
    parts[0].unlink()
    monkeypatch.setattr(annotated, "describe", described)
    assert run(monkeypatch, folder, out, *FLAGS) == 0


def test_a_picture_that_is_gone_and_a_disk_that_is_full_are_one_sentence(stopped, tmp_path, monkeypatch, capsys):
    folder, out = stopped
    read = PictureFile.read
    monkeypatch.setattr(PictureFile, "read", lambda self: read(PictureFile(tmp_path / "gone.jpg")))
    assert run(monkeypatch, folder, out, *FLAGS) == 2
    assert "gone.jpg was there and can't be read now" in capsys.readouterr().err
    monkeypatch.setattr(PictureFile, "read", read)

    def full(*args):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(annotated.parquet, "write", full)
        assert run(monkeypatch, folder, out, *FLAGS) == 2
    assert "(No space left on device): make room and run the same command" in capsys.readouterr().err
    assert run(monkeypatch, folder, out, *FLAGS) == 0


TWO_SHARDS = r"""
import os, time
from array import array
from pathlib import Path
from lmms_eval_drbench.build import annotated

def endless(spool, shard, job):
    os.write(1, f"{shard}\n".encode())
    time.sleep(600)

annotated._write_shard = endless
places = array("Q", [0] * annotated.SHARD_QUESTIONS)
annotated.write_shards(annotated.Plan(Path("spool"), ["a", "b"], [None, None], [places, places]), Path(), "test", 2)
"""


def test_workers_end_with_a_command_that_is_killed():
    command = subprocess.Popen(
        [sys.executable, "-c", TWO_SHARDS], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert {command.stdout.readline(), command.stdout.readline()} == {
            "test-00000.parquet\n",
            "test-00001.parquet\n",
        }
        command.kill()
        command.communicate(timeout=20)  # ends when nobody holds the pipe any more
    finally:
        with suppress(ProcessLookupError):
            os.killpg(command.pid, signal.SIGKILL)


def die(spool, shard, job):
    os._exit(9)


def test_a_worker_that_is_ended_from_outside_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(annotated, "_write_shard", die)
    places = array("Q", [0] * annotated.SHARD_QUESTIONS)
    plan = annotated.Plan(tmp_path / "spool", ["a", "b"], [None, None], [places, places])
    with pytest.raises(UserError, match="a worker was ended from outside.*fewer --workers"):
        annotated.write_shards(plan, tmp_path, "test", 2)


def test_a_build_whose_last_step_was_cut_short_is_whole(stopped, monkeypatch):
    folder, out = stopped

    def stop(folder):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(annotated.shutil, "rmtree", lambda folder, ignore_errors=False: ignore_errors or stop(folder))
        assert run(monkeypatch, folder, out, *FLAGS) == 130
    assert not (out / annotated.PARTIAL).exists() and (out / "README.md").is_file()
