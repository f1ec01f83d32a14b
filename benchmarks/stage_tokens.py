"""Tokens that each stage takes and tokens per second, staged training beside joint.

    python -m lmms_eval_drbench.build --images 200 --questions 1000 --seed 0 --out data
    python benchmarks/stage_tokens.py --data data

The schedules `current` (four stages) and `joint` (all fields at once) train the packaged tiny model on the same records
in one process, taking turns. Tokens are counted at the first decoder layer, where the model really gets them. On a CPU
seconds are the process' own processor time, so that other work on the machine hardly shows.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

SCHEDULES = ("current", "joint")


def clock() -> float:
    import torch

    return time.perf_counter() if torch.cuda.is_available() else time.process_time()


class Meter:
    """Tokens through the first decoder layer, and seconds, of each optimiser step."""

    def __init__(self, trainer: Any) -> None:
        from transformers import TrainerCallback

        self.steps: list[tuple[int, float]] = []
        meter = self

        class Recorder(TrainerCallback):
            def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
                meter._tokens, meter._start = 0, clock()

            def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
                meter.steps.append((meter._tokens, clock() - meter._start))

        def count(module: Any, given: tuple) -> None:
            self._tokens += given[0].shape[0] * given[0].shape[1]

        trainer.add_callback(Recorder())
        trainer.model.get_decoder().layers[0].register_forward_pre_hook(count)


def measure(arguments: argparse.Namespace, schedule: str, out: Path) -> list[dict[str, Any]]:
    """One training run; a row a stage. The run's first step warms up and is left out of the seconds."""
    from sft import run
    from sft.options import Options

    options = Options(
        model=str(arguments.model),
        data=str(arguments.data),
        output_dir=str(out),
        schedule=schedule,
        stage_steps=str(arguments.steps),
        batch_size=arguments.batch_size,
        packing=arguments.packing,
        tuning="full",
        save_steps=1_000_000,
    )
    out.mkdir()
    trainer = run.build_trainer(run.prepare(options, out))
    trainer._save_checkpoint = lambda *_: None  # a stage's end writes one; its time is not the stage's
    meter = Meter(trainer)
    trainer.train()
    rows = []
    for index, stage in enumerate(trainer.train_dataset._plan.stages):
        own = meter.steps[index * arguments.steps : (index + 1) * arguments.steps]
        timed = own[1:]
        rows.append(
            {
                "schedule": schedule,
                "stage": stage.name,
                "tokens": sum(tokens for tokens, _ in own) / (arguments.steps * arguments.batch_size),
                "tokens_per_second": sum(tokens for tokens, _ in timed) / sum(seconds for _, seconds in timed),
            }
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    tiny = Path(__file__).parents[1] / "lmms_eval_drbench" / "assets" / "tiny"
    parser.add_argument("--model", type=Path, default=tiny)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=10, help="optimiser steps of each stage")
    parser.add_argument("--batch_size", type=int, default=16)
    parser.add_argument("--packing", choices=("on", "off"), default="on")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    found: dict[tuple[str, str], list[dict]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for repeat in range(arguments.repeats):
            for schedule in SCHEDULES if repeat % 2 == 0 else reversed(SCHEDULES):
                for row in measure(arguments, schedule, Path(scratch) / f"{schedule}-{repeat}"):
                    found.setdefault((row["schedule"], row["stage"]), []).append(row)
    rows = [
        {
            "schedule": schedule,
            "stage": stage,
            "tokens_a_sample": round(runs[0]["tokens"], 1),
            "tokens_per_second": round(statistics.median(run["tokens_per_second"] for run in runs)),
            "all_tokens_per_second": [round(run["tokens_per_second"]) for run in runs],
        }
        for (schedule, stage), runs in sorted(found.items(), key=lambda item: item[0][0])
    ]
    print("| schedule | stage | tokens a sample | tokens per second | each run |\n|---|---|---:|---:|---|")
    for row in rows:
        each = ", ".join(map(str, row["all_tokens_per_second"]))
        print(
            f"| {row['schedule']} | {row['stage']} | {row['tokens_a_sample']} | {row['tokens_per_second']} | {each} |"
        )
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
