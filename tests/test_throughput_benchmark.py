"""The pure parts of `benchmarks/sft_throughput.py`: what runs, what is reported, the count of FLOPs, the 3B config."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
import flops
import sft_throughput as benchmark


def test_pairs_of_a_packed_group_are_those_of_its_mask():
    branches = np.array([0, 0, 0, 1, 1, 2, 2, 2])
    seen = [
        (query, key)
        for query, own in enumerate(branches)
        for key, other in enumerate(branches[: query + 1])
        if other in (0, own)
    ]
    assert flops.branched_pairs(branches) == len(seen)
    assert flops.causal_pairs([3, 1]) == 7


def test_frozen_weights_cost_two_thirds_of_trained_ones(random_tiny):
    from transformers import Qwen2_5_VLForConditionalGeneration

    model = Qwen2_5_VLForConditionalGeneration.from_pretrained(random_tiny)
    decoder = sum(
        module.weight.numel()
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and "language_model" in name
    )
    trained = flops.step_flops(model, flops.Work(10, 0, 0, 0))
    assert trained == 6 * 10 * decoder
    model.requires_grad_(False)
    assert flops.step_flops(model, flops.Work(10, 0, 0, 0)) == 4 * 10 * decoder
    text = model.config.get_text_config()
    assert flops.step_flops(model, flops.Work(0, 0, 1, 0)) == 4 * text.hidden_size * text.vocab_size
    assert flops.step_flops(model, flops.Work(0, 1, 0, 0)) == 12 * text.hidden_size * text.num_hidden_layers
    assert flops.step_flops(model, flops.Work(0, 0, 0, 16)) > 0


def test_the_rate_of_matrix_products_is_measured():
    assert flops.matmul_rate(torch.device("cpu"), torch.float32, size=128, repeats=3) > 1e7


def test_the_3b_configuration_has_its_published_number_of_weights(random_tiny):
    """Qwen2.5-VL-3B has 3,754,622,976 weights, of which the output layer shares the embeddings'."""
    from transformers import Qwen2_5_VLForConditionalGeneration, Qwen2_5_VLProcessor

    config = benchmark.model_config(Qwen2_5_VLProcessor.from_pretrained(random_tiny), "3b")
    with torch.device("meta"):
        model = Qwen2_5_VLForConditionalGeneration(config)
    assert sum(parameter.numel() for parameter in model.parameters()) == 3_754_622_976


def test_every_contender_runs_early_and_the_turns_alternate():
    order = [key for key, _, _ in benchmark.plan(20, 6, 2)]
    assert order[:3] == ["timing sft 1", "timing trl 1", "timing trainer 1"]
    assert order[-3:] == ["timing trainer 2", "timing trl 2", "timing sft 2"]
    steps = {key: count for key, _, count in benchmark.plan(20, 6, 2)}
    assert steps["curve trl"] == 20 and steps["timing trl 2"] == steps["stages cached"] == 6


def _run(speed, memory, losses):
    return {"questions_per_second": speed, "peak_memory_mib": memory, "flops_per_second": 5e11, "losses": losses}


def test_the_report_has_the_ratios_to_trl_and_the_table_says_them():
    runs = {f"timing sft {index}": _run(speed, 500, [1.0]) for index, speed in enumerate((7, 8, 90), 1)}
    runs |= {"timing trl 1": _run(2, 1000, [1.0]), "curve sft": _run(8, 500, [2.0, 1.0])}
    runs |= {"curve trl": _run(2, 900, [2.0, 1.0005])}
    found = benchmark.report(runs, {"device": "a device"}, rate=1e12)
    assert found["questions_per_second_ratio"] == 4
    assert found["peak_memory_ratio"] == 0.5
    assert found["max_loss_difference"] == pytest.approx(5e-4)
    assert "stages_cache_ratio" not in found
    table = benchmark.table(found)
    assert "| `sft`, packed | 8.00 | 4.00 | 500 | 0.50 | 3 |" in table
    assert "over 2 steps: 5.0e-04" in table and "50.0 % of the measured 1.00 TFLOP/s on a device" in table


def test_an_interrupted_benchmark_goes_on_and_another_ones_file_is_kept(tmp_path):
    file, about = tmp_path / "found.json", {"arguments": {"steps": 3}}
    assert benchmark.earlier(file, about) == {}
    benchmark.write(file, benchmark.report({"timing sft 1": _run(1, 1, [1.0])}, about, None))
    assert list(benchmark.earlier(file, about)) == ["timing sft 1"]
    before = file.read_text()
    with pytest.raises(SystemExit, match="other arguments"):
        benchmark.earlier(file, {"arguments": {"steps": 4}})
    assert file.read_text() == before and json.loads(before)["arguments"] == {"steps": 3}
