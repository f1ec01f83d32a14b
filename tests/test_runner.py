"""The checked way to run lmms-eval: what was asked for is there, or the evaluation has failed."""

import json
import shutil
import sys
from pathlib import Path

import lmms_runs
import pytest
from conftest import toy_record

from lmms_eval_drbench import data, runner
from lmms_eval_drbench.errors import UserError
from lmms_eval_drbench.runner import MANIFEST, Call
from lmms_eval_drbench.taxonomy import Category

COPY = """
import os, shutil, sys
print("VALUE is", os.environ.get("VALUE"))
shutil.copytree(*sys.argv[1:], dirs_exist_ok=True)
"""


def _record(index: int) -> dict:
    category = list(Category)[index % 2]
    return toy_record(index, split="test", category=str(category), image_id=f"image-{index // 2}")


@pytest.fixture(scope="module")
def real(tmp_path_factory) -> dict[str, Path]:
    """What lmms-eval itself writes for twelve records: all of them, or the first three of each task."""
    root = tmp_path_factory.mktemp("real")
    records = [_record(index) for index in range(12)]

    def answer(record, suite):
        return record["answer"][0]

    return {
        "whole": lmms_runs.evaluate(root / "whole", records, ["drbench"], answer),
        "limited": lmms_runs.evaluate(root / "limited", records, ["drbench"], answer, limit=3),
        "bare": lmms_runs.evaluate(root / "bare", records, ["drbench"], answer, log_samples=False),
    }


@pytest.fixture(autouse=True)
def packaged(monkeypatch):
    monkeypatch.delenv(data.ENV, raising=False)


@pytest.fixture
def lmms_eval(monkeypatch):
    """Put a command in lmms-eval's place; returns a function that says which, and a list of the calls made."""
    calls: list[Path] = []

    def stand_in(*words: str):
        def command(self, out):
            calls.append(out)
            return [sys.executable, "-c", *words, *([str(out)] if words[0] == COPY else [])]

        monkeypatch.setattr(Call, "command", command)
        return calls

    return stand_in


CALL = Call(model="dummy", tasks=("drbench",))


def failed(call: Call, out: Path, *phrases: str) -> None:
    with pytest.raises(UserError) as raised:
        runner.evaluate(call, out)
    for phrase in phrases:
        assert phrase in str(raised.value)
    assert not (out / MANIFEST).exists()


def test_the_command_is_what_a_user_would_type(tmp_path):
    call = Call("m", ("a", "b"), "pretrained=x,device=cpu", batch_size=8, limit=5)
    assert call.command(tmp_path)[1:] == (
        "-m lmms_eval --model m --tasks a,b --model_args pretrained=x,device=cpu --batch_size 8 --log_samples "
        f"--output_path {tmp_path} --limit 5"
    ).split(" ")
    assert "--limit" not in CALL.command(tmp_path) and "--model_args" not in CALL.command(tmp_path)


def test_a_complete_evaluation_is_returned_and_noted(tmp_path, real, lmms_eval):
    lmms_eval(COPY, str(real["whole"]))
    run = runner.evaluate(CALL, tmp_path / "out")
    assert run.tasks["drbench"].metrics["acc"] == 1 and len(run.tasks["drbench_perception"].samples) == 6
    noted = json.loads((tmp_path / "out" / MANIFEST).read_text())
    assert noted["call"]["model"] == "dummy" and noted["versions"]["lmms-eval"].startswith("0.7")
    assert noted["data"]["fingerprint"] == data.load().fingerprint and noted["seconds"] > 0
    log = (tmp_path / "out" / "lmms_eval.log").read_text()
    assert log.startswith(sys.executable) and "VALUE is None" in log


def test_the_environment_reaches_the_command(tmp_path, real, lmms_eval):
    lmms_eval(COPY, str(real["whole"]))
    runner.evaluate(Call("dummy", ("drbench",), env={"VALUE": "7"}), tmp_path / "out")
    assert "VALUE is 7" in (tmp_path / "out" / "lmms_eval.log").read_text()


def test_exit_code_0_without_results_is_a_failure(tmp_path, lmms_eval):
    lmms_eval("print('Tasks not found: drbench')")
    failed(CALL, tmp_path / "out", "the evaluation of drbench failed", "holds no *_results.json", "Tasks not found")
    assert "Tasks not found" in (tmp_path / "out" / "lmms_eval.log").read_text()


def test_another_exit_code_is_a_failure_with_the_end_of_the_log(tmp_path, lmms_eval):
    lmms_eval("import sys; print('line\\n' * 99); sys.exit('out of memory')")
    failed(CALL, tmp_path / "out", "lmms-eval exited with 1", "out of memory")


def test_a_missing_task_is_a_failure(tmp_path, real, lmms_eval):
    lmms_eval(COPY, str(real["whole"]))
    call = Call("dummy", ("drbench", "drbench_scaffold", "mmstar"))
    failed(call, tmp_path / "out", "no result of drbench_scaffold, mmstar")


def test_too_few_samples_are_a_failure(tmp_path, real, lmms_eval):
    lmms_eval(COPY, str(real["limited"]))
    failed(CALL, tmp_path / "out", "drbench_perception has 3 samples, expected 6")


def test_a_limit_is_what_is_expected_and_never_more_than_there_is(tmp_path, real, lmms_eval):
    lmms_eval(COPY, str(real["limited"]))
    runner.evaluate(Call("dummy", ("drbench",), limit=3), tmp_path / "three")
    lmms_eval(COPY, str(real["whole"]))
    runner.evaluate(Call("dummy", ("drbench",), limit=100), tmp_path / "hundred")
    failed(Call("dummy", ("drbench",), limit=2), tmp_path / "two", "has 6 samples, expected 2")


def test_missing_and_shortened_sample_files_are_failures(tmp_path, real, lmms_eval):
    lmms_eval(COPY, str(real["bare"]))
    failed(CALL, tmp_path / "bare", "no samples of drbench_perception were logged")
    short = Path(shutil.copytree(real["whole"], tmp_path / "short"))
    (file,) = short.rglob("*_samples_drbench_perception.jsonl")
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:-1]))
    lmms_eval(COPY, str(short))
    failed(CALL, tmp_path / "out", "holds 5 samples, its results say 6")


def test_a_finished_call_is_not_run_again(tmp_path, real, lmms_eval):
    calls = lmms_eval(COPY, str(real["whole"]))
    first = runner.evaluate(CALL, tmp_path / "out")
    again = runner.evaluate(CALL, tmp_path / "out")
    assert len(calls) == 1 and again.tasks["drbench"].metrics == first.tasks["drbench"].metrics


@pytest.mark.parametrize(
    "changes",
    [{"limit": 3}, {"model": "other"}, {"model_args": "pretrained=x"}, {"changes": "other weights"}, {"batch_size": 2}],
)
def test_another_call_in_the_folder_is_refused_and_nothing_is_lost(tmp_path, real, lmms_eval, changes):
    calls = lmms_eval(COPY, str(real["whole"]))
    runner.evaluate(CALL, tmp_path / "out")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UserError, match="holds another evaluation: choose another folder, or remove it"):
        runner.evaluate(Call(**{"model": "dummy", "tasks": ("drbench",)} | changes), tmp_path / "out")
    assert len(calls) == 1 and sorted(tmp_path.rglob("*")) == before


def test_results_of_unknown_origin_are_refused(tmp_path, real, lmms_eval):
    calls = lmms_eval(COPY, str(real["whole"]))
    shutil.copytree(real["whole"], tmp_path / "out")
    with pytest.raises(UserError, match="holds results, but no evaluation.json .*: remove the folder to evaluate"):
        runner.evaluate(CALL, tmp_path / "out")
    assert calls == []


def test_an_evaluation_without_results_can_be_repeated(tmp_path, real, lmms_eval):
    lmms_eval("import sys; sys.exit(1)")
    failed(CALL, tmp_path / "out", "lmms-eval exited with 1")
    calls = lmms_eval(COPY, str(real["whole"]))
    runner.evaluate(CALL, tmp_path / "out")
    assert len(calls) == 2


@pytest.mark.slow
def test_the_real_command_with_a_missing_task(tmp_path):
    """Upstream exits with 0 here."""
    failed(Call("dummy", ("drbench_nothing",)), tmp_path / "out", "the evaluation of drbench_nothing failed")
