"""Does a text, in free words, say that what the question presumes is not there?

"There is no laptop", "no laptop is visible", "the image does not show a laptop" and "no such cart" reject the
premise of a question about that laptop or cart. "I cannot tell" rejects nothing, and neither does the absence of
something that the question never mentioned, or of an attribute ("the colour is not visible").
"""

import re
from collections.abc import Iterable

from lmms_eval_drbench.answers import chinese
from lmms_eval_drbench.answers.phrases import ATTRIBUTES, tokens, vocabulary

_SPAN = 500
"""Characters read: a rejection is a short statement, and the patterns are quadratic within a clause."""

_CLAUSE = re.compile(r"[.!?;:,]\s|\n|\bbut\b|\bbecause\b")
_NOT = r"(?: not|n't)(?: actually)?"
_SEEN = r"(?:visible|present|shown|seen|depicted|pictured|there|in (?:the|this) (?:image|picture|photo|scene)|exist)"
_PATTERNS = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\bthere (?:is|are|was|were){_NOT}(?: any| an?)?(?P<what>.*)",
        r"\bthere(?:'s| is| are| was| were| appears? to be| seems? to be)(?: actually)?"
        r" (?:no one|no|none|zero|nobody|nothing)\b(?P<what>.*)",
        r"^\W*(?:(?:none|no|yes), )?(?:(?:as|since|so|that|because) )?no (?P<what>.+)",
        r"^\W*not (?:an?|any) (?P<what>.+)",
        rf"^\W*(?:none|not)(?P<what>)(?: (?:is|are|of (?:them|it|those)))* {_SEEN}\b",
        r"\b(?:i|we) (?:can |could |do )?(?:see|find|spot|observe|notice|count) (?:no|zero)\b(?P<what>.*)",
        rf"\b(?:is|are|was|were){_NOT} \w+ing (?:any|an?)\b(?P<what>.*)",
        r"\b(?:unable|not able) to (?:find|see|spot|locate) (?P<what>.*)",
        r"^\W*neither (?P<what>.*?) (?:is|are|was|were|can|could)\b",
        rf"\bthere (?:do|does|did){_NOT} (?:appear|seem) to be(?: any| an?)?(?P<what>.*)",
        r"\b(?:lacks?|without|(?:has|have|contains?|shows?|wears?|wearing|holds?|holding|carries|carrying) no)"
        r"(?: any| an?)?\b(?P<what>.*)",
        r"(?:\b(?:is|are)|'s|'re)(?: no| not an?| not any|n't an?|n't any)\b(?P<what>.*)",
        rf"\b(?:is|are|was|were){_NOT} \w+ (?:by|with) (?:any|an?)\b(?P<what>.*)",
        r"(?P<what>.*?)\b(?:is|are) (?:nowhere|absent|missing)\b",
        r"\bno such (?P<what>.*)",
        r"\b(?:nobody|no one|none of (?:them|the \w+))\b[^,.;]{0,60}?\b(?:has|have|wears?|holds?|carries|uses?|rides?|"
        r"is (?:wearing|holding|carrying|using|riding))\b(?P<what>.*)",
        r"\b(?:nobody|no one)(?P<what>) (?:is|was|can|could|appears|stands|sits)\b",
        r"\bthere(?:'s| is) nothing (?:in|on|at|there|visible)\b(?P<what>)",
        r"(?P<what>.+?)\b(?:is|are) (?:\w+ and )?(?:completely |entirely )?(?:empty|deserted|unoccupied)\b",
        rf"\b(?:do|does|did){_NOT} (?:(?:appear|seem) to )?(?:actually )?"
        r"(?:be (?:wearing|holding|carrying|using|riding)|"
        r"show|contain|have|include|depict|feature|see|find|spot|notice|wear|hold|carry)\b(?P<what>.*)",
        r"\b(?:can't|cannot|can not|could not|couldn't) (?:see|find|spot|detect) (?P<what>.*)",
        rf"(?P<what>.*?)\b(?:is|are|does|do|was|were){_NOT} {_SEEN}",
        r"(?P<what>.*?)\b(?:cannot|can not|can't|could not|couldn't) be (?:seen|found)",
    )
]
_FALSE_PREMISE = re.compile(
    r"\b(?:question|premise)\b.{0,80}(?:\b(?:assumes|presumes|presupposes|mentions|refers "
    r"to)\b.{0,80}(?:\bnot\b|n't|\bno\b|\babsent|\bempty)|"
    r"\b(?:mentions|refers to|asks about|assumes)\b.{0,80}\bbut\b.{0,80}\b(?:only|instead)\b|"
    r"\b(?:premise|assumption)\b.{0,20}\b(?:is|are) (?:false|wrong|incorrect|not))|"
    r"\bfalse (?:premise|assumption)\b|\bpremise.{0,30}\b(?:false|wrong|incorrect|fails)\b",
    re.IGNORECASE,
)
_CHINESE_DENIAL = re.compile(
    r"(?:并?没有?(?:看到|看见|发现|显示|出现|任何|找到|见到)?|(?:并)?不是|看不到|看不见|找不到|未见|未发现|不存在|并无|没看到)(?:任何|所谓的?|明显的?)?"
    rf"(?P<what>[{chinese.CHARACTER}A-Za-z ]{{0,40}})"
)
_CHINESE_ATTRIBUTES = (
    "颜色",
    "图片",
    "画面",
    "图中",
    "图像",
    "照片",
    "什么",
    "哪些",
    "哪个",
    "几个",
    "上的",
    "里的",
    "有什",
    "是什",
)
_PHRASE_END = re.compile(
    r"\b(?:of|to|that|which|who|on|in|at|with|for|from|by|is|are|was|were|can|could|appears?|"
    r"exists?|why|how|whether|where|when)\b",
    re.IGNORECASE,
)
_THE_IMAGE = re.compile(
    r"\s*(?:the|any|an|your|this|that)?\s?(?:attached |provided )?(?:image|picture|photo)", re.IGNORECASE
)
"""Not to see the image at all rejects no premise."""
_COUNTED = re.compile(
    r"^\s*(?:how many|which|what) (?:(?!is\b|are\b|was\b|the\b)\w+ ){0,2}?(?!is\b|are\b|was\b|the\b)\w+"
    r"(?=\s(?:is|are|were|was|do|does|can|in|on|of|that)\b)",
    re.IGNORECASE,
)
"""What is counted or chosen isn't presumed: "no candles on the cake" counts them."""
_INDISTINCT = re.compile(r"\b(?:clearly|properly|exactly|well enough|in detail)\b", re.IGNORECASE)
"""What isn't seen clearly may well be there."""
_GENERIC = frozenset(vocabulary("such one 1 any it they this thing object item visible present shown here there"))
_FUNCTION = frozenset(
    vocabulary(
        "is are was were be been in on of at to for with and or by from which what who where when how many much do "
        "does that these those its no not can see some image picture photo scene"
    )
)


def rejects(text: str, question: str, reject_answers: Iterable[str] = ()) -> bool:
    """Whether `text` denies that something named in `question` (or in the rejecting answers) is in the image."""
    about = _named(_COUNTED.sub("", question)).union(*map(_named, reject_answers)) - ATTRIBUTES - _GENERIC
    if _FALSE_PREMISE.search(text[:_SPAN]) or _denies_in_chinese(text[:_SPAN], [question, *reject_answers]):
        return True
    for clause in _CLAUSE.split(text[:_SPAN].replace("\u2019", "'")):
        if _INDISTINCT.search(clause):
            continue
        for pattern in _PATTERNS:
            match = pattern.search(clause)
            if match and _denies(match.group("what"), about):
                return True
    return False


def _denies(what: str, about: set[str]) -> bool:
    """Whether a denied noun phrase (up to its first preposition or verb) is one of the things asked about."""
    if _THE_IMAGE.match(what):
        return False
    phrase = _PHRASE_END.split(what.strip(), maxsplit=1)[0]
    if tokens(phrase)[-1:] and tokens(phrase)[-1] in ATTRIBUTES:  # "the horse's name is not visible"
        return False
    named = _named(phrase)
    return not (named - _GENERIC) or bool(named & about)


def _denies_in_chinese(text: str, about: list[str]) -> bool:
    """Whether what a Chinese text denies shares two neighbouring characters (or its only one) with the question."""
    is_translated = not any(re.search(f"[{chinese.CHARACTER}]", other) for other in about)
    for match in _CHINESE_DENIAL.finditer(text):
        what = match.group("what").replace(" ", "")
        if (
            is_translated
            and what
            and not what.startswith("其")
            and not any(word in what for word in _CHINESE_ATTRIBUTES)
        ):
            return True  # the question is in English, so that nothing can be compared
        pairs = {what[index : index + 2] for index in range(len(what) - 1)} or {what} - {""}
        if any(pair in other for pair in pairs - set(_CHINESE_ATTRIBUTES) for other in about):
            return True
    return False


def _named(text: str) -> set[str]:
    return {token for token in tokens(text) if token not in _FUNCTION}
