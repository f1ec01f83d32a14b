"""Features of the frozen tower: computed once an image, kept within bounds, on disk for later runs, never stale."""

import json

import pytest
import small_models
import torch
from conftest import toy_record, write_toy_data
from sft_runs import adapter, refused, sft

from sft import families, feature_store, run
from sft.feature_store import FeatureStore
from sft.images import VisionCache
from sft.options import Options

KEYS = "abcdef"
SIZE = 64 * 32 * 4
"""Bytes of one image's features in these tests."""


def features(number):
    generator = torch.Generator().manual_seed(number)
    return {"features": torch.randn(64, 32, generator=generator), "grid": torch.tensor([[1, 16, number]])}


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name in expected:
        assert torch.equal(found[name], expected[name]), name


def prepared(model, data, out, **options):
    return run.prepare(Options(str(model), str(data), str(out), stage_steps="1", **options), out)


@pytest.fixture
def store(tmp_path):
    return FeatureStore(tmp_path / "cache", "tower", 2**20)


def counts(out):
    return json.loads((out / "run.json").read_text())["features"]


def test_a_second_run_reads_every_image_and_ends_in_the_same_weights(random_tiny, toy_data, tmp_path):
    cache = f"--feature_cache={tmp_path / 'cache'}"
    sft(random_tiny, toy_data, tmp_path / "without", "--cache_features=off")
    sft(random_tiny, toy_data, tmp_path / "first", cache)
    sft(random_tiny, toy_data, tmp_path / "second", cache)
    first, second = counts(tmp_path / "first"), counts(tmp_path / "second")
    assert first["computed"] == second["disk"] == len(list((tmp_path / "cache").glob("*/*"))) > 1
    assert first["disk"] == second["computed"] == 0
    assert first["memory"] == second["memory"] > 0
    once, again, without = (adapter(tmp_path / name) for name in ("first", "second", "without"))
    for name, weight in once.items():
        assert torch.equal(weight, again[name]), name
        torch.testing.assert_close(weight, without[name], rtol=0, atol=1e-5)


def test_the_loss_is_the_same_with_and_without_any_cache(random_tiny, toy_data, tmp_path):
    found = {}
    for name, options in {
        "off": {"cache_features": "off"},
        "memory": {"cache_features": "on"},
        "too small": {"cache_features": "on", "feature_memory_gib": 1e-9},
        "disk": {"feature_cache": str(tmp_path / "cache")},
        "disk again": {"feature_cache": str(tmp_path / "cache"), "feature_memory_gib": 1e-9},
    }.items():
        trainer = run.build_trainer(prepared(random_tiny, toy_data, tmp_path / name, **options))
        batch = trainer.data_collator([trainer.train_dataset[index] for index in range(8)])
        found[name] = [float(trainer.compute_loss(trainer.model, dict(batch)).detach()) for _ in range(2)]
        if name == "disk again":
            assert trainer.feature_counts()["disk"] == 2 * len(batch["image_keys"])
    for name, (first, second) in found.items():
        assert first == second == pytest.approx(found["off"][0], rel=1e-6), name


def test_memory_keeps_to_its_limit_and_what_it_holds_stays(random_tiny, toy_data, tmp_path):
    job = prepared(random_tiny, toy_data, tmp_path)
    base, keys = job.model.get_base_model(), list(dict.fromkeys(job.images.keys))
    unbounded = VisionCache(job.family, job.images)
    expected, _ = unbounded(base, keys)
    bounded = VisionCache(job.family, job.images, limit=2 * unbounded.bytes // len(keys))
    for _ in range(3):
        found, _ = bounded(base, keys)
        assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))
        assert bounded.bytes <= 2 * unbounded.bytes // len(keys)
    assert bounded.counts["memory"] == 2 * 2
    assert bounded.counts["computed"] == 3 * len(keys) - 4


def test_deepstack_features_come_back_whole(tmp_path):
    records = write_toy_data(tmp_path / "data", [toy_record(index) for index in range(3)])
    model = small_models.build("qwen3_vl", tmp_path / "model")
    options = {"feature_cache": str(tmp_path / "cache")}
    results = []
    for name in ("first", "second"):
        job = prepared(model, records, tmp_path / name, **options)
        vision = run.build_trainer(job)._vision
        results.append(vision(job.model.get_base_model(), job.images.keys))
    assert vision.counts["computed"] == 0 and vision.counts["disk"] == len(job.images)
    (first, grid), (second, same_grid) = results
    layers = job.family.features_per_token(job.model.get_base_model())
    assert layers > 1 and {len(one) for one in second} == {layers}
    assert torch.equal(grid, same_grid)
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))


def test_another_tower_or_other_pixels_are_another_folder_and_other_language_weights_are_not(random_tiny):
    def of(change="", **pixels):
        family = families.identify(str(random_tiny))
        processor = families.load_processor(family, str(random_tiny), pixels.get("low"), pixels.get("high"))
        model = families.load_model(family, str(random_tiny), torch.float32)
        if change:
            weight = next(weight for name, weight in model.named_parameters() if change in name)
            weight.data.view(-1)[-1] += 1e-6 + weight.data.view(-1)[-1].abs() * 1e-5
        return feature_store.fingerprint(model, family, processor)

    assert of() == of() == of("language_model.layers")
    assert len({of(), of("visual.blocks"), of("visual.merger"), of(low=56 * 56), of(high=112 * 112, low=56 * 56)}) == 5


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[: len(content) // 2],
        lambda content: content[:-1] + bytes([content[-1] ^ 1]),
        lambda content: b"\xff" * len(content),
        lambda content: content.replace(b"features", b"fratures"),
    ],
    ids=["empty", "cut off", "one bit", "noise", "another name"],
)
def test_a_damaged_file_is_no_file_and_is_written_anew(store, damage):
    store.write("a", features(1))
    file = next((store._folder).iterdir())
    file.write_bytes(damage(file.read_bytes()))
    assert store.read("a") is None
    assert store.damaged == 1
    store.write("a", features(1))
    assert_same(store.read("a"), features(1))


def test_a_limit_on_disk_counts_what_was_there_and_is_never_passed(tmp_path, capsys):
    folder = tmp_path / "cache"
    FeatureStore(folder, "older", 2**20).write("a", features(0))
    limited = FeatureStore(folder, "tower", 3 * SIZE)
    for number, key in enumerate(KEYS):
        limited.write(key, features(number))
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) == 2 and sum(path.stat().st_size for path in files) <= 3 * SIZE
    assert_same(limited.read("a"), features(0))
    assert limited.read("f") is None and limited.damaged == 0
    assert capsys.readouterr().err.count("raise --feature_cache_gib") == 1


def test_a_full_disk_costs_the_cache_and_not_the_run(store, monkeypatch, capsys):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sft.feature_store.os.replace", fail)
    store.write("a", features(1))
    store.write("b", features(2))
    assert "No space left on device" in capsys.readouterr().err
    assert list(store._folder.iterdir()) == []


def test_nothing_half_written_is_ever_read(store, monkeypatch):
    store.write("a", features(1))
    monkeypatch.setattr("sft.feature_store.os.replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        store.write("a", features(2))
    assert_same(store.read("a"), features(1))
    assert len(list(store._folder.iterdir())) == 1


def test_bad_folders_and_contradictions_are_refused(random_tiny, toy_data, tmp_path):
    (tmp_path / "file").write_text("")
    refused("--feature_cache .*file", random_tiny, toy_data, tmp_path / "a", f"--feature_cache={tmp_path / 'file'}")
    off = ["--cache_features=off", f"--feature_cache={tmp_path / 'cache'}"]
    refused("exclude each other", random_tiny, toy_data, tmp_path / "b", *off)
    refused("--feature_cache_gib", random_tiny, toy_data, tmp_path / "c", "--feature_cache_gib=0")
