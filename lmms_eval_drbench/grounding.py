"""How well a scaffold is grounded: its entities and relations against the gold ones, and its steps against itself.

Matching rules. Entities: equal in normal form (`phrases.tokens`), each gold entity once. Relations: the same ordered
triple in normal form, after an inverse relation was turned round (`a right_of b` is the fact `b left_of a`) and the
ends of a symmetric one were sorted; `not_` is part of the relation. Parts that a record doesn't have score None and
are left out of means, they are neither 0 nor 1.
"""

from collections.abc import Mapping
from typing import Any

from lmms_eval_drbench import scaffold
from lmms_eval_drbench.answers import extract
from lmms_eval_drbench.answers.phrases import NEGATIONS, tokens, vocabulary
from lmms_eval_drbench.record import CHAIN_STEPS, option_letters

INVERSES = {
    "right_of": "left_of",
    "below": "above",
    "under": "above",
    "behind": "in_front_of",
    "contains": "in",
    "holds": "held_by",
    "has_part": "part_of",
    "smaller_than": "larger_than",
    "farther_than": "closer_than",
    "supports": "on",
}
"""Relation → its inverse, under which the fact is stored with subject and object swapped."""

SYNONYMS = {
    "left": "left_of",
    "to_the_left_of": "left_of",
    "on_the_left_of": "left_of",
    "right": "right_of",
    "to_the_right_of": "right_of",
    "on_the_right_of": "right_of",
    "beneath": "below",
    "underneath": "below",
    "over": "above",
    "in_front": "in_front_of",
    "on_top_of": "on",
    "inside": "in",
    "inside_of": "in",
    "beside": "next_to",
    "adjacent_to": "next_to",
    "near": "next_to",
    "bigger_than": "larger_than",
    "further_than": "farther_than",
    "nearer_than": "closer_than",
}
SYMMETRIC = frozenset({"next_to", "same_color_as", "same_size_as", "same_shape_as", "touching", "facing_each_other"})

PREPOSITIONS = frozenset(
    vocabulary("on in at of with to from by near behind below above under between without that who which for and")
)

Fact = tuple[tuple[str, ...], str, tuple[str, ...]]

SCORES = ("entity_f1", "relation_f1", "anchored", "consistent", "well_formed")
"""The grounding scores, in the order that tables show."""


def score(record: Mapping[str, Any], output: str) -> dict[str, float | None]:
    """Grounding scores of one scaffold output, each 0 to 1, or None where the record gives nothing to score against.

    entity_f1, relation_f1: F1 against key objects and scene graph. anchored: share of the four reasoning steps that
    name an entity the output itself listed. consistent: whether the conclusion leads to the answer field's answer.
    well_formed: whether the text is exactly the scaffold's format (its mean is the format rate).
    """
    parsed = scaffold.parse(output)
    return {
        "entity_f1": set_f1({tokens(name) for name in parsed.entities}, {tokens(n) for n in record["key_objects"]}),
        "relation_f1": set_f1({fact(*t) for t in parsed.relations}, {fact(*t) for t in record["scene_graph"]}),
        "anchored": anchored_steps(parsed),
        "consistent": float(is_consistent(record, parsed)),
        "well_formed": float(parsed.well_formed),
    }


def fact(subject: str, relation: str, target: str) -> Fact:
    """The normal form of a triple; two ways of saying one fact have the same form."""
    name = "_".join(relation.casefold().replace("_", " ").split())
    negated = name.startswith("not_")
    name = name.removeprefix("not_")
    name = SYNONYMS.get(name, name)
    left, right = tokens(subject), tokens(target)
    if name in INVERSES:
        name, left, right = INVERSES[name], right, left
    if name in SYMMETRIC:
        left, right = sorted((left, right))
    return left, f"not_{name}" if negated else name, right


def set_f1(found: set[Any], gold: set[Any]) -> float | None:
    """F1 of two sets; None when there is no gold."""
    if not gold:
        return None
    return 2 * len(found & gold) / (len(found) + len(gold))


def anchored_steps(parsed: scaffold.Scaffold) -> float:
    """Share of the four reasoning steps that name an entity which the output's own entity field listed.

    A step names an entity by its head noun: "the bench is blue" names the "blue bench by the door".
    """
    heads = {head(name) for name in parsed.entities} - {None}
    steps = [set(tokens(parsed.reasoning.get(step, ""))) for step in CHAIN_STEPS]
    return sum(bool(heads & step) for step in steps) / len(CHAIN_STEPS)


def head(phrase: str) -> str | None:
    """The head noun of a noun phrase: the last word before its first preposition ("rider" of "rider on the left")."""
    nouns = tokens(phrase)
    ends = [index for index, word in enumerate(nouns) if index and word in PREPOSITIONS]
    nouns = nouns[: ends[0]] if ends else nouns
    return nouns[-1] if nouns else None


def is_consistent(record: Mapping[str, Any], parsed: scaffold.Scaffold) -> bool:
    """Whether the conclusion leads to the answer field's answer.

    It does when it reads as the same answer, when it contains the answer's text, or, for options that it paraphrases,
    when it shares a larger part of every chosen option's words than of any other's. Unreadable counts as no.
    """
    conclusion = parsed.reasoning.get("conclusion")
    if parsed.answer is None or not conclusion:
        return False
    answer = extract(parsed.answer, record)
    if not answer.parsed:
        return False
    if answer.letters is None:
        return _padded(answer.text or "").strip() != "" and _padded(answer.text or "") in _padded(conclusion)
    return extract(conclusion, record).letters == answer.letters or _paraphrases(record, answer.letters, conclusion)


def _paraphrases(record: Mapping[str, Any], chosen: frozenset[str], conclusion: str) -> bool:
    said, asked = set(tokens(conclusion)), set(tokens(record["question"]))
    shares = {
        letter: len(said & set(words)) / len(set(words)) if words else 0.0
        for letter, words in zip(option_letters(record), map(tokens, record["options"]), strict=True)
    }
    own_words = set().union(*(tokens(record["options"][ord(letter) - ord("A")]) for letter in chosen))
    if said & NEGATIONS - asked - own_words:
        return False
    lowest = min(shares[letter] for letter in chosen)
    return lowest > max((share for letter, share in shares.items() if letter not in chosen), default=0.0)


def _padded(text: str) -> str:
    """Normal form with a space at both ends, so that `in` compares whole words."""
    return f" {' '.join(tokens(text))} "
