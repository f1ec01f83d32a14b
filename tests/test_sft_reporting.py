"""TensorBoard and W&B through transformers' integrations, off by default."""

import pytest
from sft_runs import sft

from sft import run
from sft.options import Options


def test_off_by_default(random_tiny, toy_data, tmp_path):
    assert Options().report_to == "none"
    trainer = run.build_trainer(run.prepare(Options(str(random_tiny), str(toy_data), str(tmp_path)), tmp_path))
    names = {type(callback).__name__ for callback in trainer.callback_handler.callbacks}
    assert not names & {"TensorBoardCallback", "WandbCallback"}


def test_tensorboard_gets_the_loss_of_every_step(random_tiny, toy_data, tmp_path, monkeypatch):
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", str(tmp_path / "events"))
    sft(random_tiny, toy_data, tmp_path / "out", "--report_to=tensorboard")
    found = EventAccumulator(str(tmp_path / "events")).Reload()
    assert [event.step for event in found.Scalars("train/loss")] == [1, 2, 3, 4]
