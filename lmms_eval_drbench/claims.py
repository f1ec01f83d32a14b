"""Which options running text claims, clause by clause: the last reader of a choice question, for prose.

A clause claims the options it names when it says of them what the question asks (it shares content words with the
question), and denies them when it holds a negation or a dismissal ("is normal", "can be ruled out"). A clause about
something else ("the mug is on the windowsill") does neither. What is claimed and denied at once is no answer.
"""

import re

from lmms_eval_drbench import letters as lettering
from lmms_eval_drbench.mentions import LIKEWISE, Letters, asked_words, is_denial
from lmms_eval_drbench.options import FUNCTION_WORDS, Options
from lmms_eval_drbench.phrases import ARTICLES, tokens
from lmms_eval_drbench.statements import is_cut_off, sentences

_MAX_CLAUSES = 60
_CLAUSES = re.compile(r";\s*|,?\s+\b(?:but|whereas|while|although|though)\b\s+|,\s+(?=(?:so|hence|thus|therefore)\b)")
_THAN = re.compile(r"\b(?:than|compared (?:to|with))\b.*$", re.IGNORECASE | re.DOTALL)
_RULED_OUT = re.compile(
    r"\b(?:ruled? out|eliminat\w+|exclud\w+|discard\w+|unsuitable|wrong|incorrect|normal|usual|ordinary|expected)\b",
    re.IGNORECASE,
)
_CONCLUDES = re.compile(r"\W*(?:so|hence|thus|therefore|in total|altogether|that makes)\b", re.IGNORECASE)
_HEDGED = re.compile(
    r"(?:^|[,;.]\s|\bbut\s|\bit's\s)(?:most likely|probably|likely)\s(?P<what>[^,;.]{1,80})\.?\s*$", re.I
)
_ELLIPSIS = re.compile(
    r"\b(?:is|are|can|could|does|do|would|will|has|have)(?:n't|not|\snot)?(?:\s(?:too|as well))?\W*$"
)
_NONE = re.compile(r"\b(?:none|neither)\s+of\b|n't\s(?:see|find|notice)\sanything\b|\bnothing\b", re.IGNORECASE)
_NONE_TEXT = re.compile(r"\W*(?:none|nothing|neither)\b", re.IGNORECASE)
_EXCEPT = re.compile(r"\b(?:except|apart|aside|besides|other than)\b", re.IGNORECASE)
_CONDITIONAL = re.compile(r"\b(?:if|otherwise|unless)\b|如果|否则", re.IGNORECASE)
_LONE_A = re.compile(r"\bA\b(?!\s(?!and\b|or\b)[a-z])")
_WORKS = frozenset(tokens("work fit suitable correct right apply do"))
_EMPTY = (
    FUNCTION_WORDS | ARTICLES | frozenset(tokens("which what who where how many much does do you see here can could"))
)


def claimed(body: str, options: Options) -> Letters | None:
    """The options that a text's clauses claim; for single choice, the only one of the clause that answers."""
    body = lettering.strip_markup(body)
    if is_cut_off(body) or options.is_restated(body) or _CONDITIONAL.search(body):
        return None
    letters = lettering.marked(body, options.letters)
    if letters and "A" not in letters and _LONE_A.search(body):  # a letter or an article: a set would lack it
        return None
    return (
        _hedged(body, options)
        or _none(body, options)
        or _by_head(body, options)
        or (_answering(body, options) if options.single else _union(body, options))
    )


def _clauses(body: str) -> list[str]:
    """Clauses without what they compare with; an enumeration's numbers dropped."""
    found = [clause for sentence in sentences(body) for clause in _CLAUSES.split(sentence)]
    return [_THAN.sub("", re.sub(r"\b\d{1,2}[).]\s", "", clause)) for clause in found if clause.strip()][-_MAX_CLAUSES:]


def _named(clause: str, options: Options) -> tuple[Letters, set[str]]:
    letters, left = options.mentions(clause)
    return letters or lettering.marked(clause, options.letters), left


def _asked(options: Options) -> set[str]:
    return {word[:6] for word in asked_words(options) - _EMPTY}


def _is_denied(clause: str, left: set[str]) -> bool:
    return is_denial(" ".join(left)) or bool(_RULED_OUT.search(clause))


def _hedged(body: str, options: Options) -> Letters | None:
    """`It's hard to say, but most likely C.`"""
    match = _HEDGED.search(body[-300:])
    return (
        (lettering.bare(match.group("what"), options.letters) or options.by_text(match.group("what")))
        if match
        else None
    )


def _none(body: str, options: Options) -> Letters | None:
    """The option that says "none" (or rejects the premise), for a first or last sentence that says so."""
    found = sentences(body)
    if not found or not any(_NONE.search(part) for part in (found[0], found[-1])):
        return None
    texts = dict(zip(options.letters, options.record["options"], strict=True))
    fitting = [letter for letter, text in texts.items() if _NONE_TEXT.match(text)] or options.record["reject_answers"]
    named = options.mentions(body)[0] - set(fitting)
    return frozenset(fitting) if len(fitting) == 1 and not named else None


def _by_head(body: str, options: Options) -> Letters | None:
    """`The fish and the tyre` for options of which only one has a fish and only one a tyre.

    Without its full stop a text may be the start of an option or of a set.
    """
    parts = [body] if options.single else re.split(r",\s*and\b|,|;|\band\b", body)
    if len(body.split()) > 12 or len(sentences(body)) != 1:
        return None
    if not body.rstrip().endswith((".", "!")):
        return None
    found: set[str] = set()
    for part in parts:
        given = set(tokens(part)) - _EMPTY
        holding = [
            letter
            for letter, text in zip(options.letters, options.record["options"], strict=True)
            if given and given <= set(tokens(text)) and not is_denial(text) and not is_denial(part)
        ]
        if len(holding) != 1:
            return None
        found.update(holding)
    return frozenset(found)


def _answering(body: str, options: Options) -> Letters | None:
    """The option of the clause that last names one, where that shares most with the question or concludes."""
    asked, ranked = _asked(options), []
    clauses = _clauses(body)
    for position, clause in enumerate(clauses):
        letters, left = _named(clause, options)
        concludes = position == len(clauses) - 1 and bool(_CONCLUDES.match(clause))
        if letters and not _is_denied(clause, left) and "?" not in clause:
            shared = len(asked & {word[:6] for word in left})
            ranked.append((concludes, shared, letters))
    if not ranked:
        return None
    *others, (concludes, shared, letters) = ranked
    is_best = concludes or shared > max((other[1] for other in others if other[2] != letters), default=0)
    return letters if len(letters) == 1 and is_best else None


def _union(body: str, options: Options) -> Letters | None:
    """All options that clauses claim; `the mug can` takes over what was said before it."""
    asked = _asked(options) | {word[:6] for word in _WORKS}
    if ";" in body or "\n" in body or len(sentences(body)) < 2 or _EXCEPT.search(body):  # clauses, not a list
        return None
    claims: set[str] = set()
    denials: set[str] = set()
    for clause in _clauses(body):
        letters, left = _named(clause, options)
        if not letters:
            continue
        if _is_denied(clause, left):
            denials |= letters
        elif {"maybe", "perhap", "might", "or"} & left and not {"either"} & left:
            return None
        elif (
            asked & {word[:6] for word in left}
            or (claims | denials and _ELLIPSIS.search(clause))
            or not (left - _EMPTY or denials)
        ):
            claims |= letters
        elif LIKEWISE.search(clause):
            return None
        if options.hints_at_another(letters, left):
            return None
    return frozenset(claims) if claims and not claims & denials else None
