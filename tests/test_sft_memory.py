"""The estimate of peak memory, against what autograd really keeps and what a process really takes."""

import json

import pytest
import torch
from sft_runs import sft

from sft import memory, run
from sft.options import Options


def _kept(trainer, model, batch):
    """Bytes of the distinct tensors that a forward pass keeps for its backward, the model's own weights left out."""
    own = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    kept, alive = {}, []

    def pack(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
            alive.append(tensor)  # so that no address is given out twice
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        trainer.compute_loss(model, batch)
    return sum(kept.values())


@pytest.mark.parametrize("tuning", ["lora", "full"])
@pytest.mark.parametrize("packing", ["on", "off"])
def test_activations_are_what_autograd_keeps(random_tiny, toy_data, tmp_path, tuning, packing):
    """Within 15 %, of packed ones 25 %: of the four-question batch of the joint stage.

    Without the layer that stands for gradients.
    """
    options = Options(str(random_tiny), str(toy_data), str(tmp_path), schedule="joint", tuning=tuning, packing=packing)
    options.batch_size = 4
    job = run.prepare(options, tmp_path)
    trainer = run.build_trainer(job)
    heaviest = memory._heaviest(job.order, trainer.train_dataset, 0, 4, packing == "on")
    batch = trainer.data_collator([trainer.train_dataset[index] for index in heaviest])
    (stage,) = run.estimate_memory(job).stages
    assert batch["input_ids"].shape == (stage.rows, stage.length)
    layers = job.model.config.get_text_config().num_hidden_layers
    tokens = stage.rows * stage.length
    slots = memory._slots(batch) if packing == "on" else None
    every = memory.activations(job.model, tokens, slots, lora=tuning == "lora", checkpointing=False)
    one = every * 4 / (layers + 1)
    counted = stage.activations - one + stage.logits / memory._LOGIT_COPIES
    assert counted == pytest.approx(_kept(trainer, job.model, batch), rel=0.25 if packing == "on" else 0.15)


def test_the_estimate_is_printed_and_stands_beside_what_was_measured(random_tiny, toy_data, tmp_path, capsys):
    sft(random_tiny, toy_data, tmp_path / "out")
    said = capsys.readouterr().out
    assert "peak memory, estimated:" in said and "  relations: " in said and "activations" in said
    summary = json.loads((tmp_path / "out" / "run.json").read_text())
    assert summary["estimated_peak_mib"] == pytest.approx(summary["peak_memory_mib"], rel=0.5)


def test_a_later_stage_of_the_scaffold_takes_more(random_tiny, toy_data, tmp_path):
    job = run.prepare(Options(str(random_tiny), str(toy_data), str(tmp_path)), tmp_path)
    lengths = [stage.length for stage in run.estimate_memory(job).stages]
    assert lengths == sorted(lengths) and lengths[0] < lengths[-1]


def test_checkpointing_keeps_far_less(random_tiny, toy_data, tmp_path):
    options = Options(str(random_tiny), str(toy_data), str(tmp_path))
    model = run.prepare(options, tmp_path).model
    plain, less = (memory.activations(model, 1000, None, lora=True, checkpointing=on) for on in (False, True))
    assert less < 0.75 * plain
