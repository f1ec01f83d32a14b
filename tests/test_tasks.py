"""The tasks: which records, which prompt, which picture; and that no question ever gets another one's picture."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import toy_record
from lmms_eval import evaluator
from lmms_eval.models import get_model
from lmms_eval.tasks import TaskManager
from PIL import Image

from lmms_eval_drbench import data, prompts, rationales, scaffold, task
from lmms_eval_drbench.plugin import tasks_dir
from lmms_eval_drbench.taxonomy import Category
from lmms_eval_drbench.tiny import PACKAGED as TINY
from lmms_eval_drbench.tiny.architecture import PIXELS


@pytest.fixture(autouse=True)
def packaged(monkeypatch):
    monkeypatch.delenv(data.ENV, raising=False)


@pytest.fixture
def photographs(coco_sample, monkeypatch):
    """DRBENCH_DATA names the sample of real photographs."""
    monkeypatch.setenv(data.ENV, str(coco_sample))
    return data.load()


def docs(name: str):
    return getattr(task, name)(None)


# Records


def test_every_category_gets_its_records_and_together_they_are_all():
    found = {category: docs(f"docs_{category}") for category in Category}
    assert all(set(records["category"]) == {category} for category, records in found.items())
    assert sum(map(len, found.values())) == len(data.load().records) == 1200


def test_mini_is_400_records_of_the_split():
    ids = [record_id for category in Category for record_id in docs(f"docs_mini_{category}")["id"]]
    assert len(ids) == 400 and set(ids) == set(data.mini(data.load().records)["id"])


def test_records_carry_the_datas_name_and_fingerprint():
    loaded = data.load()
    record = docs("docs_perception")[0]
    assert (record["data"], record["fingerprint"]) == (loaded.name, loaded.fingerprint)
    assert {"data": loaded.name, "fingerprint": loaded.fingerprint}.items() <= task.DATA.items()


def test_other_data_takes_the_place_of_the_packaged(photographs):
    found = [docs(f"docs_{category}") for category in Category]
    assert sum(map(len, found)) == 50 and found[0][0]["data"].startswith("custom: ")
    assert task.DATA["fingerprint"] == photographs.fingerprint
    assert sum(len(docs(f"docs_mini_{category}")) for category in Category) == 50


def test_base_skills_stay_the_packaged_ones(photographs):
    assert len(task.docs_base_skills(None)) == 339
    assert task.BASE_SKILLS["fingerprint"] != photographs.fingerprint


def test_bad_data_ends_the_program_with_one_sentence(monkeypatch):
    monkeypatch.setenv(data.ENV, "/no/such/folder")
    with pytest.raises(SystemExit, match="error: no data at /no/such/folder") as ended:
        docs("docs_perception")
    assert ended.value.code not in (0, None)


def test_data_without_a_category_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv(data.ENV, str(_colored(tmp_path / "data", [Category.PERCEPTION])))
    assert len(docs("docs_perception")) == 8
    with pytest.raises(SystemExit, match="holds no anomaly_detection record"):
        docs("docs_anomaly_detection")


def test_an_unknown_attribute_is_an_error():
    with pytest.raises(AttributeError):
        _ = task.docs_humour


# Prompts, pictures and scores


@pytest.mark.parametrize("name", ["packaged", "photographs"])
def test_hooks_on_every_record(name, request):
    loaded = data.load() if name == "packaged" else request.getfixturevalue("photographs")
    for record in loaded.records.select(range(0, len(loaded.records), 7)):
        (picture,) = task.doc_to_visual(record)
        assert picture.mode == "RGB" and picture.size == record["image"].size
        assert task.no_visual(record) == []
        direct, scaffolded = task.doc_to_text_direct(record), task.doc_to_text_scaffold(record)
        assert (direct, scaffolded) == (prompts.direct(record), prompts.scaffold(record))
        assert record["question"] in direct and all(option in direct for option in record["options"])
        scored = record | {"data": loaded.name, "fingerprint": loaded.fingerprint}
        right = task.process_results_direct(scored, [task.doc_to_target(record)])["acc"]
        assert right["acc"] == 1 and right["fingerprint"] == loaded.fingerprint and right["prompt"] == "direct"
        assert right["record_id"] == record["id"] and right["image_id"] == record["image_id"]
        whole = task.process_results_scaffold(scored, [scaffold.render(record)])
        assert whole["acc"]["acc"] == 1 and whole["well_formed"] == 1
        assert json.loads(json.dumps(right)) == right
        for prompt, gold in (("cot", rationales.chain_of_thought), ("llava_cot", rationales.llava_cot)):
            assert getattr(task, f"doc_to_text_{prompt}")(record) == prompts.PROMPTS[prompt](record)
            reasoned = getattr(task, f"process_results_{prompt}")(scored, [gold(record)])["acc"]
            assert reasoned["acc"] == 1 and reasoned["prompt"] == prompt


def test_means():
    assert task.mean_acc([{"acc": 1.0}, {"acc": 0.0}]) == 0.5
    assert task.mean([1.0, None, 0.0]) == 0.5
    assert str(task.mean([None])) == "nan"


# Batches


def _color(index: int) -> tuple[int, int, int]:
    """Forty colors that differ by at least 50 in one channel."""
    return 60 * (index % 5), 60 * (index // 5 % 5), 120 * (index // 25)


def _colored(folder: Path, categories=tuple(Category)) -> Path:
    """Eight records of each category about pictures of one color each; the question says which picture it is about."""
    folder.mkdir(parents=True)
    lines = []
    for index in range(8 * len(categories)):
        category = categories[index % len(categories)]
        premise = {"premise_true": True} if category is Category.FALSE_PREMISE_REJECTION else {}
        fields = {"split": "test", "image": f"{index}.png", "image_id": f"{index}", "category": str(category)}
        lines.append(json.dumps(toy_record(index, **fields, **premise)) + "\n")
        Image.new("RGB", (168, 168), _color(index)).save(folder / f"{index}.png")
    (folder / "questions.jsonl").write_text("".join(lines))
    return folder


class Spy:
    """In the place of `model.generate`: notes which picture stands with which question, and answers A."""

    def __init__(self, processor) -> None:
        self.processor = processor
        self.seen: list[tuple[int, tuple[float, ...], str]] = []
        self.batches: list[int] = []

    def __call__(self, input_ids, pixel_values=None, image_grid_thw=None, **kwargs):
        import torch

        texts = self.processor.batch_decode(input_ids)
        self.batches.append(len(texts))
        patches = (
            pixel_values.split(image_grid_thw.prod(-1).tolist()) if pixel_values is not None else [None] * len(texts)
        )
        for text, patch in zip(texts, patches, strict=True):
            question = int(text.split("in picture ")[1].split("?")[0])
            self.seen.append((question, self._color_of(patch), text))
        answer = self.processor.tokenizer("A").input_ids[:1]
        return torch.cat([input_ids, torch.tensor([answer] * len(input_ids))], dim=1)

    def _color_of(self, patch) -> tuple[float, ...]:
        """The mean of each channel, 0 to 255; a patch is laid out as channel, time, row, column."""
        if patch is None:
            return ()
        means = patch.view(len(patch), 3, -1).mean((0, 2))
        images = self.processor.image_processor
        return tuple(
            255 * (m * s + c) for m, s, c in zip(means.tolist(), images.image_std, images.image_mean, strict=True)
        )


@pytest.fixture(scope="module")
def colored(tmp_path_factory) -> Path:
    return _colored(tmp_path_factory.mktemp("colored") / "data")


def _evaluate(model_folder, records_folder, monkeypatch, suite, *, force_simple, batch_size=8, limit=None):
    monkeypatch.setenv(data.ENV, str(records_folder))
    model = get_model("qwen2_5_vl", force_simple=force_simple)(
        pretrained=str(model_folder),
        device="cpu",
        device_map="cpu",
        min_pixels=PIXELS,
        max_pixels=PIXELS,
        batch_size=batch_size,
    )
    spy = Spy(model.processor)
    monkeypatch.setattr(model.model, "generate", spy)
    manager = TaskManager(include_path=str(tasks_dir()), include_defaults=False)
    results = evaluator.simple_evaluate(
        model=model,
        tasks=[suite],
        task_manager=manager,
        batch_size=batch_size,
        limit=limit,
        bootstrap_iters=0,
        log_samples=True,
    )
    return spy, results


@pytest.mark.parametrize("force_simple", [False, True], ids=["chat", "simple"])
def test_in_batches_of_eight_every_question_gets_its_own_picture(random_tiny, colored, monkeypatch, force_simple):
    spy, results = _evaluate(random_tiny, colored, monkeypatch, "drbench", force_simple=force_simple)
    assert spy.batches == [8] * 5 and sorted(question for question, _, _ in spy.seen) == list(range(40))
    for question, color, text in spy.seen:
        assert color == pytest.approx(_color(question), abs=4), f"question {question} got another one's picture"
        assert text.index("<|image_pad|>") < text.index("What is the color")
    assert {name: count["original"] for name, count in results["n-samples"].items()} == {
        f"drbench_{category}": 8 for category in Category
    }
    # options are the four colors, the answer of record i is letter i mod 4: A is right for ten of forty
    assert results["results"]["drbench"]["acc,none"] == pytest.approx(10 / 40)
    for name, samples in results["samples"].items():
        assert [sample["acc"]["category"] for sample in samples] == [name.removeprefix("drbench_")] * 8
        assert {sample["acc"]["fingerprint"] for sample in samples} == {data.load().fingerprint}
    assert results["configs"]["drbench_perception"]["metadata"]["fingerprint"] == data.load().fingerprint


def test_the_spy_sees_a_swapped_picture(random_tiny, colored, monkeypatch, tmp_path):
    """The test above can fail: where a picture is another one's, the colors differ."""
    swapped = _colored(tmp_path / "data")
    (swapped / "0.png").write_bytes((swapped / "1.png").read_bytes())
    spy, _ = _evaluate(random_tiny, swapped, monkeypatch, "drbench_perception", force_simple=True)
    colors = {question: color for question, color, _ in spy.seen}
    assert colors[0] == pytest.approx(_color(1), abs=4) and colors[0] != pytest.approx(_color(0), abs=4)


@pytest.mark.parametrize("force_simple", [False, True], ids=["chat", "simple"])
def test_the_blind_control_shows_no_picture_and_a_limit_is_kept(random_tiny, colored, monkeypatch, force_simple):
    spy, results = _evaluate(
        random_tiny, colored, monkeypatch, "drbench_blind", force_simple=force_simple, batch_size=2, limit=2
    )
    assert len(spy.seen) == 10 and all(color == () and "<|image_pad|>" not in text for _, color, text in spy.seen)
    assert {count["effective"] for count in results["n-samples"].values()} == {2}


# The tiny model's adapter


@pytest.mark.parametrize("force_simple", [False, True], ids=["chat", "simple"])
def test_drbench_tiny_computes_in_fp32_and_refuses_what_it_would_ignore(random_tiny, force_simple):
    import torch

    adapter = get_model("drbench_tiny", force_simple=force_simple)
    model = adapter(pretrained=str(random_tiny), batch_size="8", device="cuda", max_pixels=PIXELS)
    assert {weight.dtype for weight in model.model.parameters()} == {torch.float32}
    assert (model.min_pixels, model.max_pixels, model.batch_size, str(model.device)) == (PIXELS, PIXELS, 8, "cpu")
    with pytest.raises(ValueError, match="drbench_tiny sees 63504 pixels, not .*1003520"):
        adapter(pretrained=str(random_tiny), max_pixels="1003520")
    with pytest.raises(ValueError, match="drbench_tiny takes pretrained and batch_size, not fps"):
        adapter(pretrained=str(random_tiny), fps=2)


# The real command


def _command(tmp_path: Path, *flags: str, **environment: str):
    command = [sys.executable, "-m", "lmms_eval", "--log_samples", "--output_path", str(tmp_path / "out"), *flags]
    variables = os.environ | {"HF_HUB_OFFLINE": "1"} | environment
    return subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=600)


@pytest.mark.slow
def test_the_real_command_ends_with_one_sentence_on_bad_data(tmp_path):
    ended = _command(tmp_path, "--model", "dummy", "--tasks", "drbench_perception", DRBENCH_DATA="/no/such/folder")
    assert ended.returncode not in (0, None)
    assert "error: no data at /no/such/folder" in ended.stderr and not list(tmp_path.rglob("*_results.json"))


@pytest.mark.slow
def test_the_real_command_with_the_tiny_model(tmp_path):
    """From an empty folder, with no flag of ours: every level has a row, and `score` prints the same."""
    if not (TINY / "model.safetensors").is_file():
        pytest.skip(f"{TINY} holds no model")
    flags = ["--model", "drbench_tiny", "--tasks", "drbench_mini", "--limit", "2", "--batch_size", "8"]
    ended = _command(tmp_path, *flags)
    assert ended.returncode == 0, ended.stderr[-2000:]
    (file,) = tmp_path.rglob("*_results.json")
    results = json.loads(file.read_text())
    assert len(results["results"]) == 9 and all("acc,none" in values for values in results["results"].values())
    assert {count["effective"] for count in results["n-samples"].values()} == {2}
    assert data.load("packaged").fingerprint in ended.stdout + ended.stderr
    score = [sys.executable, "-m", "lmms_eval_drbench.score", str(tmp_path / "out")]
    printed = subprocess.run(score, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert printed.returncode == 0 and "| **overall** | 10 |" in printed.stdout
    assert data.load("packaged").fingerprint in printed.stdout and "`--limit 2`" in printed.stdout
