"""Reading the answer to an open question: the declared one, else the statement that answers."""

import re
from collections.abc import Mapping
from typing import Any

from lmms_eval_drbench.answers.asked import asked_thing
from lmms_eval_drbench.answers.clauses import VERB
from lmms_eval_drbench.answers.letters import strip_markup
from lmms_eval_drbench.answers.phrases import ATTRIBUTES, root, tokens
from lmms_eval_drbench.answers.rejection import rejects
from lmms_eval_drbench.answers.statements import (
    corrections,
    declarations,
    first_sentence,
    is_conclusion,
    is_cut_off,
    is_preamble,
    is_refusal,
    paragraphs,
    sentences,
    without_connective,
    without_first_sight,
    without_loop,
)

_MAX_ANSWER = 1000
_PHRASE = 4
"""Words of a text that can be an answer by its length alone."""
_ASKING = frozenset(
    tokens("what which who where when how many much is are was were do does can could in on at of to with by from")
)
_VERBS = frozenset(tokens("is are was were do does did can could has have"))
_PLACED = frozenset(tokens("behind beside under above below between left right front next opposite"))
_RESTATED = re.compile(
    r";\s+(?!there(?:'s| is| are) no\b)(?=(?:it|he|she|they|that|this|there)(?:'s|'re| is| are| was| were)\b)",
    re.IGNORECASE,
)
_ACTUALLY = re.compile(r"\W*(?:it|that|this)(?:'s|\sis)\s(?:actually|really|in fact)\b", re.IGNORECASE)
_THE_THING = re.compile(r"\W*(?:so |thus |therefore,? )?the (?:object|item|thing|one|answer)\b", re.IGNORECASE)
_TOTAL = re.compile(r"\bin total\b|\baltogether\b|^\W*(?:that|this) makes\b", re.IGNORECASE)
_SO = re.compile(r",\s(?:so|therefore|thus|hence)\s", re.IGNORECASE)
_TELLING = re.compile(r"\b(?:tells?|shows?|suggests?|indicates?|means?)\s(?:me\s|us\s)?that\s", re.IGNORECASE)
_READS = re.compile(r"\W*(?:it|this|the \w+) (?:reads|says|spells)\b", re.IGNORECASE)
_BUT = re.compile(
    r"\b(?:but|however|though|nevertheless),?\s+(?=\S)|(?<=[.,;]\s)still,?\s+(?=\S)|"
    r"\b(?=(?:maybe|perhaps|possibly|probably|most "
    r"likely|my guess)\b)",
    re.IGNORECASE,
)


def read(body: str, record: Mapping[str, Any]) -> tuple[str | None, str]:
    """(answer, how it was read), or (None, why not)."""
    for part in reversed(corrections(without_first_sight(without_loop(body)))):
        given, how = _read(part, record)
        if given is not None:
            return given, how
    return None, how


def _read(body: str, record: Mapping[str, Any]) -> tuple[str | None, str]:
    for declaration in declarations(body):
        if declaration.strong and tokens(declaration.lines[0]) and not is_refusal(declaration.lines[0]):
            stated = first_sentence(declaration.lines[0])
            is_whole = len(declaration.lines) > 1 or stated != declaration.lines[0]
            return (
                (None, "the answer was cut off")
                if not is_whole and is_cut_off(stated)
                else (_clean(stated), "declared")
            )
    found = sentences(body)
    if record["premise_true"] is not None:
        rejecting = next((text for text in found if rejects(text, record["question"], record["reject_answers"])), None)
        if rejecting is not None and not is_cut_off(rejecting):
            return _trimmed(rejecting), "rejection"
    is_concluded = bool(found) and is_conclusion(found[-1]) and not is_refusal(found[-1])
    if is_refusal(body) and not is_concluded:
        return _despite_refusal(body)
    if alone := _alone_at_the_end(body):
        return _clean(alone), "last line"
    given, how = _statement(found, record["question"], is_cut_off(body))
    return (_clean(given), how) if tokens(given) else (None, how or "no answer found")


def _statement(found: list[str], question: str, is_open: bool) -> tuple[str, str]:
    """Of a text's sentences, the one that answers: a conclusion at the end, else the first that is no preamble."""
    if not found:
        return "", ""
    if len(found) == 1:
        return ("", "the answer was cut off") if is_open else (without_connective(found[0]), "bare answer")
    if is_conclusion(found[-1]) and not is_open:
        return without_connective(found[-1]), "concluding sentence"
    if not is_open and (
        _ACTUALLY.match(found[-1]) or _TOTAL.search(found[-1]) or (len(found) > 2 and _SO.search(found[-1]))
    ):
        return found[-1], "last sentence"
    if not is_open and len(found) > 2 and _restates(found[-1], question) and not _restates(found[0], question):
        return found[-1], "last sentence"
    if not is_open and _speaks_of_it(found[-1], question) and not _speaks_of_it(found[0], question):
        return found[-1], "last sentence"
    if not is_preamble(found[0]) and not (is_open and not _answers(found[0], question)):
        return found[0], "first sentence"
    return ("", "the answer was cut off") if is_open else (found[-1], "last sentence")


def _alone_at_the_end(body: str) -> str | None:
    """A phrase that stands on its own below a text: `iMac`."""
    *above, last = paragraphs(body) or [[]]
    is_phrase = above and len(last) == 1 and len(last[0].split()) <= _PHRASE and not VERB.search(last[0])
    return last[0] if is_phrase and not is_cut_off(last[0]) and last[0][-1] not in "!?" else None


def _speaks_of_it(sentence: str, question: str) -> bool:
    """Whether a sentence's subject is what is asked for (`The word reads ...`), or it says what something reads."""
    asked = asked_thing(question) | {root(word) for word in tokens(question) if word in ATTRIBUTES}
    return bool({root(word) for word in tokens(sentence)[:2]} & asked or _READS.match(sentence))


def _restates(sentence: str, question: str) -> bool:
    """Whether a sentence repeats most of what a question says, and says that something is so."""
    asked = {root(word) for word in set(tokens(question)) - _ASKING}
    if _THE_THING.match(sentence) and len(asked & {root(word) for word in tokens(sentence)}) * 2 >= len(asked):
        return True
    return len(asked & {root(word) for word in tokens(sentence)}) * 3 >= 2 * len(asked) and bool(VERB.search(sentence))


def _answers(sentence: str, question: str) -> bool:
    """Whether the first sentence of a text that was cut off later is an answer and not the start of a description."""
    given, asked = tokens(sentence), _predicate(question)
    if ATTRIBUTES & set(tokens(question)) and not asked_thing(question) & {root(word) for word in given}:
        return False
    is_about_it = len(asked & set(given)) * 2 >= len(asked) and asked & _PLACED <= set(given)
    return len(given) <= _PHRASE or given[0] in ("it", "they", "he", "she", "there", "it's", "they're") or is_about_it


def _predicate(question: str) -> set[str]:
    """What a question says of what it asks for: `out of place` of "Which item on the table is out of place?"."""
    words = tokens(question)
    verb = next((index for index, word in enumerate(words[1:], 1) if word in _VERBS), 0)
    return set(words[verb + 1 :]) - _ASKING or set(words) - _ASKING


def _despite_refusal(body: str) -> tuple[str | None, str]:
    """`I can't be sure, but it looks like a corkscrew`: what follows the "but", when that declines nothing."""
    parts = _BUT.split(body, maxsplit=1)
    if len(parts) == 2 and tokens(parts[1]) and not is_refusal(parts[1]) and not is_cut_off(parts[1]):
        return _clean(first_sentence(parts[1])), "despite a refusal"
    return None, "refusal"


def _clean(text: str) -> str:
    return _trimmed(_RESTATED.split(_TELLING.split(text)[-1])[-1])


def _trimmed(text: str) -> str:
    return strip_markup(text).strip(" \t\r\n\"'.,:;-•")[:_MAX_ANSWER]
