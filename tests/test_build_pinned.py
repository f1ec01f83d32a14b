"""What the builder wrote before it knew other sources than the procedural one, it must go on writing."""

import hashlib
import sys

import pytest

from lmms_eval_drbench.build import __main__ as command
from lmms_eval_drbench.data import load
from lmms_eval_drbench.errors import run_cli

FINGERPRINT = "aa2a345e5b847e19"
CARD = "476a65aa0eeb6464d1e8bcb00cf11fd9d8f601ee54b2e5f28d75930deb4492e9"
STATS = "4b1c571114d8b3e46dbad95d446a04b1af6e32f0545ac9d303a074b0cce31178"


def test_a_small_procedural_v0_build_is_what_it_always_was(tmp_path, monkeypatch):
    flags = "--source procedural_v0 --images 8 --questions 40 --seed 0 --split test --out"
    monkeypatch.setattr(sys, "argv", ["build", *flags.split(), str(tmp_path / "v0")])
    with pytest.raises(SystemExit) as ended:
        run_cli(command.main)
    assert ended.value.code == 0
    assert sorted(path.name for path in (tmp_path / "v0").iterdir()) == [
        "README.md",
        "stats.json",
        "test-00000.parquet",
    ]
    assert load(str(tmp_path / "v0"), "test").fingerprint == FINGERPRINT
    for name, digest in [("README.md", CARD), ("stats.json", STATS)]:
        assert hashlib.sha256((tmp_path / "v0" / name).read_bytes()).hexdigest() == digest, name


def test_the_packaged_split_is_what_it_always_was():
    assert load("packaged:procedural_v0").fingerprint == "fdf60c6176d08ead"
