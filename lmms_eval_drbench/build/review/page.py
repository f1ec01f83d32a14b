"""The review as one self-contained HTML page (`webpage`): pictures with boxes, questions, annotations, keys to decide.

The page exports `decisions.py`'s format. What is decided stays in the reader's browser, under the data's fingerprint,
so that a page made again of the same data goes on where the last one was left.
"""

import hashlib
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import datasets

from lmms_eval_drbench import data, webpage
from lmms_eval_drbench.taxonomy import Category

_SIDE = 1280
"""Longest side of an embedded picture, in pixels: what a person needs to judge small things."""
_SCRIPTS = ("store.js", "picture.js", "page.js")
_KEYS = (
    (("a",), "accept: the question is clear, and the picture shows the answer, the boxes and the relations"),
    (("r",), "reject: wrong, ambiguous or badly put; then say why, and Enter"),
    (("f",), "fix: all is right but the answer; choose or type the right one, and Enter"),
    (("m",), "note about a decision"),
    (("u",), "undo the decision"),
    (("n", "p"), "next and previous, as the arrow keys"),
    (("b",), "boxes off and on"),
    (("z",), "picture large and small"),
    (("e",), "export the decisions as a file"),
    (("?",), "this help"),
)


def html(loaded: data.Data, chosen: Sequence[int] | None = None) -> str:
    """The page about some rows of a data set (default: all), in their order, a picture's and a pair's together."""
    rows = range(len(loaded.records)) if chosen is None else chosen
    records = loaded.records.select(sorted(rows)).cast_column("image", datasets.Image(decode=False))
    decoder = datasets.Image()
    pictures: dict[str, dict[str, Any]] = {}
    questions = []
    for record in records:
        key = hashlib.sha256(data.image_bytes(record["image"])).hexdigest()[:16]
        if key not in pictures:
            pictures[key] = webpage.picture(decoder.decode_example(record["image"]), _SIDE)
        questions.append(_question(record, key))
    order = {key: index for index, key in enumerate(pictures)}
    row_of = {question["id"]: row for row, question in enumerate(questions)}
    first = {id_: min(row, row_of.get(questions[row]["twin"], row)) for id_, row in row_of.items()}
    questions.sort(key=lambda question: (order[question["picture"]], first[question["id"]]))
    shown = {"name": loaded.name, "fingerprint": loaded.fingerprint, "split": loaded.split}
    title = f"Review of {loaded.name}"
    payload = {"review-data": shown | {"questions": questions, "pictures": pictures}}
    return webpage.render(title, _body(loaded, len(questions)), "review", payload, _SCRIPTS)


def _question(record: Mapping[str, Any], picture: str) -> dict[str, Any]:
    return webpage.gold(record) | {
        "id": record["id"],
        "picture": picture,
        "image": record["image_id"],
        "category": str(Category(record["category"])),
        "family": record["family"],
        "type": record["question_type"],
        "premise": record["premise_true"],
        "reject": list(record["reject_answers"]),
        "twin": record["twin_id"],
    }


def _body(loaded: data.Data, questions: int) -> str:
    part = "" if questions == len(loaded.records) else f", {questions} of its {len(loaded.records)} questions"
    keys = "".join(
        f"<dt>{''.join(f'<kbd>{escape(key)}</kbd>' for key in names)}</dt><dd>{escape(text)}</dd>"
        for names, text in _KEYS
    )
    return f"""
<header class="bar">
<div class="title"><h1>{escape(loaded.name)}</h1>
<div class="data"><span id="tally">This page needs its own script, which is switched off.</span> · split
{escape(loaded.split)}{part}, <code>{escape(loaded.fingerprint)}</code></div></div>
<label>Reviewer <input id="reviewer" maxlength="80" autocomplete="off" placeholder="your name"></label>
<button type="button" id="export">Export<kbd>e</kbd></button>
<button type="button" id="import">Import</button><input type="file" id="file" accept=".json" hidden>
<button type="button" id="ask-help">Help<kbd>?</kbd></button>
</header>
<div class="progress" id="progress"></div>
<div class="toolbar"><form class="filters" id="filters"></form>
<div class="place"><button type="button" id="previous" aria-label="previous">←</button><span id="where"></span>
<button type="button" id="next" aria-label="next">→</button></div></div>
<main id="main"></main>
<nav class="strip" id="strip" aria-label="questions"></nav>
<div class="toast" id="toast" role="status"></div>
<dialog id="help"><h2>Keys</h2><dl class="keys">{keys}</dl>
<p>While fixing: letters choose options, Enter fixes, Esc cancels. A pair of twins (the same question with a true and a
false premise) is dropped together when either is rejected.</p>
<p>Decisions stay in this browser; export them for <code>build --apply-review</code>.</p>
<form method="dialog"><p><button>Close<kbd>Esc</kbd></button></p></form></dialog>
"""
