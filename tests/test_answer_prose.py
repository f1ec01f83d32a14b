"""What is read from prose that states no letter: wordings of an option, orders, counts and lists, and what is none."""

import pytest

from lmms_eval_drbench.answers import extract
from lmms_eval_drbench.answers.matching import matches
from lmms_eval_drbench.answers.translation import translated

PLACES = ["to its left", "to its right", "behind it", "in front of it"]
STATES = ["it has fallen over", "it is on fire", "nothing", "it hangs in mid-air"]
ORDERS = ["car then dog then tree", "dog then tree then car", "tree then dog then car"]
TABLE = ["a red mug", "a blue bowl", "a spoon", "a fork"]


def read(text: str, question: str, options: list[str], kind: str = "single_choice", rejects: str = "") -> str | None:
    record = {"question": question, "options": options, "question_type": kind, "answer": ["A"]}
    answer = extract(text, record | {"reject_answers": list(rejects), "premise_true": None})
    return str(answer) if answer.parsed else None


@pytest.mark.parametrize(
    ("text", "question", "options", "letter"),
    [
        ("The crane stands behind the ship, across the dock.", "Where is the crane relative to the ship?", PLACES, "C"),
        ("The crane is above the ship.", "Where is the crane relative to the ship?", PLACES, None),
        ("The ball is floating in the air, with nothing below it.", "What is the matter with the ball?", STATES, "D"),
        ("The ball might be on fire.", "What is the matter with the ball?", STATES, None),
        ("The ball isn't on fire.", "What is the matter with the ball?", STATES, None),
        ("First comes the dog, then the tree, and the car is last.", "Which order is it?", ORDERS, "B"),
        ("First the tree and then the dog.", "Which order is it?", ORDERS, None),
        ("I see three cars: two red ones and a blue one.", "How many cars are there?", ["2", "3", "4"], "B"),
        ("I see five cars, one of them red.", "How many cars are there?", ["1", "3", "4"], None),
        (
            "There are more cats than dogs.",
            "Are there more cats or more dogs?",
            ["dogs", "as many of both", "cats"],
            "C",
        ),
        ("It shows the same number of each.", "Are there more cats or dogs?", ["dogs", "as many of both", "cats"], "B"),
        ("No, everything is safe.", "Is it safe?", ["Yes, it is safe", "No, it is broken", "Yes, but slowly"], "B"),
        ("Yes, the report is correct.", "A report lists three dogs. Is the report mistaken?", ["yes", "no"], "B"),
        ("Neither of the given options states this.", "Where is it?", ["the left half", "the right half"], None),
        ("The left half.", "Which half is it in?", ["there is no dog", "the right half"], None),
        ("The view is blocked → C", "Where is the crane relative to the ship?", PLACES, "C"),
    ],
)
def test_one_option_is_read_from_its_words_or_not_at_all(text, question, options, letter):
    assert read(text, question, options) == letter


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("The items on the table are:\n- A. a red mug – beside the plate\n- C. a spoon\n\nThe bowl (B) isn't.", "A, C"),
        ("On the table are a red mug (A) and a fork (D).", "A, D"),
        ("Only the red mug is on the table; the bowl and the spoon are in the sink.", "A"),
        ("A red mug and a spoon are on the table, while the bowl and the fork are on the shelf.", "A, C"),
        ("A red mug or something else", None),
        ("Nothing is on the table.", None),
    ],
)
def test_a_set_is_read_whole_or_not_at_all(text, letters):
    assert read(text, "Which objects are on the table?", TABLE, "multiple_choice") == letters


@pytest.mark.parametrize(
    ("text", "accepted", "question", "right"),
    [
        ("The laptop is lying on the bed.", "bed", "Is the laptop on the desk or on the bed?", True),
        ("The laptop is on the desk.", "bed", "Is the laptop on the desk or on the bed?", False),
        ("It is on the wall to the left of the door.", "left", "On which side of the door is it?", True),
        ("a man holding a bike", "a man with a bicycle", "Who stands there?", True),
        ("A stack of clay pots", "stacked clay pots", "What stands there?", True),
        ("the arm of the sofa", "the sofa's arm", "Where is it?", True),
        ("The lamp is behind the open studio door.", "behind the door", "Where is the lamp?", True),
        ("The lamp isn't behind the door.", "behind the door", "Where is the lamp?", False),
        ("2nd", "second", "On which shelf is it?", True),
        ("A vase; the lamp is farther away.", "lamp", "What is next to the laptop?", False),
    ],
)
def test_an_open_answer_is_credited_in_other_words(text, accepted, question, right):
    assert matches(text, accepted, question) == right


def test_chinese_is_translated_only_for_an_english_question():
    assert translated("桌子上有一只猫", "What is there?").split() == ["on", "table", "有", "cat"]
    assert translated("桌子上有一只猫", "那里有什么?") == "桌子上有一只猫"
