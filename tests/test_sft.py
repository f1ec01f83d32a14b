"""What reaches the model: prompts as lmms-eval sends them, targets, batches, the loss, and where gradients go."""

import numpy as np
import pytest
import torch
from conftest import toy_record
from PIL import Image

from lmms_eval_drbench import data, prompts, scaffold
from lmms_eval_drbench.scaffold import FIELDS
from lmms_eval_drbench.tiny.architecture import PIXELS
from sft import run, train
from sft.collate import IGNORE, Collator, Item
from sft.encode import encode
from sft.images import Images, VisionCache
from sft.options import Options
from sft.stages import stages
from sft.targets import METHODS, SEPARATOR, method


def options_for(model, records, out="unused", **changes) -> Options:
    return Options(**{"model": str(model), "data": str(records), "output_dir": str(out), "stage_steps": "2"} | changes)


@pytest.fixture(scope="module")
def job(random_tiny, toy_data, tmp_path_factory):
    out = tmp_path_factory.mktemp("job")
    return run.prepare(options_for(random_tiny, toy_data, out, batch_size=3), out)


@pytest.fixture(scope="module")
def trainer(job):
    return run.build_trainer(job)


def batch_of(job, stage, samples, cached=True):
    collate = Collator(job.processor.tokenizer.pad_token_id, job.processor.image_token_id, job.images, cached)
    return collate([Item(job.encoded.samples[index], stage) for index in samples])


# Targets


def test_drscaffold_target_is_the_rendered_scaffold():
    record = toy_record(3)
    fields = METHODS["drscaffold"].fields(record)
    assert [name for name, _ in fields] == list(FIELDS)
    assert SEPARATOR.join(text for _, text in fields) == scaffold.render(record)
    assert METHODS["drscaffold"].ask(record) == prompts.scaffold(record)


def test_answer_target_is_the_gold_answer_under_the_direct_prompt():
    record = toy_record(1, question_type="multiple_choice", answer=["A", "C"])
    assert METHODS["answer"].fields(record) == [("answer", "A, C")]
    assert METHODS["answer"].ask(record) == prompts.direct(record)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"key_objects": [], "scene_graph": []}, "no key_objects"),
        ({"reasoning_chain": {"perception": "x", "relation": " ", "logic": "", "conclusion": "x"}}, "relation, logic"),
    ],
)
def test_drscaffold_says_what_a_record_lacks_and_answer_needs_nothing(changes, reason):
    record = toy_record(0, **changes)
    assert reason in METHODS["drscaffold"].lacks(record)
    assert METHODS["answer"].lacks(record) is None


# Encoding


@pytest.mark.parametrize("size", [(168, 168), (300, 200)])
def test_prompt_tokens_equal_those_of_lmms_evals_qwen2_5_vl(job, random_tiny, toy_data, size):
    """The same messages that upstream's adapter builds, through the processor's own call with the image."""
    processor = job.processor
    record = toy_record(2)
    message = [
        {"role": "system", "content": "You are a helpful assistant."},
        {
            "role": "user",
            "content": [
                {"type": "image", "image": "x", "max_pixels": PIXELS, "min_pixels": PIXELS},
                {"type": "text", "text": prompts.scaffold(record)},
            ],
        },
    ]
    text = processor.apply_chat_template([message], tokenize=False, add_generation_prompt=True)
    expected = processor(text=text, images=[Image.new("RGB", size)], return_tensors="pt")

    rows = data.load(str(toy_data), "train").records.select([2])
    images = Images(rows, job.family, processor)
    images._sizes = dict.fromkeys(images.keys, size)
    (sample,) = encode(rows, METHODS["drscaffold"], job.family, processor, images, 4096).samples
    assert sample.prompt.tolist() == expected["input_ids"][0].tolist()


def test_target_decodes_to_the_scaffold_and_ends_the_turn(job):
    sample = job.encoded.samples[5]
    tokenizer = job.processor.tokenizer
    assert tokenizer.decode(sample.target) == scaffold.render(toy_record(5)) + "<|im_end|>"
    texts = [tokenizer.decode(sample.target[sample.fields == k]) for k in range(4)]
    rendered = list(scaffold.render_fields(toy_record(5)).values())
    assert texts == [*(text + "\n" for text in rendered[:3]), rendered[3] + "<|im_end|>"]


def test_rows_that_share_an_image_share_its_key_whatever_their_image_id(job):
    keys = [sample.image for sample in job.encoded.samples]
    assert len(set(keys)) == 4
    assert keys[0] == keys[4] != keys[1]


def test_cached_features_equal_the_towers_output_inside_the_model(job):
    model = job.model.get_base_model().eval()
    batch = batch_of(job, stages("joint", FIELDS)[0], [0, 1, 5], cached=False)
    keys = batch.pop("image_keys")
    batch.pop("labels")
    features, grid = VisionCache(job.family, job.images)(model, keys)
    pixels = {name: batch.pop(name) for name in ("pixel_values", "image_grid_thw")}
    with torch.no_grad():
        plain = model(**batch, **pixels).logits
        cached = model(**batch, **job.family.feature_inputs(features), image_grid_thw=grid).logits
    assert torch.equal(grid, pixels["image_grid_thw"])
    torch.testing.assert_close(cached, plain, rtol=0, atol=1e-5)


# Batches


def test_batch_supervises_exactly_the_active_field(job):
    """Labels of stage 2, decoded, are the relations field; tokens stop where it stops."""
    stage = stages("current", FIELDS)[1]
    batch = batch_of(job, stage, [0, 1])
    for row, index in enumerate([0, 1]):
        sample, labels, ids = job.encoded.samples[index], batch["labels"][row], batch["input_ids"][row]
        supervised = labels != IGNORE
        relations = scaffold.render_fields(toy_record(index))["relations"]
        assert job.processor.tokenizer.decode(labels[supervised]) == relations + "\n"
        assert torch.equal(labels[supervised], ids[supervised])
        visible = len(sample.prompt) + int((sample.fields <= 1).sum())
        assert ids[:visible].tolist() == [*sample.prompt, *sample.target][:visible]
        assert (ids[visible:] == job.processor.tokenizer.pad_token_id).all()


def test_padding_does_not_change_a_rows_logits(job):
    model = job.model.eval()
    stage = stages("joint", FIELDS)[0]
    together = batch_of(job, stage, [0, 11], cached=False)
    with torch.no_grad():
        for row, index in enumerate([0, 11]):
            alone = batch_of(job, stage, [index], cached=False)
            length = alone["input_ids"].shape[1]
            logits = [
                model(**{name: value for name, value in batch.items() if name not in ("labels", "image_keys")}).logits
                for batch in (alone, together)
            ]
            torch.testing.assert_close(logits[1][row, :length], logits[0][0], rtol=0, atol=1e-5)


# Gradients


@pytest.mark.parametrize("schedule", ["current", "cumulative", "joint"])
def test_only_logits_of_the_active_fields_tokens_get_a_gradient(job, trainer, schedule):
    """For each stage, on the model's own logits: the positions with a gradient predict the active text, no other."""
    head = job.model.get_base_model().lm_head
    rendered = list(scaffold.render_fields(toy_record(5)).values())
    texts = [text + "\n" for text in rendered[:3]] + [rendered[3] + "<|im_end|>"]
    for stage in stages(schedule, FIELDS):
        batch = batch_of(job, stage, [5])
        seen = {}

        def remember(hidden, seen=seen):
            seen["logits"], seen["states"] = type(head).forward(head, hidden), hidden.detach()
            seen["logits"].retain_grad()
            return seen["logits"]

        outer = job.model.get_base_model().model.register_forward_hook(
            lambda module, inputs, output, seen=seen: seen.update(all=output[0].detach())
        )
        head.forward = remember
        try:
            trainer.compute_loss(job.model, dict(batch)).backward()
            assert head.forward is remember, "the loss puts back what it found"
        finally:
            del head.forward
            outer.remove()
        job.model.zero_grad()
        # Where in the sequence each row of logits came from, by its hidden state: nothing of ours is trusted here.
        positions = [int((seen["all"][0] == state).all(dim=-1).nonzero()[0]) for state in seen["states"]]
        touched = seen["logits"].grad.abs().sum(dim=-1) > 0
        predicted = [int(batch["input_ids"][0, p + 1]) for p, hit in zip(positions, touched, strict=True) if hit]
        active = "".join(texts[index] for index in sorted(stage.active))
        assert job.processor.tokenizer.decode(predicted) == active


def test_only_language_model_adapters_train_and_the_tower_never(job, trainer):
    trainer.compute_loss(job.model, batch_of(job, stages("joint", FIELDS)[0], [0, 1])).backward()
    with_gradient = {name for name, p in job.model.named_parameters() if p.grad is not None}
    job.model.zero_grad()
    linears = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    assert len(with_gradient) == 2 * len(linears) * 2  # two matrices, two layers
    assert all(".language_model.layers." in name and "lora_" in name for name in with_gradient)


def test_full_tuning_trains_the_language_model_and_not_the_tower(random_tiny, toy_data, tmp_path):
    job = run.prepare(options_for(random_tiny, toy_data, tmp_path, tuning="full"), tmp_path)
    grouped = {True: set(), False: set()}
    for name, parameter in job.model.named_parameters():
        grouped[parameter.requires_grad].add(name.split(".")[1])
    assert grouped[True] == {"language_model"}  # the head is tied to its embeddings
    assert grouped[False] == {"visual"}


def test_gradient_check_names_a_trainable_weight_without_gradient(job):
    check = train.GradientCheck()
    job.model.zero_grad()
    with pytest.raises(run.UserError, match="trainable weights got no gradient, the first is .*lora_A"):
        check.on_pre_optimizer_step(None, None, None, model=job.model)


# The loss


def test_loss_is_the_models_own_over_the_same_labels(job, trainer):
    batch = batch_of(job, stages("current", FIELDS)[2], [0, 1, 5])
    ours = trainer.compute_loss(job.model, dict(batch))
    plain = batch_of(job, stages("current", FIELDS)[2], [0, 1, 5], cached=False)
    plain.pop("image_keys")
    theirs = job.model(**plain).loss
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


def test_loss_weighs_tokens_not_samples_across_accumulation(job, trainer):
    stage = stages("current", FIELDS)[1]
    samples = [0, 1, 2, 3]
    tokens = sum(int((batch_of(job, stage, [i])["labels"] != IGNORE).sum()) for i in samples)
    counts = {int((batch_of(job, stage, [i])["labels"] != IGNORE).sum()) for i in samples}
    assert len(counts) > 1, "samples of one length could not tell tokens from samples"
    whole = trainer.compute_loss(job.model, batch_of(job, stage, samples))
    parts = [trainer.compute_loss(job.model, batch_of(job, stage, [i]), num_items_in_batch=tokens) for i in samples]
    torch.testing.assert_close(sum(parts), whole, rtol=0, atol=1e-6)
    mean_of_means = np.mean(
        [float(trainer.compute_loss(job.model, batch_of(job, stage, [i])).detach()) for i in samples]
    )
    assert abs(mean_of_means - float(whole.detach())) > 1e-4


# Answers in words


def test_answers_in_words_are_read_back_as_the_same_letters():
    record = toy_record(1, question_type="multiple_choice", answer=["A", "C"])
    taught = method("drscaffold", "text")
    assert dict(taught.target(record))["answer"] == "<answer>red, blue</answer>"
    assert dict(method("drscaffold").target(record))["answer"] == "<answer>A, C</answer>"
    assert taught.ask(record) == METHODS["drscaffold"].ask(record)
    assert method("answer", "text").target(toy_record(2)) == [("answer", toy_record(2)["options"][2])]


@pytest.mark.parametrize(
    ("options", "answer"), [(["B", "A"], ["A"]), (["red, green", "red", "green", "blue"], ["B", "C"])]
)
def test_option_texts_that_would_be_misread_stay_letters(options, answer):
    kind = "single_choice" if len(answer) == 1 else "multiple_choice"
    record = toy_record(0, options=options, answer=answer, question_type=kind)
    assert method("answer", "text").target(record) == [("answer", ", ".join(answer))]


def test_an_open_answer_is_what_it_was():
    record = toy_record(0, question_type="open_ended", options=[], answer=["red", "crimson"])
    assert method("answer", "text").target(record) == [("answer", "red")]
