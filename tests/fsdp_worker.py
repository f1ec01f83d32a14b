"""Run by torchrun: gradients of one packed step under FSDP2 over two CPU processes, against those of one process.

accelerate shards on GPUs only (1.15), so the layers are wrapped here as its TRANSFORMER_BASED_WRAP does.
"""

import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

from sft import run, train
from sft.options import Options

TOLERANCE = {"rtol": 1e-4, "atol": 1e-6}


def gradients(model, trainer, batches, tokens, processes):
    """Trainable weights' gradients of the step, whole on every process."""
    model.zero_grad()
    trainer.accelerator.state._shared_state["num_processes"] = processes
    for batch in batches:
        trainer.compute_loss(model, batch, num_items_in_batch=tokens).backward()
    found = {name: p.grad for name, p in model.named_parameters() if p.requires_grad}
    return {name: (g.full_tensor() if hasattr(g, "full_tensor") else g).clone() for name, g in found.items()}


def main():
    model_folder, data_folder, out, tuning = sys.argv[1:]
    options = Options(model_folder, data_folder, out, schedule="joint", batch_size=2, tuning=tuning)
    options.cache_features = "off"  # as `run` does where weights are sharded
    job = run.prepare(options, Path(out))
    trainer = run.build_trainer(job)
    items = [trainer.train_dataset[index] for index in range(4)]
    halves = [trainer.data_collator(items[:2]), trainer.data_collator(items[2:])]
    tokens = sum(int((batch["labels"] != -100).sum()) for batch in halves)
    alone = gradients(job.model, trainer, halves, tokens, 1)
    mesh = init_device_mesh("cpu", (2,))
    for layer in train.base_of(job.model).model.language_model.layers:
        fully_shard(layer, mesh=mesh)
    fully_shard(job.model, mesh=mesh)
    sharded = gradients(job.model, trainer, [halves[dist.get_rank()]], tokens, 2)
    for name, gradient in alone.items():
        torch.testing.assert_close(sharded[name], gradient, **TOLERANCE)
    print(f"rank {dist.get_rank()}: {len(alone)} gradients agree", flush=True)


if __name__ == "__main__":
    main()
