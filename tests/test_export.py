"""Exports, read back as the other tools read them."""

import base64
import csv
import io
import sys

import datasets
import pandas
import pytest
import yaml
from conftest import toy_record, write_toy_data
from PIL import Image

from lmms_eval_drbench import data, export
from lmms_eval_drbench.errors import run_cli
from lmms_eval_drbench.scaffold import gold_answer


def _open_ended(index: int) -> dict:
    return toy_record(index, split="test", question_type="open_ended", options=[], answer=["red", "dark\tred"])


@pytest.fixture(scope="module")
def loaded(tmp_path_factory) -> data.Data:
    """Single choice with awkward options, a set of letters, an open question; two pictures each used several times."""
    odd = ["None", "3", 'a "tab"\there', "two\nlines"]
    records = [toy_record(index, split="test") for index in range(6)]
    records += [toy_record(6, split="test", options=odd), toy_record(7, split="test", options=["1", "2"], answer=["B"])]
    records += [toy_record(8, split="test", question_type="multiple_choice", answer=["A", "C"]), _open_ended(9)]
    return data.load(str(write_toy_data(tmp_path_factory.mktemp("data") / "toy", records)))


def _as_vlmevalkit_reads(file) -> tuple[pandas.DataFrame, dict[str, str]]:
    """Its own steps: `pd.read_csv`, index as text, and a short image cell as the index of the row that has it."""
    table = pandas.read_csv(file, sep="\t")
    table["index"] = [str(index) for index in table["index"]]
    images = dict(zip(table["index"], (str(image) for image in table["image"]), strict=True))
    for key, image in images.items():
        if len(image) <= 64:
            assert image in images and len(images[image]) > 64
            images[key] = images[image]
    return table, images


def test_vlmevalkit_reads_single_choice_as_its_own(loaded, tmp_path):
    files = export.vlmevalkit(loaded, tmp_path)
    assert [file.name for file in files] == ["DRBench_Open_MCQ.tsv", "DRBench_Open_VQA.tsv"]
    table, images = _as_vlmevalkit_reads(files[0])
    records = [record for record in loaded.records if record["question_type"] == "single_choice"]
    assert len(table) == len(records) == 8 and table["index"].is_unique
    for record, (_, row) in zip(records, table.iterrows(), strict=True):
        options = [row[letter] for letter in "ABCDEFGH" if not pandas.isna(row[letter])]
        assert [str(option).lstrip("\u00a0") for option in options] == record["options"]
        assert all(isinstance(option, str) for option in options[2:])
        assert (row["answer"], row["question"]) == (record["answer"][0], record["question"])
        assert (row["category"], row["l2-category"]) == ("perception", "structural_grounding")
        picture = Image.open(io.BytesIO(base64.b64decode(images[row["index"]])))
        assert picture.convert("RGB").getpixel((3, 3)) == record["image"].convert("RGB").getpixel((3, 3))
    assert (table["image"].str.len() > 64).sum() == 4  # each of the four pictures once


def test_numbers_and_none_beside_empty_cells_stay_text(tmp_path):
    records = [toy_record(i, split="test", options=["x", "y", "3", "None"][: 3 + i % 2]) for i in range(4)]
    records = [record | {"answer": ["A"]} for record in records]
    loaded = data.load(str(write_toy_data(tmp_path / "toy", records)))
    table, _ = _as_vlmevalkit_reads(export.vlmevalkit(loaded, tmp_path)[0])
    assert set(table["C"]) == {"\u00a03"} and set(table["D"].dropna()) == {"\u00a0None"}


AWKWARD = [
    "a\rb",
    "a\r\nb",
    "a\tb",
    'q"q',
    '""',
    "\\",
    "a\u2028b",
    "a\x0bb",
    "a\x85b",
    " x ",
    "=1+1",
    "\ufeffx",
    "é中🎨",
    "a\0b",
]


def test_hostile_texts_are_read_back_as_they_were_by_pandas_and_by_csv(tmp_path):
    records = [
        toy_record(i, split="test", question=f"Q {text}?", options=["x", "y", text], answer=["C"])
        for i, text in enumerate(AWKWARD)
    ]
    loaded = data.load(str(write_toy_data(tmp_path / "toy", records)))
    (file,) = export.vlmevalkit(loaded, tmp_path)
    table, _ = _as_vlmevalkit_reads(file)
    assert list(table["C"]) == AWKWARD and list(table["question"]) == [f"Q {text}?" for text in AWKWARD]
    with file.open(newline="", encoding="utf-8") as stream:
        assert [row["C"] for row in csv.DictReader(stream, delimiter="\t")] == AWKWARD


def test_an_open_answer_that_pandas_takes_for_none_stays_text(tmp_path):
    wanted = ["None", "N/A", "none", "2", "red"]
    records = [_open_ended(i) | {"answer": [text]} for i, text in enumerate(wanted)]
    loaded = data.load(str(write_toy_data(tmp_path / "toy", records)))
    table, _ = _as_vlmevalkit_reads(export.vlmevalkit(loaded, tmp_path)[0])
    assert [text.strip() for text in table["answer"]] == wanted


def test_sets_and_open_answers_go_into_a_file_without_option_columns(loaded, tmp_path):
    table, _ = _as_vlmevalkit_reads(export.vlmevalkit(loaded, tmp_path)[1])
    assert not {"A", "B"} & set(table.columns)
    assert list(table["answer"]) == ["A, C", "red"]
    assert "A. red\nB. green" in table["question"][0] and "separated by commas" in table["question"][0]


def test_a_hub_folder_is_read_by_datasets_and_by_us_with_the_same_fingerprint(loaded, tmp_path, monkeypatch):
    (tmp_path / "hub").mkdir()
    export.hub([loaded], tmp_path / "hub", "cc-by-4.0")
    again = data.load(str(tmp_path / "hub"))
    assert again.fingerprint == loaded.fingerprint and len(again.records) == 10
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    read = datasets.load_dataset(str(tmp_path / "hub"), cache_dir=str(tmp_path / "cache"))
    assert list(read) == ["test"] and read["test"][0]["image"].size == (168, 168)
    card = (tmp_path / "hub" / "README.md").read_text()
    header = yaml.safe_load(card.split("---")[1])
    assert header["license"] == "cc-by-4.0" and header["size_categories"] == ["n<1K"]
    assert header["configs"][0]["data_files"] == [{"split": "test", "path": "test-00000-of-00001.parquet"}]
    assert "not the paper's DRBench" in card and f"`{loaded.fingerprint}`" in card and "10 questions over 4" in card
    private = str(tmp_path.parents[1]).encode()
    assert not [file for file in (tmp_path / "hub").iterdir() if private in file.read_bytes()]
    assert header["pretty_name"] == again.name == "custom: toy"


def _command(monkeypatch, *flags) -> int:
    monkeypatch.setattr(sys, "argv", ["export", *map(str, flags)])
    with pytest.raises(SystemExit) as ended:
        run_cli(export.main)
    return ended.value.code


def test_the_command_exports_the_packaged_split(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv(data.ENV, raising=False)
    assert _command(monkeypatch, "--format", "vlmevalkit", "--out", tmp_path / "tsv") == 0
    printed = capsys.readouterr().out
    assert "--data DRBench_Open_MCQ DRBench_Open_VQA" in printed
    tables = [_as_vlmevalkit_reads(file)[0] for file in sorted((tmp_path / "tsv").iterdir())]
    packaged = {record["id"]: record for record in data.load().records.remove_columns("image")}
    assert sum(map(len, tables)) == len(packaged)
    for table in tables:
        assert all(row.answer == gold_answer(packaged[row.id]) for row in table.itertuples())


@pytest.mark.parametrize(
    ("flags", "phrase"),
    [
        (["--format", "hub", "--data", "nowhere"], "no data at nowhere"),
        (["--format", "hub", "--data", "packaged:base_skills_v1", "--split", "train"], "holds neither train-"),
        (["--format", "vlmevalkit", "--name", "../x"], "--name ../x"),
        (["--format", "vlmevalkit", "--split", "test", "--split", "test"], "give --split once"),
    ],
)
def test_bad_input_is_one_sentence(tmp_path, monkeypatch, capsys, flags, phrase):
    monkeypatch.delenv(data.ENV, raising=False)
    assert _command(monkeypatch, "--out", tmp_path / "out", *flags) == 2
    assert phrase in capsys.readouterr().err


def test_nothing_is_written_over(tmp_path, monkeypatch, capsys):
    (tmp_path / "mine.txt").write_text("mine")
    assert _command(monkeypatch, "--format", "hub", "--out", tmp_path) == 2
    assert "is not empty" in capsys.readouterr().err


@pytest.mark.parametrize("form", ["hub", "vlmevalkit"])
def test_what_was_interrupted_leaves_no_file_that_looks_whole_and_can_be_repeated(
    loaded, tmp_path, monkeypatch, capsys, form
):
    call = ["--format", form, "--data", loaded.name.removeprefix("custom: "), "--out", tmp_path / "out"]
    for stop, code, phrase in ((KeyboardInterrupt(), 130, "interrupted"), (OSError("disk full"), 2, "disk full")):

        def halfway(*_, stop=stop):
            (tmp_path / "out" / ".partial" / "half").touch()
            raise stop

        with monkeypatch.context() as patched:
            patched.setattr(export, "_card", halfway)
            patched.setattr(export, "_write_tsv", halfway)
            assert _command(monkeypatch, *call) == code and phrase in capsys.readouterr().err
        assert [file.name for file in (tmp_path / "out").iterdir()] == [".partial"]
    assert _command(monkeypatch, *call) == 0
    assert len(list((tmp_path / "out").iterdir())) == (3 if form == "hub" else 2)
