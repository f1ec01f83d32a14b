"""Nothing is lost: killed at any moment, stopped by a signal, checkpoints damaged, a loss that is no number."""

import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import load_file
from sft_runs import Interrupted, adapter, interrupt_at, metrics, refused, sft, sft_process

from lmms_eval_drbench import harness
from sft import checkpoints, guards, run, train
from sft.options import Options

FLAGS = ["--stage_steps=3", "--learning_rate=0.01", "--save_steps=2", "--lora_dropout=0.1"]


@pytest.fixture(scope="module")
def whole(random_tiny, toy_data, tmp_path_factory):
    """A run that nothing interrupted."""
    out = tmp_path_factory.mktemp("whole") / "out"
    sft(random_tiny, toy_data, out, *FLAGS)
    return out


def assert_same_bits(left, right):
    left, right = adapter(left), adapter(right)
    assert left.keys() == right.keys()
    assert [name for name in left if not torch.equal(left[name], right[name])] == []


@pytest.mark.parametrize("step", [1, 3, 8])
def test_a_run_that_died_goes_on_to_the_same_bits(random_tiny, toy_data, tmp_path, monkeypatch, whole, step):
    """Before the first checkpoint, at a stage's end, and in the middle of a stage."""
    with monkeypatch.context() as patch:
        interrupt_at(patch, step)
        with pytest.raises(Interrupted):
            sft(random_tiny, toy_data, tmp_path / "out", *FLAGS)
    sft(random_tiny, toy_data, tmp_path / "out", *FLAGS, "--resume")
    assert_same_bits(whole, tmp_path / "out")


@pytest.mark.slow
def test_killed_at_random_moments_and_while_writing_a_checkpoint(random_tiny, toy_data, tmp_path):
    """SIGKILL, twice at random and once while a checkpoint grows; every process is one of its own."""
    common = [f"--model={random_tiny}", f"--data={toy_data}", "--batch_size=2", "--logging_steps=1", "--lora_rank=4"]
    common += ["--stage_steps=10", "--learning_rate=0.01", "--save_steps=3", "--lora_dropout=0.1"]
    assert sft_process(*common, f"--output_dir={tmp_path / 'whole'}").returncode == 0
    out = tmp_path / "out"
    draw = random.Random(0)
    for kill in (
        lambda: len(_steps(out)) > draw.randint(1, 12),
        (out / checkpoints.PARTIAL).exists,
        lambda: len(_steps(out)) > 20,
    ):
        _run_until(kill, *common, f"--output_dir={out}", "--resume")
    done = sft_process(*common, f"--output_dir={out}", "--resume")
    assert done.returncode == 0, done.stderr
    assert_same_bits(tmp_path / "whole", out)
    assert {path.name for path in out.iterdir()} == {path.name for path in (tmp_path / "whole").iterdir()}


def _steps(out):
    file = out / "metrics.jsonl"
    return file.read_text().splitlines() if file.exists() else []


def _start(*flags):
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-m", "sft.run", *flags], env=environment, **pipes)


def _run_until(condition, *flags, number=signal.SIGKILL):
    """Start a run and send it a signal as soon as the condition holds."""
    process = _start(*flags)
    try:
        deadline = time.monotonic() + 240
        while process.poll() is None and not condition() and time.monotonic() < deadline:
            time.sleep(0.001)
        assert process.poll() is None, process.communicate()[1]
        process.send_signal(number)
        _, errors = process.communicate(timeout=120)
    finally:
        process.kill()
    return process.returncode, errors


# Signals


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_finishes_the_step_saves_and_says_how_to_resume(random_tiny, toy_data, tmp_path, number):
    out = tmp_path / "out"
    flags = [f"--model={random_tiny}", f"--data={toy_data}", f"--output_dir={out}", "--stage_steps=500"]
    code, errors = _run_until(lambda: _steps(out), *flags, "--logging_steps=1", number=number)
    assert code == 128 + number
    assert f"stopped by {number.name} after step" in errors and "give the same command with --resume" in errors
    assert "Traceback" not in errors
    (last, *_), problems = [checkpoints.last_good(out)[0]], checkpoints.last_good(out)[1]
    assert problems == [] and f"checkpoint-{checkpoints.step_of(last)} is written" in errors


def test_a_stopped_run_goes_on_to_the_same_bits(random_tiny, toy_data, tmp_path, monkeypatch, whole):
    """The signal arrives in the middle of step 5, in this process."""
    step = train.StagedTrainer.training_step

    def interrupted(self, *args, **kwargs):
        if self.state.global_step == 4:
            os.kill(os.getpid(), signal.SIGINT)
        return step(self, *args, **kwargs)

    before = signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as patch:
        patch.setattr(train.StagedTrainer, "training_step", interrupted)
        assert sft(random_tiny, toy_data, tmp_path / "out", *FLAGS) == 128 + signal.SIGINT
    assert signal.getsignal(signal.SIGINT) is before
    assert checkpoints.found(tmp_path / "out")[-1].name == "checkpoint-5"
    sft(random_tiny, toy_data, tmp_path / "out", *FLAGS, "--resume")
    assert_same_bits(whole, tmp_path / "out")


@pytest.mark.parametrize("resumed", [False, True])
def test_processes_that_prepare_batches_leave_signals_to_the_run(
    random_tiny, toy_data, tmp_path, monkeypatch, whole, resumed
):
    """As a scheduler's SIGTERM to all processes of a job: the step is finished and its checkpoint written."""
    step, out = train.StagedTrainer.training_step, tmp_path / "out"
    if resumed:
        with monkeypatch.context() as patch:
            interrupt_at(patch, 3)
            with pytest.raises(Interrupted):
                sft(random_tiny, toy_data, out, *FLAGS)

    def signalled(self, *args, **kwargs):
        if self.state.global_step == 4:
            everyone = [os.getpid(), *(child.pid for child in multiprocessing.active_children())]
            # From a process of its own: PyTorch's workers take their parent's SIGTERM for a shutdown in order.
            subprocess.run([shutil.which("kill"), "-TERM", *map(str, everyone)], check=True)
            time.sleep(0.3)
        return step(self, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(train.StagedTrainer, "training_step", signalled)
        code = sft(random_tiny, toy_data, out, *FLAGS, "--workers=1", *(["--resume"] if resumed else []))
    assert code == 128 + signal.SIGTERM
    sft(random_tiny, toy_data, out, *FLAGS, "--resume")
    assert_same_bits(whole, out)


# Damaged checkpoints


@pytest.mark.parametrize("harm", ["cut", "flip", "remove", "seal"])
def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(
    random_tiny, toy_data, tmp_path, monkeypatch, whole, capsys, harm
):
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        interrupt_at(patch, 8)
        with pytest.raises(Interrupted):
            sft(random_tiny, toy_data, out, *FLAGS)
    assert [path.name for path in checkpoints.found(out)] == ["checkpoint-4", "checkpoint-6"]
    file = out / "checkpoint-6" / ("seal.json" if harm == "seal" else "optimizer.pt")
    content = file.read_bytes()
    if harm == "remove":
        file.unlink()
    else:
        middle = len(content) // 2
        flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        file.write_bytes(flipped if harm == "flip" else content[:middle])
    sft(random_tiny, toy_data, out, *FLAGS, "--resume")
    assert "checkpoint-6 is damaged" in (said := capsys.readouterr().err) and "going on from checkpoint-4" in said
    assert_same_bits(whole, out)


def test_where_every_checkpoint_is_damaged_the_run_begins_anew(
    random_tiny, toy_data, tmp_path, monkeypatch, whole, capsys
):
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        interrupt_at(patch, 3)
        with pytest.raises(Interrupted):
            sft(random_tiny, toy_data, out, *FLAGS)
    (out / "checkpoint-2" / "seal.json").unlink()
    sft(random_tiny, toy_data, out, *FLAGS, "--resume")
    assert "checkpoint-2 is damaged (its seal is missing or damaged): beginning anew" in capsys.readouterr().err
    assert_same_bits(whole, out)


def test_a_checkpoint_outlives_damaged_ones_of_later_steps(random_tiny, toy_data, tmp_path, monkeypatch, whole):
    """Both checkpoints are damaged; the run that began anew is stopped before it reaches their steps."""
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        interrupt_at(patch, 8)
        with pytest.raises(Interrupted):
            sft(random_tiny, toy_data, out, *FLAGS)
        for path in checkpoints.found(out):
            (path / "optimizer.pt").write_bytes(b"")
        assert checkpoints.left(out) == "no checkpoint was written yet"
        interrupt_at(patch, 3)
        with pytest.raises(Interrupted):
            sft(random_tiny, toy_data, out, *FLAGS, "--resume")
    assert [path.name for path in checkpoints.found(out)] == ["checkpoint-2"]
    sft(random_tiny, toy_data, out, *FLAGS, "--resume")
    assert_same_bits(whole, out)


def test_a_kill_between_seal_and_rename_leaves_nothing_that_mixes_in(random_tiny, toy_data, tmp_path, monkeypatch):
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        interrupt_at(patch, 3)
        with pytest.raises(Interrupted):
            sft(random_tiny, toy_data, out, *FLAGS)
    stale = out / checkpoints.PARTIAL / "checkpoint-4"
    stale.mkdir(parents=True)
    (stale / "seal.json").write_text("{}")
    with monkeypatch.context() as patch:
        interrupt_at(patch, 5)
        with pytest.raises(Interrupted):
            sft(random_tiny, toy_data, out, *FLAGS, "--resume")
    assert checkpoints.damage(out / "checkpoint-4") is None


def test_a_resumed_runs_metrics_are_those_of_one_that_was_not(random_tiny, toy_data, tmp_path, monkeypatch):
    flags = [*FLAGS, "--logging_steps=3"]  # not the steps of the checkpoints
    sft(random_tiny, toy_data, tmp_path / "whole", *flags)
    with monkeypatch.context() as patch:
        interrupt_at(patch, 5)
        with pytest.raises(Interrupted):
            sft(random_tiny, toy_data, tmp_path / "out", *flags)
    sft(random_tiny, toy_data, tmp_path / "out", *flags, "--resume")
    kept = ("step", "stage", "loss", "supervised_tokens")
    left, right = ([{key: line[key] for key in kept} for line in metrics(tmp_path / name)] for name in ("whole", "out"))
    assert left == right


def test_a_run_whose_metrics_were_deleted_goes_on(random_tiny, toy_data, tmp_path, monkeypatch, whole, capsys):
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        interrupt_at(patch, 8)
        with pytest.raises(Interrupted):
            sft(random_tiny, toy_data, out, *FLAGS)
    (out / "metrics.jsonl").unlink()
    assert sft(random_tiny, toy_data, out, *FLAGS, "--resume") == 0
    assert "stage 1 entities: loss – -> –" in capsys.readouterr().out
    assert_same_bits(whole, out)


def test_a_run_goes_on_with_what_trains_the_same_and_not_with_another_step(
    random_tiny, toy_data, tmp_path, monkeypatch, whole
):
    """Half the batch accumulated twice, as the sentence about a full GPU says; and a second process."""
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        interrupt_at(patch, 5)
        with pytest.raises(Interrupted):
            sft(random_tiny, toy_data, out, *FLAGS)
    refused("took 2 samples and would now take 1", random_tiny, toy_data, out, *FLAGS, "--resume", "--batch_size=1")
    with monkeypatch.context() as patch:
        patch.setenv("WORLD_SIZE", "2")
        refused("took 2 samples and would now take 4", random_tiny, toy_data, out, *FLAGS, "--resume")
    sft(random_tiny, toy_data, out, *FLAGS, "--resume", "--batch_size=1", "--grad_accum=2")
    then, now = ([line["supervised_tokens"] for line in metrics(folder)] for folder in (whole, out))
    assert then == now


# A loss that is no number, and a GPU that is too small


def test_a_gradient_that_is_no_number_stops_before_it_reaches_the_weights(
    random_tiny, toy_data, tmp_path, monkeypatch, whole
):
    """The loss of step 5 is finite; its checkpoint would hold weights that are not."""
    step, out = train.StagedTrainer.training_step, tmp_path / "out"

    def broken(self, model, *args, **kwargs):
        loss = step(self, model, *args, **kwargs)
        if self.state.global_step == 4:
            next(p for p in model.parameters() if p.requires_grad).grad.fill_(float("inf"))
        return loss

    with monkeypatch.context() as patch:
        patch.setattr(train.StagedTrainer, "training_step", broken)
        match = r"the gradient's norm became (nan|inf) in step 5 \(stage 2 relations\).*checkpoint-4 is whole"
        refused(match, random_tiny, toy_data, out, *FLAGS)
    sft(random_tiny, toy_data, out, *FLAGS, "--resume")
    assert_same_bits(whole, out)


def test_a_loss_that_is_no_number_stops_before_it_reaches_the_weights(
    random_tiny, toy_data, tmp_path, monkeypatch, whole, capsys
):
    """In step 5; the message names the step, the stage and the two records; the run goes on from checkpoint-4."""
    loss = train.StagedTrainer.compute_loss

    def broken(self, *args, **kwargs):
        return loss(self, *args, **kwargs) * (float("nan") if self.state.global_step == 4 else 1)

    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(train.StagedTrainer, "compute_loss", broken)
        match = (
            r"the loss became nan in step 5 \(stage 2 relations\), over the records toy-\d+, toy-\d+: .*checkpoint-4 is"
        )
        refused(match, random_tiny, toy_data, out, *FLAGS)
    bar = capsys.readouterr().err
    assert "stage 2/4 relations" in bar and bar.endswith("\n"), "the sentence would stand behind the bar"
    sft(random_tiny, toy_data, out, *FLAGS, "--resume")
    assert_same_bits(whole, out)


def test_the_records_that_broke_the_loss_are_those_of_the_step(random_tiny, toy_data, tmp_path):
    options = Options(str(random_tiny), str(toy_data), str(tmp_path), batch_size=1, grad_accum=2, stage_steps="2")
    trainer = run.build_trainer(run.prepare(options, tmp_path))
    trainer.state.global_step = 3
    order, samples = trainer.train_dataset._plan.entries, trainer.train_dataset._samples
    ids = [samples[index].record_id for _, index in order[6:8]]
    assert f"in step 4 (stage 2 relations), over the records {', '.join(dict.fromkeys(ids))}:" in trainer.not_finite(
        1e9
    )


def test_a_gpu_out_of_memory_says_the_smallest_setting_that_would_help(random_tiny, toy_data, tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")

    monkeypatch.setattr(train.StagedTrainer, "compute_loss", full)
    refused(
        "the GPU ran out of memory with --batch_size 2: --batch_size 1 --grad_accum 2 .*; no checkpoint was written",
        random_tiny,
        toy_data,
        tmp_path / "out",
    )


def test_a_gpu_out_of_memory_later_keeps_the_checkpoint_and_the_run_goes_on(
    random_tiny, toy_data, tmp_path, monkeypatch, whole
):
    loss, out = train.StagedTrainer.compute_loss, tmp_path / "out"

    def full(self, *args, **kwargs):
        if self.state.global_step == 4:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
        return loss(self, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(train.StagedTrainer, "compute_loss", full)
        refused("the GPU ran out of memory.*; checkpoint-4 is whole: use --resume", random_tiny, toy_data, out, *FLAGS)
    assert checkpoints.damage(out / "checkpoint-4") is None
    sft(random_tiny, toy_data, out, *FLAGS, "--resume")
    assert_same_bits(whole, out)


@pytest.mark.parametrize(
    ("changes", "phrase"),
    [
        ({"batch_size": 8, "grad_accum": 2}, "--batch_size 4 --grad_accum 4 trains the same"),
        ({"batch_size": 3}, "--batch_size 1 --grad_accum 3 trains the same"),
        ({"batch_size": 1}, "--gradient_checkpointing true"),
        ({"batch_size": 1, "gradient_checkpointing": True, "tuning": "full"}, "--tuning lora"),
        ({"batch_size": 1, "gradient_checkpointing": True}, "lower --max_pixels"),
    ],
)
def test_the_cure_leaves_the_result_as_it_is_where_one_does(changes, phrase):
    assert phrase in guards.out_of_memory(Options("m", "d", "o", **changes), pixel_limits=True, release=lambda: None)


# Several processes


@pytest.mark.slow
def test_two_processes_walk_the_trajectory_of_one(random_tiny, toy_data, tmp_path):
    """accelerate launch on CPUs (gloo): a global batch of 4 as one process, as 2 x 2, and as 2 x 1 accumulated twice.

    With the harness's own launcher, which is what a recipe's `processes` becomes.
    """
    runs = {"one": (1, 4, 1), "two": (2, 2, 1), "accumulated": (2, 1, 2)}
    for name, (count, batch, accumulate) in runs.items():
        launch = ["-m", *harness.LAUNCH, "--num_processes", str(count)] if count > 1 else []
        flags = [f"--model={random_tiny}", f"--data={toy_data}", f"--output_dir={tmp_path / name}", "--lora_rank=4"]
        flags += [f"--batch_size={batch}", f"--grad_accum={accumulate}", "--stage_steps=2", "--logging_steps=1"]
        command = [sys.executable, *launch, "-m", "sft.run", *flags, "--learning_rate=0.01"]
        environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=500)
        assert done.returncode == 0, done.stderr[-3000:]
        per_step = json.loads((tmp_path / name / "run.json").read_text())["schedule"]["samples_per_step"]
        assert per_step == 4, f"{name} did not start {count} processes"
    losses = {name: [line["loss"] for line in metrics(tmp_path / name)] for name in runs}
    assert len(losses["one"]) == 8
    for name in runs:
        assert losses[name] == pytest.approx(losses["one"], abs=1e-5), name
        left, right = load_file(tmp_path / name / "adapter_model.safetensors"), adapter(tmp_path / "one")
        for weight in right:
            torch.testing.assert_close(left[weight], right[weight], rtol=0, atol=1e-4)


def test_a_folder_that_a_kill_left_before_its_first_file_is_no_obstacle(random_tiny, toy_data, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "run.json.partial").write_text("{")
    assert sft(random_tiny, toy_data, tmp_path / "out", "--method=answer") == 0
