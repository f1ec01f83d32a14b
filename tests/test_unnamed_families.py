"""Models that nobody named: what the model sees in training is what its processor gives it in evaluation."""

import pytest
import torch
import unnamed_models
from conftest import toy_record, write_toy_data
from PIL import Image
from sft_runs import metrics, sft

from sft import families, inspection, merge, run
from sft.collate import Item
from sft.options import Options
from sft.stages import stages

SIZES = {"red": (168, 168), "green": (100, 60), "blue": (50, 150), "white": (40, 40)}


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    folder = write_toy_data(tmp_path_factory.mktemp("unnamed_data") / "toy", [toy_record(i) for i in range(8)])
    for color, size in SIZES.items():
        Image.effect_noise(size, 60).convert("RGB").save(folder / f"{color}.png")
    return folder


@pytest.fixture(scope="module", params=unnamed_models.FAMILIES)
def model(request, tmp_path_factory):
    assert request.param not in families.FAMILIES
    return unnamed_models.build(request.param, tmp_path_factory.mktemp("unnamed") / request.param)


def test_a_batch_gives_the_logits_of_the_processors_own_call(model, records, tmp_path):
    job = run.prepare(Options(str(model), str(records), str(tmp_path), stage_steps="1"), tmp_path)
    trainer = run.build_trainer(job)
    seen, forward = {}, job.model.forward
    job.model.forward = lambda **inputs: seen.update(inputs) or forward(**inputs)
    items = [Item(sample, stages("joint", job.encoded.field_names)[0]) for sample in job.encoded.samples[:4]]
    trainer.compute_loss(job.model, trainer.data_collator(items))
    job.model.forward = forward
    seen.pop("logits_to_keep", None)
    with torch.no_grad():
        ours = job.model.eval()(**seen).logits
        for row in range(4):
            prompt = job.processor.apply_chat_template(
                job.family.messages(run.method("drscaffold").ask(toy_record(row))),
                tokenize=False,
                add_generation_prompt=True,
            )
            picture = Image.open(records / toy_record(row)["image"]).convert("RGB")
            given = job.processor(text=[prompt], images=[picture], return_tensors="pt")
            theirs = job.model(**given).logits[0]
            torch.testing.assert_close(ours[row, : len(theirs)], theirs, rtol=0, atol=1e-4)


def test_it_trains_four_stages_and_reloads(model, records, tmp_path):
    sft(model, records, tmp_path / "out", "--batch_size=4", "--learning_rate=0.01")
    assert all(0 < line["loss"] < 50 for line in metrics(tmp_path / "out"))
    adapted, family = merge.load_adapted(tmp_path / "out")
    assert family.lmms_model == "drbench_native"
    assert all(weight.abs().max() > 0 for name, weight in adapted.named_parameters() if "lora_B" in name)


def test_image_tokens_are_those_that_stand_for_features(model, records, tmp_path):
    job = run.prepare(Options(str(model), str(records), str(tmp_path), stage_steps="1"), tmp_path)
    sample, (token, text) = job.encoded.samples[0], job.family.placeholder(job.processor)
    count = job.encoded.image_tokens[sample.image]
    assert count == int((sample.prompt == token).sum()) > 1
    shown = inspection.samples(job.encoded, job.order.stages, job.images, job.processor.tokenizer, text, 1)
    assert f"{text}×" in next(shown)
