"""The two rationale formats: rendered, asked for, and read back, also where they were cut off."""

import pytest
from conftest import toy_record

from lmms_eval_drbench import answers, data, prompts, rationales, scoring
from sft.targets import METHODS, SEPARATOR

RENDER = {"cot": rationales.chain_of_thought, "llava_cot": rationales.llava_cot}


@pytest.mark.parametrize("prompt", RENDER)
@pytest.mark.parametrize("name", ["packaged", "photographs"])
def test_every_gold_text_is_read_back_as_right(prompt, name, request):
    spec = "packaged" if name == "packaged" else str(request.getfixturevalue("coco_sample"))
    for record in data.load(spec).records.remove_columns("image"):
        scored = scoring.score(record, RENDER[prompt](record), prompt)
        assert scored["acc"] == 1 and scored["partial"] == 1 and not scored["truncated"], record["id"]


def test_the_chain_stands_before_the_answer_without_labels():
    text = rationales.chain_of_thought(toy_record(1))
    chain = toy_record(1)["reasoning_chain"]
    assert text == " ".join(chain.values()) + "\nAnswer: B"


def test_llava_cot_has_its_four_stages_in_order_and_the_answer_alone_in_the_last():
    text = rationales.llava_cot(toy_record(1, question_type="multiple_choice", answer=["B", "D"]))
    places = [text.index(f"<{tag}>") for tag in rationales.TAGS] + [text.index(f"</{tag}>") for tag in rationales.TAGS]
    assert sorted(places) == [place for pair in zip(places[:4], places[4:], strict=True) for place in pair]
    assert text.endswith("<CONCLUSION>B, D</CONCLUSION>")
    assert "green wall, floor and lamp" in text


@pytest.mark.parametrize("method", RENDER)
def test_the_methods_teach_these_texts_under_their_own_prompt(method):
    record = toy_record(3)
    assert SEPARATOR.join(text for _, text in METHODS[method].fields(record)) == RENDER[method](record)
    assert METHODS[method].ask(record) == prompts.PROMPTS[method](record) != prompts.direct(record)
    assert prompts.split_suite(METHODS[method].eval_task) == ("drbench", method)
    lacking = toy_record(0, reasoning_chain={"perception": "x", "relation": "x", "logic": "", "conclusion": "x"})
    assert "empty reasoning step (logic)" in METHODS[method].lacks(lacking)


def test_a_chain_of_thought_needs_no_key_objects():
    record = toy_record(0, key_objects=[], scene_graph=[])
    assert METHODS["cot"].lacks(record) is None and METHODS["llava_cot"].lacks(record) == "no key_objects"


@pytest.mark.parametrize(
    ("text", "letters", "reason"),
    [
        ("<CONCLUSION> B </CONCLUSION>", "B", "<CONCLUSION> field"),
        ("<summary>x</summary> <conclusion>The answer is (C).</conclusion>", "C", "<CONCLUSION> field"),
        ("<CONCLUSION>A</CONCLUSION> wait <CONCLUSION>B</CONCLUSION>", "B", "<CONCLUSION> field"),
        ("<REASONING>A is wrong</REASONING><CONCLUSION>D", "D", "unclosed <CONCLUSION> field"),
        ("<REASONING>A is wrong</REASONING><CONCLUSION>D</CONCL", "D", "<CONCLUSION> field"),
        ("<SUMMARY>I will compare.</SUMMARY><CAPTION>A red wall. The answer is A.", None, "no <CONCLUSION> field"),
        ("<CAPTION>x</CAPTION><REASONING>so it is B</REASONING>", None, "no <CONCLUSION> field"),
        ("<CONCLUSION></CONCLUSION>", None, "the <CONCLUSION> field is empty"),
    ],
)
def test_conclusions_are_read(text, letters, reason):
    answer = answers.extract(text, toy_record(0))
    assert answer.letters == (frozenset(letters) if letters else None)
    assert answer.reason.startswith(reason)


@pytest.mark.parametrize("answer", [["B"], ["B", "D"]])
def test_a_llava_cot_text_cut_off_anywhere_gives_the_right_answer_or_none(answer):
    kind = "multiple_choice" if len(answer) > 1 else "single_choice"
    record = toy_record(1, question_type=kind, answer=answer)
    text = rationales.llava_cot(record)
    for end in range(len(text)):
        scored = scoring.score(record, text[:end], "llava_cot")
        assert scored["acc"] == 1 or scored["unparsed"] == 1, text[:end]
        assert scored["truncated"] == (end >= len("<SUMMARY>"))


def test_suites_of_every_prompt_split_back():
    for prompt in prompts.PROMPTS:
        assert prompts.split_suite(prompts.suite_name("drbench_mini", prompt)) == ("drbench_mini", prompt)
