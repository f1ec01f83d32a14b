"""Every family: a small random model of the real class trains two stages, is saved, reloaded, and evaluated."""

import json
import re
import shlex

import pytest
import small_models
import torch
from conftest import toy_record, write_toy_data
from packed_rows import flex_on_a_cpu
from PIL import Image
from sft_runs import metrics, sft
from transformers import AutoModelForMultimodalLM

from lmms_eval_drbench import scaffold
from lmms_eval_drbench.towers import look_both_ways
from sft import export, families, merge, run
from sft.collate import IGNORE, Collator, Item
from sft.images import VisionCache
from sft.options import Options
from sft.packing import PackedCollator
from sft.stages import stages

SIZES = {"red": (168, 168), "green": (100, 60), "blue": (50, 150), "white": (40, 40)}
"""Pictures of several shapes, so that a batch mixes numbers of crops."""


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    folder = write_toy_data(tmp_path_factory.mktemp("family_data") / "toy", [toy_record(i) for i in range(8)])
    for color, size in SIZES.items():
        Image.effect_noise(size, 60).convert("RGB").save(folder / f"{color}.png")
    return folder


@pytest.fixture(scope="module", params=small_models.FAMILIES)
def model(request, tmp_path_factory):
    if request.param == "smolvlm":
        pytest.importorskip("num2words", reason="SmolVLM's processor needs num2words")
    return small_models.build(request.param, tmp_path_factory.mktemp("families") / request.param)


@pytest.fixture(scope="module")
def job(model, records, tmp_path_factory):
    out = tmp_path_factory.mktemp("jobs")
    return run.prepare(Options(str(model), str(records), str(out), stage_steps="1"), out)


@pytest.fixture(scope="module")
def trained(model, records, tmp_path_factory):
    """A run of two stages over the whole LLaVA-CoT text and over the entities, each saved."""
    out = tmp_path_factory.mktemp("trained") / model.name
    sft(model, records, out, "--stage_steps=2,2,1,1", "--batch_size=4", "--learning_rate=0.01")
    return out


def batch_of(job, index, cached=False):
    collate = Collator(job.processor.tokenizer.pad_token_id, job.processor.image_token_id, job.images, cached)
    samples = [job.encoded.samples[i] for i in index]
    return collate([Item(sample, stages("joint", job.encoded.field_names)[0]) for sample in samples])


def forward_inputs(job, batch):
    left_out = {"labels", "image_keys"} | (set() if job.family.types_input else {"mm_token_type_ids"})
    return {name: value for name, value in batch.items() if name not in left_out}


def test_prompt_tokens_are_those_of_the_processors_own_call(job, records):
    for index in range(4):
        text = job.processor.apply_chat_template(
            job.family.messages(job_method(job).ask(toy_record(index))), tokenize=False, add_generation_prompt=True
        )
        image = Image.open(records / toy_record(index)["image"])
        expected = job.processor(text=[text], images=[image])["input_ids"][0]
        sample = job.encoded.samples[index]
        assert sample.prompt.tolist() == list(expected)
        placeholders = int((sample.prompt == job.processor.image_token_id).sum())
        assert placeholders == job.encoded.image_tokens[sample.image] > 0


def job_method(job):
    return run.method(job.options.method)


def test_labels_decode_to_the_target_from_its_first_token_to_the_end_of_the_turn(job):
    batch = batch_of(job, range(4))
    for row in range(4):
        labels = batch["labels"][row]
        supervised = labels[labels != IGNORE]
        target = scaffold.render(toy_record(row)) + job.family.turn_end
        assert job.processor.tokenizer.decode(supervised) == target
        first = int((labels != IGNORE).nonzero()[0])
        before = job.processor.tokenizer.decode(batch["input_ids"][row, :first])
        prompt = job.processor.apply_chat_template(job.family.messages("x"), tokenize=False, add_generation_prompt=True)
        assert before.endswith(prompt[prompt.rindex("x") + 1 :])


def test_a_batch_of_differently_sized_pictures_gives_each_rows_own_logits(job):
    model = job.model.eval()
    with torch.no_grad():
        together = model(**forward_inputs(job, batch_of(job, range(4)))).logits
        for row in range(4):
            alone = model(**forward_inputs(job, batch_of(job, [row]))).logits[0]
            torch.testing.assert_close(together[row, : len(alone)], alone, rtol=0, atol=1e-4)


def test_the_picture_matters(job):
    inputs = forward_inputs(job, batch_of(job, [0]))
    name = next(name for name in inputs if name.endswith("pixel_values"))
    with torch.no_grad():
        seen = job.model.eval()(**inputs).logits
        other = job.model(**inputs | {name: inputs[name].flip(-1) * 0.5}).logits
    assert (seen - other).abs().max() > 1e-4


def test_cached_features_equal_the_towers_output_inside_the_model(job):
    if not job.family.caches_features:
        pytest.skip("the forward takes no ready features")
    base = job.model.get_base_model().eval()
    batch = batch_of(job, range(4))
    features, grid = VisionCache(job.family, job.images)(base, batch["image_keys"])
    pixels = forward_inputs(job, batch)
    ready = forward_inputs(job, batch_of(job, range(4), cached=True)) | job.family.feature_inputs(features)
    with torch.no_grad():
        plain = base(**pixels).logits
        cached = base(**ready, **({} if grid is None else {"image_grid_thw": grid})).logits
    torch.testing.assert_close(cached, plain, rtol=0, atol=1e-5)


def test_packed_loss_and_gradients_equal_the_unpacked_ones(model, records, tmp_path):
    """In every stage, with pictures of several shapes, several to a row, with and without cached features; and through
    FlexAttention's reference implementation.
    """
    job = run.prepare(Options(str(model), str(records), str(tmp_path), stage_steps="1"), tmp_path)
    if not job.family.packs:
        pytest.skip(f"{job.family.model_type} has no packing recipe")
    trainer = run.build_trainer(job)
    generator = torch.Generator().manual_seed(0)
    for name, parameter in job.model.named_parameters():
        if "lora_B" in name:  # zero at first, so that no gradient would reach lora_A
            parameter.data.normal_(0, 0.05, generator=generator)
    tokens = job.processor.tokenizer.pad_token_id, job.processor.image_token_id
    for stage in stages("current", job.encoded.field_names):
        items = [Item(sample, stage) for sample in job.encoded.samples]
        plain = Collator(*tokens, job.images, cached=True)(items)
        expected, gradients = loss_and_gradients(trainer, job, plain)
        for cached, kind in ((True, "sdpa"), (False, "sdpa"), (True, "flex")):
            trainer._vision, trainer._attention = VisionCache(job.family, job.images) if cached else None, kind
            packed = PackedCollator(*tokens, job.images, cached, budget=4096)(items)
            assert len(packed["image_keys"]) == 4 and len(packed["input_ids"]) < 4
            with flex_on_a_cpu():
                loss, found = loss_and_gradients(trainer, job, packed)
            assert loss == pytest.approx(expected, rel=1e-5)
            assert found.keys() == gradients.keys()
            for name, gradient in gradients.items():
                difference = torch.linalg.norm(found[name] - gradient)
                assert difference <= 1e-4 * torch.linalg.norm(gradient) + 1e-9, name
        trainer._vision = VisionCache(job.family, job.images)


def loss_and_gradients(trainer, job, batch):
    loss = trainer.compute_loss(job.model, batch)
    loss.backward()
    found = {name: p.grad.clone() for name, p in job.model.named_parameters() if p.grad is not None}
    job.model.zero_grad()
    return float(loss.detach()), found


def test_only_the_language_models_adapters_train_and_every_loss_is_finite(trained, model):
    assert [line["stage"] for line in metrics(trained)] == [1, 1, 2, 2, 3, 4]
    assert all(0 < line["loss"] < 50 for line in metrics(trained))
    adapted, family = merge.load_adapted(trained)
    moved = [name for name, weight in adapted.named_parameters() if "lora_B" in name and weight.abs().max() > 0]
    adapters = [name for name, _ in adapted.named_parameters() if "lora_B" in name]
    assert moved == adapters and adapters
    names = [name.removeprefix("base_model.model.") for name in adapters]
    assert not [name for name in names if name.startswith(family.frozen)]
    assert not [name for name in names if not name.startswith("model.")]
    per_layer = 4 if family.model_type == "phi4_multimodal" else 7
    assert len(names) == 2 * per_layer


@pytest.mark.slow
def test_full_tuning_moves_the_language_model_and_nothing_else(model, records, tmp_path):
    sft(
        model,
        records,
        tmp_path / "full",
        "--tuning=full",
        "--method=llava_cot",
        "--stage_steps=2",
        "--learning_rate=0.01",
    )
    family = families.identify(str(model))
    before, after = (families.load_model(family, str(folder), torch.float32) for folder in (model, tmp_path / "full"))
    before = dict(before.named_parameters())
    changed = {name for name, weight in after.named_parameters() if not torch.equal(weight, before[name])}
    assert changed == {name for name in before if not name.startswith(family.frozen)}


def test_the_saved_adapter_reloads_to_logits_that_agree_with_its_merged_form(trained, model, job, tmp_path):
    assert export.main(["--format=merged", f"--model={trained}", f"--output_dir={tmp_path / 'merged'}"]) == 0
    inputs = forward_inputs(job, batch_of(job, range(2)))
    adapted, _ = merge.load_adapted(trained)
    with torch.no_grad():
        logits = adapted(**inputs).logits
        for folder, same in ((tmp_path / "merged", True), (trained, True), (model, False)):
            loaded = AutoModelForMultimodalLM.from_pretrained(folder, dtype=torch.float32).eval()
            look_both_ways(loaded)
            difference = (loaded(**inputs).logits - logits).abs().max()
            assert (difference < 1e-4) == same, folder


def test_no_image_token_is_ever_cut(model, records, tmp_path):
    with pytest.raises(run.UserError, match=r"takes \d+ tokens \(\d+ for its .* image\), beyond --max_length 60"):
        sft(model, records, tmp_path / "out", "--max_length=60")


def test_pixel_limits_are_refused_where_a_processor_has_none(model, records, tmp_path):
    if families.identify(str(model)).pixel_limits:
        pytest.skip("it has them")
    with pytest.raises(run.UserError, match="--max_pixels: the processor of .* has no such limit"):
        sft(model, records, tmp_path / "out", "--max_pixels=10000")


def test_the_generic_family_finds_out_what_the_named_one_says(model):
    """Where nobody named a family: the same frozen weights, LoRA targets and end of turn, from the model itself."""
    named = families.identify(str(model))
    if named.model_type == "phi4_multimodal":
        pytest.skip("transformers does not count it as image-text-to-text")
    processor = families.load_processor(named, str(model), None, None)
    config = families.load_model(named, str(model), torch.float32).config
    found = families.generic.family_of(str(model), config, processor)
    assert found.turn_end == named.turn_end
    whole = families.load_model(named, str(model), torch.float32)
    weights = [name for name, _ in whole.named_parameters()]
    assert [n for n in weights if n.startswith(found.frozen)] == [n for n in weights if n.startswith(named.frozen)]
    modules = [name for name, _ in whole.named_modules()]
    assert [m for m in modules if re.fullmatch(found.lora_targets, m)] == [
        m for m in modules if re.fullmatch(named.lora_targets, m)
    ]


def test_a_family_that_nobody_named_trains_and_reloads(records, tmp_path, monkeypatch):
    monkeypatch.delitem(families.FAMILIES, "llava_onevision")
    model = small_models.build("llava_onevision", tmp_path / "model")
    sft(model, records, tmp_path / "out", "--batch_size=4", "--stage_steps=2", "--learning_rate=0.01")
    adapted, family = merge.load_adapted(tmp_path / "out")
    assert family.lmms_model == "drbench_native" and not family.caches_features
    names = [name.removeprefix("base_model.model.") for name, weight in adapted.named_parameters() if "lora_B" in name]
    assert len(names) == 14 and all(name.startswith("model.language_model.layers.") for name in names)


@pytest.mark.slow
def test_the_printed_command_evaluates_the_saved_output(trained, model, records, monkeypatch, tmp_path):
    """lmms-eval's own adapter of the family, or ours, on the folder that the run's command names."""
    from lmms_eval import evaluator
    from lmms_eval.models import get_model
    from lmms_eval.tasks import TaskManager
    from lmms_eval.utils import simple_parse_args_string

    from lmms_eval_drbench import data
    from lmms_eval_drbench.plugin import tasks_dir

    test_split = write_toy_data(tmp_path / "data", [toy_record(i, split="test") for i in range(3)])
    monkeypatch.setenv(data.ENV, str(test_split))
    command = json.loads((trained / "run.json").read_text())["eval_command"]
    *before, words = (shlex.split(part) for part in command.split(" && "))
    if before:
        export.main(before[0][3:])
    arguments = simple_parse_args_string(words[words.index("--model_args") + 1])
    loaded = get_model(words[words.index("--model") + 1])(**arguments, batch_size=1)
    results = evaluator.simple_evaluate(
        model=loaded,
        tasks=["drbench_perception"],
        task_manager=TaskManager(include_path=str(tasks_dir()), include_defaults=False),
        batch_size=1,
        bootstrap_iters=0,
        log_samples=True,
        gen_kwargs="max_new_tokens=8",
    )
    samples = results["samples"]["drbench_perception"]
    outputs = [sample["filtered_resps"][0] for sample in samples]
    assert len(outputs) == 3 and all(isinstance(output, str) and output for output in outputs), outputs
