"""Which options running text claims: the last reader of a choice question, for prose.

What a text's clauses say (`clauses`) is weighed: for single choice, the clause that answers best or concludes, or the
only option that is not ruled out; for a set, all that is claimed. What is claimed and denied at once is no answer.
"""

import re

from lmms_eval_drbench.answers import letters as lettering
from lmms_eval_drbench.answers import polarity
from lmms_eval_drbench.answers.clauses import SO_IS, STATEMENT, VERB, Clause, clauses, is_opposite
from lmms_eval_drbench.answers.naming import EMPTY, Letters, asked_roots, named
from lmms_eval_drbench.answers.options import Options
from lmms_eval_drbench.answers.phrases import ANTONYMS, negates, root, tokens
from lmms_eval_drbench.answers.statements import (
    LIKEWISE,
    is_conclusion,
    is_cut_off,
    is_refusal,
    last_sentence,
    sentences,
)

_PHRASE = 8
"""Words; a longer statement without its full stop may have been cut off."""
_ALTERNATIVES = re.compile(r"\b(?:can|could|would|will|either|may)\b", re.IGNORECASE)
_ALL_BUT = re.compile(r"\W*only\b", re.IGNORECASE)
ALTERNATIVE = re.compile(r"\b(?:could|might|may|can)\s(?:also|as well|equally)\s(?:well\s)?be\b", re.IGNORECASE)
_UNSURE = frozenset(tokens("maybe perhaps possibly might"))
_HEDGED = re.compile(
    r"(?:^|[,;.]\s|\bbut\s|\bit's\s)"
    r"(?:(?:more |most )?likely|probably|if i had to (?:choose|guess|pick),?(?: i'd say)?)\s"
    r"(?P<what>[^,;.]{1,80})\.?\s*$",
    re.IGNORECASE,
)
_BRACKETED = re.compile(r"\w\s[(\[]([A-H])[)\]]\W*$")
_BRACKETED_TEXT = re.compile(r"\w\s[(\[](?:option\s)?[A-H][)\]]", re.IGNORECASE)
_NONE = re.compile(
    r"\b(?:none|neither)\s+of\b|(?:n't|\bnot)\s(?:see|find|notice|forget|miss|overlook)\sanything\b|"
    r"\b(?:nothing|nobody|no one)\b",
    re.IGNORECASE,
)
_HELD_BY_NOTHING = re.compile(r",?\swith nothing\b[^,.;\n]*", re.IGNORECASE)
_BARE = 10
"""Words of a list without a statement."""
_CAN = re.compile(r"(?<=\w )can(?=\W|$)(?!\s\w)", re.IGNORECASE)
"""A trash can is no statement."""
_SHORT = 6
"""Words that may be a mere phrase where no verb is known."""
_WHAT_IS = re.compile(
    r"what (?:[^?]{1,40}\s)?(?:is|looks|seems|could be) (?:un\w+|dangerous|wrong|risky|broken|dirty|odd)\b",
    re.IGNORECASE,
)
"""A question that no clause of an answer repeats: `What is unsafe in this scene?`."""
_FEW = 4
"""Clauses of a text that tells of nothing but the answer."""
_BESIDE = re.compile(
    r",\swith\s(?:the|an?)\s[^.,;!?\n]{1,40}\b(?:to|on)\s(?:its|the)\s(?:left|right)\b[^.,;!?\n]{0,40}|"
    r",\s(?:right\s|just\s)?(?:between|next to|beside|behind|near|in front of|above|below|under|"
    r"to the (?:left|right) of)\b[^.,;!?\n]{1,80}",
    re.IGNORECASE,
)
_AGAINST = re.compile(r",?\s(?:whereas|while)\s", re.IGNORECASE)
_CONTRASTING = re.compile(r";\s|,?\s(?:while|whereas|but)\s", re.IGNORECASE)
_SO_ONLY = re.compile(r",\sso\s(only\s[^,.;]+)", re.IGNORECASE)
_ELSE = re.compile(r"(?<=[.;]\s)(?:everything|all|anything|nothing) else\b[^.;\n]*", re.IGNORECASE)
_EITHER = re.compile(r"\bcould be\b[^.]*\bor\b", re.IGNORECASE)
_EXCEPT = re.compile(r"\b(?:except|apart|aside|besides|other than)\b", re.IGNORECASE)
_LONE_A = re.compile(r"\bA\b(?!\s(?!and\b|or\b)[a-z])")
_RANGE = re.compile(r"\b[A-H]\s?(?:to|through|[-–]|\.\.+|…)\s?[A-H]\b")
"""A range of letters, or a pair: nobody can tell."""
_TICKS = (
    (re.compile(r"[\u2705\u2714\u2713\u2611]"), "; "),
    (re.compile(r"[\u274c\u2717\u2718\u2715\u2716]"), "; not "),
)


def claimed(body: str, options: Options) -> Letters | None:
    """The options that a text's clauses claim; for single choice, the only one of the clause that answers."""
    if body.startswith(("{", "[")) and not body.endswith({"{": "}", "[": "]"}[body[0]]):  # data that was cut off
        return None
    body = lettering.strip_markup(body)
    if early := _hedged(body, options):
        return early
    if is_cut_off(body) or _is_open(body, options) or options.is_restated(body):
        return None
    if options.single and (ALTERNATIVE.search(body) or (is_refusal(body) and _EITHER.search(body))):
        return None
    is_yes_or_no = {("yes",), ("no",)} <= set(options.texts.values())
    if is_yes_or_no and is_refusal(last_sentence(body)):  # "No idea."
        return None
    if _RANGE.search(body) or _declines(last_sentence(body), options):
        return None
    body = _ELSE.sub("", body) if not options.single else body
    body = _spelled_out(_HELD_BY_NOTHING.sub("", body))
    if letter := _in_brackets(body, options):
        return letter
    letters = named(body, options).letters
    if letters and "A" not in letters and _LONE_A.search(body):  # a letter or an article: a set would lack it
        return None
    if early := _none(body, options) or _yes_or_no(body, options):
        return early
    if options.single and (part := options.by_part(body)):
        return part
    if options.single:
        body = _BESIDE.sub(lambda beside: _without_neighbours(beside, body, options), body)
        return _one(list(clauses(body, options)), options)
    if _names_another(body, options):
        return None
    first, last = (sentences(body) or [""])[0], last_sentence(body)
    if corrected := _SO_ONLY.search(last):
        first = corrected.group(1)
    if _ALL_BUT.match(first) and not any(map(negates, tokens(first))):
        told = list(clauses(_CONTRASTING.split(first, maxsplit=1)[0], options))
        sole = frozenset().union(*(clause.letters for clause in told if clause.clear))
        is_denied = any(clause.claims is False for clause in told)  # "only the hedge is unsuitable"
        if sole and sole < frozenset(options.letters) and (not is_denied or options.asks_what_is_not):
            return sole
    is_apart = is_conclusion(last) and not LIKEWISE.search(last) and not SO_IS.match(last)
    concluding = last if is_apart else body
    return _before_contrast(concluding, options) or _set(concluding, options) or _set(body, options)


def _before_contrast(body: str, options: Options) -> Letters | None:
    """The set of a sentence's main clause, where what it is set against says nothing of what was asked."""
    main, *against = _AGAINST.split(body, maxsplit=1)
    if not against or len(sentences(body)) > 1 or LIKEWISE.search(against[0]):
        return None
    return (
        None if any(clause.claims and clause.shared for clause in clauses(against[0], options)) else _set(main, options)
    )


def _without_neighbours(beside: re.Match[str], body: str, options: Options) -> str:
    """`on the shelf` for `on the shelf, between the vase and the plant`: where that is, when it is an option itself."""
    before = body[: beside.start()].splitlines()[-1:] or [""]
    is_aside = len(options.mentions(sentences(before[0])[-1] if before[0].strip() else "")[0]) == 1
    return "" if is_aside and options.mentions(beside.group())[0] else beside.group()


def _spelled_out(body: str) -> str:
    """Crosses as "not": `not B` for `✗ B` and for `B ✗`."""
    for tick, word in _TICKS:
        before, mark, _ = body.partition((tick.search(body) or [""])[0] or "\0")
        if mark and re.search(r"\w", before.splitlines()[-1] if before.splitlines() else ""):
            body = re.sub(rf"([^,;\n]{{1,80}})\s?{tick.pattern}", rf"{word}\1", body)
        body = tick.sub(word, body)
    return body


def _is_open(body: str, options: Options) -> bool:
    """Whether running text may go on: a long statement or a table without its end."""
    last = (body.splitlines() or [""])[-1].rstrip()
    is_prose = len(last.split()) > _PHRASE and bool(VERB.search(last)) and not re.search(r"[.!?)\]\"'}]$", last)
    given = options.normal(last)
    is_whole = any(text and given[-len(text) :] == text for text in options.texts.values())
    is_whole = is_whole or root((given or ("",))[-1]) in asked_roots(options)
    return (is_prose and not is_whole) or "|" in body


def _in_brackets(body: str, options: Options) -> Letters | None:
    """`Without the string it would fly away (A).`"""
    last = last_sentence(body)
    found = _BRACKETED.search(last)
    is_sure = options.single and found and not re.search(r"\bnot\b|n't\b|\bno\b|\bor\b", last)
    letter = frozenset(found.group(1)) if is_sure else frozenset()
    return letter if letter and lettering.marked(body, options.letters) == letter else None


def _declines(sentence: str, options: Options) -> bool:
    return is_refusal(sentence) and len(options.mentions(sentence)[0]) != 1


def _one(found: list[Clause], options: Options) -> Letters | None:
    """The option of the last clause that names one, where that answers best; or the one that is left over."""
    everything = frozenset(options.letters)
    denied = frozenset().union(*(clause.letters for clause in found if clause.claims is False))
    open_ = [clause for clause in found if clause.claims is not False and not clause.letters <= denied]
    if not open_:
        is_judged = all(clause.is_judged for clause in found)
        is_choice = len(everything) > 2 or _are_opposites(options)
        return everything - denied if is_judged and len(everything - denied) == 1 and is_choice else None
    ranked = [clause for clause in open_ if len(clause.letters) == 1 and clause.clear]
    if not ranked:  # "both A and B can be used": two answers where one is asked for
        stated = {clause.letters for clause in open_ if clause.claims and "or" not in tokens(clause.text)}
        is_said = len(stated) == 1 == len(open_) and VERB.search(open_[0].text)
        both = stated.pop() if is_said else frozenset()
        return both if both and both <= lettering.marked(open_[0].text, options.letters) | {"A"} else None
    last = ranked[-1]
    best = last if last.concludes and last is found[-1] else max(ranked, key=_strength)
    others = [clause for clause in open_ if not best.letters <= clause.letters]
    if best.letters & denied:
        return None
    is_best = (best is last and best.concludes) or all(
        _strength(other) < _strength(best) or (len(other.letters) > 1 and _strength(other) == _strength(best))
        for other in others  # what is said of several is no answer where one is asked for
    )
    return best.letters if is_best else None


def _are_opposites(options: Options) -> bool:
    """Whether there are two options, one the opposite of the other: what isn't open is closed."""
    one, other = ([*options.texts.values()] + [(), ()])[:2]
    return len(one) == len(other) == 1 and other[0] in ANTONYMS.get(one[0], ())


def _strength(clause: Clause) -> tuple[bool, int]:
    return bool(clause.claims), clause.shared


def _set(body: str, options: Options) -> Letters | None:
    """All options that a text's clauses claim."""
    found = list(clauses(body, options))
    everything = frozenset(options.letters)
    claims: set[str] = set()
    denials: set[str] = set()
    is_complete = "\n" not in body or frozenset().union(*(clause.letters for clause in found)) == everything
    if not _is_whole(body, options) or not (is_complete or all(clause.claims for clause in found)):
        return None  # a list of verdicts that may go on
    if any(clause.claims and clause.letters < everything for clause in found):
        found = [clause for clause in found if clause.letters != everything]  # "I see a bucket, a fork, ..."
    most = max((clause.shared for clause in found), default=0)
    for clause in found:
        words = set(tokens(clause.text))
        if (
            clause.claims
            and clause.shared < most
            and clause.shared
            and clause.has_more
            and not LIKEWISE.search(clause.text)
        ):
            continue  # "the groom looks at the bride" where it asks who looks at the camera
        if (not clause.clear and clause.claims is not False) or _UNSURE & words or _EXCEPT.search(clause.text):
            return None
        is_neither = options.asks_what_is_not and any(map(negates, words))  # "don't touch the pan or the lid"
        if clause.claims is not False and "or" in words and not is_neither and not _is_offered(clause.text, body):
            return None
        if clause.claims is False and _ALL_BUT.match(clause.text):
            claims |= everything - clause.letters
            denials |= clause.letters
        elif clause.claims is False:
            denials |= clause.letters
        elif clause.claims:
            claims |= clause.letters
        elif (LIKEWISE.search(clause.text) and "both" not in words) or (
            not STATEMENT.search(clause.text) and len(words) < _SHORT
        ):
            return None
    others = frozenset().union(*(clause.letters for clause in found if clause.claims is None))
    is_lettered = all(_BRACKETED_TEXT.search(clause.text) for clause in found)
    is_shared_out = denials and others | denials == everything and not others & denials
    if not claims and (is_lettered or len(found) == 1 or is_shared_out):
        claims |= others  # "A and C are heavy, B and D are too light"
    if (options.asks_for_oddity or _WHAT_IS.match(options.asking)) and others - claims - denials and len(found) < _FEW:
        return None  # "someone left a sofa in the lane, and there's a cow at the crosswalk"
    return frozenset(claims) if claims and not claims & denials else None


def _names_another(body: str, options: Options) -> bool:
    """Whether a bare list holds something that is no option: `a box, a trash can` where no option is a box."""
    items = [item for item in re.split(r",\s(?:and\s)?|\sand\s", body) if item.strip(" .")]
    is_bare = len(items) > 1 and len(body.split()) <= _BARE and not STATEMENT.search(_CAN.sub("", body))
    return is_bare and not all(named(item, options).letters for item in items)


def _is_offered(clause: str, body: str) -> bool:
    """Whether "or" joins what may all be chosen: `She could open the umbrella, or wait under the shelter`."""
    return bool(_ALTERNATIVES.search(clause) or (clause.startswith("or ") and _ALTERNATIVES.search(body)))


def _is_whole(body: str, options: Options) -> bool:
    """Whether a list without its full stop ends with the end of a phrase: not with "a cheese" of "a cheese grater"."""
    if body.rstrip()[-1:] in ".!)" or not (words := options.normal(body)):
        return True
    following = [text[text.index(words[-1]) + 1 :] for text in options.texts.values() if words[-1] in text]
    return not following or any(
        not rest or rest[0] in EMPTY or root(rest[0]) in asked_roots(options) for rest in following
    )


def _hedged(body: str, options: Options) -> Letters | None:
    """`It's hard to say, but most likely C.`"""
    match = _HEDGED.search(body[-300:])
    if match is None:
        return None
    return lettering.bare(match.group("what"), options.letters) or options.by_text(match.group("what"))


def _yes_or_no(body: str, options: Options) -> Letters | None:
    """Yes or no by what a text's last telling sentence says, where these are the options."""
    starting: dict[str, set[str]] = {"yes": set(), "no": set()}
    for letter, text in options.texts.items():  # "No, it is not plugged in"
        if text and text[0] in starting:
            starting[text[0]].add(letter)
    if not all(starting.values()):
        return None
    for sentence in reversed(sentences(body)):
        if is_refusal(sentence):
            return None
        said = polarity.stated(sentence) or polarity.implied(sentence, options.record["question"])
        if said:
            return frozenset(starting[said]) if len(starting[said]) == 1 else None
    return None


def _says_none(text: str, asked: set[str]) -> bool:
    first, *others = tokens(text) or [""]
    return first in ("none", "nothing", "neither", "nobody") or (
        first == "no" and bool(others) and root(others[0]) in asked
    )


def _all_opposite(sentence: str, asked: set[str]) -> bool:
    """`All windows are closed.` where it asks which are open."""
    first, *others = tokens(sentence) or [""]
    return first in ("all", "every", "each") and any(is_opposite(word, asked) for word in others)


def _none(body: str, options: Options) -> Letters | None:
    """The option that says "none" (or rejects the premise), for a first or last sentence that says so."""
    found = sentences(body)
    asked = asked_roots(options)
    if options.none and polarity.asks_yes_no(options.asking) and polarity.stated(body) == "no":
        return frozenset(options.none)
    if not found or not any(_NONE.search(part) or _all_opposite(part, asked) for part in (found[0], found[-1])):
        return None
    fitting = [letter for letter, text in options.written.items() if _says_none(text, asked)] or options.record[
        "reject_answers"
    ]
    saying = next((part for part in re.split(r",\sso\s|;\s", body) if _NONE.search(part)), body)
    others = options.mentions(saying)[0] - set(fitting)
    return frozenset(fitting) if len(fitting) == 1 and not others else None
