"""`compare` on folders that lmms-eval itself wrote."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import lmms_runs
import pytest
from logged_runs import RECORDS, only

from lmms_eval_drbench import compare, pairing, runs, score, summary
from lmms_eval_drbench.errors import UserError
from lmms_eval_drbench.intervals import difference
from lmms_eval_drbench.report import comparison, entries, formats
from lmms_eval_drbench.taxonomy import Category, Layer


def _compare(folders, *names: str, force: bool = False, native: tuple[str, ...] = ()) -> str:
    found = entries.read([str(folders[name]) for name in names], names, native)
    return formats.markdown(comparison.compare(found, force=force))


def test_the_comparison_shows_every_run_under_every_prompt(folders):
    text = _compare(folders, "direct_only", "trained", native=("direct", "scaffold"))
    before = [float(index % 7 != 0 and RECORDS[index]["answer"] == ["A"]) for index in range(60)]
    after = [float(index % 4 != 0 and index != 1) for index in range(60)]
    delta = difference(before, after, [record["image_id"] for record in RECORDS])
    shown = f"{100 * delta.mean:+.1f} [{100 * delta.low:+.1f}, {100 * delta.high:+.1f}]"
    line = next(line for line in text.splitlines() if line.startswith("| trained | scaffold (native)"))
    assert f"| {100 * sum(after) / 60:.1f} |" in line and f"| 1.7 | 1.7 | {shown} | gained |" in line
    kept = [index for index in range(60) if index % 7 and index != 1]
    both = f"{100 * sum(before[i] for i in kept) / len(kept):.1f} → {100 * sum(after[i] for i in kept) / len(kept):.1f}"
    line = next(line for line in text.splitlines() if line.startswith("| trained | scaffold |"))
    assert both in line and f"{len(kept)} of 60" in line
    assert "| direct\\_only | direct (native) |" in text and "| trained | direct |" in text
    assert "|  | DRBench (direct) | DRBench (scaffold) |" in text


def test_every_level_of_the_comparison_has_its_delta(folders):
    lines = _compare(folders, "base", "trained").splitlines()
    for name in [*Category, *Layer, "overall"]:
        label = name.replace("_", " ")
        (line,) = [line for line in lines if line.startswith((f"| {label} |", f"| **{label}** |"))]
        assert line.count("[") == 3  # three of the four columns are not the reference


def test_comparing_a_run_with_itself_gives_zero(folders):
    found = entries.read([str(folders["base"])] * 2, ["one", "two"])
    assert "(+0.0 [+0.0, +0.0], kept)" in formats.markdown(comparison.compare(found))


def test_different_data_is_refused_or_marked(folders):
    with pytest.raises(UserError, match="data differs: toy data 0123456789abcdef in base, .*--force"):
        _compare(folders, "base", "other_data")
    assert "Made with `--force`" in _compare(folders, "base", "other_data", force=True)


def test_different_questions_are_refused_or_marked(folders):
    with pytest.raises(UserError, match="limit differs: none in base, 3 in limited"):
        _compare(folders, "base", "limited")
    text = _compare(folders, "base", "limited", force=True)
    assert "Made with `--force`" in text and "limited was evaluated on a part of the data only" in text
    assert "shown all the same (--force): limit differs" in text
    suites = [next(iter(summary.suites(runs.read(folders[name])).values())) for name in ("base", "limited")]
    with pytest.raises(UserError, match="share only 15 of their 60 and 15"):
        pairing.pairs(*suites)


def test_nothing_in_common_is_refused(folders):
    with pytest.raises(UserError, match="no benchmark of these tables in common"):
        _compare(folders, "base", "other_tasks")


def test_runs_without_samples_compare_without_intervals(folders):
    text = _compare(folders, "base", "without_samples")
    line = next(line for line in text.splitlines() if line.startswith("| without"))
    assert "(+0.0)" in line and "[" not in line
    assert "without\\_samples logged no samples: its deltas have no intervals" in text.replace(
        "without_s", "without\\_s"
    )
    assert "base logged no samples" not in text


def test_data_are_named_without_samples_too(folders):
    text = _compare(folders, "without_samples", "without_too")
    assert "- Data: toy data, fingerprint `0123456789abcdef` (drbench, drbench_scaffold)." in text


def test_foreign_folders_are_named_with_what_they_hold(folders, tmp_path):
    foreign = lmms_runs.foreign(tmp_path / "foreign")
    with pytest.raises(UserError, match=r"foreign \(with arc\) have no benchmark of these tables in common"):
        comparison.compare(entries.read([str(folders["base"]), str(foreign)]))


def test_runs_without_samples_must_be_on_the_same_data_too(folders):
    with pytest.raises(UserError, match="data differs.*--force"):
        _compare(folders, "without_samples", "other_bare")
    assert "Made with `--force`" in _compare(folders, "without_samples", "other_bare", force=True)


def test_a_control_that_only_one_run_has_is_shown_with_its_chance(folders):
    text = _compare(folders, "without_samples", "trained")
    assert "## `drbench`: every run under every prompt" in text
    assert "Chance is 27.5." in text  # 54 of 60 questions have one right letter of four, six false premises two


def test_general_benchmarks_stand_beside_ours(folders, tmp_path):
    def with_benchmarks(name: str, mmstar: float, hallusion: tuple[float, float, float]) -> Path:
        out = Path(shutil.copytree(folders["base"], tmp_path / name))
        file = only(out, "*_results.json")
        results = json.loads(file.read_text())
        names = zip(("aAcc,none", "fAcc,none", "qAcc,none"), hallusion, strict=True)
        results["results"]["retention_mmstar"] = {
            "alias": "mmstar",
            "average,none": mmstar,
            "average_stderr,none": "N/A",
        }
        results["results"]["retention_hallusion_bench"] = {"alias": "x", **dict(names)}
        file.write_text(json.dumps(results))
        return out

    paths = [with_benchmarks("one", 0.5, (60.0, 30.0, 30.0)), with_benchmarks("two", 0.47, (60.0, 33.0, 33.0))]
    text = formats.markdown(comparison.compare(entries.read(list(map(str, paths)))))
    assert "|  | MMStar | HallusionBench | DRBench (direct) | DRBench (scaffold) |" in text
    assert "| one | 50.0 | 40.0 |" in text and "| two | 47.0 (−3.0) | 42.0 (+2.0) |" in text


def test_names_are_harmless_in_markdown(folders):
    paths = [str(folders["base"]), str(folders["trained"])]
    text = formats.markdown(comparison.compare(entries.read(paths, ["a|b<script>", "**c**\n# d"])))
    assert "<script>" not in text and "\n# d" not in text and "a\\|b\\<script\\>" in text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--name", "a"], "--name is given 1 times for 2 runs"),
        (["--name", "a", "--name", " "], "--name"),
        (["--name", "a", "--name", "a"], "seeds of one run: name at least two runs"),
        (
            ["--native", "direct", "--native", "poem"],
            "--native poem: a run's native prompt is one of direct, scaffold, cot",
        ),
        (["--reference", "nobody", "--reference", "nobody"], "--reference nobody: no run has that name"),
        (["--format", "html", "--output="], "--output is empty"),
        (["--figures="], "--figures is empty"),
        (["--format", "html", "--data="], "--data is empty"),
        (["--tolerance", "-1"], "--tolerance -1: give points between 0 and 100"),
    ],
)
def test_wrong_options_are_named(folders, command, tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    code, _, error = command(compare.main, folders["base"], folders["trained"], *options)
    assert code == 2 and message in error and not list(tmp_path.iterdir())


@pytest.mark.parametrize("form", ["json", "html"])
def test_a_name_that_is_no_text_is_shown_with_a_question_mark(folders, tmp_path, command, form):
    file = tmp_path / "table"
    options = ["--name", "caf\udce9", "--name", "b", "--format", form, "--output", file]
    code, printed, _ = command(compare.main, folders["base"], folders["trained"], *options)
    assert code == 0 and "caf?" in file.read_text(encoding="utf-8") and (form == "html" or "caf?" in printed)


def test_the_compare_command_writes_what_it_prints(folders, tmp_path, command):
    file = tmp_path / "table.md"
    arguments = (compare.main, folders["base"], folders["trained"])
    code, printed, _ = command(*arguments, "--name", "before, or not", "--name", "after", "--output", file)
    assert code == 0 and printed == file.read_text() and "| before, or not |" in printed
    code, _, error = command(compare.main, folders["base"], folders["other_data"], "--output", tmp_path / "none.md")
    assert code == 2 and "data differs" in error and not (tmp_path / "none.md").exists()
    code, _, error = command(*arguments, "--output", tmp_path / "no" / "folder.md")
    assert code == 2 and "cannot write" in error


@pytest.mark.slow
def test_the_real_tasks_in_the_real_command(tmp_path, command):
    """lmms-eval's own CLI, our plugin's tasks and the packaged data, with upstream's dummy model."""
    tasks = "drbench_mini,drbench_mini_scaffold,drbench_mini_blind_scaffold,drbench_base_skills"
    for response in "AB":
        call = [sys.executable, "-m", "lmms_eval", "--model", "dummy", "--model_args", f"response={response}"]
        call += ["--tasks", tasks, "--limit", "6", "--log_samples", "--output_path", str(tmp_path / response)]
        subprocess.run(call, check=True, capture_output=True, timeout=600, env=os.environ | {"HF_HUB_OFFLINE": "1"})
    code, printed, _ = command(score.main, tmp_path / "A")
    assert code == 0 and "DRBench-Open procedural" in printed and printed.count("| **overall** | 30 |") == 3
    assert "| **overall** | 6 |" in printed and "`--limit 6`" in printed
    code, printed, _ = command(
        compare.main, tmp_path / "A", tmp_path / "B", "--native", "scaffold", "--native", "scaffold"
    )
    assert code == 0
    assert (
        "| DRBench mini (direct) | DRBench mini (scaffold) | DRBench mini blind (scaffold) | Base skills |" in printed
    )
