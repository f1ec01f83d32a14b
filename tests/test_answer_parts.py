"""The parts that answers are read with: quantities, absences, yes and no, counts, and what a clause says."""

import pytest

from lmms_eval_drbench.answers import extract
from lmms_eval_drbench.answers.absence import absent
from lmms_eval_drbench.answers.clauses import clauses
from lmms_eval_drbench.answers.matching import matches, matches_any
from lmms_eval_drbench.answers.naming import named
from lmms_eval_drbench.answers.options import Options
from lmms_eval_drbench.answers.polarity import implied
from lmms_eval_drbench.answers.quantities import agree, quantity


def options(*texts: str, question: str = "Which objects are on the table?", kind: str = "multiple_choice") -> Options:
    return Options({"question": question, "options": list(texts), "question_type": kind, "reject_answers": []})


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("0.3 km", "300 m", True),
        ("three hundred metres", "300 m", True),
        ("21.0", "21 °C", True),
        ("50 mph", "50 km/h", False),
        ("1.5 h", "90 min", True),
        ("a hundred and twenty kilometres", "120 km", True),
        ("2 kg", "2 m", False),
        ("30", "300 m", False),
    ],
)
def test_quantities_agree_across_units(one, other, same):
    assert agree(quantity(one), quantity(other)) == same


@pytest.mark.parametrize("text", ["two cups", "m", "", "3 4", "1 1 1 1", "inf m", "nan"])
def test_what_is_no_quantity_is_none(text):
    assert quantity(text) is None


def test_another_unit_is_wrong_even_where_an_accepted_answer_has_none():
    assert not matches_any("50 mph", ["50 km/h", "50"], "What is the speed limit?")
    assert matches_any("50 km/h", ["50 km/h", "50"], "What is the speed limit?")


@pytest.mark.parametrize(
    "text",
    ["the keys are missing", "It has no keys.", "It lacks its keys", "missing keys", "The piano doesn't have any keys"],
)
def test_what_is_missing_is_the_same_in_every_wording(text):
    assert absent(text) == absent("no keys") != frozenset()


def test_what_is_there_is_not_missing():
    assert not absent("all keys are black")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("The shop is open today.", "yes"),
        ("The shop is closed.", "no"),
        ("The shop isn't closed.", "yes"),
        ("It is.", "yes"),
        ("The bank is open.", None),
        ("I can't say whether the shop is open.", None),
    ],
)
def test_yes_and_no_are_implied_by_a_statement(text, said):
    assert implied(text, "Is the shop open?") == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("The girl is taller than the boy.", "no"),
        ("The boy is taller than the girl.", "yes"),
        ("The boy is shorter than the girl.", "no"),
    ],
)
def test_a_comparison_is_read_in_its_order(text, said):
    assert implied(text, "Is the boy taller than the girl?") == said


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("Eight ducks, five white and three brown.", True),
        ("There are five white ducks and three brown ducks, which makes 8.", True),
        ("Eight of the twelve ducks.", True),
        ("There are five white ducks and three brown ducks.", False),
        ("There are 12 ducks, eight of them brown.", False),
        ("18", False),
    ],
)
def test_a_count_is_the_number_of_what_was_asked(text, right):
    assert matches(text, "8", "How many ducks are on the pond?") == right


def said(text: str, record: Options) -> list[tuple[str, bool | None]]:
    return [("".join(sorted(clause.letters)), clause.claims) for clause in clauses(text, record)]


def test_clauses_claim_deny_or_speak_of_something_else():
    record = options("a mug", "a bowl", "a fork", "a vase")
    text = "The mug is on the table, but the bowl isn't. The fork is in the sink; the vase is on the table, too."
    assert said(text, record) == [("A", True), ("B", False), ("C", None), ("D", True)]
    assert said("The mug and the bowl are on the table, the others aren't.", record) == [("AB", True), ("CD", False)]
    assert said("The mug is on the table and so is the vase.", record) == [("A", True), ("D", True)]


def test_an_option_is_named_by_what_it_alone_has():
    record = options("a red mug", "a blue bowl", "a fork", kind="single_choice")
    assert named("the mug", record).letters == {"A"}
    assert not named("the red bowl", record).clear
    assert named("the fork next to the red mug", record).letters == {"C"}
    colours = options("white", "blue", question="What color is the van?", kind="single_choice")
    assert named("a white stripe", colours).letters == frozenset()
    assert named("a white van", colours).letters == {"A"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("It says the mug is red, which is wrong, but the rest is right.", "yes"),
        ("The colour is wrong, but the count is right.", "yes"),
        ("The colour is wrong. Everything else is correct.", "yes"),
        ("The correct order is nightstand, cat, shelf.", None),
        ("The correct one would be cat, nightstand, shelf.", None),
        ("The description is correct.", "no"),
        ("It is an accurate description.", "no"),
        ("The description is not accurate.", "yes"),
    ],
)
def test_a_fault_is_told_from_the_rest(text, said):
    assert implied(text, "Is there a mistake in this description?") == said


@pytest.mark.parametrize(
    ("text", "question", "said"),
    [
        ("The mug is under the table.", "Is the mug on the table?", None),
        ("The mug is on the table.", "Is the mug on the table?", "yes"),
        ("On the table there is a mug.", "Is the mug on the table?", "yes"),
        ("The mug isn't on the table.", "Is the mug on the table?", "no"),
        ("The lamp is left of the mug.", "Is the mug left of the lamp?", None),
        ("The mug is to the left of the lamp.", "Is the mug left of the lamp?", "yes"),
        ("To the left of the lamp is the mug.", "Is the mug left of the lamp?", "yes"),
        ("The lamp is on.", "Is the lamp on?", "yes"),
        ("The dog on the sofa is sleeping.", "Is the dog in the picture sleeping?", "yes"),
    ],
)
def test_yes_needs_the_place_and_the_order_that_were_asked(text, question, said):
    assert implied(text, question) == said


@pytest.mark.parametrize(
    ("text", "accepted", "question", "right"),
    [
        ("It's a white house with a green front door.", "white", "What colour is the front door?", False),
        ("It is a red bus with a blue logo on it.", "red", "What colour is the logo?", False),
        ("It's a grey hatchback parked by the kerb.", "grey", "What colour is the car?", True),
    ],
)
def test_a_colour_is_credited_to_its_own_thing(text, accepted, question, right):
    assert matches(text, accepted, question) == right


@pytest.mark.parametrize(
    ("text", "letter"),
    [("The book is to the right of the mug.", None), ("The mug is to the left of the book.", "A"), ("The book.", "C")],
)
def test_what_a_question_only_refers_to_is_not_claimed(text, letter):
    record = options("mug", "lamp", "book", "none", question="Which object is to the left of the book?").record
    record |= {"question_type": "single_choice", "answer": ["A"]}
    assert extract(text, record).letters == (frozenset(letter) if letter else None)
