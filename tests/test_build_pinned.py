"""What the builder wrote before it knew other sources than the procedural one, it must go on writing."""

import hashlib
import sys

import pytest

from lmms_eval_drbench.build import __main__ as command
from lmms_eval_drbench.data import load
from lmms_eval_drbench.errors import run_cli

FINGERPRINT = "aa2a345e5b847e19"
CARD = "fad544be43dd11df85f5e50825bb3b900c95ae04375682aa7fa0ba325eeabdbb"
STATS = "b1f9d9e65688ddf5929e81723b490195573f0fe30f8a2dbb7f72b14a5ce42cc1"


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
