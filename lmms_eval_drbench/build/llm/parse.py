"""From what a model wrote to parts of records. Whatever it wrote, the result is either valid or `Malformed`.

Only known fields are read, every text must be short and plain, every number finite, and a draft must have no
`record.faults`. Time is bounded in the length of the reply.
"""

import json
import random
import re
from collections.abc import Mapping, Sequence
from typing import Any

from lmms_eval_drbench.record import CHAIN_STEPS, faults, option_letters
from lmms_eval_drbench.taxonomy import Category, QuestionType

MAX_REPLY = 200_000
"""Characters of a reply that are read."""
_MAX_STARTS = 200
_MAX_QUESTION, _MAX_OPTION, _MAX_NAME, _MAX_STEP = 400, 160, 80, 800
_MAX_OBJECTS, _MAX_TRIPLES = 24, 40
_MARKUP = re.compile(r"<\s*[/!a-z|]|--|={3}|```|https?:", re.IGNORECASE)
"""Tags, special tokens, the arrow of the scaffold and the lines of our prompts would be read as structure later on."""
_REFERS_TO_OPTIONS = re.compile(
    r"\b(?:all|none|both|any|either|neither) of the (?:above|below|options)\b|\boptions? [A-H]\b"
)
_LETTERED = re.compile(r"([A-H])[.):]\s+(?=\S)")
_END_OF_THOUGHT = "</think>"
_TRAILING_COMMA = re.compile(r",(?=\s{0,99}[}\]])")

Draft = dict[str, Any]
"""A record without image and annotation."""
Unit = list[Draft]
"""What stands or falls together: one draft, or the two twins of a false premise (the false one first)."""


class Malformed(ValueError):
    """The reply, or a part of it, is not what was asked for; the message says what is wrong."""


def objects(reply: str) -> list[dict[str, Any]]:
    """The JSON objects in a text, outermost ones only; those that are whole where the text was cut off."""
    text = reply[:MAX_REPLY].rpartition(_END_OF_THOUGHT)[2]
    found = _objects(text)
    return found or _objects(_TRAILING_COMMA.sub("", text))


def _objects(text: str) -> list[dict[str, Any]]:
    decoder = json.JSONDecoder(strict=False, parse_constant=lambda name: None)  # NaN
    found: list[dict[str, Any]] = []
    start = text.find("{")
    for _ in range(_MAX_STARTS):
        if start < 0:
            break
        try:
            value, end = decoder.raw_decode(text, start)
            found.append(value)
        except (ValueError, RecursionError):
            end = start + 1
        start = text.find("{", end)
    return found


def only_object(reply: str) -> dict[str, Any]:
    """The last JSON object of a reply: models that think aloud conclude last."""
    found = objects(reply)
    if not found:
        raise Malformed("the reply holds no JSON object")
    return found[-1]


def text(value: Any, limit: int, what: str) -> str:
    """A plain text on one line."""
    if not isinstance(value, str):
        raise Malformed(f"{what} must be a text")
    flat = " ".join(value.split())
    if not 0 < len(flat) <= limit:
        raise Malformed(f"{what} must have 1 to {limit} characters")
    if not flat.isprintable() or _MARKUP.search(flat):
        raise Malformed(f"{what} must be plain text without markup")
    return flat


def texts(value: Any, limit: int, what: str, most: int) -> list[str]:
    """A list of plain texts; one text alone is a list of one."""
    value = [value] if isinstance(value, str) else value
    if not isinstance(value, list) or len(value) > most:
        raise Malformed(f"{what} must be a list of at most {most} texts")
    return [text(item, limit, what) for item in value]


def units(reply: str, frame: Mapping[str, Any], seed: int) -> tuple[list[Unit], int]:
    """(the valid units of a generation reply, how many entries were malformed).

    frame: the fields that every draft of this picture shares (image_id, source, split). seed: orders the options.
    """
    entries: list[Any] = []
    for found in objects(reply):
        listed = found.get("questions")
        entries += listed if isinstance(listed, list) else [found]
    valid, malformed = [], 0
    for entry in entries[:100]:
        try:
            valid.append(_unit(entry, frame, seed))
        except Malformed:
            malformed += 1
    return valid, malformed + (not entries)


def _unit(entry: Any, frame: Mapping[str, Any], seed: int) -> Unit:
    if not isinstance(entry, dict):
        raise Malformed("an entry must be an object")
    category = _word(entry.get("category"))
    if category not in list(Category):
        raise Malformed("unknown category")
    if category != Category.FALSE_PREMISE_REJECTION:
        return [_draft(entry, entry.get("type"), category, None, frame, seed)]
    parts = entry.get("false"), entry.get("true")
    if not all(isinstance(part, dict) for part in parts):
        raise Malformed("a false premise needs its true twin")
    false, true = (
        _draft(part, part.get("type", entry.get("type")), category, premise_true, frame, seed)
        for part, premise_true in zip(parts, (False, True), strict=True)
    )
    if false["question"].casefold() == true["question"].casefold():
        raise Malformed("twins ask the same")
    if false["question_type"] != true["question_type"] or len(false["options"]) != len(true["options"]):
        raise Malformed("twins must offer the same kind and number of options")
    return [false, true]


def _draft(
    entry: Mapping[str, Any], type_: Any, category: str, premise_true: bool | None, frame: Mapping[str, Any], seed: int
) -> Draft:
    question = text(entry.get("question"), _MAX_QUESTION, "a question")
    options = _without_letters(texts(entry.get("options") or [], _MAX_OPTION, "an option", 8))
    if any(_REFERS_TO_OPTIONS.search(option) for option in options):
        raise Malformed("an option speaks of other options")
    rejection = [] if premise_true is None else texts(entry.get("rejection"), _MAX_OPTION, "a rejection", 3)
    answer = rejection if premise_true is False else texts(entry.get("answer"), _MAX_OPTION, "an answer", 8)
    if options:
        answer = [_option(given, options) for given in answer]
        rejection = [_option(given, options) for given in rejection]
        random.Random(f"{seed} {frame['image_id']} {question}").shuffle(options)
    letters = {option: chr(ord("A") + index) for index, option in enumerate(options)}
    kind = _word(type_)
    if not options or kind not in list(QuestionType):
        kind = QuestionType.MULTIPLE_CHOICE if len(answer) > 1 else QuestionType.SINGLE_CHOICE
        kind = kind if options else QuestionType.OPEN_ENDED
    draft = {
        "id": "draft",
        **frame,
        "category": str(category),
        "family": f"llm_{category}",
        "question_type": str(kind),
        "question": question,
        "options": options,
        "answer": sorted(letters[given] for given in answer) if options else answer,
        "key_objects": [],
        "key_object_boxes": [],
        "scene_graph": [],
        "reasoning_chain": dict.fromkeys(CHAIN_STEPS, ""),
        "premise_true": premise_true,
        "reject_answers": sorted(letters[given] for given in rejection) if options else rejection,
        "twin_id": None,
    }
    if premise_true and set(draft["answer"]) & set(draft["reject_answers"]):
        raise Malformed("a true premise is answered by its rejection")
    if premise_true is not None and not rejection:
        raise Malformed("a premise needs its rejection")
    if found := faults(draft):
        raise Malformed(found[0])
    return draft


def _word(value: Any) -> str:
    return "_".join(re.findall(r"[a-z]+", value.lower())) if isinstance(value, str) and len(value) < 99 else ""


def _without_letters(options: list[str]) -> list[str]:
    """Options without the letters that a model put before all of them."""
    marks = [_LETTERED.match(option) for option in options]
    if not options or [mark and mark.group(1) for mark in marks] != [chr(65 + index) for index in range(len(options))]:
        return options
    return [option[mark.end() :] for option, mark in zip(options, marks, strict=True) if mark]


def _option(given: str, options: Sequence[str]) -> str:
    """The option that an answer names: by its text, by its letter, or by both."""
    by_text = {option.casefold(): option for option in options}
    by_letter = {chr(ord("A") + index): option for index, option in enumerate(options)}
    mark = _LETTERED.match(given)
    for name in (given, given[mark.end() :] if mark else given):
        if name.casefold() in by_text:
            return by_text[name.casefold()]
    if given.strip(".)") in by_letter:
        return by_letter[given.strip(".)")]
    raise Malformed("an answer is none of the options")


def annotated(reply: str, draft: Draft, sent: tuple[int, int], size: tuple[int, int], boxes: str) -> Draft:
    """The draft with key objects, scene graph and chain of an annotation reply.

    sent, size: (width, height) in pixels of the copy that the model saw and of the picture. boxes: `pixels` (of the
    copy), `thousandths` (of its sides) or `none`; they are kept only where every key object has one inside the picture.
    Raises Malformed with everything that `record.faults` finds.
    """
    data = only_object(reply)
    listed = data.get("key_objects")
    if not isinstance(listed, list) or not 0 < len(listed) <= _MAX_OBJECTS:
        raise Malformed(f"key_objects must list 1 to {_MAX_OBJECTS} things")
    entries = [item if isinstance(item, dict) else {"name": item} for item in listed]
    names = [text(entry.get("name"), _MAX_NAME, "a key object") for entry in entries]
    frame = sent if boxes == "pixels" else (1000, 1000)
    found = [None if boxes == "none" else box(entry, frame, size) for entry in entries]
    graph = data.get("scene_graph")
    if not isinstance(graph, list) or len(graph) > _MAX_TRIPLES:
        raise Malformed(f"scene_graph must be a list of at most {_MAX_TRIPLES} [subject, relation, object]")
    chain = data.get("reasoning_chain")
    if not isinstance(chain, dict):
        raise Malformed(f"reasoning_chain must hold the texts {', '.join(CHAIN_STEPS)}")
    made = draft | {
        "key_objects": names,
        "key_object_boxes": [] if None in found else found,
        "scene_graph": [_triple(triple, names) for triple in graph],
        "reasoning_chain": {step: text(chain.get(step), _MAX_STEP, f"the step {step}") for step in CHAIN_STEPS},
    }
    if problems := faults(made):
        raise Malformed("; ".join(problems))
    return made


def box(entry: Mapping[str, Any], frame: tuple[int, int], size: tuple[int, int]) -> list[float] | None:
    """[x, y, width, height] in pixels of the picture, or None for what is no box inside `frame` (width, height)."""
    corners = [entry.get(side) for side in ("left", "top", "right", "bottom")]
    if any(isinstance(side, bool) or not isinstance(side, (int, float)) for side in corners):
        return None
    left, top, right, bottom = corners
    if not (0 <= left < right <= frame[0] and 0 <= top < bottom <= frame[1]):
        return None
    across, down = size[0] / frame[0], size[1] / frame[1]
    return [round(value, 1) for value in (left * across, top * down, (right - left) * across, (bottom - top) * down)]


def _triple(value: Any, names: Sequence[str]) -> list[str]:
    if not isinstance(value, list) or len(value) != 3:
        raise Malformed("a relation must be [subject, relation, object]")
    by_name = {name.casefold(): name for name in names}
    subject, relation, target = (text(part, _MAX_NAME, "a part of a relation") for part in value)
    relation = "_".join(re.findall(r"[a-z0-9]+", relation.lower()))
    return [by_name.get(subject.casefold(), subject), relation, by_name.get(target.casefold(), target)]


def said_answer(value: Any, draft: Draft) -> str:
    """The `answer` of a verdict as text for `answers.extract`: its letters, or its words."""
    parts = value if isinstance(value, list) else [value]
    given = [part for part in parts if isinstance(part, str) and len(part) <= _MAX_STEP][:8]
    if not draft["options"]:
        return given[0] if given else ""
    letters = dict(zip(draft["options"], option_letters(draft), strict=True))
    try:
        return ", ".join(sorted(letters[_option(part.strip(), draft["options"])] for part in given))
    except Malformed:
        return ", ".join(given)
