"""Reading options by their texts: which of them a statement in free words claims, and which it denies."""

import re

from lmms_eval_drbench import letters as lettering
from lmms_eval_drbench.options import FUNCTION_WORDS, ODD, Options
from lmms_eval_drbench.phrases import NEGATIONS, tokens
from lmms_eval_drbench.statements import is_conclusion, is_cut_off, sentences

Letters = frozenset[str]

NOT_THE_OTHER = re.compile(
    r",\s+(?:and |but )?not\b|\s\(\s?not\b|\brather than\b|\binstead of\b|[,;]\s?而?(?:不是|并非|没有|不选)",
    re.IGNORECASE,
)
CONTRAST = re.compile(
    rf"{NOT_THE_OTHER.pattern}|[,;]\s+(?:while|whereas|but|although|though)\b|\bwhile\b|[,;]\s?(?:而|但)",
    re.IGNORECASE,
)
LIKEWISE = re.compile(r"\b(?:also|as well|both|either)\b|\btoo\W*$|也", re.IGNORECASE)
_NOT_THIS_BUT = re.compile(
    r"(?:\bnot|n't)\s(?P<denied>[^.;\n]{1,100}?)(?:,?\s+but(?:\s+rather)?|,)\s+(?P<rest>.+)$", re.IGNORECASE
)
_ENDS_DENYING = re.compile(r"(?:n't|\bcannot|\bnot)\W*$")
_OPEN_ENDS = frozenset({"maybe", "possibly", "perhaps", "might", "something", "else"})
"""Words after which a set may go on: `grapes and maybe cherries`."""
SHORT = 300
"""Up to this length a text is one statement; in a longer one only its concluding sentence can name the answer."""


def mentioned(body: str, options: Options) -> Letters | None:
    """Option texts that a short statement (or the concluding sentence of a long one) names without denying any."""
    if is_cut_off(body):
        return None
    last = (sentences(body) or [""])[-1]
    if is_conclusion(last):
        body = last
    elif len(body) > SHORT:
        return None
    claimed = _claimed(lettering.strip_markup(body), options)
    return claimed or (_asked_for(body, options) if options.single else None)


def _asked_for(body: str, options: Options) -> Letters | None:
    """What the only sentence that holds all of the question's words claims."""
    content = asked_words(options) - FUNCTION_WORDS
    found = [sentence for sentence in sentences(body) if content <= set(tokens(sentence)) and "?" not in sentence]
    return _claimed(found[0], options) if len(content) > 1 and len(found) == 1 else None


def _claimed(body: str, options: Options) -> Letters | None:
    claim = CONTRAST.split(body, maxsplit=1)
    if len(claim) == 2 and _names_another(*claim, options):  # "a spoon, not a fork"
        if LIKEWISE.search(claim[1]):
            return None
        body = claim[0] if options.mentions(claim[0])[0] else claim[1]
    denial = _NOT_THIS_BUT.search(body)
    if denial and options.mentions(denial.group("denied"))[0] and options.mentions(denial.group("rest"))[0]:
        body = denial.group("rest")
    parts = body.split(";")
    body = ";".join(part for part in parts if not _ENDS_DENYING.search(part)) or body
    naming = [part for part in parts if options.mentions(part)[0]]
    if len(naming) > 1 and all(re.search(r"\b(?:is|are|holds?|contains?|stands?|lies?)\b", part) for part in naming):
        asked = [part for part in naming if asked_words(options) & set(tokens(part))]
        body = asked[0] if len(asked) == 1 else body
    body = _before_denial(body, options)
    found, left = options.mentions(body)
    if not found and options.single:
        found = options.by_core(body) or frozenset()
    if not options.single and left & _OPEN_ENDS:
        return None
    is_denied = any(word in NEGATIONS or word.endswith("n't") for word in left)
    unsure = (
        options.is_restated(body)
        or options.hints_at_another(found, left)
        or (len(found) > 1 and (options.single or left & {"or", "或"} or _in_several_sentences(body, options)))
    )
    return None if not found or is_denied or unsure else found


def _names_another(claim: str, contrast: str, options: Options) -> bool:
    found = options.mentions(claim)[0]
    others, left = options.mentions(contrast)
    return bool(others) or (bool(found) and options.hints_at_another(found, left))


def _before_denial(body: str, options: Options) -> str:
    """`the lamp and the cup are there` of `the lamp and the cup are there, the keyboard isn't`."""
    parts = re.split(r"([,;]\s*)", body)
    for index in range(2, len(parts), 2):
        if options.mentions(parts[index])[0] and is_denial(parts[index]):
            claim = "".join(parts[: index - 1])
            rest = "".join(parts[index:])
            is_likewise = LIKEWISE.search(rest) or not options.mentions(claim)[0] or is_denial(claim)
            return body if is_likewise else claim
    return body


def _in_several_sentences(body: str, options: Options) -> bool:
    """Whether options are named in more than one sentence: each may say something else of them."""
    return sum(bool(options.mentions(sentence)[0]) for sentence in sentences(body)) > 1


def asked_words(options: Options) -> set[str]:
    """The question's words; all words for something odd where it asks for one of them."""
    asked = set(tokens(options.record["question"])) - {"is", "are", "which", "what", "of", "in", "on"}
    return asked | ODD if options.asks_for_oddity else asked


def is_denial(sentence: str) -> bool:
    return any(word in NEGATIONS or word.endswith("n't") for word in tokens(sentence))
