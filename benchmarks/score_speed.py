"""`python benchmarks/score_speed.py`: how long 14,573 records (the paper's number) take to score, on one core.

Two times: from model outputs to scores (what lmms-eval's `process_results` calls, for a direct and for a scaffold
output of every record), and from the scores to all rows with their intervals (what `score` prints). The records are
the packaged ones, repeated with ids and images of their own; a third of the outputs is wrong, and some are prose.
"""

import time
from itertools import cycle, islice
from pathlib import Path

from lmms_eval_drbench import data, scaffold, scoring, summary
from lmms_eval_drbench.conditional import conditional
from lmms_eval_drbench.runs import TaskResult
from lmms_eval_drbench.taxonomy import Category

RECORDS = 14_573
IMAGES = 2_943


def records() -> list[dict]:
    packaged = list(data.load("packaged").records.remove_columns("image"))
    found = enumerate(islice(cycle(packaged), RECORDS))
    return [record | {"id": f"r{index}", "image_id": f"i{index % IMAGES}"} for index, record in found]


def direct_output(index: int, record: dict) -> str:
    answer = scaffold.gold_answer(record)
    dresses = (answer, f"The answer is **{answer}**.", f"A dog is on the left; so the answer is ({answer}).", "A", "B")
    return dresses[index % len(dresses)]


def suite(scores: list[dict]) -> summary.Suite:
    tasks = [TaskResult(f"drbench_{c}", {}, None, None, {}, {}, "", "", None) for c in Category]
    return summary.Suite(Path(), "drbench", summary.Data("packaged, repeated", ""), scores, tasks)


def main() -> None:
    asked = records()
    direct = [direct_output(index, record) for index, record in enumerate(asked)]
    whole = [scaffold.render(record) for record in asked]
    total = 0.0
    for prompt, outputs in (("direct", direct), ("scaffold", whole)):
        started = time.process_time()
        scores = [scoring.score(record, output, prompt) for record, output in zip(asked, outputs, strict=True)]
        scored = time.process_time()
        rows = summary.rows(suite(scores))
        conditional(scores)
        summarised = time.process_time()
        total = max(total, summarised - started)
        overall = next(row for row in rows if row.level == "overall")
        print(
            f"{prompt}: {len(scores)} outputs scored in {scored - started:.2f} s, summarised in "
            f"{summarised - scored:.2f} s of CPU time (acc {overall.acc.mean:.3f})"
        )
    raise SystemExit(f"{total:.2f} s is over 10 s" if total > 10 else 0)


if __name__ == "__main__":
    main()
