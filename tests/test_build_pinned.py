"""What the builder has written, it must go on writing: the packaged split was made by it."""

import hashlib
import sys

import pytest

from lmms_eval_drbench.build import __main__ as command
from lmms_eval_drbench.data import load
from lmms_eval_drbench.errors import run_cli

FINGERPRINT = "dda664eb5888fd7f"
CARD = "476bacf34a6f167daa171f58c3ee7de59954a549dd0968179c2ab756d2f8b9e3"
STATS = "23e7de414f044840acfc4fdd738d05670f91e121ada4e1352e1dd8d2055c7172"


def test_a_small_build_is_what_it_always_was(tmp_path, monkeypatch):
    flags = "--images 8 --questions 40 --seed 0 --split test --out"
    monkeypatch.setattr(sys, "argv", ["build", *flags.split(), str(tmp_path / "v1")])
    with pytest.raises(SystemExit) as ended:
        run_cli(command.main)
    assert ended.value.code == 0
    assert sorted(path.name for path in (tmp_path / "v1").iterdir()) == [
        "README.md",
        "stats.json",
        "test-00000.parquet",
    ]
    assert load(str(tmp_path / "v1"), "test").fingerprint == FINGERPRINT
    for name, digest in [("README.md", CARD), ("stats.json", STATS)]:
        assert hashlib.sha256((tmp_path / "v1" / name).read_bytes()).hexdigest() == digest, name
