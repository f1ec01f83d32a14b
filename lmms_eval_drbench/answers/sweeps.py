"""Answers that take all options, or all but some: `All except B.`, `Everything but the hammock`, `A, B, C except B`."""

import re

from lmms_eval_drbench.answers import letters as lettering
from lmms_eval_drbench.answers.options import Options
from lmms_eval_drbench.answers.phrases import FUNCTION_WORDS, NEGATIONS, negates, vocabulary

_ALL_BUT = re.compile(
    r"^\W*(?:all|every(?:thing|one)?|each|any(?:thing)?)\b(?P<scope>[^.,:;\n]{0,60}?),?\s+"
    r"(?:except|but|besides|apart from|aside from|other than|excluding|with the exception "
    r"of)\b(?:\s+for)?\s+(?P<out>[^.:;\n–—]{1,120})",
    re.IGNORECASE,
)
_WITHIN = re.compile(r"\b(?:all|every(?:thing|one)?|any(?:thing)?)\b", re.IGNORECASE)
_SOME_BUT = re.compile(
    r"^(?P<kept>[^.:;\n]{1,60}?)\s(?:except|but not|without|excluding|minus)\s(?P<out>[^.:;\n]{1,60})\W*$",
    re.IGNORECASE,
)
_NONE_BUT = re.compile(
    r"^\W*(?:nobody|no one|none(?: of (?:them|these))?|nothing)\s"
    r"(?:except|but|other than|besides|apart from)\s(?:for\s)?(?P<out>[^.:;,\n]{1,80})",
    re.IGNORECASE,
)
_EVERY = frozenset({"all", "every", "each", "everyone", "everybody", "everything"})
_EVERY_START = re.compile(rf"\W*(?:{'|'.join(sorted(_EVERY))})\b", re.IGNORECASE)
_ALL_OF = re.compile(
    r"^\W*(?:all|every(?:one|body|thing)?|each)\b(?P<scope>[^.,:;\n]{0,60}?)\s(?:are|is|can|could|would|may|do|does|have|has|apply|"
    r"applies|fit|fits|work|works|"
    r"match|matches|qualify|qualifies|appear|appears|stand|lie|hang|sit|belong|look|seem)\b(?P<rest>[^.;\n]{0,120})",
    re.IGNORECASE,
)
_REASON = re.compile(r"^\W*(?:since|because|as|so)\b[^,]{1,200},\s(?=all\b|every)", re.IGNORECASE)
_SCOPE = frozenset(
    vocabulary(
        "of them these those above option choice answer item object thing statement listed given 4 5 3 6 one "
        "other is are can be shown provided"
    )
)
_FITTING = frozenset(
    vocabulary(
        "correct right true visible present suitable valid possible apply fit work match qualify applicable "
        "seen shown used there"
    )
)
_TRUE = frozenset({"true", "correct", "right", "accurate"})


def swept(sentence: str, options: Options) -> frozenset[str] | None:
    """The letters of `all except B`, `everything but the hammock`, `all options are correct`."""
    everything = frozenset(options.letters)
    sentence = _REASON.sub("", sentence)
    if options.all and _EVERY_START.match(sentence):
        return frozenset(options.all)
    said = set(options.normal(sentence))
    is_true = bool(_TRUE & said) and not any(word in NEGATIONS - {"except"} or word.endswith("n't") for word in said)
    scope = _SCOPE | set(options.normal(options.record["question"]))
    if (some := _SOME_BUT.match(sentence)) is not None:
        kept, out = (lettering.bare(some.group(name), options.letters) for name in ("kept", "out"))
        if kept and out:
            return kept - out or None
    match = _ALL_BUT.match(sentence)
    within = None if match else _WITHIN.search(sentence)
    if within and set(options.normal(sentence[: within.start()])) <= scope:  # "A guest can sit on everything but ..."
        match = _ALL_BUT.match(sentence[within.start() :])
    if match:
        out = re.match(r"\W*(?:options?\s)?((?:[A-H]\b[\s,&、]*(?:and\s|or\s)?(?:options?\s)?)+)", match.group("out"))
        left_out = frozenset(re.findall(r"\b[A-H]\b", out.group(1))) if out else options.mentions(match.group("out"))[0]
        is_whole = set(options.normal(match.group("scope"))) <= scope | _FITTING
        if options.asks_what_is_false and is_true:  # "all but B are correct"
            return left_out or None
        if options.single:  # "everything but the stove would melt" singles it out
            return left_out if len(left_out) == 1 and is_whole else None
        return (everything - left_out or None) if left_out and left_out < everything and is_whole else None
    if (but := _NONE_BUT.match(sentence)) is not None:
        return lettering.bare(but.group("out"), options.letters) or options.mentions(but.group("out"))[0] or None
    if options.asks_what_is_false and _EVERY_START.match(sentence) and is_true:
        return frozenset(options.none or "") or None  # "All statements are correct."
    if (
        set(options.normal(sentence)) <= scope | _FITTING | FUNCTION_WORDS | _EVERY
        and _EVERY_START.match(sentence)
        and not options.single
    ):
        return everything if not set(options.normal(sentence)) & NEGATIONS else None
    match = _ALL_OF.match(sentence)
    if match is None or not set(options.normal(match.group("scope"))) <= scope:
        return None
    rest = set(options.normal(match.group("rest")))
    is_limited = any(negates(word) or word in ("but", "wrong", "incorrect", "false") for word in rest)
    asked = (
        set(options.normal(options.record["question"])) - FUNCTION_WORDS - {"are", "which", "what", "these", "option"}
    )
    return everything if not is_limited and (not rest or rest & (_FITTING | asked)) else None
