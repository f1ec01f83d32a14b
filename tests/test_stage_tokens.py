"""A stage costs the tokens that its schedule needs: counted where the model gets them, not where they are planned."""

import pytest

from lmms_eval_drbench.scaffold import FIELDS
from sft import run
from sft.options import Options


def tokens_by_stage(model, data, out, **options):
    """Tokens into the first decoder layer in each stage of one pass over the data, and the job."""
    job = run.prepare(Options(str(model), str(data), str(out), epochs=1, **options), out)
    trainer = run.build_trainer(job)
    counted, plan = [0] * len(job.order.stages), job.order

    def count(module, given):
        stage = plan.stage_at(trainer.state.global_step + 1)
        counted[stage.number - 1] += given[0].shape[0] * given[0].shape[1]

    job.model.get_base_model().get_decoder().layers[0].register_forward_pre_hook(count)
    trainer.train()
    return counted, job


def needed(job, last):
    """Tokens of all samples up to field `last`."""
    return sum(len(sample.prompt) + int((sample.fields <= last).sum()) for sample in job.encoded.samples)


@pytest.mark.parametrize("schedule", ["current", "cumulative"])
def test_a_stage_takes_the_prompt_and_the_fields_so_far_and_no_token_more(random_tiny, toy_data, tmp_path, schedule):
    options = {"schedule": schedule, "packing": "off", "batch_size": 1, "save_steps": 1000}
    counted, job = tokens_by_stage(random_tiny, toy_data, tmp_path, **options)
    assert counted == [needed(job, last) for last in range(len(FIELDS))]
    assert counted == sorted(set(counted)), "each stage adds a field"


def test_packing_takes_the_shared_part_of_an_image_once(random_tiny, toy_data, tmp_path):
    (tmp_path / "out").mkdir()
    samples = len(job_samples(random_tiny, toy_data, tmp_path))
    options = {"packing": "on", "batch_size": samples, "save_steps": 1000}
    counted, job = tokens_by_stage(random_tiny, toy_data, tmp_path / "out", **options)
    for last, tokens in enumerate(counted):
        by_image = {}
        for sample in job.encoded.samples:
            by_image.setdefault(sample.image, []).append(sample)
        saved = sum((len(own) - 1) * shared(own) for own in by_image.values())
        assert saved > 0
        assert tokens == needed(job, last) - saved


def job_samples(model, data, out):
    return run.prepare(Options(str(model), str(data), str(out), stage_steps="1"), out).encoded.samples


def shared(samples):
    """Tokens that all prompts begin with, token by token; one prompt token stays with each question."""
    count = 0
    while all(count < len(one.prompt) - 1 and one.prompt[count] == samples[0].prompt[count] for one in samples):
        count += 1
    return count
