"""Options that deny: the premise rejected in words of one's own, a thing that can't be seen, no option that fits."""

import re

from lmms_eval_drbench.answers.naming import Found, Letters, Unreadable, asked_roots
from lmms_eval_drbench.answers.options import Options
from lmms_eval_drbench.answers.phrases import root, tokens
from lmms_eval_drbench.answers.rejection import rejects
from lmms_eval_drbench.answers.statements import is_refusal, sentences

_NONE_FITS = re.compile(
    r"\b(?:neither|none) of (?:the|these) (?:\w+ )?(?:options|choices|answers|alternatives)\s"
    r"(?!is (?:wrong|false|incorrect))",
    re.IGNORECASE,
)
_DENYING = re.compile(r"^(?:there (?:is|are)|(?:it|he|she|they|the \w+) \w+) no\b|^(?:it|they) lacks?\b", re.IGNORECASE)
"""An option such as `It has no hands`."""
_UNSEEN = re.compile(
    r"(?:\bnot|n't)\s(?:clearly |actually |really )?visible\b|(?:\bcannot|\bcan not|\bcan't|\bcould not)\sbe\s"
    r"(?:seen|told|made out|determined)\b|\bhidden from view\b",
    re.IGNORECASE,
)
_NOTHING = re.compile(r"\W*nothing\s(?!but|except|other|besides)", re.IGNORECASE)
_UNFITTING = Unreadable("none of the options, it says")


def none_fits(body: str, options: Options) -> Found:
    """`Neither of the given options states this.`, where no option says so itself."""
    is_none = _NONE_FITS.search(body[-300:]) or (not options.single and _NOTHING.match(body))
    return _UNFITTING if is_none and not options.none and not options.record["reject_answers"] else None


def rejecting_option(body: str, options: Options) -> Letters | None:
    """The one option that rejects the premise, when the text rejects it in words of its own."""
    texts = options.written
    if len(rejecting := options.record["reject_answers"]) == 1:
        return frozenset(rejecting) if rejects(body, options.record["question"], [texts[rejecting[0]]]) else None
    denying = [letter for letter, text in texts.items() if _DENYING.search(text)]
    found = [letter for letter in denying if rejects(body, "", [texts[letter]])] if len(denying) == 1 else []
    is_listed = options.asks_for_oddity and re.search(r",?\sand\s", body)
    if not options.single and (is_listed or options.mentions(body)[0] - {*found}):
        return None
    return frozenset(found) or None


def unseen_option(body: str, options: Options) -> Letters | None:
    """The one option that says that something can't be seen, for a text that says so of what was asked."""
    refusing = [key for key, text in options.written.items() if is_refusal(text)]
    if len(refusing) == 1 and is_refusal(body) and not options.names_more(body, frozenset(refusing)):
        return frozenset(refusing)
    unseen = [key for key, text in options.written.items() if _UNSEEN.search(text)]
    said = [sentence for sentence in sentences(body) if _UNSEEN.search(sentence)]
    if len(unseen) != 1 or not said or options.names_more(body, frozenset(unseen)):
        return None
    subject = {root(word) for word in tokens(_UNSEEN.split(said[-1], maxsplit=1)[0])}
    return frozenset(unseen) if subject & (asked_roots(options) | {"it", "they", "that"}) else None


def closing_rejection(body: str, options: Options) -> Letters | None:
    """`There is a dog with a red collar, but there is no cat.`: the last clause rejects and names no other option."""
    last = re.split(r";\s|,?\s\b(?:but|however|though|yet)\b,?\s|(?<=[.!?])\s", body.strip())[-1]
    rejecting = frozenset(options.record["reject_answers"])
    return None if last == body.strip() or options.names_more(last, rejecting) else rejecting_option(last, options)
