"""A web page that needs nothing else: no network, no other file; light and dark, wide and narrow.

Everything that a record, a model or a user wrote reaches the page escaped, or as JSON that its script only ever puts in
as text; a content security policy forbids every script but that one.
"""

import base64
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from PIL import Image

from lmms_eval_drbench.report.canvas import COLORS

ASSETS = Path(__file__).parent / "assets"


def render(title: str, body: str, assets: str, data: Mapping[str, Any], scripts: Sequence[str] = ("page.js",)) -> str:
    """The page. body: HTML. assets: the folder in `assets` with its `page.css` and its `scripts`, run in this order.

    data: element id → value that the script finds as JSON in a `<script type="application/json">` of that id.
    """
    style = "".join((folder / "page.css").read_text(encoding="utf-8") for folder in (ASSETS, ASSETS / assets))
    script = "\n".join((ASSETS / assets / name).read_text(encoding="utf-8") for name in scripts)
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{_policy(script)}">'
        f"<title>{escape(title)}</title><style>{_light()}{style}</style>"
    )
    payloads = "".join(
        f'<script type="application/json" id="{escape(name)}">{_json(value)}</script>\n' for name, value in data.items()
    )
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head>\n<body>{body}\n{payloads}'
        f"<script>{script}</script></body></html>\n"
    )


def picture(image: Image.Image, side: int) -> dict[str, Any]:
    """A picture as WebP in a data URI, its longest side at most `side` pixels; width and height are the original's."""
    width, height = image.size
    small = image.convert("RGB")
    small.thumbnail((side, side))
    stream = io.BytesIO()
    small.save(stream, "WEBP", quality=82)
    uri = f"data:image/webp;base64,{base64.b64encode(stream.getvalue()).decode()}"
    return {"uri": uri, "width": width, "height": height}


def gold(record: Mapping[str, Any]) -> dict[str, Any]:
    """What a page shows of a record's own: question, options, answer, entities with boxes, relations, reasoning."""
    boxes = record["key_object_boxes"] or [None] * len(record["key_objects"])
    return {
        "question": record["question"],
        "options": list(record["options"]),
        "answer": list(record["answer"]),
        "entities": [
            {"name": name, "box": box and [round(side, 1) for side in box]}
            for name, box in zip(record["key_objects"], boxes, strict=True)
        ],
        "relations": [list(triple) for triple in record["scene_graph"]],
        "reasoning": dict(record["reasoning_chain"]),
    }


def _policy(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"


def _light() -> str:
    """The roles of the drawings as CSS variables; the style sheet overrides them where the page is dark."""
    return ":root{" + ";".join(f"--{role}:{color}" for role, color in COLORS.items()) + "}"


def _json(value: object) -> str:
    """JSON that can't end its script element, or be read as markup."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    text = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return text.encode("utf-8", "replace").decode()  # a lone surrogate of a model's
