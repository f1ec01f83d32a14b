"""The scaffold: the four causally ordered fields of DRScaffold, as text.

F1 entities → F2 relations → F3 reasoning → F4 answer (paper, section on the schema; our text form is DESIGN
section 6). Training renders records into it, scoring parses model output out of it: one place knows the format.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lmms_eval_drbench.record import CHAIN_STEPS

FIELDS = ("entities", "relations", "reasoning", "answer")
"""The four fields in causal order: F1, F2, F3, F4."""

# White space within a mark is bounded: an unbounded `\s*` on both sides of `/?` is quadratic.
_TAG = re.compile(r"<\s{0,4}(/?)\s{0,4}(entities|relations|reasoning|answer)\s{0,4}>", re.IGNORECASE)
_STEP = re.compile(r"\[\s{0,4}(perception|relation|logic|conclusion)\s{0,4}\]", re.IGNORECASE)
_CUT_TAG = re.compile(r"<\s{0,4}(/?)\s{0,4}([a-z]{0,9})\s{0,4}$", re.IGNORECASE)
_MAX_RELATION = 80
_BROKEN_TAG = "the text ends within a tag"
_BULLET = re.compile(r"^(?:[-*•]|\d{1,3}[.)])\s+")


@dataclass
class Scaffold:
    """What a model wrote into the four fields.

    entities: noun phrases. relations: (subject, relation, object). reasoning: step name → text.
    answer: the text of the answer field, or None. rest: what follows the last field, if that was closed. problems:
    what was malformed, in words.
    """

    entities: list[str] = field(default_factory=list)
    relations: list[tuple[str, str, str]] = field(default_factory=list)
    reasoning: dict[str, str] = field(default_factory=dict)
    answer: str | None = None
    rest: str = ""
    problems: list[str] = field(default_factory=list)

    @property
    def well_formed(self) -> bool:
        return not self.problems

    @property
    def is_empty(self) -> bool:
        """Whether the text held none of the fields."""
        return len(self.problems) == len(FIELDS) and all(problem.startswith("no ") for problem in self.problems)

    @property
    def unfinished(self) -> bool:
        """Whether a field was opened and not closed, or a tag broken off, as the token limit leaves it."""
        return self._broken_tag or any(problem.endswith("is not closed") for problem in self.problems)

    @property
    def answer_open(self) -> bool:
        """Whether the answer may lack its end: its field is not closed, and no broken-off tag shows that it was."""
        return "<answer> is not closed" in self.problems and not self._broken_tag

    @property
    def _broken_tag(self) -> bool:
        return _BROKEN_TAG in self.problems


def render_fields(record: Mapping[str, Any]) -> dict[str, str]:
    """A record's gold text of each field, tags included, in causal order. Joined by newlines they are the target."""
    entities = "\n".join(f"- {name}" for name in record["key_objects"])
    relations = "\n".join(f"{s} --{r}--> {o}" for s, r, o in record["scene_graph"])
    chain = record["reasoning_chain"]
    reasoning = "\n".join(f"[{step.capitalize()}] {chain[step]}" for step in CHAIN_STEPS)
    fields = {
        "entities": f"<entities>\n{entities}\n</entities>",
        "relations": f"<relations>\n{relations}\n</relations>",
        "reasoning": f"<reasoning>\n{reasoning}\n</reasoning>",
        "answer": f"<answer>{gold_answer(record)}</answer>",
    }
    return {name: text.replace("\n\n", "\n") for name, text in fields.items()}


def render(record: Mapping[str, Any]) -> str:
    """A record's whole gold scaffold."""
    return "\n".join(render_fields(record).values())


def gold_answer(record: Mapping[str, Any]) -> str:
    """The answer as a model should write it: `B`, `A, C`, or the first accepted string of an open question."""
    return ", ".join(record["answer"]) if record["options"] else record["answer"][0]


def parse(text: str) -> Scaffold:
    """Read a scaffold out of anything a model can write. Never raises; linear in the length of `text`.

    Accepts missing, repeated or reordered fields, any case, a cut-off tail, Markdown bullets, and the same
    fields as one JSON object. The first entities, relations and reasoning win; the last answer wins, because a
    model that restates its answer commits to the last one.
    """
    text, cut_tag = without_cut_tag(text)
    spans = _tagged_spans(text)
    if not spans:
        from_json = _parse_json(text)
        if from_json is not None:
            return from_json
        return Scaffold(problems=[f"no <{name}> field" for name in FIELDS])
    scaffold = Scaffold(rest=_after_last_field(text))
    seen: dict[str, list[tuple[str, bool]]] = {name: [] for name in FIELDS}
    for name, body, closed in spans:
        seen[name].append((body, closed))
    for name in FIELDS:
        if not seen[name]:
            scaffold.problems.append(f"no <{name}> field")
        elif len(seen[name]) > 1:
            scaffold.problems.append(f"<{name}> appears {len(seen[name])} times")
        if any(not closed for _, closed in seen[name]):
            scaffold.problems.append(f"<{name}> is not closed")
    if cut_tag:
        scaffold.problems.append(_BROKEN_TAG)
    order = [FIELDS.index(name) for name, _, _ in spans]
    if order != sorted(order):
        scaffold.problems.append("fields are out of order")
    if seen["entities"]:
        scaffold.entities = _lines(seen["entities"][0][0])
    if seen["relations"]:
        lines = _lines(seen["relations"][0][0])
        triples = [_parse_triple(line) for line in lines]
        scaffold.relations = [triple for triple in triples if triple]
        if len(scaffold.relations) < len(lines):
            scaffold.problems.append(f"{len(lines) - len(scaffold.relations)} relation lines could not be read")
    if seen["reasoning"]:
        scaffold.reasoning = _parse_steps(seen["reasoning"][0][0])
        missing = [step for step in CHAIN_STEPS if step not in scaffold.reasoning]
        if missing:
            scaffold.problems.append(f"reasoning lacks {', '.join(missing)}")
    if seen["answer"]:
        scaffold.answer = seen["answer"][-1][0].strip()
        if not scaffold.answer:
            scaffold.problems.append("<answer> is empty")
    return scaffold


def without_cut_tag(text: str) -> tuple[str, bool]:
    """`text` without a tag that the token limit broke off at its end: `</ans`, `<`, `<rela`."""
    match = _CUT_TAG.search(text, max(0, len(text) - 24))
    if match is None or not any(name.startswith(match.group(2).lower()) for name in FIELDS):
        return text, False
    return text[: match.start()], True


def _tagged_spans(text: str) -> list[tuple[str, str, bool]]:
    """(field, body, closed) in the order of opening tags; a body ends at its closing tag or the next tag."""
    tags = list(_TAG.finditer(text))
    spans = []
    for index, tag in enumerate(tags):
        if tag.group(1):
            continue
        name = tag.group(2).lower()
        following = tags[index + 1] if index + 1 < len(tags) else None
        end = following.start() if following else len(text)
        closed = bool(following and following.group(1) and following.group(2).lower() == name)
        spans.append((name, text[tag.end() : end], closed))
    return spans


def _after_last_field(text: str) -> str:
    last = None
    for tag in _TAG.finditer(text):
        last = tag
    return text[last.end() :] if last is not None and last.group(1) else ""


def _lines(body: str) -> list[str]:
    lines = (_BULLET.sub("", line.strip().strip("`").strip()) for line in body.splitlines())
    return [line.strip("*_ ").strip() for line in lines if line.strip("*_ -").strip()]


def _parse_triple(line: str) -> tuple[str, str, str] | None:
    """`subject --relation--> object`; a single dash before the arrow's head is accepted."""
    subject, _, rest = line.partition("--")
    relation, arrow, target = rest.partition("->")
    subject, relation, target = subject.strip(), relation.rstrip("-").strip(), target.strip()
    if not (arrow and subject and relation and target) or len(relation) > _MAX_RELATION or set(relation) & set("<>"):
        return None
    return subject, "_".join(relation.lower().split()), target


def _parse_steps(body: str) -> dict[str, str]:
    marks = list(_STEP.finditer(body))
    steps: dict[str, str] = {}
    for index, mark in enumerate(marks):
        end = marks[index + 1].start() if index + 1 < len(marks) else len(body)
        steps.setdefault(mark.group(1).lower(), body[mark.end() : end].strip(" \t\r\n*:"))
    return steps


def _parse_json(text: str) -> Scaffold | None:
    """The same four fields as one JSON object, possibly in a Markdown fence, with text around it."""
    start = text.find("{")
    if start < 0:
        return None
    try:
        data, _ = json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError):
        return None
    data = {key.lower(): value for key, value in data.items()}
    if not any(name in data for name in FIELDS):
        return None
    scaffold = Scaffold(problems=[f"no {name} field" for name in FIELDS if name not in data])
    scaffold.problems.append("written as JSON")
    scaffold.entities = _scalars(data.get("entities"))
    for item in data["relations"] if isinstance(data.get("relations"), list) else []:
        parts = _scalars(item)
        triple = tuple(parts) if len(parts) == 3 else _parse_triple(item) if isinstance(item, str) else None
        if triple:
            scaffold.relations.append(triple)
    reasoning = data.get("reasoning")
    if isinstance(reasoning, dict):
        steps = {key.lower(): value for key, value in reasoning.items() if isinstance(value, str)}
        scaffold.reasoning = {step: steps[step] for step in CHAIN_STEPS if step in steps}
    elif isinstance(reasoning, str):
        scaffold.reasoning = _parse_steps(reasoning)
    answer = data.get("answer")
    if isinstance(answer, list):
        scaffold.answer = ", ".join(_scalars(answer))
    elif isinstance(answer, str | int | float):
        scaffold.answer = str(answer).strip()
    return scaffold


def _scalars(value: Any) -> list[str]:
    """The texts and numbers of a JSON list; what is nested deeper is no phrase (and could be too deep to print)."""
    return [str(item) for item in value if isinstance(item, str | int | float)] if isinstance(value, list) else []
