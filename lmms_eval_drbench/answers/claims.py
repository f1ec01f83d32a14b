"""Which options running text claims: the last reader of a choice question, for prose.

What a text's clauses say (`clauses`) is weighed: for single choice, the clause that answers best or concludes, or the
only option that is not ruled out; for a set, all that is claimed. What is claimed and denied at once is no answer.
"""

import re

from lmms_eval_drbench.answers import letters as lettering
from lmms_eval_drbench.answers import polarity
from lmms_eval_drbench.answers.clauses import STATEMENT, VERB, Clause, clauses, is_opposite
from lmms_eval_drbench.answers.naming import EMPTY, Letters, asked_roots, named
from lmms_eval_drbench.answers.options import Options
from lmms_eval_drbench.answers.phrases import ANTONYMS, root, tokens
from lmms_eval_drbench.answers.statements import LIKEWISE, is_cut_off, is_refusal, sentences

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
    r"\b(?:none|neither)\s+of\b|n't\s(?:see|find|notice)\sanything\b|\b(?:nothing|nobody|no one)\b", re.IGNORECASE
)
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
    if options.single and ALTERNATIVE.search(body):
        return None
    if _RANGE.search(body) or _declines((sentences(body) or [""])[-1], options):
        return None
    body = _spelled_out(body)
    if letter := _in_brackets(body, options):
        return letter
    letters = named(body, options).letters
    if letters and "A" not in letters and _LONE_A.search(body):  # a letter or an article: a set would lack it
        return None
    if early := _none(body, options) or _yes_or_no(body, options):
        return early
    if options.single and (part := options.by_part(body)):
        return part
    found = list(clauses(body, options))
    return _one(found, options) if options.single else _set(body, found, options)


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
    last = (sentences(body) or [""])[-1]
    found = _BRACKETED.search(last)
    is_sure = options.single and found and not re.search(r"\bnot\b|n't\b|\bno\b|\bor\b", last)
    letter = frozenset(found.group(1)) if is_sure else frozenset()
    return letter if letter and lettering.marked(body, options.letters) == letter else None


def _declines(sentence: str, options: Options) -> bool:
    return is_refusal(sentence) and not options.mentions(sentence)[0]


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


def _set(body: str, found: list[Clause], options: Options) -> Letters | None:
    """All options that clauses claim."""
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
        if clause.claims and clause.shared < most and clause.shared and clause.has_more:
            continue  # "the groom looks at the bride" where it asks who looks at the camera
        if (not clause.clear and clause.claims is not False) or _UNSURE & words or _EXCEPT.search(clause.text):
            return None
        if clause.claims is not False and "or" in words and not _ALTERNATIVES.search(clause.text):
            return None
        if clause.claims is False and _ALL_BUT.match(clause.text):
            claims |= everything - clause.letters
            denials |= clause.letters
        elif clause.claims is False:
            denials |= clause.letters
        elif clause.claims:
            claims |= clause.letters
        elif LIKEWISE.search(clause.text) or not STATEMENT.search(clause.text):
            return None
    others = frozenset().union(*(clause.letters for clause in found if clause.claims is None))
    is_lettered = all(_BRACKETED_TEXT.search(clause.text) for clause in found)
    is_shared_out = denials and others | denials == everything and not others & denials
    if not claims and (is_lettered or len(found) == 1 or is_shared_out):
        claims |= others  # "A and C are heavy, B and D are too light"
    return frozenset(claims) if claims and not claims & denials else None


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
    by_text = {" ".join(text): letter for letter, text in options.texts.items()}
    if not {"yes", "no"} <= by_text.keys():
        return None
    for sentence in reversed(sentences(body)):
        said = polarity.stated(sentence) or polarity.implied(sentence, options.record["question"])
        if said:
            return frozenset(by_text[said])
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
    if not found or not any(_NONE.search(part) or _all_opposite(part, asked) for part in (found[0], found[-1])):
        return None
    texts = dict(zip(options.letters, options.record["options"], strict=True))
    fitting = [letter for letter, text in texts.items() if _says_none(text, asked)] or options.record["reject_answers"]
    others = options.mentions(body)[0] - set(fitting)
    return frozenset(fitting) if len(fitting) == 1 and not others else None
