"""`runs` and `score` on folders that lmms-eval itself wrote."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import lmms_runs
import pytest
from logged_runs import RECORDS, SUITES, only, trained_answers

from lmms_eval_drbench import runs, scaffold, score, summary
from lmms_eval_drbench.errors import UserError
from lmms_eval_drbench.taxonomy import Category, Layer


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


def _damage(folder: Path, how: str) -> None:
    results = only(folder, "*_results.json")
    samples = only(folder, "*_samples_drbench_perception.jsonl")
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


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["n-samples", "drbench_perception"], 12, "`n-samples of drbench_perception` is no table"),
        (["configs"], [1], "`configs` is no table"),
        (["configs", "drbench_perception"], "x", "`configs of drbench_perception` is no table"),
        (["configs", "drbench", "generation_kwargs"], [1], "no table"),
        (["configs", "drbench_perception", "generation_kwargs"], ["a=1"], "`generation_kwargs of drbench_perception`"),
        (["configs", "drbench_perception", "generation_kwargs"], "a=1", "`generation_kwargs of drbench_perception`"),
        (["config"], [1], "`config` is no table"),
        (["config", "limit"], "ten", "its `limit` is no number"),
        (["config", "limit"], float("nan"), "its `limit` is no number"),
        (["results", "drbench_perception"], 0.5, "`results of drbench_perception` is no table"),
        (["results", "drbench_perception", "acc,none"], 10**400, "is damaged .*too large"),
    ],
)
def test_a_results_file_of_another_shape_is_named(copy, path, value, message):
    file = only(copy, "*_results.json")
    results = json.loads(file.read_text())
    holder = results
    for key in path[:-1]:
        holder = holder.setdefault(key, {})
    holder[path[-1]] = value
    file.write_text(json.dumps(results))
    with pytest.raises(UserError, match=message) as error:
        score.markdown(runs.read(copy))
    assert str(file) in str(error.value)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("chance", None, "chance None, not a number from 0 to 1"),
        ("acc", 7, "acc 7, not a number from 0 to 1"),
        ("acc", float("nan"), "acc nan"),
        ("unparsed", [None], "unparsed"),
        ("partial", {"a": 1}, "partial"),
        ("category", "cooking", "unknown category 'cooking'"),
        ("image_id", [1], "image_id that is no text"),
    ],
)
def test_a_logged_score_that_is_none_is_named(copy, key, value, message):
    samples = next(copy.rglob("*_samples_*"))
    rows = [json.loads(line) for line in samples.read_text().splitlines()]
    rows[0]["acc"][key] = value
    samples.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    with pytest.raises(UserError, match=message) as error:
        score.markdown(runs.read(copy))
    assert str(copy) in str(error.value)


def test_a_first_sample_without_its_scores_is_named_and_its_task_is_not_passed_over(copy):
    samples = next(copy.rglob("*_samples_*"))
    first, *others = samples.read_text().splitlines()
    samples.write_text("\n".join([json.dumps(json.loads(first) | {"acc": 1.0}), *others]))
    with pytest.raises(UserError, match="lacks its scores"):
        score.markdown(runs.read(copy))


def test_token_counts_of_another_make_tell_nothing(copy):
    for samples in copy.rglob("*_samples_*"):
        rows = [json.loads(line) | {"token_counts": 5} for line in samples.read_text().splitlines()]
        samples.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    assert "**overall**" in score.markdown(runs.read(copy))


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
    (tmp_path / "empty").mkdir()
    code, _, error = command(score.main, tmp_path / "empty")
    assert code == 2 and "holds no *_results.json" in error
    foreign = lmms_runs.foreign(tmp_path / "foreign")
    code, _, error = command(score.main, foreign)
    assert code == 2 and "only results of arc: evaluate a drbench task with --log_samples" in error


@pytest.mark.parametrize("module", ["score", "compare"])
def test_the_commands_are_modules_that_end_without_a_stack_trace(module, tmp_path):
    arguments = [str(tmp_path / "nowhere")] * (1 if module == "score" else 2)
    command = [sys.executable, "-m", f"lmms_eval_drbench.{module}", *arguments]
    found = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert found.returncode == 2 and found.stderr.startswith("error: no folder") and "Traceback" not in found.stderr


def test_a_limit_is_visible(folders):
    assert "Only a part of the data was evaluated (`--limit 3`)" in score.markdown(runs.read(folders["limited"]))
