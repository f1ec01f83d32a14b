"""The blind ledger and the measured quality: each check must find what it is for, and pass where nothing is wrong."""

import json
import random
import sys

import pytest
from annotated_worlds import ask, write_coco
from conftest import toy_record, write_toy_data
from PIL import Image

from lmms_eval_drbench.build import quality
from lmms_eval_drbench.build.blind import blind_scores
from lmms_eval_drbench.build.ledger import BOUND, Cue, Ledger, bets
from lmms_eval_drbench.build.sources import open_source
from lmms_eval_drbench.errors import run_cli
from lmms_eval_drbench.record import chance


def test_a_bet_may_not_pay_twice_in_a_row():
    ledger = Ledger()
    bet = [Cue("bus", True, 0.25)]
    assert ledger.cost("f", bet) > 0
    ledger.enter("f", bet)
    assert ledger.cost("f", bet) is None, f"0.75 + 0.75 is beyond {BOUND}"
    assert ledger.cost("other family", bet) is not None
    assert ledger.cost("f", [Cue("bus", False, 0.25)]) < 0
    for _ in range(3):
        ledger.enter("f", [Cue("bus", False, 0.25)])
    assert ledger.cost("f", bet) is not None


def test_bets_of_one_question_are_added_up():
    ledger = Ledger()
    twins = [Cue("side", True, 0.5), Cue("side", False, 0.5)]
    assert ledger.cost("f", twins) == 0
    assert ledger.cost("f", [Cue("side", True, 0.5)] * 3) is None


def test_an_option_is_bet_on_alone_and_in_company():
    cues = bets(["left", "right"], ["left"], 0.5, "bus")
    assert cues == [
        Cue("left", True, 0.5),
        Cue(("bus", "left"), True, 0.5),
        Cue("right", False, 0.5),
        Cue(("bus", "right"), False, 0.5),
    ]


def leaking(number: int, rng: random.Random) -> dict:
    """A question whose right option is always blue, wherever it stands."""
    colors = ["red", "green", "blue", "white"]
    rng.shuffle(colors)
    answer = ["ABCD"[colors.index("blue")]]
    return toy_record(number) | {"image_id": f"image {number}", "options": colors, "answer": answer}


def test_the_blind_reader_finds_what_the_text_gives_away():
    rng = random.Random(0)
    leaks = [leaking(number, rng) for number in range(100)]
    assert sum(blind_scores(leaks)) == 100
    fair = [record | {"answer": [rng.choice("ABCD")]} for record in leaks]
    assert sum(blind_scores(fair)) < 45


def test_the_reader_learns_from_a_training_split_and_reads_open_and_multiple_questions():
    rng = random.Random(1)
    lessons = [leaking(number, rng) | {"question_type": "multiple_choice"} for number in range(80)]
    lessons += [toy_record(n) | {"question_type": "open_ended", "options": [], "answer": ["red"]} for n in range(5)]
    lessons += [toy_record(n) | {"question_type": "open_ended", "options": [], "answer": ["blue"]} for n in range(2)]
    open_question = toy_record(3) | {"question_type": "open_ended", "options": [], "answer": ["red"]}
    asked = [leaking(500, rng) | {"question_type": "multiple_choice"}, open_question]
    assert blind_scores(asked, lessons) == [1.0, 1.0]
    assert blind_scores(asked, [open_question]) == [0.0, 0.0], "nothing to learn from one answer"


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> tuple[list[dict], list[dict]]:
    """Questions about random COCO-like pictures, and others that teach the blind reader."""
    made = []
    for seed in (0, 1):
        folder = tmp_path_factory.mktemp("worlds")
        source = open_source("coco", write_coco(folder / "a.json", 360, seed), folder)
        made.append([record for record, _ in ask(source, 5, 1800)])
    return made[0], made[1]


def test_built_questions_are_not_answered_blind(built):
    records, lessons = built
    choice = [index for index, record in enumerate(records) if record["options"]]
    scores = blind_scores(records, lessons)
    blind = sum(scores[index] for index in choice) / len(choice)
    expected = sum(chance(records[index]) for index in choice) / len(choice)
    # 3 points, and twice the standard error of so few questions: the whole benchmark is thirteen times as large
    error = (blind * (1 - blind) / len(choice)) ** 0.5
    assert len(choice) > 1000 and blind < expected + 0.03 + 2 * error


def test_no_policy_beats_chance_on_built_questions(built):
    report = quality.text_report(built[0], [0.0] * len(built[0]))["single_choice"]
    for policy, value in report["policies"].items():
        assert value < report["chance"] + 0.04, (policy, value)
    assert quality.premise_report(built[0]) == {
        "questions": quality.premise_report(built[0])["questions"],
        "always_reject": 0.5,
        "never_reject": 0.5,
    }


def test_letters_and_yes_no_are_balanced_and_nothing_comes_twice(built):
    balance = quality.balance_report(built[0])
    for letters in balance["letters"].values():
        assert max(letters.values()) - min(letters.values()) <= 0.15 * sum(letters.values())
    yes, no = balance["yes_no"]["yes"], balance["yes_no"]["no"]
    assert abs(yes - no) <= 0.1 * (yes + no)
    assert quality.duplicates(built[0]) == []


def test_policies_are_what_they_say():
    record = toy_record(0) | {"options": ["yes", "there is no bus", "a", "longest of all options"], "answer": ["B"]}
    found = quality.policies(record)
    assert found["rejecting option where there is one"] == 1 and sum(found.values()) == 1
    assert quality.policies(record | {"answer": ["D"]})["longest option"] == 1
    assert quality.policies(record | {"answer": ["C"]})["shortest option"] == 1
    assert quality.policies(record | {"answer": ["A"]}) == found | {
        "rejecting option where there is one": 0,
        "first option": 1,
        "yes where there is one": 1,
    }


def test_a_question_that_comes_twice_is_named():
    first = toy_record(0)
    again = first | {"id": "again", "options": first["options"][::-1]}
    assert quality.duplicates([first, again, first | {"id": "other", "image_id": "x"}]) == ["again"]


def test_the_command_finds_pictures_that_two_splits_share(tmp_path, monkeypatch, capsys):
    records = [toy_record(number) for number in range(8)]
    records += [toy_record(number) | {"id": f"test-{number}", "split": "test"} for number in range(8)]
    folder = write_toy_data(tmp_path / "toy", records)
    for number, record in enumerate(records):
        name = f"{record['image_id']}.png"
        Image.effect_noise((64, 48), 50 + number).save(folder / name)
    monkeypatch.setattr(sys, "argv", ["quality", str(folder), "--out", str(tmp_path / "q.json")])
    with pytest.raises(SystemExit) as ended:
        run_cli(quality.main)
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert "| overall | 8 | 25.0%" in said and "in two splits: 4" in said
    report = json.loads((tmp_path / "q.json").read_text())
    assert len(report["pictures"]["in_two_splits"]) == 4 and report["split"] == "test"
    assert report["reader_taught_by"] == "8 training questions"


def test_data_that_is_not_there_is_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["quality", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        run_cli(quality.main)
    assert ended.value.code == 2 and "holds none of the splits" in capsys.readouterr().err
