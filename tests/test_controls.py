"""The controls: another picture, rotated options; as functions, as tasks, and through upstream's own loop."""

import json

import lmms_runs
import pytest
from conftest import toy_record, write_toy_data
from lmms_eval import evaluator
from lmms_eval.models import get_model
from lmms_eval.tasks import TaskManager

from lmms_eval_drbench import controls, data, plugin, prompts, record, runs, scoring, summary, task
from lmms_eval_drbench.columns import COLUMNS
from lmms_eval_drbench.taxonomy import Category
from lmms_eval_drbench.tiny.architecture import PIXELS
from task_configs import variants


def _record(index: int, **changes) -> dict:
    category = list(Category)[index % 5]
    premise = {"premise_true": False, "reject_answers": ["D"]} if index % 5 == 4 else {}
    fields = {"split": "test", "category": str(category)}
    return toy_record(index) | fields | premise | changes


@pytest.fixture
def records(tmp_path, monkeypatch) -> list[dict]:
    """40 records of four images as DRBENCH_DATA: two to four options, every tenth open-ended."""
    found = []
    for index in range(40):
        count = 2 + index % 3
        changes = {"options": [f"thing {number}" for number in range(count)], "answer": ["AB"[index % 2]]}
        if index % 5 == 4:
            changes["reject_answers"] = changes["answer"]
        if index % 10 == 0:
            changes |= {"question_type": "open_ended", "options": [], "answer": ["red"]}
        found.append(_record(index, **changes))
    monkeypatch.setenv(data.ENV, str(write_toy_data(tmp_path / "data", found)))
    return found


def _evaluate(suite: str, answer, limit=None) -> dict:
    """Upstream's loop with a model that sees the prompt; `answer(prompt)`."""
    manager = TaskManager(include_path=str(plugin.tasks_dir()), include_defaults=False)
    return evaluator.simple_evaluate(
        model=_Reader(answer), tasks=[suite], task_manager=manager, bootstrap_iters=0, limit=limit, log_samples=True
    )


class _Reader(lmms_runs.Replay):
    def generate_until(self, requests):
        return [self.answer(request.args[0]) for request in requests]


# As functions


def test_a_derangement_is_one_cycle_that_the_order_of_records_does_not_change():
    ids = [f"image-{index}" for index in range(50)]
    exchange = controls.derangement(ids * 2)
    assert set(exchange) == set(exchange.values()) == set(ids)
    assert all(exchange[image] != image for image in ids)
    assert exchange == controls.derangement(reversed(ids)) != controls.derangement(ids, seed=1)
    assert controls.derangement(["a", "b"]) == {"a": "b", "b": "a"}
    with pytest.raises(ValueError):
        controls.derangement(["a", "a"])


def test_rotations_move_the_answer_along():
    one = toy_record(
        0, options=["w", "x", "y", "z"], answer=["A", "C"], reject_answers=["D"], question_type="multiple_choice"
    )
    found = controls.rotations(one)
    assert [turned["options"] for turned in found] == [list("wxyz"), list("xyzw"), list("yzwx"), list("zwxy")]
    assert [turned["answer"] for turned in found] == [["A", "C"], ["B", "D"], ["A", "C"], ["B", "D"]]
    assert [turned["reject_answers"] for turned in found] == [["D"], ["C"], ["B"], ["A"]]
    for turned in found:
        assert {turned["options"]["ABCD".index(letter)] for letter in turned["answer"]} == {"w", "y"}
        assert record.faults(turned) == []
    assert one["answer"] == ["A", "C"]
    with pytest.raises(ValueError, match="no options"):
        controls.rotations(toy_record(0, question_type="open_ended", options=[], answer=["red"]))


def test_one_wrong_rotation_is_a_wrong_question():
    one = toy_record(0, options=["w", "x", "y"], answer=["B"])
    turned = controls.rotations(one)

    def scored(*outputs):
        return controls.circular([scoring.score(r, o) for r, o in zip(turned, outputs, strict=True)])

    right = scored("B", "A", "C")
    assert (right["acc"], right["rotation_acc"], right["unparsed"], right["answer"]) == (1, 1, 0, "B | A | C")
    assert right["chance"] == pytest.approx(1 / 27) and right["truncated"] is None
    favourite = scored("B", "B", "B")
    assert (favourite["acc"], favourite["rotation_acc"], favourite["partial"]) == (0, 1 / 3, 1 / 3)
    silent = scored("B", "", "C")
    assert (silent["acc"], silent["unparsed"], silent["rotation_acc"]) == (0, 1, 2 / 3)
    premise = controls.rotations(_record(4, options=["w", "x"], answer=["A"], reject_answers=["A"]))
    policies = controls.circular([scoring.score(r, o) for r, o in zip(premise, ["A", "B"], strict=True)])
    assert (policies["acc"], policies["always_reject"], policies["never_reject"], policies["always_a"]) == (1, 1, 0, 0)


# Records and pictures


def test_the_shuffled_control_leaves_out_what_another_picture_would_change(records):
    found = [
        r for c in Category for r in (getattr(task, f"docs_shuffled_{c}")(None) if c.layer != "logical_rigor" else [])
    ]
    wanted = {r["id"] for r in records if r["options"] and r["category"] != "false_premise_rejection"}
    assert {r["id"] for r in found} == wanted
    with pytest.raises(SystemExit, match="for the shuffled control"):
        task.docs_shuffled_false_premise_rejection(None)
    by_image = {}
    for one in found:
        (picture,) = task.shuffled_visual(one)
        assert picture.getpixel((0, 0)) != one["image"].convert("RGB").getpixel((0, 0))
        assert by_image.setdefault(one["image_id"], one["shown_image_id"]) == one["shown_image_id"] != one["image_id"]
        scores = task.process_results_direct(one, ["A"])["acc"]
        assert (scores["image_id"], scores["shown_image_id"]) == (one["image_id"], one["shown_image_id"])


def test_a_question_meets_the_same_other_picture_in_the_mini_subset(monkeypatch):
    monkeypatch.delenv(data.ENV, raising=False)
    full, mini = (getattr(task, f"docs_{size}shuffled_perception")(None) for size in ("", "mini_"))
    shown = dict(zip(full["id"], full["shown_image_id"], strict=True))
    assert 0 < len(mini) < len(full)
    assert all(shown[i] == other for i, other in zip(mini["id"], mini["shown_image_id"], strict=True))


def test_a_single_picture_can_not_be_exchanged(tmp_path, monkeypatch):
    one_image = [_record(index, image="red.png", image_id="red") for index in range(5)]
    monkeypatch.setenv(data.ENV, str(write_toy_data(tmp_path / "one", one_image)))
    with pytest.raises(SystemExit, match="no data for the shuffled control: fewer than two images"):
        task.docs_shuffled_perception(None)


# Through upstream's loop


def _right_if_first_option(prompt: str) -> str:
    """Reads the options: picks the letter of "thing 1", whatever its place."""
    return next(line[0] for line in prompt.splitlines() if line.endswith("thing 1"))


def test_a_circular_question_is_one_document_with_one_request_for_each_rotation(records):
    choice = [r for r in records if r["options"]]
    results = _evaluate("drbench_circular", _right_if_first_option)
    counts = {name: count["effective"] for name, count in results["n-samples"].items()}
    assert sum(counts.values()) == len(choice) == 36
    for name, samples in results["samples"].items():
        by_id = {r["id"]: r for r in choice}
        for sample in samples:
            one = by_id[sample["acc"]["record_id"]]
            assert len(sample["filtered_resps"]) == len(one["options"])
            assert sample["acc"]["acc"] == (one["answer"] == ["B"]), name
    right = sum(r["answer"] == ["B"] for r in choice) / len(choice)
    assert results["results"]["drbench_circular"]["acc,none"] == pytest.approx(right)
    assert results["results"]["drbench_circular"]["rotation_acc,none"] == pytest.approx(right)


def test_a_favourite_letter_is_never_right_and_a_limit_counts_questions(records):
    results = _evaluate("drbench_circular", lambda prompt: "A", limit=3)
    assert {count["effective"] for count in results["n-samples"].values()} == {3}
    row = results["results"]["drbench_circular"]
    assert row["acc,none"] == 0 and 0.2 < row["rotation_acc,none"] < 0.6


def test_groups_weigh_by_questions_and_not_by_rotations(records):
    """Perception has 2 to 4 options a question; only its questions are right."""
    by_question = {r["question"]: r for r in records}

    def answer(prompt: str) -> str:
        one = by_question[prompt.splitlines()[0]]
        if one["category"] != "perception":
            return "none"
        wanted = one["options"]["ABCD".index(one["answer"][0])]
        return next(line[0] for line in prompt.splitlines() if line.endswith(wanted))

    results = _evaluate("drbench_circular", answer)
    share = sum(r["category"] == "perception" and bool(r["options"]) for r in records) / 36
    assert results["results"]["drbench_circular"]["acc,none"] == pytest.approx(share)


def test_the_scaffold_prompt_is_rotated_too(records):
    seen = []
    results = _evaluate(
        "drbench_circular_scaffold", lambda prompt: seen.append(prompt) or "<answer>A</answer>", limit=1
    )
    assert all("in four fields" in prompt for prompt in seen) and len(seen) == len(set(seen)) > 5
    assert "well_formed,none" in results["results"]["drbench_circular_scaffold"]


def test_without_the_plugin_a_circular_task_refuses_to_score(records):
    one = task.docs_circular_spatial_reasoning(None)[0]
    with pytest.raises(SystemExit, match="was asked 1 times .* plugin"):
        task.process_results_circular_direct(one, ["A"])


@pytest.mark.parametrize("force_simple", [False, True], ids=["chat", "simple"])
def test_in_batches_every_rotation_gets_its_own_prompt_and_every_question_its_picture(
    random_tiny, records, monkeypatch, force_simple
):
    """The real adapter reads a batch through its first request: the rotations must not share a batch."""
    model = get_model("qwen2_5_vl", force_simple=force_simple)(
        pretrained=str(random_tiny), device="cpu", device_map="cpu", min_pixels=PIXELS, max_pixels=PIXELS, batch_size=8
    )
    texts = []

    def generate(input_ids, **kwargs):
        import torch

        texts.extend(model.processor.batch_decode(input_ids))
        answer = model.processor.tokenizer("A").input_ids[:1]
        return torch.cat([input_ids, torch.tensor([answer] * len(input_ids))], dim=1)

    monkeypatch.setattr(model.model, "generate", generate)
    manager = TaskManager(include_path=str(plugin.tasks_dir()), include_defaults=False)
    tasks = ["drbench_circular_perception", "drbench_circular_spatial_reasoning"]
    evaluator.simple_evaluate(model=model, tasks=tasks, task_manager=manager, batch_size=8, bootstrap_iters=0)
    asked = [r for r in records if r["options"] and r["category"] in ("perception", "spatial_reasoning")]
    wanted = [prompts.direct(turned) for one in asked for turned in controls.rotations(one)]
    for prompt in wanted:
        question, options = prompt.splitlines()[0], prompt.splitlines()[1:-1]
        matching = [text for text in texts if question in text and "".join(options).replace(" ", "") in _squeezed(text)]
        assert len(matching) == 1, prompt
    assert len(texts) == len(wanted)


def _squeezed(text: str) -> str:
    return text.replace("\n", "").replace(" ", "")


# As files


def test_the_files_of_the_variants_are_what_the_rules_write():
    expected = {path: content for variant in variants.variants() for path, content in variant.items()}
    found = {str(file.relative_to(variants.TASKS)): file.read_text() for file in variants.TASKS.glob("drbench*/*.yaml")}
    assert found == expected


def test_every_variant_is_a_column():
    suites = {path.split("/")[0] for variant in variants.variants() for path in variant}
    assert {column.task for column in COLUMNS if column.title.startswith("DRBench")} == suites


def test_score_shows_the_controls(tmp_path):
    """A logged circular question has one row, with the share of its rotations that are right."""
    one = toy_record(0, options=["w", "x"], answer=["A"])
    scores = controls.circular([scoring.score(r, "A") for r in controls.rotations(one)]) | {
        "data": "toy",
        "fingerprint": "0",
    }
    sample = {"doc_id": 0, "filtered_resps": ["A", "A"], "acc": scores}
    file = tmp_path / "samples.jsonl"
    file.write_text(json.dumps(sample) + "\n")
    (row,) = runs.read_samples(file)
    assert (row["acc"], row["rotation_acc"], row["output"]) == (0, 0.5, "A")
    result = runs.TaskResult("drbench_circular_perception", {}, 1, 1, {}, {}, "", "", file)
    suite = summary.suites(runs.Run(tmp_path, "m", {result.task: result}))["drbench_circular"]
    overall = next(row for row in summary.rows(suite) if row.level == "overall")
    assert overall.means["rotation_acc"] == 0.5 and overall.means["chance"] == 0.25
