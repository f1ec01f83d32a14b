"""The tiny model in the real command: the batch size must not change a score."""

import pytest

from lmms_eval_drbench import data, runner, summary
from lmms_eval_drbench.report import comparison, entries


@pytest.mark.slow
def test_batches_of_one_and_of_eight_give_the_same_scores(tmp_path, monkeypatch):
    monkeypatch.delenv(data.ENV, raising=False)
    offline = {"HF_HUB_OFFLINE": "1"}
    for size in (1, 8):
        tasks = ("drbench_mini", "drbench_base_skills")
        call = runner.Call("drbench_tiny", tasks, batch_size=size, limit=16, env=offline)
        runner.evaluate(call, tmp_path / str(size))
    found = entries.read([str(tmp_path / "1"), str(tmp_path / "8")], ["one", "eight"])
    compared = comparison.compare(found)
    assert any("atch size differs: 1 in one, 8 in eight" in note for note in compared.notes)
    for suite in compared.suites:
        one, eight = (
            {sample["record_id"]: (sample["output"], sample["acc"]) for sample in variant.suite.samples}
            for variant in suite.variants
        )
        assert one == eight and len(one) == (80 if suite.base == "drbench_mini" else 16)
        rows = [{row.name: row.acc for row in summary.rows(variant.suite)} for variant in suite.variants]
        assert rows[0] == rows[1]
