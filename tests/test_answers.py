"""From model text to an answer: golden readings, and properties that hold for any text."""

import time

import pytest
from conftest import toy_record
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from lmms_eval_drbench import scaffold
from lmms_eval_drbench.answers import extract
from lmms_eval_drbench.scoring import is_right

OPTIONS = ["a red mug", "a blue bowl", "a spoon", "a fork"]


def single(**changes) -> dict:
    return toy_record(0, question="What is on the table?", options=OPTIONS, answer=["B"]) | changes


def multiple(**changes) -> dict:
    return single(question_type="multiple_choice", answer=["A", "C"]) | changes


def open_ended(**changes) -> dict:
    return (
        single(question_type="open_ended", options=[], answer=["black"], question="What color is the bowl?") | changes
    )


SINGLE = {
    "The mug": "A",
    "A": "A",
    "b": "B",
    " B\n": "B",
    "(C)": "C",
    "[C]": "C",
    "**B**": "B",
    "`D`": "D",
    "Option B": "B",
    "Option B:": "B",
    "option (b).": "B",
    "B. a blue bowl": "B",
    "D) a fork": "D",
    "(B) a blue bowl": "B",
    "A: a red mug": "A",
    "a blue bowl": "B",
    "Blue bowl.": "B",
    "The blue bowls": "B",
    "A red mug": "A",
    "A red mug is on the table.": "A",
    "The table holds a spoon.": "C",
    "The object is a spoon, not a fork.": "C",
    "It is a spoon rather than a fork.": "C",
    "the answer is (C)": "C",
    "A dog is on the left; the answer is (C)": "C",
    "The answer is A because it is red": "A",
    "The answer is a red mug.": "A",
    "The correct option is **D) a fork**.": "D",
    "Answer:\nB": "B",
    "Answer is: [D]": "D",
    "Final Answer: $B$": "B",
    "I choose B": "B",
    "I think it is C.": "C",
    "It's B": "B",
    "B is the correct answer.": "B",
    "\\boxed{B}": "B",
    "So $\\boxed{\\text{D}}$.": "D",
    "\\boxed{A}... no, \\boxed{C}": "C",
    "Let me think. A is a mug. So B.": "B",
    "The answer is B. Wait, actually the answer is C.": "C",
    "Let's see.\n\n**Answer: C**": "C",
    "B\n\nBecause it is blue.": "B",
    "The bowl is blue and empty.\n\nB": "B",
    "A. a red mug\nB. a blue bowl\nC. a spoon\nD. a fork\n\nD": "D",
    "Is it A? No. The correct answer is not A; it is B.": "B",
    "<think>A? Or C.</think> B": "B",
    "<think>A</think><think>C</think>\n\nThe answer is D": "D",
    "<answer>B</answer>": "B",
    "<answer>\n(B) a blue bowl\n</answer>": "B",
    "<ANSWER>b</Answer>": "B",
    "The answer is A. <answer>B</answer> So the answer is C.": "B",
    "<answer>A</answer> no: <answer>C</answer>": "C",
    "<answer>B": "B",
    "<answer>B</ans": "B",
    '{"entities": ["mug"], "answer": "B"}': "B",
    "<entities>\n- mug\n</entities>\nThe answer is B.": "B",
    "B, because the bowl is blue.": "B",
    "B because the spoon is small": "B",
    "Answer - B": "B",
    "Answer\uff1aB": "B",
    "I'd say B": "B",
    "Probably B": "B",
    "Selected: B": "B",
    "<b>B</b>": "B",
    "The picture shows a blue bowl. It has stripes. It is shiny.": "B",
    "B<|im_end|>": "B",
}


@pytest.mark.parametrize("text", SINGLE)
def test_single_choice_is_read(text):
    assert str(extract(text, single())) == SINGLE[text]


UNREADABLE = {
    "": "empty",
    "  \n": "empty",
    "E": "no answer found",
    "A. a red mug\nB. a blue bowl\nC. a spoon\nD. a fork": "no answer found",
    "Answer: A dog": "no answer found",
    "A dog sits here.": "no answer found",
    "The answer is B or C": "no answer found",
    "The answer is A or B.": "no answer found",
    "It is not a red mug": "no answer found",
    "The answer is not A.": "no answer found",
    "Red mug or blue bowl": "no answer found",
    "A. a blue bowl": "disagree",
    "The answer is A. a blue bowl": "disagree",
    "A. B. C. D.": "no answer found",
    "Neither": "no answer found",
    "I'm sorry, I can't answer that.": "refusal",
    "I cannot determine what is on the table.": "refusal",
    "<think>It could be B": "thinking was not finished",
    "<entities>\n- red mug\n</entities>": "no <answer> field",
    "<entities>\n- mug\n</entities>\n<reasoning>\n[Conclusion] The answer is B.": "no <answer> field",
    "<answer></answer>": "empty",
    "I like vitamin C in the morning and so on": "no answer found",
}


@pytest.mark.parametrize("text", UNREADABLE)
def test_what_states_no_answer_is_unparsed_and_says_why(text):
    answer = extract(text, single())
    assert not answer.parsed and UNREADABLE[text] in answer.reason


@pytest.mark.parametrize("text", ["AC", "A, C", "A and C", "Both A and C", "The answer is A and C.", "选A和C"])
def test_several_letters_for_one_are_what_was_answered_and_score_wrong(text):
    for record in (single(), single(answer=["A"]), single(answer=["C"])):
        answer = extract(text, record)
        assert answer.letters == {"A", "C"} and not is_right(record, answer)


MULTIPLE = {
    "A, C": "A, C",
    "C, A": "A, C",
    "AC": "A, C",
    "A C": "A, C",
    "A/C": "A, C",
    "A; C.": "A, C",
    "A and C": "A, C",
    "(A), (C)": "A, C",
    "{A, C}": "A, C",
    "[A, C]": "A, C",
    "- A\n- C": "A, C",
    "A": "A",
    "Options A and C are right": "A, C",
    "The correct options are A and C.": "A, C",
    "The answer is A, B and D.": "A, B, D",
    "a red mug, a spoon": "A, C",
    "a red mug and a spoon": "A, C",
    "A. a red mug\nC. a spoon": "A, C",
    "(A) a red mug, (C) a spoon": "A, C",
    "The red mug and the spoon.": "A, C",
    "a red mug and a spoon are on the table": "A, C",
    "all of the above": "A, B, C, D",
    "1. A\n2. C": "A, C",
    "The correct options are:\n- A\n- C": "A, C",
    "Answer:\n\nA. a red mug\nC. a spoon\n\nThe bowl is elsewhere.": "A, C",
    "A. a red mug\nB. a blue bowl\nC. a spoon\nD. a fork\n\nA, C": "A, C",
    "A. a red mug\nB. a blue bowl\nC. a spoon\nD. a fork\nA, C": "A, C",
    "A, C\nThe blue bowl is on the shelf.": "A, C",
    "The correct options are A and C. Option B is wrong.": "A, C",
    "Looking at it, I find these:\nA\nC": "A, C",
    "Only A": "A",
    "A only": "A",
    "The correct answers are: A. a red mug and C. a spoon": "A, C",
    "<answer>A, C</answer>": "A, C",
    "<answer>A, C</": "A, C",
    "Both the mug and the spoon": "A, C",
}


@pytest.mark.parametrize("text", MULTIPLE)
def test_multiple_choice_is_read_as_a_set(text):
    assert str(extract(text, multiple())) == MULTIPLE[text]


@pytest.mark.parametrize("text", ["<answer>A", "<answer>A, ", "None", "A or C", "The answer is A or C"])
def test_a_set_that_may_be_incomplete_is_not_guessed(text):
    assert not extract(text, multiple()).parsed


def test_a_letter_that_is_also_an_option_text_means_the_option():
    record = single(options=["B", "A", "C"], question="Which letter is on the sign?")
    assert str(extract("B", record)) == "B"
    assert str(extract("The answer is A.", record)) == "A"


def test_yes_and_no_are_options_like_others():
    record = single(options=["yes", "no"])
    assert str(extract("Yes, it is.", record)) == "A"
    assert str(extract("No.", record)) == "B"


def test_number_words_and_digits_are_the_same_option():
    record = single(options=["2", "3", "there are none"])
    assert str(extract("two", record)) == "A"
    assert str(extract("There are three.", record)) == "B"


def test_options_that_differ_only_in_number_stay_apart():
    record = single(options=["cup", "cups"])
    assert [str(extract(text, record)) for text in ("cup", "Cups")] == ["A", "B"]


def test_a_longer_option_is_not_mistaken_for_the_shorter_one_inside_it():
    record = single(options=["on the table", "on the table by the wall"])
    assert str(extract("It stands on the table by the wall.", record)) == "B"


def test_a_premise_rejected_in_other_words_is_the_rejecting_option():
    record = single(
        question="What color is the umbrella that the woman holds?",
        options=["white", "there is no such umbrella", "red"],
        answer=["B"],
        premise_true=False,
        reject_answers=["B"],
    )
    for text in ("There isn't any umbrella.", "The image does not show an umbrella", "No umbrella is visible."):
        assert str(extract(text, record)) == "B"
    assert str(extract("red", record)) == "C"
    assert not extract("There is no dog.", record).parsed


OPEN = {
    "black": "black",
    "**Black**.": "Black",
    "The answer is black.": "black",
    "So it's black": "it's black",
    "Black. It shines in the light.": "Black",
    "The picture shows a kitchen. Therefore the bowl is black.": "the bowl is black",
    "\\boxed{black}": "black",
    "<answer>black</answer>": "black",
}


@pytest.mark.parametrize("text", OPEN)
def test_open_answers_are_read(text):
    assert extract(text, open_ended()).text == OPEN[text]


@pytest.mark.parametrize("text", ["", "...", "I cannot determine the color", "<answer>bla", "<entities>\n- bowl"])
def test_open_answers_that_are_none_or_cut_off(text):
    assert not extract(text, open_ended()).parsed


@pytest.mark.parametrize("text", [None, 3, ["B"], b"B"])
def test_what_is_no_text_is_unparsed(text):
    assert extract(text, single()).reason == "no text"


# --- properties ------------------------------------------------------------------------------------------------------

RECORDS = [single(), multiple(), open_ended()]
WORDS = (
    "A B C D E a (A) [B] {C} ** `D` A. B) C: and , ; / & \n or not no the answer is Answer: option I choose so it's "
    "<answer> </answer> <think> </think> <entities> </entities> <relations> <reasoning> [Conclusion] \\boxed{ } $ "
    '"answer" red mug blue bowl spoon fork sorry . ! ? — → \u2019 \U0001f600 \x00 -- --> - • |'
)
FRAGMENTS = st.sampled_from(WORDS.split(" "))
TEXTS = st.one_of(st.text(max_size=200), st.lists(FRAGMENTS, max_size=30).map(" ".join))


@given(TEXTS, st.sampled_from(RECORDS))
@example(", , , ,", RECORDS[0])
@settings(max_examples=600, deadline=None)
def test_any_text_gives_valid_letters_or_a_reason(text, record):
    answer = extract(text, record)
    assert answer.reason
    if answer.letters is not None:
        assert answer.letters and answer.letters <= set("ABCD")
    assert record["question_type"] == "open_ended" or answer.text is None


HARMLESS = [
    "{}",
    " {} ",
    "\n{}\n\n",
    "**{}**",
    "({})",
    "[{}]",
    '"{}"',
    "{}.",
    "{})",
    "Option {}",
    "Answer: {}",
    "**Answer:** {}",
    "The answer is {}.",
    "The correct answer is: **{}**",
    "the answer is ({})",
    "A dog is here. The answer is {}.",
    "<think>A, B, C or D?</think>{}",
    "\\boxed{{{}}}",
    "<answer>{}</answer>",
    "<answer> {} </answer>",
    "<entities>\n- a\n</entities>\n<answer>{}</answer>",
]


@given(st.sampled_from("ABCD"), st.sampled_from(HARMLESS), st.sampled_from(HARMLESS))
@settings(max_examples=300, deadline=None)
def test_harmless_reformatting_does_not_change_the_letter(letter, inner, outer):
    text = outer.format(inner.format(letter)) if len(inner) < 6 else inner.format(letter)
    assert str(extract(text, single())) == letter


@given(st.sets(st.sampled_from("ABCD"), min_size=1), st.sampled_from([", ", ",", "; ", " and ", " & ", "/", "\n"]))
@settings(max_examples=100, deadline=None)
def test_a_set_of_letters_survives_every_separator(letters, separator):
    assert extract(separator.join(sorted(letters)), multiple()).letters == letters


SENTENCES = [
    "{}",
    "I see {} in the picture.",
    "The answer is {}.",
    "The correct options are: {}",
    "**Answer:** {}",
    "<answer>{}</answer>",
    "So, {} are on the table.",
    "The table is empty except for {}.",
    "{} can be seen, but I am not sure.",
]
JOINS = [", ", " and ", "; ", "\n", ", and ", " as well as "]
NAMES = [
    lambda letter: letter,
    lambda letter: f"({letter})",
    lambda letter: OPTIONS[ord(letter) - ord("A")],
    lambda letter: OPTIONS[ord(letter) - ord("A")].replace("a ", "the "),
    lambda letter: f"{letter}. {OPTIONS[ord(letter) - ord('A')]}",
]


@given(
    st.sets(st.sampled_from("ABCD"), min_size=1),
    st.sampled_from(SENTENCES),
    st.sampled_from(JOINS),
    st.sampled_from(NAMES),
)
@settings(max_examples=500, deadline=None)
def test_a_set_in_any_wording_is_read_whole_or_not_at_all(letters, sentence, join, name):
    assume("\n" not in join or sentence.endswith(("{}", "{}</answer>")))  # nobody lists within a sentence
    answer = extract(sentence.format(join.join(name(letter) for letter in sorted(letters))), multiple())
    assert answer.letters in (None, letters), answer


@given(
    st.sampled_from(OPTIONS), st.sampled_from(["{}", "The {}", "{}.", "**{}**", "Answer: {}", "<answer>{}</answer>"])
)
@settings(max_examples=60, deadline=None)
def test_an_option_text_stands_for_its_letter(option, form):
    expected = "ABCD"[OPTIONS.index(option)]
    for text in (option, option.upper(), option.removeprefix("a ")):
        assert str(extract(form.format(text), single())) == expected


@pytest.mark.parametrize(
    "record",
    [single(), multiple(), open_ended(answer=["on the round table"], options=[])],
    ids=lambda r: r["question_type"],
)
def test_a_scaffold_cut_off_anywhere_gives_the_right_answer_or_none(record):
    whole = scaffold.render(record)
    expected = str(extract(whole, record))
    assert expected == scaffold.gold_answer(record)
    for end in range(len(whole)):
        answer = extract(whole[:end], record)
        assert not answer.parsed or str(answer) == expected, whole[:end][-40:]


HOSTILE = [
    "A ", "(", "<", "< ", "-", "[", " ", "\n", "{", "no ", "a, ", "A, ", "A and ", "A or ", "\n- A", "it is ", "so ",
    "<answer>", "</answer>", "<think>", "<answer>A", "the answer is ", "the answer is A ", "B is correct ", "\\boxed{",
    "there is no ", "x is not ", "red mug ", "a red mug, ", '{"answer":', "<entities>\n- a\n", "a --b--> c\n", "a --",
    "选", "答案是", "不是A,", "三", "A和", "的。", "wait, ", "actually, ", "### ", "✅ A\n", "A: yes\n", '"answer": ["',
    "not A but ", "; it is ", "image is too ", ", not ", "let me ", "B is the ",
    "[x] ", "all but ", "first and second ", "option 1, 2 ", "\\boxed{A}, ", "<ans>", "~~", "第一个", "A yes, ",
    "mug: no, ",
    "Actually, not A. ", "the mug is on the table, ", "mug: ", "so is the mug, ", "5 + 5 ", "E-", "a hundred and ",
    "B (mug) and ", "the mug, a thing, ", "Mug, the ", "not visible ", "白天", "with a mug ", "so both of these ",
    "no. 1 ", "the others are. ", "not a red mug, ", "without a mug ", "\"mug\" ",
    "[Logic] ", "I choose ", "answer: ", "\u2019", "1,1", "i'",
    "so the wrong ones are ", "the mug (A) is ", "the a in the a ", "左", "it is A that ", "motor bike ",
]  # fmt: skip
PADDED = ["<{} answer>B", "<think{}>B", "answer{}is B", "A,{}B", "<relations>a{}--b-->c", "[{}logic]", "B{}is correct"]


def _slowest(texts: list[str]) -> tuple[float, str]:
    times = []
    for text in texts:
        for record in RECORDS:
            start = time.process_time()
            extract(text, record)
            times.append((time.process_time() - start, text[:20]))
    return max(times)


def _hostile(size: int) -> list[str]:
    texts = [fragment * (size // len(fragment)) for fragment in HOSTILE]
    texts += [f"<relations>\n{text}" for text in texts[-8:]] + [f"<answer>{text}</answer>" for text in texts[:20]]
    return texts + [pattern.format(" " * size) for pattern in PADDED]


def test_hostile_text_takes_no_more_than_linear_time():
    seconds, text = _slowest(_hostile(100_000))  # measured: 0.12 s at most; a quadratic step would take minutes
    assert seconds < 3, text


@pytest.mark.slow
def test_a_hostile_megabyte_is_read_in_seconds():
    seconds, text = _slowest(_hostile(1_000_000))
    assert seconds < 10, text
