"""`python -m lmms_eval_drbench.export --format vlmevalkit|hub --out FOLDER`: the records for other tools.

vlmevalkit: TSV files with inlined pictures. VLMEvalKit takes `$LMUData/<name>.tsv` of a name that it does not know for
a benchmark of one's own: with columns A and B for multiple choice, else for open questions
(github.com/open-compass/VLMEvalKit, docs/en/Development.md and `vlmeval/dataset/__init__.py`). Its multiple-choice
evaluation reads one letter, so single choice is a file of its own; sets of letters and open answers are the other.

hub: a folder to upload as a data set: parquet with embedded pictures, and a card whose header `datasets` reads.
"""

import argparse
import base64
import csv
import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import datasets
import yaml

from lmms_eval_drbench import __version__, data, parquet, prompts
from lmms_eval_drbench.build.builder import check_free, describe
from lmms_eval_drbench.errors import UserError, run_cli
from lmms_eval_drbench.markdown import escape, table
from lmms_eval_drbench.record import FEATURES, MAX_OPTIONS, SPLITS
from lmms_eval_drbench.scaffold import gold_answer
from lmms_eval_drbench.taxonomy import Category, QuestionType

_LETTERS = [chr(ord("A") + index) for index in range(MAX_OPTIONS)]
_SINGLE = ("index", "image", "question", *_LETTERS, "answer", "category", "l2-category", "split", "id", "image_id")
_OTHER = ("index", "image", "question", "answer", "category", "l2-category", "split", "id", "image_id", "type")
_READ_AS_VALUES = re.compile(
    r"\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?\s*|[-+]?(inf|infinity|nan)|#?n/?a|<na>|none|null|true|false|-?1\.#(ind|qnan)",
    re.IGNORECASE,
)
"""Option texts that pandas turns into something else when VLMEvalKit reads the file: "3" beside an empty cell becomes
3.0, "None" becomes no option at all. A no-break space before them keeps them text."""
_MISSING = frozenset(
    [
        "#N/A",
        "#NA",
        "-1.#IND",
        "-1.#QNAN",
        "-NaN",
        "-nan",
        "1.#IND",
        "1.#QNAN",
        "<NA>",
        "N/A",
        "NA",
        "NULL",
        "NaN",
        "None",
        "n/a",
        "nan",
        "null",
    ]
)
"""Answers that pandas takes for none; numbers may stay numbers there."""
_PARTIAL = ".partial"
"""Folder for files that are not yet whole."""


def vlmevalkit(loaded: data.Data, out: Path, name: str = "DRBench_Open") -> list[Path]:
    """Write `<name>_MCQ.tsv` (single choice) and `<name>_VQA.tsv` (sets of letters, open answers) where there are any.

    Columns as VLMEvalKit documents: index (an integer, unique), image (base64, or the index of an earlier row that has
    the same picture), question, A to H, answer, category (ours), l2-category (the layer), split. A row of the second
    file carries the direct prompt's whole text, options included; its answer is `A, C` or the first accepted string.
    Our own prompts and scores are not part of the format: numbers are comparable within VLMEvalKit only.
    """
    written = []
    for suffix, columns, wanted in (("MCQ", _SINGLE, True), ("VQA", _OTHER, False)):
        kinds = loaded.records["question_type"]
        rows = [row for row, kind in enumerate(kinds) if (kind == QuestionType.SINGLE_CHOICE) is wanted]
        if rows:
            file = out / f"{name}_{suffix}.tsv"
            _write_tsv(file, columns, _rows(loaded.records.select(rows)))
            written.append(file)
    return written


def _rows(records: datasets.Dataset) -> Iterator[dict[str, Any]]:
    first_of: dict[str, int] = {}  # picture → index
    for index, record in enumerate(records.cast_column("image", datasets.Image(decode=False)), start=1):
        picture = data.image_bytes(record["image"])
        key = hashlib.sha256(picture).hexdigest()
        image = str(first_of[key]) if key in first_of else base64.b64encode(picture).decode()
        first_of.setdefault(key, index)
        yield {"index": index, "image": image} | _texts(record)


def _texts(record: Mapping[str, Any]) -> dict[str, Any]:
    gold = gold_answer(record)
    found = {
        "answer": f"\u00a0{gold}" if gold in _MISSING else gold,
        "category": record["category"],
        "l2-category": str(Category(record["category"]).layer),
        "split": record["split"],
        "id": record["id"],
        "image_id": record["image_id"],
    }
    if record["question_type"] == QuestionType.SINGLE_CHOICE:
        texts = [f"\u00a0{text}" if _READ_AS_VALUES.fullmatch(text) else text for text in record["options"]]
        options = dict(zip(_LETTERS, texts, strict=False))
        return found | {"question": record["question"]} | options
    return found | {"question": prompts.direct(record), "type": record["question_type"]}


def _write_tsv(file: Path, columns: Iterable[str], rows: Iterable[dict[str, Any]]) -> None:
    """Quoted as pandas reads it: every text is in quotes, as `csv` would leave a lone carriage return bare."""
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(
            stream, list(columns), delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC
        )
        writer.writeheader()
        writer.writerows(rows)


def hub(splits: Iterable[data.Data], out: Path, licence: str = "other") -> list[Path]:
    """Write `data/<split>-00000-of-00001.parquet`, `stats.json` and the card `README.md`.

    The folder is itself readable as DRBENCH_DATA and as `datasets.load_dataset(folder)`; its records have the
    fingerprint of what went in. Uploading is the user's: `hf upload <name> <folder> --repo-type dataset`.
    """
    written, described = [], {}
    for loaded in splits:
        records = _embedded(loaded.records)
        file = out / f"{loaded.split}-00000-of-00001.parquet"
        parquet.write(records, file)
        described[loaded.split] = describe(records) | {"name": _public_name(loaded.name), "file": file.name}
        written.append(file)
    name = " and ".join(dict.fromkeys(stats["name"] for stats in described.values()))
    stats = {"name": name, "splits": described, "version": __version__}
    (out / "stats.json").write_text(json.dumps(stats, indent=2) + "\n", encoding="utf-8")
    (out / "README.md").write_text(_card(name, described, licence), encoding="utf-8")
    return [*written, out / "stats.json", out / "README.md"]


def _public_name(name: str) -> str:
    """A data set's name without the folders of this machine: data of one's own is named by its whole path."""
    path = Path(name.removeprefix("custom: "))
    return f"custom: {path.resolve().name}" if name.startswith("custom: ") and path.exists() else name


def _embedded(records: datasets.Dataset) -> datasets.Dataset:
    """The records with every picture's bytes in the table, also where it was a file."""
    raw = records.cast_column("image", datasets.Image(decode=False))

    def embed(image: dict[str, Any]) -> dict[str, Any]:
        name = Path(image["path"]).name if image["path"] else None
        return {"image": {"bytes": data.image_bytes(image), "path": name}}

    return raw.map(embed, input_columns="image").cast(FEATURES)


def _card(name: str, described: Mapping[str, Mapping[str, Any]], licence: str) -> str:
    total = sum(stats["questions"] for stats in described.values())
    header = {
        "pretty_name": name,
        "license": licence,
        "task_categories": ["visual-question-answering", "multiple-choice"],
        "language": ["en"],
        "tags": ["drbench", "vision-language", "dense-scenes"],
        "size_categories": [_size(total)],
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": split, "path": stats["file"]} for split, stats in described.items()],
            }
        ],
    }
    parts = [
        f"---\n{yaml.safe_dump(header, sort_keys=False, allow_unicode=True)}---",
        f"# {escape(name)}",
        "Questions about dense scenes in five categories and three layers, in the record format of lmms-eval-drbench. "
        "**This is not the paper's DRBench** (arXiv 2605.26038), whose data is unreleased; it has that paper's record "
        "format, categories and layers.",
    ]
    for split, stats in described.items():
        rows = [
            [
                category,
                str(row["questions"]),
                f"{row['share']:.1%}",
                f"{row['paper_share']:.1%}",
                f"{row['chance']:.1%}",
            ]
            for category, row in stats["categories"].items()
            if row["questions"]
        ]
        parts.append(
            f"## {split}\n\n{stats['questions']} questions over {stats['images']} images, fingerprint "
            f"`{stats['fingerprint']}`."
        )
        parts.append(table(["category", "questions", "share", "paper's share", "chance"], rows))
    parts.append(
        "## Use\n\n```bash\nDRBENCH_DATA=<this folder or its hub id> lmms-eval --model ... --tasks drbench\n```\n\n"
        "Scores name the fingerprint above. Fields: `question`, `options`, `answer` (letters, or accepted strings), "
        "`key_objects` with boxes `[x, y, width, height]` in pixels, `scene_graph` (subject, relation, object), "
        "`reasoning_chain` (perception, relation, logic, conclusion), and for false premises `premise_true`, "
        "`reject_answers` and `twin_id`."
    )
    return "\n\n".join(parts) + "\n"


def _size(count: int) -> str:
    return next((name for most, name in _SIZES if count < most), "n>1M")


_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def _folder(out: Path) -> Path:
    """A new or empty folder, without what an interrupted export left there."""
    check_free(out)
    try:
        out.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(out / _PARTIAL, ignore_errors=True)
    except OSError as error:
        raise UserError(f"cannot make {out}: {error}") from error
    if any(out.iterdir()):
        raise UserError(f"{out} is not empty: choose another --out")
    return out


def _finish(out: Path, write: Callable[[Path], list[Path]]) -> list[Path]:
    """Let `write` write its files into a folder beside their place, and move them there when all are whole."""
    partial = _folder(out) / _PARTIAL
    try:
        partial.mkdir()
        files = [file.rename(out / file.name) for file in write(partial)]
        partial.rmdir()
    except OSError as error:
        raise UserError(f"the export to {out} failed: {error}") from error
    return files


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m lmms_eval_drbench.export", description=__doc__.splitlines()[0])
    parser.add_argument("--format", choices=("vlmevalkit", "hub"), required=True)
    parser.add_argument("--out", type=Path, required=True, help="a new or empty folder")
    parser.add_argument("--data", help="records: folder, file or hub id (default: DRBENCH_DATA, else the packaged)")
    parser.add_argument("--split", action="append", choices=SPLITS, help="repeatable with hub (default: test)")
    parser.add_argument("--name", default="DRBench_Open", help="vlmevalkit: how its files begin")
    parser.add_argument("--licence", default="other", help="hub: the licence of pictures and annotations, for the card")
    arguments = parser.parse_args()
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", arguments.name):
        raise UserError(f"--name {arguments.name}: use letters, digits, dots, dashes and underscores")
    loaded = [data.load(arguments.data, split) for split in arguments.split or ["test"]]
    if arguments.format == "vlmevalkit":
        if len(loaded) > 1:
            raise UserError("--format vlmevalkit writes one split: give --split once")
        files = _finish(arguments.out, lambda folder: vlmevalkit(loaded[0], folder, arguments.name))
        print(f"copy these into VLMEvalKit's $LMUData, and run it with --data {' '.join(file.stem for file in files)}:")
    else:
        files = _finish(arguments.out, lambda folder: hub(loaded, folder, arguments.licence))
    print("\n".join(map(str, files)))


if __name__ == "__main__":
    run_cli(main)
