"""The review page in a real browser: decided by keyboard, exported, imported, kept over a reload, deaf to markup."""

import base64
import io
import json
import re
import sys
from pathlib import Path

import pytest
from browser import Browser, required
from PIL import Image
from review_data import TWINS, write_review, write_reviewable
from test_report import HOSTILE

from lmms_eval_drbench import data
from lmms_eval_drbench.build import __main__ as command
from lmms_eval_drbench.build.review import decisions, page
from lmms_eval_drbench.errors import run_cli

HERE = "document.getElementById('where').textContent"
RECORD = "[...document.querySelectorAll('.tell .meta')].find((one) => /^q\\d/.test(one.textContent)).textContent"
SAID = "document.getElementById('toast').textContent"


def run(monkeypatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["build", *map(str, arguments)])
    with pytest.raises(SystemExit) as raised:
        run_cli(command.main)
    return raised.value.code


def payload(text: str) -> dict:
    return json.loads(re.search(r'<script type="application/json" id="review-data">(.*?)</script>', text).group(1))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return write_reviewable(tmp_path_factory.mktemp("review") / "toy")


@pytest.fixture(scope="module")
def file(folder, tmp_path_factory) -> Path:
    made = tmp_path_factory.mktemp("page") / "review.html"
    made.write_text(page.html(data.load(str(folder))), encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def window(tmp_path_factory):
    required()
    with Browser(tmp_path_factory.mktemp("browser")) as found:
        yield found


@pytest.fixture
def opened(window, file):
    """The page as a reader sees it for the first time."""
    window.open(file)
    window.run("localStorage.clear()")
    window.reload()
    return window


def stored(window, folder) -> dict:
    fingerprint = data.load(str(folder)).fingerprint
    return json.loads(window.run(f"localStorage.getItem('drbench-review-{fingerprint}')"))


def goto(window, record_id: str) -> None:
    for _ in range(20):
        if window.run(RECORD) == record_id:
            return
        window.press("n")
    for _ in range(20):
        if window.run(RECORD) == record_id:
            return
        window.press("p")
    raise AssertionError(f"{record_id} is not on the page")


# What is on it


def test_each_picture_is_on_the_page_once_with_all_that_a_reviewer_needs(file, folder):
    text = file.read_text()
    found = payload(text)
    assert len(found["pictures"]) == 4 == text.count("data:image/webp;base64,")
    picture = next(iter(found["pictures"].values()))
    image = Image.open(io.BytesIO(base64.b64decode(picture["uri"].partition(",")[2])))
    assert image.size == (picture["width"], picture["height"]) == (168, 168)
    records = {record["id"]: record for record in data.load(str(folder)).records}
    assert {question["id"] for question in found["questions"]} == set(records)
    for question in found["questions"]:
        record = records[question["id"]]
        assert question["reasoning"] == record["reasoning_chain"] and question["relations"] == record["scene_graph"]
        assert [one["box"] for one in question["entities"]] == record["key_object_boxes"]
    assert not re.search(r"(src|href)=|@import|url\(", text.partition('type="application/json"')[0])


def test_questions_of_a_picture_stand_together(file):
    pictures = [question["picture"] for question in payload(file.read_text())["questions"]]
    assert len([one for one, other in zip(pictures, pictures[1:], strict=False) if one != other]) == 3


def test_a_sample_keeps_shares_and_pairs_and_is_the_same_again(folder, tmp_path, monkeypatch):
    drawn = {}
    for seed in range(6):
        for again in range(2):
            out = tmp_path / f"{seed}-{again}.html"
            assert run(monkeypatch, "--review", folder, "--sample", 5, "--seed", seed, "--out", out) == 0
        assert out.read_bytes() == (tmp_path / f"{seed}-0.html").read_bytes()
        ids = {question["id"] for question in payload(out.read_text())["questions"]}
        assert len(ids) == 5 and all(TWINS.get(one, one) in ids or one not in TWINS for one in ids)
        assert len(ids & set(TWINS)) == 2
        drawn[seed] = frozenset(ids)
    assert len(set(drawn.values())) > 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--sample", "11"], "--sample 11: give a number from 1 to 10"),
        (["--sample", "0"], "--sample 0"),
        (["--split", "train"], "no record of split 'train'"),
        (["--reviewed-only"], "--reviewed-only belongs to --apply-review"),
        (["--out", "/nowhere/at/all.html"], "cannot write"),
    ],
)
def test_bad_options_are_refused(folder, tmp_path, monkeypatch, capsys, arguments, sentence):
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, "--review", folder, *arguments) == 2
    assert sentence in capsys.readouterr().err and not list(tmp_path.iterdir())


# In the browser


def test_records_are_decided_by_keyboard_and_a_reload_keeps_it(opened, folder):
    assert opened.run(HERE) == "1 / 10"
    first = opened.run(RECORD)
    opened.press("a")
    assert opened.run(HERE) == "2 / 10"
    second = opened.run(RECORD)
    opened.press("r")
    opened.type("two walls, accept nothing")  # letters go into the note, not to the keys
    opened.press("Enter")
    assert opened.run(HERE) == "3 / 10"
    opened.press("n", "n", "p", "ArrowRight", "ArrowLeft")
    assert opened.run(HERE) == "4 / 10"
    expected = {first: {"decision": "accept"}, second: {"decision": "reject", "note": "two walls, accept nothing"}}
    assert stored(opened, folder)["decisions"] == expected
    opened.reload()
    assert opened.run(HERE) == "3 / 10", "the first that is undecided"
    assert "2 of 10 decided: 1 accepted, 1 rejected" in opened.run("document.getElementById('tally').textContent")
    opened.press("p", "u")
    assert stored(opened, folder)["decisions"] == {first: {"decision": "accept"}}
    opened.hold("a", 5)
    assert opened.run(HERE) == "3 / 10" and len(stored(opened, folder)["decisions"]) == 2, "a held key decides once"


def test_fixes_name_options_sets_and_texts(opened, folder):
    goto(opened, "q0")  # A is right
    opened.press("f", "a", "Enter")
    assert "accept it instead" in opened.run("document.getElementById('wrong').textContent")
    opened.press("c", "b", "Enter")
    goto(opened, "q4")  # A and C are right
    opened.press("f", "2", "c", "d", "Enter")
    goto(opened, "q5")
    opened.press("f")
    opened.type("olive | green|olive")
    opened.press("Tab")
    opened.type("It is a muddy green.")
    opened.press("Enter")
    goto(opened, "q1")
    opened.press("f", "a", "Escape")
    assert stored(opened, folder)["decisions"] == {
        "q0": {"decision": "fix", "answer": ["B"]},
        "q4": {"decision": "fix", "answer": ["B", "C", "D"]},
        "q5": {"decision": "fix", "answer": ["olive", "green"], "logic": "It is a muddy green."},
    }
    goto(opened, "q6")
    opened.press("f", "d")
    assert "the pair will be dropped" in opened.run("document.getElementById('wrong').textContent")
    opened.press("b")
    assert "the pair" not in opened.run("document.getElementById('wrong').textContent")


def test_filters_show_some_and_decisions_can_be_found_again(opened):
    def choose(name: str, value: str) -> str:
        opened.run(
            f"(() => {{ const field = document.querySelector('select[name={name}]'); field.value = '{value}';"
            "field.dispatchEvent(new Event('change', {bubbles: true})); })()"
        )
        return opened.run(HERE)

    opened.press("a", "a", "r", "Enter")
    assert choose("category", "false_premise_rejection").endswith("/ 4")
    assert choose("family", "open") == "0 / 0" and choose("category", "") == "1 / 1"
    assert choose("family", "").endswith("/ 10")
    assert choose("decision", "reject") == "1 / 1" and choose("decision", "accept") == "1 / 2"
    assert choose("decision", "none") == "1 / 7" and choose("decision", "note") == "0 / 0"


def test_boxes_are_drawn_over_the_picture_with_their_names(opened):
    goto(opened, "q1")
    found = opened.run(
        "(() => { const scene = document.querySelector('.scene').getBoundingClientRect();"
        "const box = document.querySelector('.scene rect').getBoundingClientRect();"
        "return [box.x - scene.x, box.y - scene.y, box.width, box.height].map((side) => side / scene.width * 168); })()"
    )
    assert found == pytest.approx([20, 30, 60, 40], abs=2)
    tags = opened.run("[...document.querySelectorAll('.tag')].map((tag) => tag.textContent)")
    assert tags == ["green wall", "floor", "lamp"]
    opened.wait("[...document.querySelectorAll('.tag')].every((tag) => tag.style.left)")
    apart = opened.run("[...document.querySelectorAll('.tag')].map((tag) => `${tag.style.left} ${tag.style.top}`)")
    assert len(set(apart)) == 3, "three boxes in one place have three labels in three"
    opened.press("b")
    assert opened.run("getComputedStyle(document.querySelector('.scene svg')).display") == "none"


def test_an_export_names_the_reviewer_and_is_what_the_command_reads(opened, folder):
    opened.press("a", "e")
    assert "Write your name" in opened.run(SAID)
    opened.type("Ada Łovelace/../x")
    opened.press("Enter", "e")
    loaded = data.load(str(folder))
    exported = opened.downloaded(f"decisions-{loaded.fingerprint}-Ada-Łovelace-x.json")
    read = decisions.read(exported, loaded, {record["id"]: record for record in loaded.records})
    assert read.reviewer == "Ada Łovelace/../x" and len(read.decisions) == 1
    exported.unlink()


def test_an_import_fills_what_is_undecided(opened, folder, tmp_path):
    fingerprint = data.load(str(folder)).fingerprint
    opened.press("a")
    first = next(iter(stored(opened, folder)["decisions"]))
    others = {"q3": "reject", "q4": {"decision": "fix", "answer": ["B"]}, "q5": {"decision": "guess"}}
    earlier = write_review(tmp_path / "a.json", fingerprint, {first: "reject"} | others)
    opened.choose_file("#file", earlier)
    opened.wait(f"{SAID}.includes('imported')")
    assert opened.run(SAID) == "2 decisions imported, 1 were made here already, 1 can't be read."
    found = stored(opened, folder)
    assert found["reviewer"] == "Ada" and set(found["decisions"]) == {first, "q3", "q4"}
    assert found["decisions"][first] == {"decision": "accept"}
    refused = {"of other data": {"fingerprint": "0" * 16}, "of Bob": {"reviewer": "Bob"}, "no export": {"format": "x"}}
    for sentence, change in refused.items():
        other = write_review(
            tmp_path / "other.json", **{"fingerprint": fingerprint, "decisions": {"q9": "reject"}} | change
        )
        opened.choose_file("#file", other)
        opened.wait(f"{SAID}.includes({json.dumps(sentence)})")
    (tmp_path / "broken.json").write_text("{")
    opened.choose_file("#file", tmp_path / "broken.json")
    opened.wait(f"{SAID}.includes('not JSON')")
    assert "q9" not in stored(opened, folder)["decisions"]


def test_hostile_text_stays_text(window, tmp_path):
    said = HOSTILE.replace("\x00", "")
    chain = dict.fromkeys(("perception", "relation", "logic", "conclusion"), said)
    changes = {"question": said, "key_objects": [said, "x"], "scene_graph": [[said, "on", "x"]], "family": said}
    folder = write_reviewable(
        tmp_path / "toy", key_object_boxes=[[1, 1, 9, 9]] * 2, reasoning_chain=chain, image_id=said, **changes
    )
    (folder / "stats.json").write_text(json.dumps({"name": said}))
    text = page.html(data.load(str(folder)))
    unguarded = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    assert unguarded != text
    for content in (text, unguarded):  # escaping must do without the policy too
        file = tmp_path / "review.html"
        file.write_text(content, encoding="utf-8")
        window.open(file)
        window.press("f", "b", "Enter", "r")
        window.type(said)
        window.press("Enter", "p", "?", "Escape")
        assert window.run("document.title").startswith("Review of </script>")
        assert window.run("document.querySelector('.ask').textContent") == said
        assert window.run("document.querySelector('h1').textContent") == said
        assert window.run("document.querySelectorAll('script').length") == 2
        assert window.run("[...document.images].every((image) => image.src.startsWith('data:image/webp'))")
        assert window.run(
            "[...document.querySelectorAll('*')].flatMap((one) => one.getAttributeNames())"
            ".every((name) => !name.startsWith('on'))"
        )
        assert said in window.run(
            "JSON.stringify(Object.values(localStorage).map((text) => JSON.parse(text)))"
        ).replace('\\"', '"')


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (390, False), (1440, True)])
def test_it_fits_wide_and_narrow_windows_and_follows_light_and_dark(opened, tmp_path, width, dark):
    opened.screenshot(tmp_path / "shot.png", width, 900, dark)
    shot = Image.open(tmp_path / "shot.png").convert("L")
    assert shot.width == width and (shot.getpixel((3, 3)) < 60) is dark
    assert opened.run("document.documentElement.scrollWidth") <= width, "nothing sticks out"
