"""A tiny model that was trained on scaffolds, in the general benchmarks: does it still answer directly?

With direct questions mixed in it does where letters are asked for, as in what was mixed in; its vocabulary ends there
(to it, HallusionBench's and BLINK's wordings are unknown words). Trained on scaffolds alone it
does not. Real training, upstream's task code and token limits, small local files.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import retention_data
from lmms_eval import evaluator
from lmms_eval.models import get_model
from lmms_eval.tasks import TaskManager
from sft_runs import sft_process

from lmms_eval_drbench import plugin
from lmms_eval_drbench.build.builder import write
from lmms_eval_drbench.clones import ENV
from lmms_eval_drbench.tiny import PACKAGED, base_skills

pytestmark = pytest.mark.slow

RECIPE = ("--method=drscaffold", "--schedule=cumulative", "--stage_steps=10,10,20,60", "--batch_size=8")
RECIPE += ("--tuning=full", "--learning_rate=0.0003", "--packing=off", "--seed=0")
SHARE = 0.5
"""Of the samples, asked directly: the training's own records and base skills, so letters and phrases both stay."""
TASKS = ["retention_mmbench_en_dev", "retention_mmmu_val", "retention_mmstar", "retention_realworldqa"]
TASKS += ["retention_hallusion_bench", "retention_blink_counting", "retention_blink_spatial_relation"]


@pytest.fixture(scope="module")
def records(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("records") / "train"
    flags = ["--images=120", "--questions=600", "--split=train", f"--out={folder}"]
    subprocess.run([sys.executable, "-m", "lmms_eval_drbench.build", *flags], check=True)
    return folder


@pytest.fixture(scope="module")
def direct(records, tmp_path_factory) -> Path:
    """The same records, and base skills on other scenes."""
    folder = Path(shutil.copytree(records, tmp_path_factory.mktemp("direct") / "train"))
    write(base_skills.records("train", 60), folder / "skills", "toy", {})
    (folder / "skills" / "train-00000.parquet").rename(folder / "train-00001.parquet")
    return folder


@pytest.fixture(scope="module")
def clones(tmp_path_factory) -> Path:
    return retention_data.write_all(tmp_path_factory.mktemp("clones"))


def _train(records: Path, out: Path, *more: str) -> Path:
    ended = sft_process(f"--model={PACKAGED}", f"--data={records}", f"--output_dir={out}", *RECIPE, *more)
    assert ended.returncode == 0, ended.stderr[-2000:]
    return out


def _evaluate(model: Path, tasks: list[str], limit: int | None = None) -> dict[str, list[dict]]:
    """Logged samples by task, under each task's own token limit."""
    found = evaluator.simple_evaluate(
        model=get_model("drbench_tiny")(pretrained=str(model), batch_size=1),
        tasks=tasks,
        task_manager=TaskManager(include_path=str(plugin.tasks_dir()), include_defaults=False),
        batch_size=1,
        bootstrap_iters=0,
        limit=limit,
        log_samples=True,
    )
    return found["samples"]


def _output(sample: dict) -> str:
    return sample["filtered_resps"][0]


def _is_direct(output: str) -> bool:
    """A short answer without a mark of the scaffold."""
    return len(output.split()) <= 8 and not any(mark in output for mark in "<>[]")


def _tell(samples: dict[str, list[dict]]) -> str:
    return json.dumps({task: [_output(sample)[:60] for sample in found] for task, found in samples.items()}, indent=1)


def test_direct_questions_mixed_in_keep_answers_direct(records, direct, clones, tmp_path, monkeypatch):
    monkeypatch.setenv(ENV, str(clones))
    shares, lettered, unparsed = {}, {}, {}
    for name, more in (("mixed", [f"--mix={direct}:{SHARE}"]), ("alone", [])):
        model = _train(records, tmp_path / name, *more)
        asked = [_output(s) for found in _evaluate(model, ["drbench_mini_scaffold"], 2).values() for s in found]
        assert sum("<entities>" in output for output in asked) >= 0.8 * len(asked), "no scaffold was learned"
        samples = _evaluate(model, TASKS)
        every = [sample for found in samples.values() for sample in found]
        assert len(every) == 21
        shares[name] = sum(_is_direct(_output(sample)) for sample in every) / len(every)
        letters = [_is_direct(_output(sample)) for task in TASKS[:3] for sample in samples[task]]
        lettered[name] = sum(letters) / len(letters)
        unparsed[name] = sum(sample["unparsed"]["unparsed"] for sample in every) / len(every)
        print(f"{name}: {shares[name]:.0%} direct, {unparsed[name]:.0%} unparsed\n{_tell(samples)}")
        for sample in every:  # a scaffold is never taken for a right answer that it does not hold
            if not _is_direct(_output(sample)) and "<answer>" not in _output(sample):
                assert sample["unparsed"]["unparsed"] or not sample["unparsed"]["score"], _output(sample)
    assert lettered["mixed"] == 1 and shares["mixed"] >= 0.5
    assert lettered["alone"] <= 0.25 and shares["alone"] <= 0.25
