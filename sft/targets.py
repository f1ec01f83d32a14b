"""What a model is taught to write: a record → the prompt it is asked and the target's fields, in causal order.

A method is a prompt and a list of fields. The target is the fields joined by `SEPARATOR`, closed by the model
family's end-of-turn token. A new method is a new row of `METHODS`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from lmms_eval_drbench import prompts, rationales, scaffold
from lmms_eval_drbench.answers import extract
from lmms_eval_drbench.errors import UserError
from lmms_eval_drbench.record import CHAIN_STEPS, option_letters

ANSWERS = ("letter", "text")
"""What choice questions are answered with: the options' letters or their texts."""

SEPARATOR = "\n"
"""Stands between two fields and belongs to the earlier one; `scaffold.render` joins by the same."""

Fields = list[tuple[str, str]]
"""(field name, text), in causal order."""


@dataclass(frozen=True)
class Method:
    """One kind of supervision.

    prompt: a name in `prompts.PROMPTS`. fields: record → `Fields`. lacks: record → what the record must have for
    this method and has not, as a phrase, or None. eval_task: the lmms-eval task with the method's native prompt.
    in_words: whether choice questions are answered with the options' texts, not their letters.
    """

    name: str
    prompt: str
    fields: Callable[[Mapping[str, Any]], Fields]
    lacks: Callable[[Mapping[str, Any]], str | None]
    eval_task: str
    in_words: bool = False

    @property
    def field_names(self) -> tuple[str, ...]:
        """The names of `target`'s fields, the same for every record."""
        return scaffold.FIELDS if self.prompt == "scaffold" else (self.name,)

    def target(self, record: Mapping[str, Any]) -> Fields:
        """What the model is to write for this record."""
        return self.fields(_answered_in_words(record) if self.in_words else record)

    def ask(self, record: Mapping[str, Any]) -> str:
        """The user's text of this record's prompt."""
        return prompts.PROMPTS[self.prompt](record)


def method(name: str, answers: str = "letter") -> Method:
    """The method of that name, answering by `letter` or by `text`; raises UserError listing the known ones."""
    if name not in METHODS:
        raise UserError(f"unknown --method {name!r}: use one of {', '.join(METHODS)}")
    return replace(METHODS[name], in_words=answers == "text")


def _answered_in_words(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """The record with its right options' texts as its answer, where the answer parser reads them back as its letters.

    A text with a comma, or one that is itself a letter, would be read as something else: then the letters stay.
    """
    if not record["options"]:
        return record
    texts = [record["options"][option_letters(record).index(letter)] for letter in record["answer"]]
    read = extract(", ".join(texts), record).letters
    return {**record, "answer": texts} if read == frozenset(record["answer"]) else record


def _answer_fields(record: Mapping[str, Any]) -> Fields:
    return [("answer", scaffold.gold_answer(record))]


def _scaffold_fields(record: Mapping[str, Any]) -> Fields:
    return list(scaffold.render_fields(record).items())


def _cot_fields(record: Mapping[str, Any]) -> Fields:
    return [("cot", rationales.chain_of_thought(record))]


def _llava_cot_fields(record: Mapping[str, Any]) -> Fields:
    return [("llava_cot", rationales.llava_cot(record))]


def _lacks_nothing(record: Mapping[str, Any]) -> str | None:
    return None


def _lacks_annotation(record: Mapping[str, Any]) -> str | None:
    """Entities and every reasoning step are needed. Relations may be empty: a single object has none."""
    return _lacks_chain(record) if record["key_objects"] else "no key_objects"


def _lacks_chain(record: Mapping[str, Any]) -> str | None:
    empty = [step for step in CHAIN_STEPS if not record["reasoning_chain"][step].strip()]
    return f"an empty reasoning step ({', '.join(empty)})" if empty else None


METHODS = {
    "answer": Method("answer", "direct", _answer_fields, _lacks_nothing, "drbench"),
    "cot": Method("cot", "cot", _cot_fields, _lacks_chain, "drbench_cot"),
    "llava_cot": Method("llava_cot", "llava_cot", _llava_cot_fields, _lacks_annotation, "drbench_llava_cot"),
    "drscaffold": Method("drscaffold", "scaffold", _scaffold_fields, _lacks_annotation, "drbench_scaffold"),
}
"""Method name → method. `drscaffold` is the paper's, the others its baselines, each one field: they have no stages."""
