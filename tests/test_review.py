"""What decisions make of a data set: read and checked, conflicts, twins, fixes, agreement, and the folder written."""

import hashlib
import json
import re
import sys
from pathlib import Path

import pytest
from review_data import records, write_review, write_reviewable
from sklearn.metrics import cohen_kappa_score

from lmms_eval_drbench import data, scaffold
from lmms_eval_drbench.build import __main__ as command
from lmms_eval_drbench.build.builder import write
from lmms_eval_drbench.build.review.agreement import cohen_kappa, pairs
from lmms_eval_drbench.build.review.decisions import FORMAT, Decision, Review, Verdict
from lmms_eval_drbench.build.review.verdicts import Fate, settle
from lmms_eval_drbench.errors import run_cli
from lmms_eval_drbench.record import faults

FIX_B = {"decision": "fix", "answer": ["b"]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return write_reviewable(tmp_path_factory.mktemp("review") / "toy")


@pytest.fixture(scope="module")
def fingerprint(folder) -> str:
    return data.load(str(folder)).fingerprint


def run(monkeypatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["build", *map(str, arguments)])
    with pytest.raises(SystemExit) as raised:
        run_cli(command.main)
    return raised.value.code


def apply(monkeypatch, folder: Path, out: Path, *files: Path, more: tuple = ()) -> tuple[dict, dict]:
    """(stats, records by id) of what the command wrote."""
    assert run(monkeypatch, "--apply-review", *files, "--data", folder, "--out", out, *more) == 0
    found = {record["id"]: record for record in data.load(str(out)).records}
    assert not any(faults(record) for record in found.values())
    return json.loads((out / "stats.json").read_text()), found


def digests(folder: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(folder.iterdir())}


# Agreement


def test_kappa_is_that_of_a_table_worked_by_hand():
    # 20 both accept, 5 accept/reject, 10 reject/accept, 15 both reject: p_o = 0.7, p_e = 0.5*0.6 + 0.5*0.4 = 0.5
    left = ["a"] * 25 + ["r"] * 25
    right = ["a"] * 20 + ["r"] * 5 + ["a"] * 10 + ["r"] * 15
    assert cohen_kappa(left, right) == pytest.approx(0.4)
    assert cohen_kappa(["a", "r"], ["r", "a"]) == pytest.approx(-1)
    assert cohen_kappa(["a", "a"], ["a", "a"]) is None and cohen_kappa([], []) is None


def test_kappa_is_scikit_learns():
    labels = ["accept", "reject", "fix: A", "fix: B"]
    for seed in range(20):
        drawn = hashlib.sha512(bytes([seed])).digest()
        left = [labels[byte % 4] for byte in drawn]
        right = [labels[byte % 4 if byte % 3 else byte // 4 % 4] for byte in drawn]
        assert cohen_kappa(left, right) == pytest.approx(cohen_kappa_score(left, right))


def test_agreement_counts_only_what_both_decided():
    accept, reject = Decision(Verdict.ACCEPT), Decision(Verdict.REJECT)
    fix_a, fix_b = Decision(Verdict.FIX, ("A",)), Decision(Verdict.FIX, ("B",))
    one = Review("one", {"1": accept, "2": reject, "3": fix_a, "4": accept})
    two = Review("two", {"1": accept, "2": reject, "3": fix_b, "5": reject})
    three = Review("three", {"9": accept})
    found = {agreement.reviewers: agreement for agreement in pairs([one, two, three])}
    assert len(found) == 3 and found["one", "three"].same is None and found["one", "three"].questions == 0
    # labels accept, reject, fix A against accept, reject, fix B: p_o = 2/3, p_e = 2/9
    assert found["one", "two"].questions == 3 and found["one", "two"].same == pytest.approx(2 / 3)
    assert found["one", "two"].kappa == pytest.approx((2 / 3 - 2 / 9) / (1 - 2 / 9))


# Fates


def test_a_record_is_kept_only_where_all_who_decided_it_agree():
    by_id = {record["id"]: record for record in records()}
    accept, reject, fix = Decision(Verdict.ACCEPT), Decision(Verdict.REJECT), Decision(Verdict.FIX, ("B",))
    reviews = [
        Review("one", {"q0": accept, "q1": reject, "q2": fix, "q3": accept, "q4": fix}),
        Review("two", {"q0": accept, "q1": reject, "q2": fix, "q3": reject, "q5": accept}),
    ]
    fates = settle(by_id, reviews).fates
    assert [fates[f"q{index}"] for index in range(7)] == [
        Fate.ACCEPTED,
        Fate.REJECTED,
        Fate.FIXED,
        Fate.DISPUTED,
        Fate.FIXED,
        Fate.ACCEPTED,
        Fate.UNREVIEWED,
    ]
    outcome = settle(by_id, reviews)
    assert set(outcome.dropped) == {"q1", "q3"} and set(outcome.fixes) == {"q2", "q4"}
    assert set(settle(by_id, reviews, reviewed_only=True).dropped) == {"q1", "q3", "q6", "q7", "q8", "q9"}


def test_twins_are_dropped_together_and_so_is_a_pair_whose_premise_changes():
    by_id = {record["id"]: record for record in records()}
    said = {"q6": Decision(Verdict.REJECT), "q7": Decision(Verdict.FIX, ("B",)), "q8": Decision(Verdict.FIX, ("B",))}
    outcome = settle(by_id, [Review("one", said)])
    assert set(outcome.dropped) == {"q6", "q7"} and set(outcome.fixes) == {"q8"}
    outcome = settle(by_id, [Review("one", {"q7": Decision(Verdict.FIX, ("B",))})])
    assert set(outcome.dropped) == {"q6", "q7"} and not outcome.fixes


# The command


def test_a_new_folder_is_written_and_the_old_one_left_alone(folder, fingerprint, tmp_path, monkeypatch, capsys):
    before = digests(folder)
    said = {"q0": "accept", "q1": {"decision": "reject", "note": "two walls"}, "q6": "reject", "q8": "accept"}
    review = write_review(tmp_path / "ada.json", fingerprint, said)
    stats, found = apply(monkeypatch, folder, tmp_path / "out", review)
    assert digests(folder) == before
    assert list(found) == ["q0", "q2", "q3", "q4", "q5", "q8", "q9"]
    old = {record["id"]: record for record in data.load(str(folder)).records}
    for record_id, record in found.items():
        assert record["image"].tobytes() == old[record_id]["image"].tobytes()
        assert {k: v for k, v in record.items() if k != "image"} == {
            k: v for k, v in old[record_id].items() if k != "image"
        }
    told = stats["review"]
    assert stats["name"] == "custom: toy, reviewed" and stats["questions"] == 7
    assert stats["fingerprint"] == data.load(str(tmp_path / "out")).fingerprint
    assert told["reviewers"] == {"Ada": {"decided": 4, "accept": 2, "reject": 2}}
    assert told["questions"] == {"accepted": 2, "fixed": 0, "rejected": 2, "disputed": 0, "unreviewed": 6}
    assert told["dropped"] == {"its twin was dropped": 1, "rejected": 2}
    assert told["families"]["premise"] == {
        "reviewed": 2,
        "rejected": 1,
        "disputed": 0,
        "fixed": 0,
        "reject_rate": 0.5,
        "fix_rate": 0.0,
    }
    assert told["faulty"]["share"] == 0.5 and told["of"]["fingerprint"] == fingerprint
    card = (tmp_path / "out" / "README.md").read_text()
    assert "| Ada | 4 | 2 | 2 | 0 |" in card and "| premise | 2 | 1 | 0 | 0 | 50.0 | 0.0 |" in card
    assert "lmms-eval-drbench engine" not in card, "our engine did not make this data"
    assert "7 of 10 questions" in capsys.readouterr().out


def test_a_fix_changes_the_answer_and_the_chain_ends_in_it(folder, fingerprint, tmp_path, monkeypatch):
    said = {
        "q0": FIX_B,
        "q4": {"decision": "fix", "answer": ["D", "B"], "logic": "Both walls are pale."},
        "q5": {"decision": "fix", "answer": ["olive", "muddy green"]},
        "q8": FIX_B,
    }
    review = write_review(tmp_path / "ada.json", fingerprint, said)
    stats, found = apply(monkeypatch, folder, tmp_path / "out", review)
    old = {record["id"]: record for record in data.load(str(folder)).records}
    assert found["q0"]["answer"] == ["B"] and found["q4"]["answer"] == ["B", "D"]
    assert found["q5"]["answer"] == ["olive", "muddy green"] and scaffold.gold_answer(found["q5"]) == "olive"
    chains = {record_id: record["reasoning_chain"] for record_id, record in found.items()}
    assert chains["q0"]["conclusion"] == "The answer is green." and chains["q0"]["logic"] == ""
    assert chains["q4"]["conclusion"] == "The answer is green and white."
    assert chains["q4"]["logic"] == "Both walls are pale."
    assert chains["q5"]["conclusion"] == "The answer is olive."
    for step in ("perception", "relation"):
        assert chains["q0"][step] == old["q0"]["reasoning_chain"][step]
    assert found["q8"]["premise_true"] is True and found["q9"]["twin_id"] == "q8", "another colour, the same premise"
    assert stats["review"]["without_logic"] == ["q0", "q5", "q8"]
    assert "3 fixed questions have an empty logic step" in (tmp_path / "out" / "README.md").read_text()
    assert scaffold.parse(scaffold.render(found["q0"])).reasoning["conclusion"] == "The answer is green."


def test_a_fix_of_a_lone_premise_question_says_whether_the_premise_holds(tmp_path, monkeypatch):
    folder = write_reviewable(tmp_path / "toy", twin_id=None)
    review = write_review(tmp_path / "a.json", data.load(str(folder)).fingerprint, {"q7": FIX_B})
    _, found = apply(monkeypatch, folder, tmp_path / "out", review)
    assert found["q7"]["premise_true"] is True and found["q7"]["answer"] == ["B"]


def test_several_reviewers_and_their_agreement(folder, fingerprint, tmp_path, monkeypatch):
    ada = {"q0": "accept", "q1": "accept", "q2": "reject", "q3": FIX_B, "q4": "accept"}
    bob = {"q0": "accept", "q1": "reject", "q2": "reject", "q3": FIX_B | {"logic": "It is green."}}
    files = [
        write_review(tmp_path / "ada.json", fingerprint, ada),
        write_review(tmp_path / "bob.json", fingerprint, bob, "Bob | *x*"),
    ]
    stats, found = apply(monkeypatch, folder, tmp_path / "out", *files)
    (agreement,) = stats["review"]["agreement"]
    # accept accept reject fix against accept reject reject fix: p_o = 3/4, p_e = (2*1 + 1*2 + 1*1)/16
    assert agreement["questions"] == 4 and agreement["same"] == 0.75
    assert agreement["kappa"] == pytest.approx((0.75 - 5 / 16) / (1 - 5 / 16))
    assert stats["review"]["dropped"] == {"disputed": 1, "rejected": 1}
    assert found["q3"]["reasoning_chain"]["logic"] == "It is green." and "q4" in found
    assert "| Ada and Bob \\| \\*x\\* | 4 | 75.0 | 0.64 |" in (tmp_path / "out" / "README.md").read_text()


def test_data_of_our_engine_keeps_its_card_its_stats_and_its_name(folder, tmp_path, monkeypatch):
    pictures = {name: {"bytes": (folder / f"{name}.png").read_bytes()} for name in ("red", "green", "blue", "white")}
    made_of = [record | {"image": pictures[record["image_id"]]} for record in records()]
    write(made_of, tmp_path / "made", "DRBench-Open toy", {"source": "toy", "seed": "3"})
    made = data.load(str(tmp_path / "made"))
    review = write_review(tmp_path / "a.json", made.fingerprint, {"q0": "reject"})
    stats, found = apply(monkeypatch, tmp_path / "made", tmp_path / "out", review)
    assert stats["name"] == "DRBench-Open toy, reviewed" and stats["made_by"]["seed"] == "3" and len(found) == 9
    old = (tmp_path / "made" / "README.md").read_text()
    assert (tmp_path / "out" / "README.before_review.md").read_text() == old
    again, _ = apply(monkeypatch, tmp_path / "made", tmp_path / "again", review)
    assert digests(tmp_path / "out") == digests(tmp_path / "again"), "the same decisions, the same bytes"
    twice = write_review(tmp_path / "b.json", stats["fingerprint"], {"q1": "accept"})
    stats, found = apply(monkeypatch, tmp_path / "out", tmp_path / "twice", twice, more=("--reviewed-only",))
    assert list(found) == ["q1"] and stats["name"] == "DRBench-Open toy, reviewed, reviewed"


# Bad input


@pytest.mark.parametrize(
    ("decisions", "changes", "sentence"),
    [
        ({"q99": "accept"}, {}, "record 'q99' is not in the data"),
        ({"q0": "maybe"}, {}, "record 'q0': `decision` must be one of accept, reject, fix"),
        ({"q0": {"decision": "accept", "note": 5}}, {}, "`note` must be a text"),
        ({"q0": {"decision": "fix"}}, {}, "a fix needs `answer`"),
        ({"q0": {"decision": "fix", "answer": []}}, {}, "a fix needs `answer`"),
        ({"q0": {"decision": "fix", "answer": ["E"]}}, {}, "answer 'E' is beyond the options: use A, B, C, D"),
        ({"q0": {"decision": "fix", "answer": ["B", "C"]}}, {}, "a single_choice question has 2 answers"),
        ({"q4": {"decision": "fix", "answer": ["B", "b"]}}, {}, "the answers repeat: B, B"),
        ({"q4": {"decision": "fix", "answer": ["C", "A"]}}, {}, "is the one it has: accept it instead"),
        ({"q5": {"decision": "fix", "answer": ["\ud800"]}}, {}, "at most 300 printable characters"),
        ({"q5": {"decision": "fix", "answer": ["red\x1b[31m"]}}, {}, "at most 300 printable characters"),
        ({"q5": {"decision": "fix", "answer": ["r" * 301]}}, {}, "at most 300 printable characters"),
        ({"q0": FIX_B | {"logic": "so\ud800"}}, {}, "`logic` must be at most 3000 printable characters"),
        ({"q0": FIX_B | {"logic": "so" * 2000}}, {}, "`logic` must be at most 3000 printable characters"),
        ({}, {}, "decides about no record"),
        ({}, {"fingerprint": "0123456789abcdef"}, "fingerprint '0123456789abcdef', but custom: "),
        ({}, {"format": "drbench-review/9"}, "no review in the format drbench-review/1"),
        ({}, {"reviewer": " "}, "does not name its reviewer"),
        ({}, {"reviewer": "a\u001b[31m"}, "does not name its reviewer"),
        ({}, {"decisions": []}, "holds no object `decisions`"),
        (dict.fromkeys([f"q{i}" for i in range(10)], "reject"), {}, "nothing of custom: "),
    ],
)
def test_a_review_that_does_not_fit_is_refused_by_name(
    folder, fingerprint, tmp_path, monkeypatch, capsys, decisions, changes, sentence
):
    review = write_review(tmp_path / "ada.json", fingerprint, decisions)
    review.write_text(json.dumps(json.loads(review.read_text()) | changes))
    assert run(monkeypatch, "--apply-review", review, "--data", folder, "--out", tmp_path / "out") == 2
    said = capsys.readouterr().err
    assert sentence in said and ("ada.json" in said or "nothing of" in said)
    assert [file.name for file in tmp_path.iterdir()] == ["ada.json"], "nothing was written"


@pytest.mark.parametrize("spelled", ["Zoë  Lee", "zoë lee", " Zoe\u0308 Lee "])
def test_a_reviewer_who_is_spelled_otherwise_is_no_second_one(
    folder, fingerprint, tmp_path, monkeypatch, capsys, spelled
):
    one = write_review(tmp_path / "a.json", fingerprint, {"q0": "accept"}, "Zoë Lee")
    other = write_review(tmp_path / "b.json", fingerprint, {"q0": "accept"}, spelled)
    assert run(monkeypatch, "--apply-review", one, other, "--data", folder, "--out", tmp_path / "out") == 2
    assert "are both of" in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_a_record_that_is_decided_twice_in_one_file_is_refused(folder, fingerprint, tmp_path, monkeypatch, capsys):
    review = write_review(tmp_path / "a.json", fingerprint, {"q0": "accept", "q1": "reject"})
    review.write_text(review.read_text().replace('"q1"', '"q0"'))
    assert run(monkeypatch, "--apply-review", review, "--data", folder, "--out", tmp_path / "out") == 2
    assert "a.json names 'q0' twice" in capsys.readouterr().err


def test_every_faulty_decision_is_said_at_once(folder, fingerprint, tmp_path, monkeypatch, capsys):
    review = write_review(tmp_path / "a.json", fingerprint, {"q0": "maybe", "x": "accept", "q1": "accept"})
    assert run(monkeypatch, "--apply-review", review, "--data", folder, "--out", tmp_path / "out") == 2
    said = capsys.readouterr().err
    assert "2 of 3 decisions are faulty" in said and "'q0'" in said and "'x'" in said


def test_an_open_false_premise_cannot_be_fixed(tmp_path, monkeypatch, capsys):
    premise = {"category": "false_premise_rejection", "premise_true": False, "reject_answers": ["there is none"]}
    folder = write_reviewable(
        tmp_path / "toy", question_type="open_ended", options=[], answer=["there is none"], twin_id=None, **premise
    )
    review = write_review(tmp_path / "a.json", data.load(str(folder)).fingerprint, {"q7": FIX_B})
    assert run(monkeypatch, "--apply-review", review, "--data", folder, "--out", tmp_path / "out") == 2
    assert "has no answer to fix: reject it" in capsys.readouterr().err


def test_files_that_are_no_reviews_and_folders_that_are_not_free_are_refused(
    folder, fingerprint, tmp_path, monkeypatch, capsys
):
    review = write_review(tmp_path / "a.json", fingerprint, {"q0": "accept"})
    (tmp_path / "broken.json").write_text("[" * 100_000)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("keep")
    cases = [
        (["--apply-review", tmp_path / "none.json", "--data", folder, "--out", tmp_path / "o"], "cannot read"),
        (["--apply-review", tmp_path / "broken.json", "--data", folder, "--out", tmp_path / "o"], "is not JSON"),
        (["--apply-review", review, review, "--data", folder, "--out", tmp_path / "o"], "are both of Ada"),
        (["--apply-review", review, "--data", folder, "--out", folder], "already holds a data set"),
        (["--apply-review", review, "--data", folder, "--out", tmp_path / "full"], "is not empty"),
        (["--apply-review", review, "--data", folder, "--out", tmp_path / "a.json" / "o"], "cannot write"),
        (["--apply-review", review, "--out", tmp_path / "o"], "needs --data"),
        (["--apply-review", review, "--data", folder, "--out", tmp_path / "o", "--sample", 5], "belongs to --review"),
    ]
    for arguments, sentence in cases:
        assert run(monkeypatch, *arguments) == 2
        assert sentence in capsys.readouterr().err
    assert (tmp_path / "full" / "mine.txt").read_text() == "keep" and not (tmp_path / "o").exists()


def test_the_readings_in_the_docs_add_up_to_what_their_readme_says():
    folder = Path(__file__).parents[1] / "docs" / "reviews"
    text = (folder / "README.md").read_text()
    files = sorted(set(folder.glob("*.json")) - set(folder.glob("procedural-*.json")))
    rows = dict(re.findall(r"\| `([\w-]+\.json)` \|(.+)\|\n", text))
    assert set(rows) == {file.name for file in files}
    entries = []
    for file in files:
        found = json.loads(file.read_text())
        assert found["format"] == FORMAT and f"| {len(found['decisions'])} |" in rows[file.name]
        wrong = [record_id for record_id, entry in found["decisions"].items() if entry["decision"] == "reject"]
        assert rows[file.name].split("|")[-1].strip().startswith(f"{len(wrong)}")
        assert all(f"`{record_id}`" in text for record_id in wrong)
        entries += [(found["reviewer"].split()[0], entry) for entry in found["decisions"].values()]
    noted = [entry for reader, entry in entries if reader == "first" and "note" in entry]
    assert sum(entry["decision"] == "accept" for entry in noted) == 23
    entries = [entry for _, entry in entries]
    assert len(entries) == 200 + 377 + 100 and sum(entry["decision"] == "reject" for entry in entries) == 7 + 1 + 1


def test_the_reading_of_drawn_scenes_adds_up_to_what_its_page_says():
    folder = Path(__file__).parents[1] / "docs" / "reviews"
    text = (folder / "procedural.md").read_text()
    decisions = json.loads((folder / "procedural-77.json").read_text())["decisions"]
    wrong = [record_id for record_id, entry in decisions.items() if entry["decision"] == "reject"]
    assert (len(decisions), len(wrong)) == (200, 3) and "3 of all 200" in text
    assert all(f"`{record_id.removeprefix('procedural-v1-777')}`" in text for record_id in wrong)
