"""`runs`, `score` and `compare` on folders that lmms-eval itself wrote."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import lmms_runs
import pytest
from conftest import toy_record

from lmms_eval_drbench import compare, pairing, runs, scaffold, score, summary
from lmms_eval_drbench.errors import UserError, run_cli
from lmms_eval_drbench.intervals import difference
from lmms_eval_drbench.report import comparison, entries, formats
from lmms_eval_drbench.taxonomy import Category, Layer

SUITES = ["drbench", "drbench_scaffold"]


def _record(index: int) -> dict:
    category = list(Category)[index % 5]
    premise = {"premise_true": bool(index % 2), "reject_answers": ["D"]} if index % 5 == 4 else {}
    fields = {"split": "test", "category": str(category), "image_id": f"image-{index // 5}"}
    return toy_record(index) | fields | premise


RECORDS = [_record(index) for index in range(60)]


def base_answers(record: dict, suite: str) -> str:
    """Always A, except that every seventh output is unreadable."""
    return "no idea" if int(record["id"].split("-")[1]) % 7 == 0 else "A"


def trained_answers(record: dict, suite: str) -> str:
    """Right but for every fourth record; scaffolds when asked for one; one of those is cut off."""
    index = int(record["id"].split("-")[1])
    right = record["answer"][0]
    letter = right if index % 4 else "ABCD"[("ABCD".index(right) + 1) % 4]
    if not suite.endswith("_scaffold"):
        return f"The answer is ({letter})."
    text = scaffold.render(record | {"answer": [letter]})
    return text[:40] if index == 1 else text


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("runs")
    base = lmms_runs.evaluate(root / "base", RECORDS, SUITES, base_answers, model="models/base")
    without_samples = _edited(base, root / "without_samples")
    for file in without_samples.rglob("*_samples_*"):
        file.unlink()
    return {
        "base": base,
        "trained": lmms_runs.evaluate(root / "trained", RECORDS, SUITES, trained_answers, model="models/trained"),
        "other_data": _edited(base, root / "other_data", lmms_runs.FINGERPRINT, "f" * 16),
        "direct_only": lmms_runs.evaluate(root / "direct_only", RECORDS, ["drbench"], base_answers),
        "limited": lmms_runs.evaluate(root / "limited", RECORDS, ["drbench"], base_answers, limit=3),
        "without_samples": without_samples,
        "other_bare": _edited(without_samples, root / "other_bare", lmms_runs.FINGERPRINT, "f" * 16),
        "other_tasks": lmms_runs.evaluate(root / "other_tasks", RECORDS, ["drbench_mini"], base_answers),
    }


def _edited(folder: Path, target: Path, old: str = "", new: str = "") -> Path:
    """A copy of a run with one text replaced in all its files."""
    shutil.copytree(folder, target)
    for file in target.rglob("*.json*") if old else ():
        file.write_text(file.read_text().replace(old, new))
    return target


@pytest.fixture
def copy(folders, tmp_path) -> Path:
    """A copy of the base run to damage."""
    return Path(shutil.copytree(folders["base"], tmp_path / "copy"))


# --- runs ------------------------------------------------------------------------------------------------------------


def test_a_run_is_read_as_upstream_wrote_it(folders):
    run = runs.read(folders["trained"])
    assert run.model == "models/trained"
    assert set(run.tasks) == {f"{s}{c}" for s in SUITES for c in ["", *(f"_{category}" for category in Category)]}
    result = run.tasks["drbench_scaffold_perception"]
    assert result.effective == len(result.samples) == 12
    sample = next(sample for sample in result.samples if sample["record_id"] == "toy-5")
    assert sample["output"] == scaffold.render(RECORDS[5]) and sample["category"] == "perception"
    assert result.metrics["acc"] == pytest.approx(sum(row["acc"] for row in result.samples) / 12)


def test_the_newest_result_of_a_task_counts(folders, tmp_path):
    out = Path(shutil.copytree(folders["base"], tmp_path / "run"))
    lmms_runs.evaluate(out, RECORDS, ["drbench"], trained_answers, model="models/base", date="20260102_000000")
    run = runs.read(out)
    assert run.tasks["drbench_perception"].date == "20260102_000000"
    assert run.tasks["drbench_scaffold_perception"].date == "20260101_120000"


def _only(folder: Path, pattern: str) -> Path:
    (file,) = folder.rglob(pattern)
    return file


def _damage(folder: Path, how: str) -> None:
    results = _only(folder, "*_results.json")
    samples = _only(folder, "*_samples_drbench_perception.jsonl")
    if how == "no results":
        results.unlink()
    elif how == "results cut off":
        results.write_text(results.read_text()[:1000])
    elif how == "results of something else":
        results.write_text("[1, 2]")
    elif how == "samples cut off":
        samples.write_text(samples.read_text()[:-20])
    elif how == "samples lost":
        samples.write_text("\n".join(samples.read_text().splitlines()[:5]))
    elif how == "samples are bytes":
        samples.write_bytes(b"\xff\xfe\x00")
    elif how == "samples are no objects":
        samples.write_text("[1]\n")
    elif how == "samples twice":
        results.write_text(results.read_text().replace('"effective": 12', '"effective": 24'))
        for file in folder.rglob("*_samples_*"):
            file.write_text(file.read_text() * 2)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("no results", "holds no"),
        ("results cut off", "is damaged"),
        ("results of something else", "no lmms-eval result"),
        ("samples cut off", "damaged sample"),
        ("samples lost", "holds 5 samples, its results say 12"),
        ("samples are bytes", "damaged sample"),
        ("samples are no objects", "must be a JSON object"),
        ("samples twice", "occurs twice"),
    ],
)
def test_damage_is_named(copy, how, message):
    _damage(copy, how)
    with pytest.raises(UserError, match=message) as error:
        score.markdown(runs.read(copy))
    assert str(copy) in str(error.value)


def test_a_folder_of_two_models_is_refused(folders):
    with pytest.raises(UserError, match="several models"):
        runs.read(folders["base"].parent)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(UserError, match="no folder"):
        runs.read(tmp_path / "nowhere")


# --- score -----------------------------------------------------------------------------------------------------------


def _expected(records: list[dict], suite: str) -> float:
    """The trained model's accuracy, from its rule and not from the parser."""
    cut_off = "toy-1" if suite.endswith("_scaffold") else None
    right = [int(record["id"].split("-")[1]) % 4 != 0 and record["id"] != cut_off for record in records]
    return sum(right) / len(right)


@pytest.mark.parametrize("suite", SUITES)
def test_rows_are_the_means_of_their_records(folders, suite):
    rows = {row.name: row for row in summary.rows(summary.suites(runs.read(folders["trained"]))[suite])}
    assert list(rows) == [*Category, *Layer, "overall", "macro"]
    for category in Category:
        members = [record for record in RECORDS if record["category"] == category]
        assert rows[category].acc.mean == pytest.approx(_expected(members, suite))
    for layer in Layer:
        members = [record for record in RECORDS if Category(record["category"]).layer == layer]
        assert rows[layer].acc.mean == pytest.approx(_expected(members, suite))
    assert rows["overall"].acc.mean == pytest.approx(_expected(RECORDS, suite))
    assert rows["macro"].acc.mean == pytest.approx(sum(rows[category].acc.mean for category in Category) / 5)
    assert rows["overall"].acc.clusters == 12


def test_rows_equal_upstreams_own_table(folders):
    run = runs.read(folders["trained"])
    for name, suite in summary.suites(run).items():
        rows = {row.name: row for row in summary.rows(suite)}
        assert rows["overall"].acc.mean == pytest.approx(run.tasks[name].metrics["acc"])
        for category in Category:
            assert rows[category].acc.mean == pytest.approx(run.tasks[f"{name}_{category}"].metrics["acc"])


def test_unparsed_truncated_and_grounding_are_reported(folders):
    suites = summary.suites(runs.read(folders["trained"]))
    direct = summary.rows(suites["drbench"])[-2].means
    scaffolded = summary.rows(suites["drbench_scaffold"])[-2].means
    assert direct["unparsed"] == 0 and not {"entity_f1", "truncated"} & set(direct)
    assert scaffolded["unparsed"] == scaffolded["truncated"] == pytest.approx(1 / 60)
    assert scaffolded["well_formed"] == pytest.approx(59 / 60)
    assert scaffolded["entity_f1"] > 0.98
    base = summary.rows(summary.suites(runs.read(folders["base"]))["drbench"])[-2].means
    assert base["unparsed"] == pytest.approx(sum(index % 7 == 0 for index in range(60)) / 60)


def test_constant_policies_stand_beside_false_premises(folders):
    rows = {row.name: row for row in summary.rows(summary.suites(runs.read(folders["base"]))["drbench"])}
    premises = [record for record in RECORDS if record["premise_true"] is not None]
    share = sum(record["premise_true"] is False for record in premises) / len(premises)
    means = rows["false_premise_rejection"].means
    assert (means["always_reject"], means["never_reject"]) == (pytest.approx(share), pytest.approx(1 - share))
    assert 0 < means["always_a"] < 1
    assert "always_reject" not in rows["overall"].means


def test_the_token_limit_tells_what_was_cut_off_but_not_from_padded_counts(folders):
    result = runs.read(folders["base"]).tasks["drbench_perception"]
    sample = result.samples[0] | {"token_counts": [{"output_tokens": 64}]}
    assert summary._with_token_limit(sample, result)["truncated"] == 1
    shorter = sample | {"token_counts": [{"output_tokens": 63}]}
    assert summary._with_token_limit(shorter, result)["truncated"] == 0
    batched = replace(result, call=result.call | {"batch_size": 8})
    assert summary._with_token_limit(sample, batched)["truncated"] is None
    assert summary._with_token_limit(shorter, batched)["truncated"] == 0
    assert summary._with_token_limit(sample | {"truncated": 1.0}, batched)["truncated"] == 1


def _command(capsys, monkeypatch, main, *arguments: object) -> tuple[int, str, str]:
    """(exit code, stdout, stderr) of a command, without the seconds that a new process takes to start."""
    monkeypatch.setattr(sys, "argv", ["command", *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        run_cli(main)
    return int(stop.value.code or 0), *capsys.readouterr()


@pytest.fixture
def command(capsys, monkeypatch):
    return partial(_command, capsys, monkeypatch)


def test_the_score_command(folders, command):
    code, printed, _ = command(score.main, folders["trained"])
    assert code == 0
    for shown in ("models/trained", "toy data", "`0123456789abcdef`", "| **overall** | 60 | 75.0 |", "always reject"):
        assert shown in printed
    assert "| logical rigor, given structural grounding and contextual application right on the image |" in printed
    suite = json.loads(command(score.main, folders["trained"], "--format", "json")[1])["suites"]["drbench"]
    overall = next(row for row in suite["rows"] if row["level"] == "overall")
    assert (overall["acc"]["mean"], overall["acc"]["n"], suite["data"]) == (0.75, 60, "toy data")
    assert [found["layer"] for found in suite["conditional"]] == ["contextual_application", "logical_rigor"]


def test_the_score_command_on_bad_input(folders, tmp_path, command):
    code, _, error = command(score.main, tmp_path / "nowhere")
    assert code == 2 and "no folder" in error
    code, _, error = command(score.main, folders["without_samples"])
    assert code == 2 and "--log_samples" in error


@pytest.mark.parametrize("module", ["score", "compare"])
def test_the_commands_are_modules_that_end_without_a_stack_trace(module, tmp_path):
    arguments = [str(tmp_path / "nowhere")] * (1 if module == "score" else 2)
    command = [sys.executable, "-m", f"lmms_eval_drbench.{module}", *arguments]
    found = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert found.returncode == 2 and found.stderr.startswith("error: no folder") and "Traceback" not in found.stderr


def test_a_limit_is_visible(folders):
    assert "Only a part of the data was evaluated (`--limit 3`)" in score.markdown(runs.read(folders["limited"]))


# --- compare ---------------------------------------------------------------------------------------------------------


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
    with pytest.raises(UserError, match="no benchmark in common"):
        _compare(folders, "base", "other_tasks")


def test_runs_without_samples_compare_without_intervals(folders):
    text = _compare(folders, "base", "without_samples")
    line = next(line for line in text.splitlines() if line.startswith("| without"))
    assert "(+0.0)" in line and "[" not in line


def test_runs_without_samples_must_be_on_the_same_data_too(folders):
    with pytest.raises(UserError, match="data differs.*--force"):
        _compare(folders, "without_samples", "other_bare")
    assert "Made with `--force`" in _compare(folders, "without_samples", "other_bare", force=True)


def test_a_control_that_only_one_run_has_is_shown_with_its_chance(folders):
    text = _compare(folders, "without_samples", "trained")
    assert "## `drbench`: every run under every prompt" in text and "Chance is 25.0." in text


def test_general_benchmarks_stand_beside_ours(folders, tmp_path):
    def with_benchmarks(name: str, mmstar: float, hallusion: tuple[float, float, float]) -> Path:
        out = Path(shutil.copytree(folders["base"], tmp_path / name))
        file = _only(out, "*_results.json")
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
        (["--tolerance", "-1"], "--tolerance -1: give points between 0 and 100"),
    ],
)
def test_wrong_options_are_named(folders, command, options, message):
    code, _, error = command(compare.main, folders["base"], folders["trained"], *options)
    assert code == 2 and message in error


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
