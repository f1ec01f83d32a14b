"""Running text as clauses, and what each says of the options it names: that they answer, that they don't, or neither.

A clause claims the options it names when it says of them what the question asks (it shares content words with the
question) or approves of them, and denies them when it holds a negation or a dismissal ("is normal", "can be ruled
out"). A clause about something else ("the mug is on the windowsill") does neither. `The mug can`, `so is the mug` take
over what the clause before said; `the others` and `these two` name what was or wasn't named before.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from lmms_eval_drbench.answers import chinese
from lmms_eval_drbench.answers.naming import EMPTY, Letters, asked_roots, leading_thing, named, reference, subject_roots
from lmms_eval_drbench.answers.options import Options
from lmms_eval_drbench.answers.phrases import ANTONYMS, expanded, negates, root, tokens, vocabulary
from lmms_eval_drbench.answers.statements import sentences, unconditional

_MAX_CLAUSES = 60
_MAX_SENTENCE = 1000
_BREAK = re.compile(
    r",\s+with\s+(?=(?:the|an?|two|both)\s[^,;.]{1,60}\b(?:farther|further|behind|back|beside|away|lower|higher)\b)|"
    r";\s*|,?\s+\b(?:but|whereas|while|although|though|however|yet|because|since)\b,?\s+|"
    r",\s+(?=(?:so|hence|thus|therefore|only|making|leaving)\b)|\s+(?=in order to\b)|"
    r",?\s+(?=(?:rather than|instead of|as opposed to|in contrast to|unlike|than)\b)|"
    r",?\s+(?:and\s+)?(?=(?:so|neither|nor)\s(?:is|are|was|can|could|do|does|did|would|has|have)\b)|,\s+as\s(?!well)|"
    r",\s+(?=(?:and\s|but\s|with\s)?(?:certainly\s|definitely\s)?(?:not|no|without)\b)|\s(?=\(not\b)",
    re.IGNORECASE,
)
_PARENTHESIS = re.compile(r",\s(?:however|though|therefore|of course|indeed|instead),(?=\s)", re.IGNORECASE)
_AMONG = re.compile(
    r"^\W*(?:between|among|out of|of)\s(?:the (?:two|three|four|options)|these|them|[A-H])\b[^,;.]{0,30},\s+",
    re.IGNORECASE,
)
_NOT_THIS = re.compile(r"^(\W*not\s[^,;:]{1,100}),\s+(?!and\b|or\b|not\b)", re.IGNORECASE)
_LABEL = re.compile(r"(?<=[\w)\]\"']):\s+|\s[–—-]\s")
_JOINT = re.compile(r"(,\s+(?:and\s+)?|\s+and\s+)")
VERB = re.compile(
    r"\b(?:is|are|was|were|has|have|had|can|cannot|could|do|does|did|will|would|should|must|may|might|shows?|lies?|"
    r"stands?|sits?|hangs?|holds?|wears?|contains?|fits?|works?|looks?|seems?|appears?|touch(?:es)?|indicates?|"
    r"explains?|cross(?:es)?|belongs?|remains?)\b|n't\b|\b(?:it|he|she|that|there|they|this)'(?:s|re)\b",
    re.IGNORECASE,
)
"""Verbs that make a statement of a clause; those of the question are known by its words."""
STATEMENT = re.compile(rf"{VERB.pattern}|{_LABEL.pattern}|[({chinese.CHARACTER}]", re.IGNORECASE)
"""What tells a statement about an option from a mere phrase."""
_CHINESE_JOINT = re.compile(rf"[,;]\s?(?=[{chinese.CHARACTER}]|[A-H]\s?[{chinese.CHARACTER}])")
_NOT_DENYING = re.compile(
    r"\b(?:no (?:other|doubt|one else)|nothing else|"
    r"not (?:only|where|how|what|sure|certain|entirely|hard|difficult))\b",
    re.IGNORECASE,
)
_LACKING = re.compile(
    r"(?<!\bis )(?<!\bare )(?<!\bwas )(?:\bwithout\b|\bwith no\b)[^,;.]*|"
    r"\bso \w+ that\b[^,;.]*|\bwhere\b[^,;.]{0,60}(?:\bnot|n't)\b[^,;.]*",
    re.IGNORECASE,
)
"""`floats without any support` says that it floats."""
DISMISSED = re.compile(
    r"\b(?:ruled? out|eliminat\w+|exclud\w+|discard\w+|reject\w*|unsuitable|unsafe|wrong|incorrect|false|normal|usual|"
    r"ordinary|expected|common|bad|poor|useless|unlikely|impossible|irrelevant|absent|missing|elsewhere|"
    r"too \w+|(?<!no )other (?:materials?|things?|colou?rs?|places?|objects?|purposes?)|different|"
    r"anything but|taken (?:off|away|out)|something else)\b|太|正常|排除|错误"
    r"|\bwhere (?:you|one|we)(?:'d| would) expect\b|\b(?:in|at) (?:its|their) (?:usual|proper|right) places?\b",
    re.IGNORECASE,
)
_CONTRAST = re.compile(r"\W*(?:rather than|instead of|as opposed to|in contrast to|unlike)\b", re.IGNORECASE)
_NO_SUBJECT = re.compile(
    r"\W*(?:is|are|was|has|have|can|cannot|could|does|do|would|will)(?:n't|\snot)?\b(?!\s(?:it|there|the)\b)",
    re.IGNORECASE,
)
"""`but does not block it` speaks of what the clause before it named."""
_SINCE = re.compile(r"^\W*(?:since|because|as)\s", re.IGNORECASE)
_COMPARED = re.compile(
    r"^\W*(?:(?:so|therefore|thus|hence)\b,?\s)?(?:compared (?:with|to)|relative to|in comparison (?:with|to))"
    r"[^,;]*,\s",
    re.I,
)
_DENYING_REASON = re.compile(r",\s(?:because|since|as)\s(?=[^,;.\n]*(?:\bnot|n't)\b)[^,;.\n]*", re.IGNORECASE)
"""`, as shoes aren't kept on a table`: why it is so, not that it isn't."""
_COMPARATIVE = re.compile(
    r"\b(?:nearer|closer|farther|further|higher|lower|taller|shorter|larger|smaller)\b", re.IGNORECASE
)
_RELATIVE = re.compile(r"(?<=\w),\s+(?:which|who)\b[^;]*")
"""`not the roof box, which is too high` says of the roof box only that it isn't."""
_THAN = re.compile(r"\W*than\b", re.IGNORECASE)
_CONCLUDES = re.compile(
    r"\W*(?:so|hence|thus|therefore|in total|altogether|that makes|making|leaving|only(?! (?:a|one|two|some)\b))\b",
    re.IGNORECASE,
)
_SUPERLATIVE = re.compile(r"\b(?:most|least|best|worst|\w{3,12}est|even \w{3,12}er)\b|最", re.IGNORECASE)
_ELLIPSIS = re.compile(
    r"\b(?:is|are|was|can|could|does|do|did|would|will|has|have)(?P<no>n't|not|\snot)?"
    r"(?:\s(?:too|also|as well|either))?\W*$",
    re.IGNORECASE,
)
SO_IS = re.compile(
    r"\W*(?:and\s)?(?:so|(?P<no>neither|nor))\s(?:is|are|was|can|could|does|do|did|would|has|have)\b", re.IGNORECASE
)
_CONVERSES = tuple(
    frozenset(vocabulary(pair))
    for pair in (
        "left right",
        "above below",
        "front behind",
        "nearer farther",
        "higher lower",
        "taller shorter",
        "larger smaller",
    )
)
_TO_THE_RIGHT = re.compile(
    r"\b(?:to|on|at|from) the (?:far |lower |upper )?right\b|\bright (?:side|half|corner|edge|of)\b", re.I
)
_NORMAL = re.compile(r"\b(?:normal|usual|ordinary|expected|common|fine|typical)\b", re.IGNORECASE)
_TURNED = {"left": "right", "right": "left"}
_BESIDE_THEM = re.compile(
    r"^\W*(?:and\s)?(?:next to|beside|near|behind) (?:it|them)\b|"
    r"\b(?:beside|near|with|alongside|next to) (?:them|these|those)\W*$",
    re.IGNORECASE,
)
"""`a bicycle lies beside them`: what was said of them goes for it, too."""
_OTHERS = re.compile(r"\bthe (?:others?|rest|remaining)\b|\ball others\b|其[他余它]", re.IGNORECASE)
_THESE = re.compile(
    r"\W*(?:(?:so|and|hence|thus|therefore),?\s)?(?:these|those|they|both|all (?:of )?(?:these|of them))\b",
    re.IGNORECASE,
)
_OF_THESE = re.compile(
    r"\b(?:(?P<both>both)(?: of (?:them|these|those))?|all of (?:them|these|those))\W*$", re.IGNORECASE
)
MISSING = re.compile(r"\b(?:missing|lack(?:s|ing)?|absent)\b", re.IGNORECASE)
CONDITIONAL = re.compile(r"(?<!as )\b(?:if|otherwise|unless)\b|如果|否则", re.IGNORECASE)
_BARE = EMPTY | frozenset(
    tokens(
        "there i we see seen find found visible present notice both also too all lie lying stand standing sit sitting "
        "hang hanging parked been only just "
        "these following and first second third finally shown show contain include it they say think believe must "
        "would should most likely farther over probably clearly definitely indeed actually here"
    )
)
"""Words that say no more of an option than that it is there."""
_APPROVED = {
    root(word)
    for word in tokens("work fit suitable correct right apply good fine okay match qualify best remain left choice")
}


class Clause(NamedTuple):
    """What one clause says.

    letters: the options it names. claims: True where it says of them what was asked, False where it denies that, None
    where it speaks of something else. shared: words that it shares with the question. is_judged: whether it says
    anything that bears on the question. has_more: whether it says more than the question asks. concludes: whether it
    draws a conclusion. clear: see `Named`.
    """

    text: str
    letters: Letters
    claims: bool | None
    shared: int
    is_judged: bool
    has_more: bool
    concludes: bool
    clear: bool


def clauses(body: str, options: Options) -> Iterator[Clause]:
    """The clauses that name options or take over what was said of some, in order."""
    asked, known_place = asked_roots(options), reference(options)
    seen: Letters = frozenset()
    before: Letters = frozenset()
    predicate: bool | None = None
    claims: bool | None = None
    parts = _split(body, options)
    loosely = not any(named(text, options).letters for text in parts)
    for text in parts:
        letters, left, clear = named(text, options, loosely)
        if options.single and not letters and not named(text, options, loosely=True).letters:
            letters = options.by_core(text) or letters
        roots = {root(word) for word in left}
        shared = len(roots & asked)
        known = False if predicate is None and options.asks_for_oddity else None if before else True
        own = {word for letter in letters for word in options.texts.get(letter, ())}
        known = predicate if predicate is not None else known
        said, negated, is_inherited = _said(text, left, roots, asked, known, own)
        if said and options.asks_what_is_wrong and (roots & _APPROVED or "indeed" in left):  # "B is correct"
            said = False
        if _OTHERS.search(text) and not letters:
            letters = frozenset(options.letters) - seen
        elif _THESE.match(text) and not letters and said:
            letters = seen
        elif (these := _OF_THESE.search(text)) and not letters and said:
            letters = frozenset() if these.group("both") and len(seen) != 2 else seen
        elif not letters and _NO_SUBJECT.match(text):
            letters = before
        if not letters and not is_inherited:
            if said is not None:
                predicate = said
            continue
        if _THAN.match(text) or _CONTRAST.match(text):
            claims = not claims if claims is not None else False
        else:
            claims = None if said is None and not negated else (said is not False) != negated
            predicate = said if said is not None else (True if negated else None)
        seen |= letters
        before = letters
        if options.single and claims and letters <= known_place:  # "the book is to the right of the mug"
            continue
        if options.single and is_of_another(text, options):  # "the shelf is below" where it asks about the clock
            is_compared = roots & subject_roots(options)[0] or _COMPARATIVE.search(text)
            if not claims or not is_compared or not _are_converses(options):
                continue
            letters = frozenset(options.letters) - letters
        if (
            options.asks_what_is_not
            and claims is not None
            and not MISSING.search(text)
            and (negated or is_inherited or (VERB.search(text) and (shared or not any(map(negates, tokens(body))))))
        ):
            claims = False if _NORMAL.search(text) and not negated else not claims  # a phrase alone is the answer
        is_more = any(word.endswith("er") and len(word) > 4 and root(word) in asked for word in left)  # "taller"
        concludes = bool(_CONCLUDES.match(text) or _SUPERLATIVE.search(text)) or is_more
        has_more = bool({root(word) for word in set(left) - _BARE} - asked - _APPROVED)
        yield Clause(text, letters, claims, shared, said is not None, has_more, concludes, clear)


def _are_converses(options: Options) -> bool:
    """Whether there are two options, one the converse of the other: what is left of a thing has it on its right."""
    texts = [set(text) for text in options.texts.values()]
    return len(texts) == 2 and any(len(pair & (texts[0] ^ texts[1])) == 2 for pair in _CONVERSES)


def is_of_another(text: str, options: Options) -> bool:
    """Whether a clause's subject is another thing of the question than the one that it asks about."""
    one, others = subject_roots(options)
    text = _COMPARED.sub("", _SINCE.sub("", text))
    verb = VERB.search(text)
    head, rest = (text[: verb.start()], text[verb.end() :]) if verb else (text, "")
    subject = {root(word) for word in leading_thing(head, options) or leading_thing(rest, options)}
    return bool(subject & others) and not subject & one


def _split(body: str, options: Options) -> list[str]:
    """The clauses of a text, in order; a comma or "and" ends one where both sides have a verb of their own."""
    found: list[str] = []
    body = body if options.single else _DENYING_REASON.sub("", body)
    for sentence in sentences(body)[-_MAX_CLAUSES:]:
        sentence = unconditional(sentence)
        if len(sentence) > _MAX_SENTENCE or "?" in sentence or CONDITIONAL.search(sentence):
            continue
        sentence = _AMONG.sub("", sentence, count=1)
        sentence = _PARENTHESIS.sub("", re.sub(r"(?:^|(?<=[,;:]\s))\d{1,2}[).]\s", "", sentence))
        for clause in _BREAK.split(_NOT_THIS.sub(r"\1; ", sentence)):
            for part in _unlabelled(clause, options):
                found += _joined(part)
    if options.single or all("(" in clause for clause in found):
        found = [part for clause in found for part in _apart(clause, options)]
    return [clause for clause in found if clause.strip(" .,:;!")][-_MAX_CLAUSES:]


def _apart(clause: str, options: Options) -> list[str]:
    """`a hammer on the wall`, `a screwdriver next to the vise` of a clause that lists several and where each is."""
    pieces = [piece for piece in re.split(r",\s+(?:and\s+)?", clause) if piece.strip()]
    own = [named(piece, options) for piece in pieces]
    is_list = len(pieces) > 1 and all(len(one.letters) == 1 for one in own)
    return pieces if is_list and all(set(one.left) - _BARE for one in own) else [clause]


def _unlabelled(clause: str, options: Options) -> list[str]:
    """What stands around colons and dashes; `B: on the table`, `Out: B` are one clause."""
    found, start = [], 0
    for match in _LABEL.finditer(clause):
        head = clause[start : match.start()]
        if len(head.split()) > 2 and set(named(head, options).left) - EMPTY:
            found.append(head)
            start = match.end()
    return [*found, clause[start:]]


def _joined(clause: str) -> list[str]:
    pieces = _JOINT.split(clause)
    found = [pieces[0]]
    has_verb = [bool(VERB.search(piece)) for piece in pieces]
    for index in range(2, len(pieces), 2):
        joint, piece = pieces[index - 1 : index + 1]
        is_next = has_verb[index] or (joint.startswith(",") and any(has_verb[index:]))
        if VERB.search(found[-1]) and is_next:
            found.append(piece)
        else:
            found[-1] += joint + piece
    return [part for piece in found for part in _CHINESE_JOINT.split(piece)]


def without_mock_denial(text: str) -> str:
    """`text` without negations that deny nothing of what it says: `no doubt`, `without any support`."""
    return _LACKING.sub("", _NOT_DENYING.sub("", text))


def _said(
    text: str, left: tuple[str, ...], roots: set[str], asked: set[str], predicate: bool | None, own: set[str]
) -> tuple[bool | None, bool, bool]:
    """(what a clause's predicate says without its negation, whether it is negated, whether it is taken over).

    own: the words of the options that it names; `missing` dismisses nothing where an option says so.
    """
    if (elliptic := SO_IS.match(text) or _ELLIPSIS.search(text)) is not None:
        return predicate, bool(elliptic.group("no")), True
    if predicate and _BESIDE_THEM.search(text) and not any(map(negates, tokens(expanded(text)))):
        return predicate, False, True
    main = _RELATIVE.sub("", text)
    text = without_mock_denial(main if any(map(negates, tokens(expanded(main)))) else text)
    plain = tokens(expanded(text))
    negated = any(negates(word) for word in left if word in plain) and not _NOT_DENYING.fullmatch(text)
    dismissal = DISMISSED.search(text)
    if dismissal and dismissal.group().lower() not in own and root(dismissal.group().lower()) not in asked:
        return False, negated, False
    if any(is_opposite(word, asked) for word in left):
        return False, negated, False
    approved = _APPROVED - {"right"} if _TO_THE_RIGHT.search(text) else _APPROVED
    if roots & (asked | approved) or not {word for word in left if not word.isdigit()} - _BARE:
        return True, negated, False
    return None, negated, False


def is_opposite(word: str, asked: set[str]) -> bool:
    """Whether a word says the opposite of one of the question's: `unsafe`, `closed` where it asks what is open."""
    if word in ("on", "off", "near"):  # mostly prepositions
        return False
    if word in _TURNED and _TURNED[word] in asked and word not in asked:
        return True
    if any(root(other) in asked for other in ANTONYMS.get(word, ())):
        return root(word) not in asked
    return word.startswith(("un", "in", "im")) and len(word) > 5 and root(word[2:]) in asked
