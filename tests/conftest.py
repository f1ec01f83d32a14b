"""Fixtures that more than one test file needs."""

import json
import sys
from pathlib import Path

import pytest
from annotated_worlds import write_coco
from PIL import Image

from lmms_eval_drbench.errors import run_cli

COCO_SAMPLE = Path(__file__).parents[2] / "shared" / "data" / "coco_sample"
COLORS = ("red", "green", "blue", "white")


@pytest.fixture(scope="session")
def coco_sample() -> Path:
    """50 hand-written questions about 10 photographs, in the record format."""
    if not COCO_SAMPLE.is_dir():
        pytest.skip(f"{COCO_SAMPLE} is not there")
    return COCO_SAMPLE


def toy_record(index: int, **changes) -> dict:
    """A valid record of split train: one of four plain images, 60 to 90 words of annotation."""
    color = COLORS[index % len(COLORS)]
    objects = [f"{color} wall", "floor", "lamp"][: 2 + index % 2]
    graph = [[objects[0], "above", "floor"]] + [["lamp", "near", objects[0]]] * (index % 2)
    return {
        "id": f"toy-{index}",
        "image": f"{color}.png",
        "image_id": color,
        "source": "toy",
        "split": "train",
        "category": "perception",
        "family": "color",
        "question_type": "single_choice",
        "question": f"What is the color of the wall in picture {index}?",
        "options": list(COLORS),
        "answer": ["ABCD"[index % len(COLORS)]],
        "key_objects": objects,
        "key_object_boxes": [],
        "scene_graph": graph,
        "reasoning_chain": {
            "perception": f"There is a {color} wall" + " behind the lamp." * (index % 3) + ".",
            "relation": f"The {color} wall is above the floor.",
            "logic": "The wall fills the picture, so its color is the picture's.",
            "conclusion": f"The answer is {color}.",
        },
        "premise_true": None,
        "reject_answers": [],
        "twin_id": None,
    } | changes


def write_toy_data(folder: Path, records: list[dict]) -> Path:
    """Write records and the four images that toy records name."""
    folder.mkdir(parents=True, exist_ok=True)
    for color in COLORS:
        Image.new("RGB", (168, 168), color).save(folder / f"{color}.png")
    lines = "".join(json.dumps(record) + "\n" for record in records)
    (folder / "questions.jsonl").write_text(lines, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def toy_data(tmp_path_factory) -> Path:
    """12 valid records of split train about four plain images."""
    return write_toy_data(tmp_path_factory.mktemp("data") / "toy", [toy_record(index) for index in range(12)])


@pytest.fixture(scope="session")
def random_tiny(tmp_path_factory) -> Path:
    """A randomly initialised Qwen2.5-VL of two small layers, whose tokenizer knows the toy records' words."""
    from lmms_eval_drbench import prompts, scaffold
    from lmms_eval_drbench.tiny.architecture import create

    records = [toy_record(index) for index in range(12)]
    texts = [f"{prompts.scaffold(record)}\n{scaffold.render(record)}" for record in records]
    sizes = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 1}
    return create(tmp_path_factory.mktemp("models") / "random_tiny", texts, head_start=False, **sizes, **heads)


@pytest.fixture(scope="session")
def finished(random_tiny, toy_data, tmp_path_factory) -> Path:
    """The folder of a finished drscaffold run, two steps a stage, with a rate high enough to move the logits."""
    from sft_runs import sft

    out = tmp_path_factory.mktemp("runs") / "finished"
    assert sft(random_tiny, toy_data, out, "--stage_steps=2", "--learning_rate=0.01") == 0
    return out


@pytest.fixture(scope="session")
def folders(tmp_path_factory) -> dict[str, Path]:
    """Output folders of lmms-eval, see `logged_runs.write`."""
    import logged_runs

    return logged_runs.write(tmp_path_factory.mktemp("logged"))


@pytest.fixture
def command(capsys, monkeypatch):
    """Run a command's `main` here, without the seconds that a new process takes: (exit code, stdout, stderr)."""

    def run(main, *arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["command", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            run_cli(main)
        return int(stop.value.code or 0), *capsys.readouterr()

    return run


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    """60 random annotated pictures (of noise) in COCO's format."""
    folder = tmp_path_factory.mktemp("world")
    write_coco(folder / "instances.json", 60)
    for image in json.loads((folder / "instances.json").read_text())["images"]:
        Image.effect_noise((64, 48), 120).resize((640, 480)).save(folder / image["file_name"], quality=30)
    return folder
