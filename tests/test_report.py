"""The page and its figures: complete on its own, readable as data, and harmless whatever a model wrote."""

import io
import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import browser
import pytest
from conftest import toy_record, write_toy_data
from PIL import Image
from test_compare import BASE, HALF, MORE, _entry, _run, _with_items

from lmms_eval_drbench import data, scaffold
from lmms_eval_drbench.errors import UserError
from lmms_eval_drbench.report import comparison, figures, gallery, page, plots, training
from lmms_eval_drbench.report.canvas import COLORS, Canvas
from lmms_eval_drbench.taxonomy import Category

HOSTILE = (
    "</script><script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">"
    "<!--<script>' \" & \u2028 ]]> \x00 javascript:alert(1) {{7*7}}"
)


def _records(count: int, **more) -> list[dict]:
    """Toy records of split test, about a category each in turn."""
    found = []
    for index in range(count):
        record = toy_record(index, split="test", category=str(list(Category)[index % 5]), image_id=f"i{index // 5}")
        premise = {"premise_true": bool(index % 2), "reject_answers": ["D"]} if index % 5 == 4 else {}
        boxes = [[1, 2, 30, 40]] * len(record["key_objects"])
        found.append(record | {"id": f"q{index}", "key_object_boxes": boxes} | premise | more)
    return found


def _answered(name: str, records: list[dict], loaded: data.Data, output, prompt: str = "direct"):
    """A run on these records whose outputs are `output(record)`; every third answer is right."""
    run = _run(name, set(), questions=len(records), tasks=("drbench" if prompt == "direct" else "drbench_scaffold",))
    identity = {"data": loaded.name, "fingerprint": loaded.fingerprint, "prompt": prompt}
    by_id = {record["id"]: record for record in records}
    for result in run.tasks.values():
        result.config["metadata"] = {"data": loaded.name, "fingerprint": loaded.fingerprint}
        for sample in result.samples:
            index = int(sample["record_id"][1:])
            sample |= {"acc": float((index + len(name)) % 3 == 0), "output": output(by_id[sample["record_id"]])}
            sample |= identity | {"answer": "A", "reason": "bare answer"}
    return run


@pytest.fixture(scope="module")
def toy(tmp_path_factory) -> tuple[list[dict], data.Data, Path]:
    folder = tmp_path_factory.mktemp("data") / "toy"
    records = _records(60)
    write_toy_data(folder, records)
    return records, data.load(str(folder)), folder


@pytest.fixture(scope="module")
def compared(toy) -> comparison.Comparison:
    records, loaded, _ = toy
    base = _answered("base", records, loaded, lambda record: "A")
    after = _answered("after", records, loaded, scaffold.render, "scaffold")
    return comparison.compare(
        [_entry("base", base, native="direct"), _entry("trained", after, native="scaffold")], force=False
    )


# The gallery


def test_the_gallery_shows_picture_gold_and_the_four_fields(compared, toy):
    records, loaded, _ = toy
    found = gallery.build(compared)
    assert found.note == "" and len(found.questions) == 60 and set(found.pictures) == {f"i{i}" for i in range(12)}
    question = next(question for question in found.questions if question["id"] == "q7")
    assert question["question"] == records[7]["question"] and question["answer"] == records[7]["answer"]
    assert question["entities"][0] == {"name": records[7]["key_objects"][0], "box": [1, 2, 30, 40]}
    direct, scaffolded = question["outputs"]
    assert direct["text"] == "A" and "fields" not in direct
    assert scaffolded["fields"]["entities"] == [[name, True] for name in records[7]["key_objects"]]
    assert scaffolded["fields"]["reasoning"]["logic"] == records[7]["reasoning_chain"]["logic"]
    assert all(matched for _, matched in scaffolded["fields"]["relations"])
    picture = found.pictures["i0"]
    assert (picture["width"], picture["height"]) == (168, 168) and picture["uri"].startswith("data:image/webp;base64,")


def test_flipped_questions_come_first_and_are_marked(compared):
    found = gallery.build(compared)
    flips = compared.suites[0].variants[1].change.flips
    marked = {
        side: [q["id"] for q in found.questions if q["outputs"][1]["flip"] == side] for side in ("gained", "lost")
    }
    assert set(marked["gained"]) == set(flips.gained) and set(marked["lost"]) == set(flips.lost) and flips.lost
    assert {q["id"] for q in found.questions[: len(flips.gained + flips.lost)]} == {*flips.gained, *flips.lost}
    few = gallery.build(compared, most=3)
    assert len(few.questions) == 3 and "3 of 60 questions are shown" in few.note


def test_names_without_end_are_cut(toy):
    records, loaded, _ = toy
    name = "e" * 100_000
    lines = f"<entities>\n- {name}\n</entities>\n<relations>\n{name} --on--> {name}\n</relations>\n"
    lines += f"<reasoning>\n[Logic] {name}\n</reasoning>\n<answer>{name}</answer>"
    base = _answered("base", records, loaded, lambda record: "A")
    other = _answered("b", records, loaded, lambda record: lines, "scaffold")
    found = gallery.build(comparison.compare([_entry("base", base), _entry("b", other)]))
    fields = found.questions[0]["outputs"][1]["fields"]
    assert fields["entities"] == [["e" * 200 + " …", False]] and fields["relations"][0][0][2] == "e" * 200 + " …"
    assert max(len(json.dumps(question)) for question in found.questions) < 20_000


def test_a_sample_may_lack_what_no_score_needs(toy):
    records, loaded, _ = toy
    runs = [_answered(name, records, loaded, lambda record: "A") for name in ("base", "b")]
    for run in runs:
        for result in run.tasks.values():
            for sample in result.samples:
                for key in ("question_type", "answer", "reason", "truncated", "partial"):
                    del sample[key]
    assert "60 of 60" in page.html(comparison.compare([_entry(run.model, run) for run in runs]))


def test_without_the_data_the_page_says_so_and_goes_without(compared, toy, tmp_path):
    _, loaded, folder = toy
    gone = comparison.compare([_entry("base", BASE), _entry("b", _run("b", MORE))])
    found = gallery.build(gone)
    assert "The pictures are not here" in found.note and not found.pictures and len(found.questions) == 100
    assert found.note in page.html(gone)
    with pytest.raises(UserError, match="the runs were made on toy data"):
        gallery.build(gone, str(folder))
    moved = shutil.copytree(folder, tmp_path / "moved")
    assert gallery.build(compared, str(moved)).pictures


# The page


class _Page(HTMLParser):
    """Tags, the gallery's JSON and all text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.attributes, self.data, self.inside = [], [], "", None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        self.inside = dict(attrs).get("id") if tag == "script" else None

    def handle_data(self, text):
        self.data += text if self.inside == "gallery-data" else ""


def test_the_page_stands_alone(compared):
    text = page.html(compared, paper=True)
    found = _Page(text)
    assert {"link", "iframe", "object"} & set(found.tags) == set()
    urls = [value for name, value in found.attributes if name in ("src", "href", "action")]
    assert urls == [] and "@import" not in text and "url(" not in text
    assert found.tags.count("script") == 2 and not [name for name, _ in found.attributes if name.startswith("on")]
    assert "default-src 'none'" in dict(found.attributes)["content"] or "default-src 'none'" in text
    assert len(json.loads(found.data)["questions"]) == 60
    assert "published: Qwen2.5-VL 3B" in text and "published:" not in page.html(compared)


@pytest.fixture(scope="module")
def hostile(toy, tmp_path_factory) -> str:
    """A page in which everything that others write is hostile."""
    folder = tmp_path_factory.mktemp("hostile") / "toy"
    # NUL cannot be a part of a record's text in every container; outputs keep it
    said = HOSTILE.replace("\x00", "")
    records = _records(20, question=said, key_objects=[said, "floor"], scene_graph=[[said, "above", "floor"]])
    records = [record | {"key_object_boxes": [], "options": [said, "b", "c", "d"]} for record in records]
    write_toy_data(folder, records)
    loaded = replace(data.load(str(folder)))
    base = _answered(HOSTILE, records, loaded, lambda record: HOSTILE)
    after = _answered(
        "b" * (len(HOSTILE) + 1), records, loaded, lambda r: f"{scaffold.render(r)}\ud800{HOSTILE}", "scaffold"
    )
    for run in (base, after):
        run.model = HOSTILE
        for result in run.tasks.values():
            for sample in result.samples:
                sample |= {"answer": HOSTILE, "reason": HOSTILE}
    entries = [_entry(HOSTILE, base, reference=HOSTILE), _entry(f"b{HOSTILE}", after, reference=HOSTILE)]
    return page.html(comparison.compare(entries), title=HOSTILE)


def test_hostile_output_adds_no_element(compared, hostile):
    plain = _Page(page.html(compared))
    found = _Page(hostile)
    assert found.tags.count("script") == 2 and "img" not in found.tags
    assert set(found.tags) <= set(plain.tags)
    assert json.loads(found.data)["questions"][0]["outputs"][0]["text"] == HOSTILE


def _opened(text: str, tmp_path: Path) -> str:
    """The page's document after a real browser ran its script."""
    command = [browser.required()]
    file = tmp_path / "page.html"
    file.write_text(text, encoding="utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=2000", "--dump-dom"]
    command += [*flags, f"--user-data-dir={tmp_path / 'profile'}", file.as_uri()]
    done = subprocess.run(command, capture_output=True, timeout=120, check=True)
    return done.stdout.decode("utf-8", "replace")


def test_a_real_browser_runs_none_of_it(hostile, tmp_path):
    unguarded = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", hostile)
    assert unguarded != hostile
    for text in (hostile, unguarded):  # escaping must do without the policy too
        opened = _opened(text, tmp_path)
        title = re.search(r"<title>(.*?)</title>", opened, re.DOTALL).group(1)
        assert title != "taken" and title.startswith("&lt;/script&gt;")
        assert "<article" in opened, "the script ran, and put the hostile texts in"
        found = _Page(opened)
        assert found.tags.count("script") == 2
        assert all(dict([pair]).get("src", "data:").startswith("data:") for pair in found.attributes)
        assert not [name for name, _ in found.attributes if name.startswith("on")]


def test_a_real_browser_lists_the_questions_and_filters_them(compared, tmp_path):
    text = page.html(compared)
    flips = compared.suites[0].variants[1].change.flips
    opened = _opened(text, tmp_path)
    changed = len(flips.gained) + len(flips.lost)
    assert f"{changed} of 60 questions" in opened and opened.count("<article") == min(12, changed)
    assert opened.count("data:image/webp") > 12  # in the data, and in the cards


def test_where_nothing_flipped_a_real_browser_lists_every_question(toy, tmp_path):
    records, loaded, _ = toy
    runs = [_answered("same", records, loaded, lambda record: "A") for _ in range(2)]
    same = comparison.compare([_entry("one", runs[0], reference="one"), _entry("two", runs[1], reference="one")])
    assert "60 of 60 questions" in _opened(page.html(same), tmp_path)


# Figures


def test_every_plot_is_an_svg_and_a_png_file(compared, tmp_path):
    files = figures.save(compared, tmp_path / "new" / "folder")
    assert {file.suffix for file in files} == {".svg", ".png"}
    assert {file.stem for file in files} == {"levels-drbench", "flips-drbench-trained-scaffold"}
    for file in files:
        if file.suffix == ".svg":
            assert ElementTree.parse(file).getroot().tag.endswith("svg") and "var(" not in file.read_text()
        else:
            image = Image.open(file)
            assert image.width == 3 * (640 + 24) and len(image.convert("RGB").getcolors(10**6)) > 10
    with pytest.raises(UserError, match="cannot write figures"):
        figures.save(compared, files[0])


def test_run_names_cannot_leave_the_folder(tmp_path):
    names = ["../../x", "..\\..\\x", "../../x"[:-1] + "y"]
    found = comparison.compare(
        [_entry("base", BASE), *[_entry(name, _run(str(i), MORE)) for i, name in enumerate(names)]]
    )
    files = figures.save(found, tmp_path / "deep" / "folder")
    assert len(set(files)) == len(files) == 2 * (1 + 3)
    assert all(file.parent == tmp_path / "deep" / "folder" and file.is_file() for file in files)


def _marks(canvas: Canvas, kind: str) -> list:
    return [shape for shape in canvas.shapes if shape.kind == kind]


def test_the_plot_puts_means_and_intervals_where_they_belong(compared):
    suite = compared.suites[0]
    canvas = plots.levels(compared, suite)
    legend, rows = len(suite.variants), len(plots._level_rows(suite))
    discs = _marks(canvas, "disc")[legend:]
    assert len(discs) == rows * len(suite.variants)
    axis = {shape.text.split()[0]: shape.points[0][0] for shape in _marks(canvas, "text") if shape.text[:1].isdigit()}
    zero, quarter = axis["0"], axis["25"]
    overall = suite.variants[-1].levels["overall"].row.acc
    position = (discs[-1].points[0][0] - zero) / (quarter - zero) * 25
    assert position == pytest.approx(100 * overall.mean)
    (low, high) = [shape for shape in _marks(canvas, "line") if shape.role == discs[-1].role][-1].points
    assert (low[0] - zero) / (quarter - zero) * 25 == pytest.approx(100 * overall.low)
    assert (high[0] - zero) / (quarter - zero) * 25 == pytest.approx(100 * overall.high)


def test_the_flip_plot_counts_every_flip_once(compared):
    variant = compared.suites[0].variants[1]
    texts = [shape.text for shape in _marks(plots.flips(variant), "text")]
    flips = variant.change.flips
    assert texts[:2] == [f"lost {len(flips.lost)}", f"gained {len(flips.gained)}"]
    assert sum(int(text) for text in texts if text.isdigit()) == len(flips.lost) + len(flips.gained)


@pytest.mark.parametrize("width", [plots.WIDE, plots.NARROW])
def test_large_changes_without_intervals_stay_in_the_plot(width):
    task = "retention_realworldqa"
    runs = [_with_items(name, task, "exact_match", value, {}) for name, value in (("base", 0.2), ("b", 0.9))]
    canvas = plots.retention(comparison.compare([_entry(run.model, run) for run in runs]), width)
    (disc,) = _marks(canvas, "disc")
    assert width / 2 < disc.points[0][0] <= width


@pytest.mark.parametrize("highest", [0.0, 1e-9, 0.7, 3.0, 700.0, 1e12])
def test_a_loss_of_any_size_has_an_axis(highest):
    trained = training.Training("x", [training.Stage("a", [1, 2], [0.0, highest])])
    texts = [shape.text for shape in _marks(plots.loss(trained, "s1"), "text")]
    assert 3 <= len(texts) <= 8 and "2 steps" in texts


def test_the_training_loss_is_read_by_stage(tmp_path):
    rows = [
        {"step": s, "stage": n, "name": name, "loss": s / 10}
        for s, n, name in [(1, 1, "a"), (2, 1, "a"), (3, 2, "a+b")]
    ]
    lines = [*map(json.dumps, rows), '{"step": 4, "sta', '{"step": 5, "stage": 2, "name": "a+b", "loss": NaN}', "[]"]
    lines.append('{"step": Infinity, "stage": 2, "name": "a+b", "loss": 1}')
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "metrics.jsonl").write_text("\n".join(lines))
    run = replace(_run("r", HALF), path=tmp_path / "eval", model="some/hub-id")
    found = training.read(_entry("r", run))
    assert [(stage.label, stage.steps, stage.losses) for stage in found.stages] == [
        ("a", [1, 2], [0.1, 0.2]),
        ("+ b", [3], [0.3]),
    ]
    assert "<polyline" in plots.loss(found, "s1").svg()
    assert training.read(_entry("base", BASE)) is None


def _hex(image: Image.Image, x: int) -> str:
    return "#" + bytes(image.getpixel((12 + x, 12 + 10))).hex()


def test_drawings_are_the_same_in_both_formats():
    canvas = Canvas(40, 20, "a <b>")
    canvas.box(0, 0, 20, 20, "bad")
    canvas.disc(30, 10, 5, "s1")
    image = Image.open(io.BytesIO(canvas.png(scale=1)))
    assert image.size == (40 + 24, 20 + 24)  # with a margin
    assert _hex(image, 5) == COLORS["bad"]
    assert _hex(image, 30) == COLORS["s1"]
    assert "a &lt;b&gt;" in canvas.svg() and COLORS["bad"] in canvas.svg() and "var(--bad)" in canvas.svg(themed=True)
