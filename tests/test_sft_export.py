"""`sft.export`: a merged model that agrees with its adapter, and targets in the layouts of other trainers."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from conftest import toy_record, write_toy_data
from datasets import Image, List, load_dataset
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from sft_runs import example
from transformers import AutoModelForImageTextToText, AutoProcessor, PreTrainedModel

from lmms_eval_drbench import prompts, scaffold
from lmms_eval_drbench.errors import UserError
from lmms_eval_drbench.record import option_letters
from sft import export, layouts, merge, run
from sft.options import Options

# A whole model


@pytest.fixture(scope="module")
def merged(finished, tmp_path_factory):
    out = tmp_path_factory.mktemp("merged") / "out"
    assert export.main(["--format=merged", f"--model={finished}", f"--output_dir={out}"]) == 0
    return out


def test_the_merged_model_agrees_with_the_adapter_and_differs_from_the_base(merged, finished, random_tiny, toy_data):
    inputs = example(random_tiny, toy_data)
    with torch.no_grad():
        whole, adapted, plain = (
            AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).eval()(**inputs).logits
            for folder in (merged, finished, random_tiny)
        )
    torch.testing.assert_close(whole, adapted, rtol=0, atol=1e-4)
    assert (whole - plain).abs().max() > 0.1


def test_the_merged_folder_is_a_model_with_processor_and_no_adapter(merged, finished):
    names = {path.name for path in merged.iterdir()}
    assert {"config.json", "model.safetensors", "processor_config.json", "tokenizer.json"} <= names
    assert not [name for name in names if name.startswith("adapter")]
    sizes = [AutoProcessor.from_pretrained(folder).image_processor.size for folder in (merged, finished)]
    assert sizes[0] == sizes[1]


def test_an_adapter_with_missing_or_foreign_weights_is_refused(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "bad")
    file = tmp_path / "bad" / "adapter_model.safetensors"
    weights = load_file(file)
    first = min(weights)
    save_file({name: value for name, value in weights.items() if name != first}, file)
    with pytest.raises(UserError, match="lacks 1 weights, the first is"):
        merge.load_adapted(tmp_path / "bad")
    save_file(weights | {first.replace("layers.0", "layers.9"): weights[first].clone()}, file)
    with pytest.raises(UserError, match="the adapter has, beside the model's own, 1 weights"):
        merge.load_adapted(tmp_path / "bad")


def test_what_is_no_adapter_is_named(random_tiny, tmp_path):
    with pytest.raises(UserError, match="holds no adapter"):
        merge.merged(random_tiny)
    (tmp_path / "adapter_config.json").write_text("{")
    with pytest.raises(UserError, match="adapter_config.json is damaged"):
        merge.merged(tmp_path)


# Other trainers' layouts


def write(layout, toy_data, out, *flags):
    assert export.main([f"--format={layout}", f"--data={toy_data}", f"--output_dir={out}", *flags]) == 0
    return {file.stem: [json.loads(line) for line in file.open()] for file in sorted(out.glob("*.jsonl"))}


def test_trl_rows_are_the_tokens_and_labels_that_sft_trains_on(random_tiny, toy_data, tmp_path):
    found = write("trl", toy_data, tmp_path / "out", f"--model={random_tiny}")
    assert list(found) == ["stage_1_entities", "stage_2_relations", "stage_3_reasoning", "stage_4_answer"]
    job = run.prepare(Options(str(random_tiny), str(toy_data), "unused"), tmp_path)
    encode = job.processor.tokenizer
    placeholder = job.processor.image_token
    for stage, rows in zip(job.order.stages, found.values(), strict=True):
        for sample, row in zip(job.encoded.samples, rows, strict=True):
            mask = stage.supervise(sample.fields)
            supervised = sample.target[: len(mask)][mask].tolist()
            context = [*sample.prompt, *sample.target[: len(mask)][~mask]]
            expanded = row["prompt"].replace(placeholder, placeholder * job.encoded.image_tokens[sample.image])
            assert encode(expanded)["input_ids"] == context
            assert encode(row["completion"])["input_ids"] == supervised


@pytest.mark.parametrize("layout", ["ms-swift", "llama-factory"])
def test_message_layouts_hold_what_each_stage_sees(layout, toy_data, tmp_path):
    found = write(layout, toy_data, tmp_path / "out", "--schedule=cumulative")
    rendered = list(scaffold.render_fields(toy_record(3)).values())
    for index, rows in enumerate(found.values()):
        assert len(rows) == 12 and set(rows[3]) == {"messages", "images"}
        user, assistant = rows[3]["messages"]
        assert user == {"role": "user", "content": "<image>" + prompts.scaffold(toy_record(3))}
        assert assistant == {"role": "assistant", "content": "\n".join(rendered[: index + 1])}
        (image,) = rows[3]["images"]
        assert (toy_data / "white.png").read_bytes() == Path(image).read_bytes()
    assert len(list((tmp_path / "out" / "images").iterdir())) == 4
    assert all(f"`{name}.jsonl`" in (tmp_path / "out" / "README.md").read_text() for name in found)


def test_what_is_left_out_is_counted_and_answers_come_in_words(tmp_path, capsys):
    bare = toy_record(1, key_objects=[], scene_graph=[])
    records = write_toy_data(tmp_path / "data", [toy_record(0), bare])
    rows = write("ms-swift", records, tmp_path / "out", "--schedule=joint", "--answers=text")
    assert "1 records (1 lack what drscaffold needs) in 1 files" in capsys.readouterr().out
    (only,) = next(iter(rows.values()))
    right = toy_record(0)["options"][option_letters(toy_record(0)).index(toy_record(0)["answer"][0])]
    assert only["messages"][1]["content"].endswith(f"<answer>{right}</answer>")


def test_llama_factorys_dataset_info_describes_every_file(toy_data, tmp_path):
    found = write("llama-factory", toy_data, tmp_path / "out", "--method=cot")
    info = json.loads((tmp_path / "out" / "dataset_info.json").read_text())
    assert list(info) == list(found) == ["stage_1_cot"]
    (entry,) = info.values()
    assert (tmp_path / "out" / entry["file_name"]).is_file() and entry["formatting"] == "sharegpt"
    row = found["stage_1_cot"][0]
    assert set(entry["columns"].values()) == set(row)
    assert {entry["tags"]["user_tag"], entry["tags"]["assistant_tag"]} == {m["role"] for m in row["messages"]}
    assert {entry["tags"]["role_tag"], entry["tags"]["content_tag"]} == set(row["messages"][0])


@pytest.mark.parametrize(
    ("flags", "match"),
    [
        (["--format=ms-swift"], "supervises whole turns: use --schedule cumulative or joint"),
        (["--format=trl"], "needs --model"),
        (["--format=merged"], "needs --model"),
        (["--format=ms-swift", "--split=test"], "--allow_test_split"),
    ],
)
def test_what_cannot_be_exported_is_said(toy_data, tmp_path, flags, match):
    with pytest.raises(UserError, match=match):
        export.main([*flags, f"--data={toy_data}", f"--output_dir={tmp_path / 'out'}"])
    assert not (tmp_path / "out").exists()


def test_a_full_disk_is_a_sentence_and_leaves_no_half_written_model(finished, tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(PreTrainedModel, "save_pretrained", full)
    with pytest.raises(UserError, match="could not be written: .*No space left"):
        export.main(["--format=merged", f"--model={finished}", f"--output_dir={tmp_path / 'out'}"])
    assert list((tmp_path / "out").iterdir()) == []


def test_a_placeholder_in_a_text_and_a_full_folder_are_refused(tmp_path):
    records = write_toy_data(tmp_path / "data", [toy_record(0, question="Where is the <image>?")])
    with pytest.raises(UserError, match="record toy-0 has <image> in its text"):
        write("ms-swift", records, tmp_path / "out", "--schedule=joint")
    assert not (tmp_path / "out").exists()
    with pytest.raises(UserError, match="is not empty"):
        write("ms-swift", records, records)


@pytest.mark.slow
def test_trls_trainer_takes_the_rows_and_its_labels_are_ours(random_tiny, toy_data, tmp_path):
    """TRL's own trainer, one step; its collator supervises the completion and nothing else."""
    trl = pytest.importorskip("trl")
    found = write("trl", toy_data, tmp_path / "out", f"--model={random_tiny}")
    file = str(tmp_path / "out" / "stage_2_relations.jsonl")
    rows = load_dataset("json", data_files=file, split="train", cache_dir=str(tmp_path / "cache"))
    processor = AutoProcessor.from_pretrained(random_tiny)
    arguments = {"max_length": None, "max_steps": 1, "per_device_train_batch_size": 2, "use_cpu": True, "bf16": False}
    trainer = trl.SFTTrainer(
        model=AutoModelForImageTextToText.from_pretrained(random_tiny, dtype=torch.float32),
        processing_class=processor,
        train_dataset=rows.cast_column("images", List(Image())),
        args=trl.SFTConfig(output_dir=str(tmp_path / "trl"), report_to="none", save_strategy="no", **arguments),
    )
    batch = trainer.data_collator([trainer.train_dataset[3]])
    supervised = batch["labels"][0][batch["labels"][0] != -100]
    assert processor.tokenizer.decode(supervised) == found["stage_2_relations"][3]["completion"]
    assert trainer.train().training_loss > 0
    assert set(layouts.LAYOUTS) == {"trl", "ms-swift", "llama-factory"}
