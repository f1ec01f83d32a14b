"""Small local clones of the general benchmarks' data sets, with the columns that lmms-eval's task code reads."""

import re
from pathlib import Path

import datasets
from PIL import Image

BLINK_TASKS = [
    "Art_Style",
    "Counting",
    "Forensic_Detection",
    "Functional_Correspondence",
    "IQ_Test",
    "Jigsaw",
    "Multi-view_Reasoning",
    "Object_Localization",
    "Relative_Depth",
    "Relative_Reflectance",
    "Semantic_Correspondence",
    "Spatial_Relation",
    "Visual_Correspondence",
    "Visual_Similarity",
]


def picture(color: str = "red", size: int = 40) -> Image.Image:
    return Image.new("RGB", (size, size), color)


def mmbench() -> list[dict]:
    """Two questions with all their rotations (three and two options), as MMBench numbers them."""
    rows = []
    for index, options, gold in ((3, ["cat", "dog", "cow"], "dog"), (4, ["red", "blue"], "red")):
        for turn in range(len(options)):
            turned = options[turn:] + options[:turn]
            columns = dict(zip("ABCD", [*turned, *["nan"] * (4 - len(turned))], strict=True))
            rows.append(
                {
                    "index": index + turn * 1_000_000,
                    "question": f"What is in picture {index}?",
                    "hint": "nan",
                    "answer": "ABC"[turned.index(gold)],
                    "category": "object_localization",
                    "image": picture(),
                    "source": "toy",
                    "L2-category": "finegrained_perception",
                    "comment": "nan",
                    "split": "dev",
                    **columns,
                }
            )
    return rows


def mmmu() -> list[dict]:
    rows = []
    for number in (1, 2, 3):
        is_choice = number < 3
        rows.append(
            {
                "id": f"validation_Art_{number}",
                "question": f"<image 1> What color is picture {number}?",
                "options": "['red', 'green', 'blue']" if is_choice else "[]",
                "explanation": "",
                "answer": "B" if is_choice else "12",
                "question_type": "multiple-choice" if is_choice else "open",
                **{f"image_{index}": picture("green") if index == 1 else None for index in range(1, 8)},
            }
        )
    return rows


def mmstar() -> list[dict]:
    rows = []
    for index, (category, l2) in enumerate(
        (("coarse perception", "image emotion"), ("math", "geometry"), ("math", "geometry"))
    ):
        rows.append(
            {
                "index": index,
                "question": f"What is shown in {index}?\nOptions: A: a dog, B: a cat, C: two, big cows, D: none",
                "image": picture("blue"),
                "answer": "C",
                "category": category,
                "l2_category": l2,
                "meta_info": {"source": "toy", "split": "val", "image_path": f"images/{index}.jpg"},
            }
        )
    return rows


def realworldqa() -> list[dict]:
    direct = "Please answer directly with only the letter of the correct option and nothing else."
    return [
        {
            "image": picture(),
            "image_path": "0.webp",
            "question": f"Which way?\n\nA. Left\nB. Right\nC. Straight on\n{direct}",
            "answer": "B",
        },
        {
            "image": picture(),
            "image_path": "1.webp",
            "question": "How many cars?\nPlease answer directly with a single word or number.",
            "answer": "2",
        },
    ]


def hallusion_bench() -> list[dict]:
    """Set 0 of VS: question 0 about figures 1 and 2, question 1 about figure 1; set 1 of VD: one question."""
    rows = []
    for category, set_id, figure, question, gold in (
        ("VS", 0, 1, 0, "1"),
        ("VS", 0, 2, 0, "0"),
        ("VS", 0, 1, 1, "0"),
        ("VD", 1, 0, 0, "1"),
    ):
        rows.append(
            {
                "category": category,
                "subcategory": "chart",
                "visual_input": "1",
                "set_id": str(set_id),
                "figure_id": str(figure),
                "sample_note": "toy",
                "question_id": str(question),
                "question": f"According to figure {figure} of set {set_id}, is claim {question} true?",
                "gt_answer_details": "...",
                "gt_answer": gold,
                "filename": f"./hallusion_bench/{category}/{set_id}_{figure}.png",
                "image": picture(),
            }
        )
    return rows


def blink(task: str) -> list[dict]:
    rows = []
    for number in (1, 2):
        choices = ["the first image", "the second image"]
        listed = " ".join(f"({letter}) {choice}" for letter, choice in zip("AB", choices, strict=True))
        rows.append(
            {
                "idx": f"val_{task}_{number}",
                "question": "Which is it?",
                "sub_task": task,
                "image_1": picture("red"),
                "image_2": picture("white") if number == 2 else None,
                "image_3": None,
                "image_4": None,
                "choices": choices,
                "answer": "(B)",
                "prompt": f"Which is it?\nSelect from the following choices.\n{listed}",
                "explanation": "",
            }
        )
    return rows


def _images(rows: list[dict]) -> datasets.Dataset:
    names = [name for name in rows[0] if re.fullmatch(r"image(_\d)?", name)]
    encode = datasets.Image().encode_example
    encoded = [row | {name: row[name] and encode(row[name]) for name in names} for row in rows]
    dataset = datasets.Dataset.from_list([{k: v for k, v in row.items() if k not in names} for row in encoded])
    features = datasets.Features({**dataset.features, **{name: datasets.Image() for name in names}})
    return datasets.Dataset.from_list(encoded, features=features)


def _write(root: Path, repo: str, files: dict[str, tuple[str | None, list[dict]]]) -> None:
    """files: path → (configuration or None, rows); the split is the file name up to its first dash."""
    configs: dict[str, list[str]] = {}
    for path, (config, rows) in files.items():
        (root / repo / path).parent.mkdir(parents=True, exist_ok=True)
        _images(rows).to_parquet(str(root / repo / path))
        split = Path(path).name.split("-")[0]
        configs.setdefault(config or "default", []).append(f"  - split: {split}\n    path: {path}")
    listed = "".join(f"- config_name: {c}\n  data_files:\n" + "\n".join(lines) + "\n" for c, lines in configs.items())
    (root / repo / "README.md").write_text(f"---\nconfigs:\n{listed}---\n")


def write_all(root: Path) -> Path:
    """Every data set of the suite below `root`, named as on the hub."""
    _write(root, "MMBench", {"en/dev-00000.parquet": ("en", mmbench())})
    _write(root, "MMMU", {"data/validation-00000.parquet": (None, mmmu())})
    _write(root, "MMStar", {"val-00000.parquet": (None, mmstar())})
    _write(root, "RealWorldQA", {"data/test-00000.parquet": (None, realworldqa())})
    _write(root, "HallusionBench", {"data/image-00000.parquet": (None, hallusion_bench())})
    _write(root, "BLINK", {f"{name}/val-00000.parquet": (name, blink(name)) for name in BLINK_TASKS})
    return root
