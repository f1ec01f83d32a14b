"""The configs for sharded training: accelerate reads them as meant, and FSDP2's gradients are those of one process."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import torch
from accelerate.commands.config.config_args import load_config_from_file
from accelerate.commands.launch import _validate_launch_command, launch_command_parser
from accelerate.utils import FullyShardedDataParallelPlugin
from accelerate.utils.launch import prepare_multi_gpu_env

from lmms_eval_drbench.errors import UserError
from sft import folder, run
from sft.job import caches_features
from sft.options import Options

CONFIGS = Path(run.__file__).parent / "configs"


def _launched(name):
    arguments = launch_command_parser().parse_args(["--config_file", str(CONFIGS / name), "--module", "sft.run"])
    return _validate_launch_command(arguments)[0]


def test_fsdp_builds_the_plugin_that_is_meant(monkeypatch):
    arguments = _launched("fsdp.yaml")
    assert arguments.use_fsdp and arguments.num_processes == 8 and arguments.mixed_precision == "bf16"
    for name, value in prepare_multi_gpu_env(arguments).items():
        monkeypatch.setenv(name, value)
    plugin = FullyShardedDataParallelPlugin()
    assert plugin.fsdp_version == 2 and plugin.reshard_after_forward is True
    assert "FULL_STATE_DICT" in str(plugin.state_dict_type) and plugin.cpu_ram_efficient_loading is False
    assert folder.sharded()


def test_zero3_is_what_accelerate_reads():
    config = load_config_from_file(str(CONFIGS / "deepspeed_zero3.yaml"))
    assert str(config.distributed_type).endswith("DEEPSPEED")
    assert config.deepspeed_config["zero_stage"] == 3 and config.deepspeed_config["zero3_save_16bit_model"] is True


def test_the_configs_are_in_the_wheel():
    settings = tomllib.loads((CONFIGS.parents[1] / "pyproject.toml").read_text())
    assert settings["tool"]["setuptools"]["package-data"]["sft"] == ["configs/*"]


def test_features_are_not_cached_where_weights_are_sharded(random_tiny, toy_data, tmp_path, monkeypatch):
    job = run.prepare(Options(str(random_tiny), str(toy_data), str(tmp_path)), tmp_path)
    assert caches_features(job)
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    assert not caches_features(job)
    job.options.cache_features = "on"
    with pytest.raises(UserError, match="features of sharded weights cannot be cached"):
        caches_features(job)


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason="two CPU processes over gloo")
@pytest.mark.parametrize("tuning", ["lora", "full"])
def test_gradients_under_fsdp2_are_those_of_one_process(random_tiny, toy_data, tmp_path, tuning):
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    worker = Path(__file__).with_name("fsdp_worker.py")
    command = [*launch, str(worker), str(random_tiny), str(toy_data), str(tmp_path), tuning]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("gradients agree") == 2
