"""What a comparison claims: comparability, seeds, general benchmarks and formats, on runs made by hand."""

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from lmms_eval_drbench import intervals
from lmms_eval_drbench.columns import COLUMNS
from lmms_eval_drbench.errors import UserError
from lmms_eval_drbench.report import comparability, comparison, entries, formats, page, published, tables
from lmms_eval_drbench.report.entries import Entry
from lmms_eval_drbench.runs import Run, TaskResult
from lmms_eval_drbench.taxonomy import Category


def _sample(index: int, acc: float, **more) -> dict:
    fields = {"record_id": f"q{index}", "image_id": f"i{index // 5}", "category": str(list(Category)[index % 5])}
    fields |= {"question_type": "single_choice", "acc": acc, "partial": acc, "unparsed": 0.0, "truncated": 0.0}
    return fields | {"chance": 0.25, "data": "toy data", "fingerprint": "f" * 16, "output": "A"} | more


def _run(name: str, right: set[int], tasks=("drbench",), questions: int = 100, call=(), config=(), **changes) -> Run:
    """A run with samples in memory: one task a category."""
    found = {}
    for suite in tasks:
        for number, category in enumerate(Category):
            own = [_sample(i, float(i in right)) for i in range(questions) if i % 5 == number]
            result = TaskResult(
                task=f"{suite}_{category}",
                metrics={"acc": sum(sample["acc"] for sample in own) / len(own)},
                effective=len(own),
                original=len(own),
                config={"metadata": {"data": "toy data", "fingerprint": "f" * 16}, "generation_kwargs": {}}
                | dict(config),
                call={"model": "toy", "model_args": "pretrained=x,max_pixels=9", "batch_size": 1} | dict(call),
                version=changes.get("version", "0.7.3"),
                date="20260101",
                samples_file=None,
            )
            result.__dict__["samples"] = own  # what the cached property would read
            found[result.task] = result
    return Run(Path(name), name, found, changes.get("versions", {}))


def _entry(name: str, *seeds: Run, native: str | None = None, reference: str = "base") -> Entry:
    return Entry(name, seeds, native, reference)


HALF, MORE = set(range(0, 100, 2)), {index for index in range(100) if index % 5}
BASE = _run("base", HALF)


@pytest.mark.parametrize(
    ("other", "phrase"),
    [
        (_run("b", MORE, call={"limit": 20}), "limit differs: none in base, 20 in b"),
        (_run("b", MORE, call={"offset": 100}), "offset differs: 0 in base, 100 in b"),
        (_run("b", MORE, call={"gen_kwargs": {"temperature": 1}}), "generation setting temperature differs: the def"),
        (_run("b", MORE, call={"gen_kwargs": "max_new_tokens=9"}), "generation setting max_new_tokens differs"),
        (_run("b", MORE, config={"generation_kwargs": {"do_sample": True}}), "generation setting do_sample differs"),
        (_run("b", MORE, call={"model_args": "max_pixels=8"}), "max_pixels differs: 9 in base, 8 in b"),
        (_run("b", MORE, call={"model_args": ""}), "max_pixels differs: 9 in base, the default in b"),
        (_run("b", MORE, call={"model_args": {"max_pixels": 8}}), "max_pixels differs: 9 in base, 8 in b"),
        (_run("b", MORE, version="0.7.4"), "the version of lmms-eval differs: 0.7.3 in base, 0.7.4 in b"),
        (_run("b", MORE, config={"metadata": {"data": "x", "fingerprint": "y"}}), "data differs: toy data fff"),
        (_run("b", MORE, tasks=("drbench", "drbench_scaffold")), "drbench_scaffold of b was asked under the scaffold"),
    ],
)
def test_what_is_not_comparable_is_named_and_force_marks_it(other, phrase):
    compared = [_entry("base", BASE, native="direct"), _entry("b", other, native="direct")]
    with pytest.raises(UserError) as raised:
        comparison.compare(compared)
    assert phrase in str(raised.value) and "--force" in str(raised.value)
    assert str(raised.value).count("differs") + str(raised.value).count("was asked") == 1
    forced = comparison.compare(compared, force=True)
    assert any(phrase in note for note in forced.notes)
    assert "Made with `--force`" in formats.markdown(forced) and "Made with --force" in formats.latex(forced)
    assert json.loads(formats.as_json(forced))["forced"] and "suite (forced)" in formats.as_csv(forced)


@pytest.mark.parametrize(
    ("other", "phrase"),
    [
        (_run("b", MORE, call={"batch_size": 8}), "Batch size differs: 1 in base, 8 in b"),
        (_run("b", MORE, call={"model": "vllm"}), "Lmms-eval's model adapter differs: toy in base, vllm in b"),
        (_run("b", MORE, call={"model_args": "max_pixels=9,dtype=bfloat16"}), "Dtype differs: the default in base"),
    ],
)
def test_other_settings_are_noted(other, phrase):
    found = comparison.compare([_entry("base", BASE), _entry("b", other)])
    assert any(phrase in note for note in found.notes) and not found.forced


def test_versions_count_where_both_runs_wrote_them_down():
    one, two = (_run("base", HALF, versions={"transformers": v, "torch": v}) for v in ("5.1", "5.2"))
    assert "the version of transformers differs: 5.1" in str(
        comparability.obstacles([_entry("base", one), _entry("b", two)])
    )
    assert comparability.obstacles([_entry("base", one), _entry("b", BASE)]) == []
    (note,) = comparability.remarks([_entry("base", one), _entry("b", two)])
    assert note.startswith("the version of torch differs")


def test_pixels_may_differ_between_models_that_are_not_compared():
    one, two = _run("one", HALF), _run("two", HALF, call={"model_args": "max_pixels=4"})
    mixed = [_entry("one", one, reference="one"), _entry("two", two, reference="two")]
    assert comparability.obstacles(mixed) == []
    other = _run("three", MORE, call={"model_args": "max_pixels=4"})
    found = comparison.compare([*mixed, _entry("three", other, reference="two")])
    assert [entry.name for entry in found.entries] == ["one", "two", "three"]
    assert found.scores[2][0].change == pytest.approx(30.0) and found.scores[1][0].change is None


# --- seeds -----------------------------------------------------------------------------------------------------------


def test_seeds_become_a_mean_and_a_standard_deviation():
    seeds = [_run("s1", set(range(60))), _run("s2", set(range(70))), _run("s3", set(range(80)))]
    found = comparison.compare([_entry("base", BASE), _entry("trained", *seeds)])
    score = found.scores[1][0]
    assert (score.value, score.sd) == (pytest.approx(70.0), pytest.approx(10.0))
    assert score.change == pytest.approx(20.0)
    per_question = [sum(i < top for top in (60, 70, 80)) / 3 for i in range(100)]
    before = [float(i % 2 == 0) for i in range(100)]
    expected = intervals.difference(before, per_question, [str(i // 5) for i in range(100)])
    assert score.delta.estimate.se == pytest.approx(expected.se)
    text = formats.markdown(found)
    assert "| trained | 70.0 ± 10.0 (+20.0 [" in text and "the mean of 3 seeds" in text
    assert json.loads(formats.as_json(found))["suites"]["drbench"]["variants"][1]["mcnemar_p"] is None


def test_seeds_of_different_questions_are_refused():
    with pytest.raises(UserError, match="seeds of one run, but they answered different questions"):
        comparison.compare([_entry("base", BASE), _entry("b", _run("s1", HALF), _run("s2", HALF, questions=90))])


def test_folders_of_one_name_are_seeds(tmp_path, monkeypatch):
    monkeypatch.setattr(entries.runs, "read", lambda path: Run(Path(path), "m"))
    found = entries.read(["a", "b", "c"], ["base", "x, y", "x, y"], ["direct", "scaffold", "scaffold"])
    assert [(entry.name, len(entry.seeds), entry.native) for entry in found] == [
        ("base", 1, "direct"),
        ("x, y", 2, "scaffold"),
    ]
    with pytest.raises(UserError, match="the seeds of x were given different native prompts"):
        entries.read(["a", "b", "c"], ["base", "x", "x"], ["direct", "scaffold", "direct"])
    assert [entry.name for entry in entries.read(["p/eval", "q/eval"])] == ["p", "q"]
    assert [entry.name for entry in entries.read(["p/x", "q/x"])] == ["p/x", "q/x"]


# --- general benchmarks ----------------------------------------------------------------------------------------------


def _with_items(name: str, task: str, metric: str, value: float, items: dict[str, list[dict]]) -> Run:
    """A run with one general benchmark: its reported value, and the logged items of its task or tasks."""
    run = _run(name, HALF)
    pattern = run.tasks["drbench_perception"]
    for member, rows in items.items():
        metrics = {metric: value, "unparsed": 0.1} if member == task else {}
        found = replace(pattern, task=member, metrics=metrics, config={}, effective=len(rows))
        found.__dict__["samples"] = rows
        run.tasks[member] = found
    if task not in run.tasks:
        group = replace(pattern, task=task, metrics={metric: value, "unparsed": 0.1}, config={}, effective=None)
        group.__dict__["samples"] = []
        run.tasks[task] = group
    return run


def _items(scores: list[float], **more: list) -> list[dict]:
    extra = [dict(zip(more, values, strict=True)) for values in zip(*more.values(), strict=True)] if more else None
    rows = [{"item_id": str(i), "image_id": str(i), "score": float(score)} for i, score in enumerate(scores)]
    return [row | (extra[i] if extra else {}) for i, row in enumerate(rows)]


def _score_of(base: Run, other: Run, title: str) -> comparison.Score:
    found = comparison.compare([_entry("base", base), _entry("b", other)])
    return found.scores[1][found.titles.index(title)]


def test_a_mean_of_items_has_its_paired_interval():
    before, after = [1, 0] * 20, [1, 1, 1, 0] * 10
    runs = [
        _with_items(
            name, "retention_realworldqa", "exact_match", sum(scores) / 40, {"retention_realworldqa": _items(scores)}
        )
        for name, scores in (("base", before), ("b", after))
    ]
    score = _score_of(*runs, "RealWorldQA")
    expected = intervals.difference(before, after, [str(i) for i in range(40)])
    assert score.delta.estimate == expected and score.change == pytest.approx(25.0) and score.unparsed == 10.0
    assert "### Unparsed outputs" in formats.markdown(
        comparison.compare([_entry("base", runs[0]), _entry("b", runs[1])])
    )


def test_means_of_parts_are_paired_within_their_parts():
    parts, before, after = ["x"] * 30 + ["y"] * 10, [0] * 30 + [1] * 10, [1] * 15 + [0] * 15 + [1] * 10
    runs = [
        _with_items(name, "retention_mmstar", "average", value, {"retention_mmstar": _items(scores, l2_category=parts)})
        for name, scores, value in (("base", before, 0.5), ("b", after, 0.75))
    ]
    assert _score_of(*runs, "MMStar").delta.estimate.mean == pytest.approx(0.25)  # of the questions: 0.375
    tasks = [
        {"retention_blink_counting": _items(scores[:30]), "retention_blink_jigsaw": _items(scores[30:])}
        for scores in (before, after)
    ]
    runs = [
        _with_items(n, "retention_blink", "blink_acc", v, t) for n, v, t in zip("ab", (0.5, 0.75), tasks, strict=True)
    ]
    runs = [replace(run, path=Path(name)) for run, name in zip(runs, ("base", "b"), strict=True)]
    assert _score_of(*runs, "BLINK").delta.estimate.mean == pytest.approx(0.25)


def test_rotations_count_together():
    million = 1_000_000
    ids = [1, 2, 3, 1 + million, 2 + million, 4 + million]  # the first rotation of 4 was not asked

    def rows(scores):
        found = zip(ids, scores, strict=True)
        return [{"item_id": str(i), "image_id": str(i % million), "score": float(score)} for i, score in found]

    runs = [
        _with_items(name, "retention_mmbench_en_dev", "acc", value, {"retention_mmbench_en_dev": rows(scores)})
        for name, scores, value in (("base", (1, 1, 0, 0, 1, 1), 1 / 3), ("b", (1, 1, 1, 1, 1, 0), 1.0))
    ]
    estimate = _score_of(*runs, "MMBench").delta.estimate
    assert (estimate.mean, estimate.n) == (pytest.approx(2 / 3), 3)


def test_items_that_do_not_give_the_reported_value_make_no_interval():
    scores = [1, 0] * 20
    runs = [
        _with_items(name, "retention_realworldqa", "exact_match", value, {"retention_realworldqa": _items(scores)})
        for name, value in (("base", 0.5), ("b", 0.6))
    ]
    score = _score_of(*runs, "RealWorldQA")
    assert score.delta is None and score.change == pytest.approx(10.0)


@pytest.mark.parametrize(
    ("damage", "phrase"),
    [
        ({"score": "x"}, "b: a logged sample of retention_realworldqa has score x, not a number from 0 to 1"),
        ({"score": None}, "score None, not a number"),
        ({"score": "7" * 9999}, "score 7777777777777777777777777777777777777777, not a number"),
        ({"image_id": ["a"]}, "image_id that is no text"),
        ({"item_id": 3}, "item_id that is no text"),
        (None, "lacks its scores"),
    ],
)
@pytest.mark.parametrize("place", [0, 5])
def test_a_damaged_item_is_named(damage, phrase, place):
    items = _items([1, 0] * 20)
    damaged = [*items[:place], {} if damage is None else items[place] | damage, *items[place + 1 :]]
    sides = [
        _with_items(name, "retention_realworldqa", "exact_match", 0.5, {"retention_realworldqa": rows})
        for name, rows in (("base", items), ("b", damaged))
    ]
    with pytest.raises(UserError) as error:
        _score_of(*sides, "RealWorldQA")
    assert phrase in str(error.value) and len(str(error.value)) < 200


def _reported(name: str, value: float, unparsed: float = 0.1) -> Entry:
    run = _with_items(name, "retention_realworldqa", "exact_match", value, {})
    run.tasks["retention_realworldqa"].metrics["unparsed"] = unparsed
    return _entry(name, run)


@pytest.mark.parametrize("shown", [formats.markdown, formats.as_csv, formats.as_json, formats.latex, page.html])
def test_a_mean_of_nothing_is_missing_and_said(shown):
    found = comparison.compare([_reported("base", 0.5), _reported("b", float("nan"), float("nan"))])
    score = found.scores[1][found.titles.index("RealWorldQA")]
    assert score.value is score.change is score.unparsed is None
    text = shown(found)
    assert not re.search(r"\bnan\b", text)
    assert shown is formats.as_csv or "b has no number for RealWorldQA: lmms-eval reports NaN." in text


@pytest.mark.parametrize(
    "wrong", [(float("inf"),), (float("-inf"),), (1e308,), (-0.1,), (50.0,), (0.5, float("inf")), (0.5, 7.0)]
)
def test_a_reported_value_that_is_no_percentage_is_refused(wrong):
    with pytest.raises(UserError, match="retention_realworldqa of b reports .* %, which is no percentage"):
        comparison.compare([_reported("base", 0.5), _reported("b", *wrong)])


# --- formats ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def compared() -> comparison.Comparison:
    nasty = "50 % & more_of {it}\\ =1"
    return comparison.compare([_entry("base", BASE), _entry(nasty, _run("b", MORE))])


def test_csv_is_one_number_a_line(compared):
    lines = list(csv.DictReader(io.StringIO(formats.as_csv(compared))))
    overall = next(line for line in lines if line["row"] == "overall" and line["run"] != "base")
    assert (overall["value"], overall["delta"], overall["verdict"]) == ("80.0", "30.0", "gained")
    assert float(overall["delta_low"]) < 30 < float(overall["delta_high"]) and overall["suite"] == "drbench"
    assert {line["kind"] for line in lines} == {"benchmark", "suite"}


def test_a_name_is_no_formula_in_a_spreadsheet():
    found = comparison.compare([_entry("base", BASE), _entry("=1+1", _run("b", MORE))])
    assert {line["run"] for line in csv.DictReader(io.StringIO(formats.as_csv(found)))} == {"base", "'=1+1"}


def test_json_lists_the_questions_gained_and_lost(compared):
    variant = json.loads(formats.as_json(compared))["suites"]["drbench"]["variants"][1]
    assert set(variant["gained"]) == {f"q{i}" for i in range(1, 100, 2) if i % 5}
    assert set(variant["lost"]) == {f"q{i}" for i in range(0, 100, 10)}
    assert variant["delta_parts"] == {"answers": pytest.approx(0.3), "unparsed": 0, "truncated": 0}


def test_latex_is_escaped_and_balanced(compared):
    text = formats.latex(compared)
    assert r"50 \% \& more\_of \{it\}\textbackslash{} =1" in text
    assert text.count("\\begin{table}") == text.count("\\end{table}") == len(tables.tables(compared))
    body = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert body and all(line.count("&") - line.count(r"\&") >= 1 for line in body)
    assert not set(text) & set("−±→–")


def test_published_rows_are_marked_and_stand_in_tables_of_their_own(compared):
    text = formats.markdown(compared, paper=True)
    before, models, methods = text.partition("## `drbench`")[0].split("### Published: ")
    assert "DRBench (direct)" in before and "published: " not in before
    for shown, rows in ((models, published.MODELS), (methods, published.METHODS)):
        assert shown.count("| published: ") == len(rows) and "DRBench (direct)" not in shown
        assert "DRBench (official data)" in shown and "No delta refers to them" in shown
    assert "published" not in formats.markdown(compared).lower()
    assert '"published"' in formats.as_json(compared, paper=True)
    assert "published," in formats.as_csv(compared, paper=True)


def test_our_own_runs_stand_above_the_published_rows_of_the_same_benchmark():
    base, other = _run("base", HALF), _run("b", MORE)
    for run, value in ((base, 0.25), (other, 0.3)):
        result = replace(
            run.tasks["drbench_perception"], task="retention_mmmu_val", metrics={"mmmu_acc": value}, config={}
        )
        result.__dict__["samples"] = []
        run.tasks["retention_mmmu_val"] = result
    found = comparison.compare([_entry("base", base), _entry("b", other)])
    for table in tables.tables(found, paper=True)[1:3]:
        assert table.header[1] == "MMMU" and [row[0].text for row in table.rows[:2]] == ["base", "b"]
        assert [row[1].text for row in table.rows[:2]] == ["25.0", "30.0"] and table.rows[1][1].change == "+5.0"
        assert table.rows[1][table.header.index("DRBench (official data)")].text == "–"


def test_the_published_averages_are_the_means_of_their_rows():
    counted = [column.title for column in COLUMNS if column.in_average and column.task != "drbench"]
    for row in published.MODELS:
        values = [*(row.values[title] for title in counted), row.values[published.DRBENCH]]
        assert sum(values) / 6 == pytest.approx(row.values[published.AVERAGE], abs=0.06), row.name


def test_the_parts_and_tests_stand_in_a_table(compared):
    table = next(table for table in tables.tables(compared) if table.title.endswith("where the deltas come from"))
    assert [cell.text for cell in table.rows[0]][2:4] == ["40", "10"]
    assert table.rows[0][0].text.startswith("50 %")
