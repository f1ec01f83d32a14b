"""What a text's last sentence concludes: `So the people who wear no helmet are A, D and E.`

One side of such a sentence is nothing but options, by letter or by text; the other says what the question asks for, in
the question's sense: "the wrong statements are A and C" answers "Which statements are wrong?", and not "Which are
true?". Options that come first conclude only where the sentence says so ("therefore") or where all options have been
gone through: "the mug and the bowl are on the table" may be the second of two sentences that answer.
"""

import re

from lmms_eval_drbench.answers import letters as lettering
from lmms_eval_drbench.answers.asked import EMPTY
from lmms_eval_drbench.answers.clauses import CONDITIONAL, VERB, is_of_another, is_opposite, without_mock_denial
from lmms_eval_drbench.answers.naming import Letters, asked_roots, letters_in, named
from lmms_eval_drbench.answers.options import ODD, Options, main_clause
from lmms_eval_drbench.answers.phrases import NEGATIONS, expanded, negates, root, tokens
from lmms_eval_drbench.answers.statements import (
    COPULA,
    is_conclusion,
    is_cut_off,
    paragraphs,
    sentences,
    without_connective,
)

_MAX_SENTENCE = 400
_MAX_BEFORE = 4000
"""Characters before the last sentence that are searched for options."""
_SPLIT = re.compile(
    rf"\s{COPULA}(?:\s+(?:only|just|both))?\s*:?(?=\s)(?!\snot\b)|\swith(?=\s)|:(?=\s)|\s[–—-](?=\s)", re.IGNORECASE
)
_REASON = re.compile(
    r"(?P<apart>,?\s+(?:because|since|as(?!\s+well))\b|,\s+not\b)|,?\s+(?:which|who|that)\b|,\s+(?:while|but)\b|;\s|:\s|\s[–—-]\s",
    re.IGNORECASE,
)
"""Where the explanation of an answer starts; apart: where that may name other options."""
_ASIDE = re.compile(r"\s\((?:[A-H][\s,&]{0,3}(?:and\s)?){1,8}\)|\s\((?:[^\s()]+\s){2,}[^()]*\)")
"""Letters in brackets, or an explanation."""
_CALLED = re.compile(r",\s(?:i\.e\.,?\s)?(?:which is\s)?(?:option|answer|choice)\s[(]?([A-H])\b\W*$", re.IGNORECASE)
"""`the top-right corner, option B`"""
_SEEMING = re.compile(r"\btoo \w+ to\b|\btaken (?:off|away|out)\b|\banything but\b", re.IGNORECASE)
"""`too small to be behind it` says that it isn't."""
_CLEFT = re.compile(r"\W*it(?:'s| is)\s(?P<options>.{1,200}?)\s(?:that|which|who)\s(?P<said>.+)", re.IGNORECASE)
_DENYING = (
    NEGATIONS
    | ODD
    | frozenset(
        tokens(
            "nothing nobody missing absent lack lacking contradict contradicting contradictory mismatch disagree false "
            "incorrect untrue nonexistent unsuitable rejected excluded eliminated ruled"
        )
    )
) - {"out"}
_GENERIC = {root(word) for word in EMPTY | _DENYING} | {
    root(word)
    for word in tokens(
        "object statement thing item activity people person those these they option answer choice ones one correct "
        "right true match agree agreeing fit fitting suitable describe description as exist matching following only "
        "present visible"
    )
}
"""Words that say nothing of what a question asks for, but for its sense."""
_OTHERS = frozenset(tokens("other others rest remaining first second next behind beside near under"))
"""Words that make another subject of what the question asks for."""
_BUT = re.compile(r",\s+(?:but|while|whereas)\s", re.IGNORECASE)
_ONLY = re.compile(r"\W*only\s", re.IGNORECASE)


def concluded(body: str, options: Options) -> Letters | None:
    """The options that the last sentence of a text concludes with."""
    *before, last = sentences(body) or [""]
    last = lettering.strip_markup(last).strip()
    if before and (alone := lettering.bare(last, options.letters)) and len(alone) == 1 and options.single:
        return alone
    if _SEEMING.search(last) or len(last) > _MAX_SENTENCE or "?" in last or CONDITIONAL.search(last):
        return None
    sentence, is_sure = without_connective(last), is_conclusion(last)
    if is_cut_off(body):  # of one that was cut off, only an option's whole text can be trusted
        return _at_the_end(sentence, options, is_sure, is_whole=False) if options.single else None
    if cleft := _CLEFT.match(sentence):
        found = listed(cleft.group("options"), options)
        return found if found and _is_asked(cleft.group("said"), options, is_sure) else None
    for part in dict.fromkeys((sentence, _BUT.split(sentence)[-1] if options.single else sentence)):
        if found := _at_the_end(part, options, is_sure):
            return found
    if only := _ONLY.match(sentence):
        sentence, is_sure = sentence[only.end() :], True
    named_before = named("\n".join(before)[-_MAX_BEFORE:], options).letters
    is_summary = named_before == frozenset(options.letters) and len(paragraphs(body)[-1]) == 1 < len(paragraphs(body))
    found = _at_the_start(sentence, options, is_sure) if is_sure or not named_before or is_summary else None
    return found or (_stated(sentence, options) if is_sure and not options.single else None)


def _stated(sentence: str, options: Options) -> Letters | None:
    """The letters of a conclusion of any other form: `she can reach A and B without standing up`."""
    is_plain = not any(map(negates, tokens(expanded(without_mock_denial(sentence))))) and " or " not in sentence
    if not is_plain or options.asks_for_denial or options.mentions(sentence)[0]:
        return None
    return letters_in(sentence, options) or None


def _at_the_end(sentence: str, options: Options, is_sure: bool, is_whole: bool = True) -> Letters | None:
    """The options of `the wrong statements are A and C`."""
    for split in _SPLIT.finditer(sentence):
        subject, predicate = sentence[: split.start()], sentence[split.end() :]
        if options.names_more(subject, frozenset()):
            return None
        if options.asks_what_is_wrong and tokens(subject)[-1:] == ("there",):  # "there is indeed one shelf"
            continue
        found = listed(predicate, options) if is_whole else options.by_line(predicate)
        if found and "n't" not in split.group() and _is_asked(subject, options, is_sure):
            return frozenset(found)
    return None


def _at_the_start(sentence: str, options: Options, is_sure: bool) -> Letters | None:
    """The options of `A and C are the wrong statements`, and of a sentence that is nothing but several options."""
    if not options.single and (found := listed(sentence, options)):
        return found
    for space in re.finditer(r"\s(?=\w)", sentence):
        head, said = sentence[: space.start()], sentence[space.end() :]
        is_article = head == "A" and not VERB.match(said)
        if is_article or options.names_more(said, frozenset()) or not _starts_predicate(said, options):
            continue
        if found := _listed(head, options):
            return found if _is_asked(said, options, is_sure) else None
    return None


def listed(phrase: str, options: Options) -> Letters | None:
    """The options that a phrase is, by letter, by text or both, possibly with a reason: `C. a fork, because ...`."""
    if options.contradicts(phrase):
        return None
    if found := _listed(phrase, options):
        return found
    if (end := _REASON.search(phrase)) is None or (found := _listed(phrase[: end.start()], options)) is None:
        return None
    return None if not end.group("apart") and options.names_more(phrase[end.end() :], found) else found


def _listed(text: str, options: Options) -> Letters | None:
    if (called := _CALLED.search(text)) and called.group(1) in options.letters and options.single:
        return (
            None
            if options.names_more(text[: called.start()], frozenset(called.group(1)))
            else frozenset(called.group(1))
        )
    for phrase in dict.fromkeys((text, _ASIDE.sub("", text))):
        if by_text := options.by_text(phrase):
            return None if lettering.marked(text, options.letters) - by_text else by_text
        if found := lettering.bare(phrase, options.letters) or options.by_line(phrase):
            return frozenset(found)
    return None


def _starts_predicate(text: str, options: Options) -> bool:
    first = (tokens(text) or ("",))[0]
    return bool(VERB.match(text)) or root(first) in asked_roots(options) or first in _DENYING


def _is_asked(said: str, options: Options, is_sure: bool) -> bool:
    """Whether what is said of options is what the question asks for, in its sense."""
    if options.single and is_of_another(said, options):
        return False
    asked = asked_roots(options)
    given = tokens(expanded(said))
    questions = [
        tokens(expanded(text)) for text in (main_clause(options.record["question"]), options.record["question"])
    ]
    senses = {_denies(question, set()) for question in questions}
    if _OTHERS & set(given) - set(questions[1]) or _denies(given, asked) not in senses:
        return False
    content = {root(word) for word in given} - _GENERIC
    return is_sure or not content or not asked - _GENERIC or bool(content & asked)


def _denies(words: tuple[str, ...], asked: set[str]) -> bool:
    """Whether a phrase denies; two denials cancel each other ("does not contradict")."""
    return sum(word in _DENYING or is_opposite(word, asked) for word in words) % 2 == 1
