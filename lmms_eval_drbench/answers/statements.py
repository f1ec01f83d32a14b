"""Running text taken apart: declarations ("the answer is ..."), sentences, conclusions, refusals."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from lmms_eval_drbench.answers import chinese
from lmms_eval_drbench.answers.phrases import negates, tokens

MAX_DECLARATIONS = 50
"""Declarations looked at, from the end of a text."""

_REACH = 600
"""Characters that a declaration's text may take."""
_HEDGED = (
    r"(?:therefore|thus|then|hence|most likely|likely|probably|clearly|definitely|indeed|again|actually|still|"
    r"simply|now)"
)
COPULA = (
    r"(?:(?:would|should|must|will|has to|can only|could only|might|may)\s+(?:(?:also|most likely)\s+)?be|"
    r"seems\s+to\s+be|"
    rf"appears\s+to\s+be|is|are|was|isn't|aren't|:\s?is|'s)(?:,?\s+{_HEDGED}\b,?)?"
)
_DECLARED = re.compile(
    r"\b(?:(?:final|correct|right|best|my|corrected)\s+(?:answer|option|choice|pick|guess|selection|"
    r"conclusion)s?|answers?|ans|"
    r"(?:correct|right|best)\s+ones?|(?:best|closest)\s+(?:match|fit|description))\b"
    rf"[*_`\"'\s]{{0,9}}(?:{COPULA}|=|:|\.\s{{0,3}}:|[-–—](?=\s)|\u2192|(?=\s[(\[][A-H][)\]]))[*_`\s]{{0,9}}:?"
    r"|\bans\.\s"
    r"|(?:^|(?<=[.!?\n])\s{0,3})\W{0,3}(?:(?:selected|chosen|my)\s)?(?:selected|selection|choice|option|final|"
    r"total|verdict|decision|conclusion|"
    r"result)s?\s?[:=]"
    r"|\btotal\s(?:of|is)\s(?=\W{0,3}\d)"
    r"|(?:(?<=\w\w\s)|(?<=[.,)*]\s))(?:\u2192|\u21d2|[-=]>)\s*(?=[(\[*_]{0,3}[A-H]\b\W*$)"
    r"|\b(?:match(?:es)?|corresponds?\s+(?:to|with)|agrees?\s+with|equals|points?\s+to|gives?(?:\s+us)?)\s+"
    r"(?:the\s+)?(?:option|choice|answer|letter)\s+(?=\W{0,3}[A-H]\b)"
    r"|\b(?:i|we)(?:'d|'ve|\s+have|\s+would|\s+will|'ll|'m|\s+am)?\s+(?:(?:have to|most likely|therefore|still|"
    r"also|going to)\s+)?"
    r"(?:choos(?:e|ing)|chose|chosen|picked|selected|pick(?:ing)?|select(?:ing)?|go(?:ing)?\s+(?:with|for)|"
    r"lean(?:ing)?\s+(?:towards?|"
    r"to)|opt(?:ing)?\s+for|settle\s+(?:on|for)|guess|answer|say|meant|mean)\b"
    r"|\b(?:that|this|which)\s+(?:only\s+)?leaves(?:\s+(?:us|me)\s+with)?(?:\s+only)?\b|\b(?:we|i)(?:'re|'m|"
    r"\s+are|\s+am)\s+left\s+with\b"
    r"|\b(?:so|thus|hence|therefore|by elimination)\s?[,:]?\s+(?:it\s+is|it's|that\s+is|that's)?"
    r"|(?<!\bof\s)(?<!\bin\s)(?<!\bon\s)(?<!\bto\s)(?<!behind\s)(?<!under\s)(?<!above\s)(?<!below\s)(?<!near\s)"
    r"\b(?:it\s+is|it's|(?:it|that|this)\s+(?:must|has to|should|would)\s+be|it\s+(?:looks|seems)\s+like|"
    r"it\s+(?:seems|appears)\s+to\s+be|this\s+is|that\s+is|that's)\b",
    re.IGNORECASE,
)
_STRONG = re.compile(
    r"\bans|option|choice|letter|verdict|decision|conclusion|[\u2192\u21d2>]|correct|right|best|select|cho[so]|final|total|result|pick|guess|lean|go(?:ing)?\s+(?:with|"
    r"for)|opt|settle|say|mean|leaves|left",
    re.IGNORECASE,
)
_REFUSAL = re.compile(
    r"\b(?:i(?:'m| am) (?:sorry|unable|not able)|i (?:really )?(?:cannot|can't|can not|could not|couldn't|"
    r"do not|don't) "
    r"(?:\w+ )?(?:determine|tell|answer|know|help|assist|provide|make out|identify|read|discern|view|"
    r"access|open|say|give)|"
    r"i (?:cannot|can't|can not|don't|do not) (?:actually )?see (?:the|any|an|your|this) (?:image|picture|photo)|"
    r"as an ai\b|(?:cannot|can't|can not) be (?:determined|identified|read|made out)|unable to "
    r"(?:determine|answer|tell|see|identify|view|"
    r"read|make)|not enough (?:information|detail|\w+ to)|(?:doesn't|does not|don't) (?:provide|give|contain|"
    r"offer) (?:enough|sufficient)|"
    r"i apologi[sz]e|too (?:\w+ ){1,7}?(?:for (?:me|anyone) )?to (?:tell|see|read|say|make out|determine|"
    r"identify|recogni[sz]e|discern|be)\b|"
    r"(?<!makes it )(?<!make it )(?<!making it )"
    r"(?:hard|difficult|impossible|not possible) (?:for me )?to (?:say|tell|see|determine|identify|know|read|make out)|"
    r"(?:it is|it's) (?:unclear|not clear|unknown)|(?:not|n't) (?:clear|visible|legible|sharp) enough|no way to tell|"
    r"(?:is|are)(?: not|n't) (?:clearly|really|fully) visible(?: in (?:the|this) (?:image|picture|photo))?\W*$|"
    r"\bi(?:'d| would) need (?:an?|to|more|another|better)\b|"
    r"no (?:image|picture|photo) (?:was|is|has been|provided|available|attached|given|came|seems|appears)|"
    r"please (?:re-?)?(?:provide|upload|"
    r"share|attach|send)|"
    r"(?:could|might|may|can) be (?:anything|anyone|any of|many things)|no (?:idea|clue|way of (?:knowing|telling))|"
    r"(?:don't|do not|wouldn't|would not|won't|will not|rather not|prefer not to|can only|could only|only be) "
    r"(?:want to |like to |dare to |care to |just )?(?:guess|speculat)\w*|"
    r"(?:is|are)(?:n't| not) (?:really |quite )?(?:legible|readable|recogni[sz]able|discernible|identifiable)|"
    r"\b(?:illegible|unreadable|indiscernible)\b|"
    r"(?:insufficient|too little|lacks?(?: enough)?|lacking) (?:information|detail|context)|"
    r"(?:impossible|not possible|hard|difficult) to be (?:sure|certain)|\b(?:i'm|i am|we're) not (?:sure|"
    r"certain) (?:what|which|who|where|how|if|whether)|"
    r"(?:cannot|can't|could not|couldn't) (?:really |quite )?(?:see|make out|read) [^.,;]{0,80}(?:clearly|"
    r"properly|exactly)|"
    r"^\W*(?:sorry|unknown|unclear|unsure|not (?:sure|visible|clear|known)|undetermined|indeterminate|n/a)\W*$|"
    r"^\W*i(?:'m| am) (?:really )?not (?:sure|certain)(?=\W)|"
    rf"can(?:'t|not) (?:help|assist))|{chinese.REFUSAL}",
    re.IGNORECASE,
)
_PREAMBLE = re.compile(
    r"\W*(?:\d{1,2}[.)]\s*)?(?:let me\b|let's\b|let us\b|to (?:find|determine|answer|figure|identify|"
    r"solve|see|decide|work)\b|to \w+ (?:the|this|it|what|which|how|where|who|whether)\b[^.!?]{1,80},\s(?:i|we|let)\b|"
    r"first\b|"
    r"looking at\b|the question (?:asks|is)\b|step \d|we (?:need|have|can|must|should)\b|i (?:need|will|'ll|"
    r"should|must|have)\b|"
    r"i'll\b|okay\b|sure\b|certainly\b|of course\b|"
    r"alright\b|(?:the|this|in the|in this) (?:image|picture|photo|scene)\b|based on\b.{0,80}:$|here is\b|here's\b|"
    rf"{chinese.PREAMBLE})",
    re.IGNORECASE,
)
_DANGLING = re.compile(
    r"(?:\b(?:is|are|was|were|be|a|an|the|of|in|on|at|to|with|by|for|from|and|or|as|that|which|because|since|"
    r"such|its|(?:and|or|but|,)\s(?:so|there|also)|"
    r"his|her|their|they|he|she|we|beside|behind|under|above|near|next|while|but|where|has|have|reads|shows|says|called|named|"
    r"(?<!\bto )(?<!\bof )(?<!\bin )(?<!\bon )(?<!\bby )(?<!with )(?<!hind )(?<!under )(?<!bove )(?<!below )"
    r"(?<!near )it|"
    r"who|whose|whom|"
    r"this|these|if|not|does|could|may|most|more|"
    r"(?<!trash )(?<!tin )(?<!soda )(?<!beer )(?<!spray )(?<!paint )(?<!watering )(?<!garbage )can)|"
    r"因此|所以|位于|(?<=.)在|(?<=.)是|和|与|但|而且|以及|为|比|从|向|由于|因为|"
    r"[,、:(]|\b\d{1,2}\.|[–—-])\s*$",
    re.IGNORECASE,
)
_LONG = 16
"""A sentence of so many words that lacks its full stop was cut off; a shorter one may be a phrase."""
_MAX_PERIOD = 20
"""Words of the longest phrase that is recognised as repeating itself."""
_CORRECTION = re.compile(
    r"(?:(?<=[.!?…;:\n)\]–—-])|(?<=,))\s{0,3}(?:(?:oh|hmm+|ah|but|well|oops)\s?[,.…!]{0,3}\s{1,3})?(?:"
    r"(?:no,?\s)?(?:wait|hold on|hang on)\b(?: a (?:moment|second|minute))?(?:,?\s(?:actually|no)\b)?|"
    r"(?:correction|scratch that|edit(?=:)|update(?=:)|"
    r"(?:let me|i'll) (?:re-?(?:count|check|look)|(?:count|check|look)(?= (?:again|once more|closer|more)\b))"
    r"(?: again)?|"
    r"strike that|oops)\b|"
    r"on (?:second thoughts?|(?:a )?(?:closer|further|second) (?:inspection|look|reflection|examination)|reflection)\b|"
    r"let me correct (?:myself|that|this)\b|i (?:stand corrected|made a mistake|was wrong|misread|"
    r"misspoke|take that back)\b(?: \w+){0,3}|"
    r"my (?:mistake|bad)\b|(?:looking|checking) (?:again|closer|more closely)\b|sorry\b(?=,)|"
    r"(?<![,:])(?<!: )(?<!\b[A-H][.)] )(?:actually|no)(?:,?\s(?:no|wait|sorry))?\b(?=[,.:]))[,:.!?…–— -]{0,5}",
    re.IGNORECASE,
)
_FIRST_SIGHT = re.compile(
    r"\b(?:at first (?:glance|sight)|initially|i (?:first|initially) thought|"
    r"it (?:might|may|could) (?:look|seem|appear))\b"
    r"[^.!?;\n]{0,120}?[,.;]?\s(?:but|however|yet)\b,?\s",
    re.IGNORECASE,
)
_SOURCE = re.compile(
    r"\W*(?:based on|looking at|according to|judging (?:by|from)|from|"
    r"in)\b[^.!?\n]{1,100},\s*",
    re.IGNORECASE,
)
"""`Based on the picture, no, ...` takes nothing back."""
_ELLIPSIS = re.compile(
    r"\W*(?:yes|no),?\s(?:it|he|she|they|there|that|this)\s(?:is|are|was|were|does|do|has|"
    r"can)\W*",
    re.IGNORECASE,
)
"""`Yes it is` is whole."""
# A full stop ends a sentence after a word of two letters or more: "U.S. flag" and "St. Mary" stay whole.
# After an option's letter it ends one where an explanation starts: "A and C. The bowl ...", but not "C. Spoon".
_SENTENCE_END = re.compile(
    r"(?<=[a-z0-9)\"'*\]][a-z0-9)\"'*\]][.!?])\s+(?=[A-Z\"(*])"
    r"|(?<=\b[A-H] and [A-H]\.)\s+(?=[A-Z])|(?<=\b[A-H], [A-H]\.)\s+(?=[A-Z])|(?<=\d [a-z]\.)\s+(?=[A-Z])"
    r"|(?<=\w \([A-H]\)\.)\s+(?=[A-Z])|(?<=\s\d\.)\s+(?=(?:The|It|This|So|Therefore|Thus|Hence|These)\b)"
    r"|(?<=[A-Z]\.)\s+(?=(?:Options?|The|This|It|Because|Since|However|In|They|These|There|Both|All|Explanation|"
    r"Not|No|Only|Neither|Each|Note)\b)"
)
_CONDITION = re.compile(
    r"^\W*(?:if|when|unless)\b(?![^,.;]*\b[A-H]\b)[^,.;]{1,100},\s|(?<=\w),\sif\b[^,.;]{1,60},(?=\s)", re.IGNORECASE
)
_LOOSE_ITEM = re.compile(r"[-*•]\s(?:the|an?)\s\w+(?:\s\w+)?", re.IGNORECASE)
"""`- The third`, the start of an item."""
_COUNTING = re.compile(r"\W*(?:one|1),\s(?:two|2)\b", re.IGNORECASE)
_CONCLUDING = re.compile(
    r"\W{0,9}(?:so|thus|hence|therefore|finally|consequently|accordingly|by elimination|in conclusion|in "
    r"summary|to conclude|overall|as a result|this means)"
    r"\b[,:]?\s{0,9}",
    re.IGNORECASE,
)


NOT_THE_OTHER = re.compile(
    r",\s+(?:and |but )?not\b|\s\(\s?not\b|\brather than\b|\binstead of\b|[,;]\s?而?(?:不是|并非|没有|不选)",
    re.IGNORECASE,
)
CONTRAST = re.compile(
    rf"{NOT_THE_OTHER.pattern}|[,;]\s+(?:while|whereas|but|although|though)\b|\bwhile\b|[,;]\s?(?:而|但)",
    re.IGNORECASE,
)
LIKEWISE = re.compile(r"\b(?:also|as well|both|either)\b|\btoo\W*$|也", re.IGNORECASE)


class Declaration(NamedTuple):
    """What a text declares. strong: as its answer; otherwise only as something that is so ("it is ...").

    lines: the declared text, from the rest of the declaration's line (or the next line when nothing follows) to the
    end of its paragraph; never empty, but possibly one empty line.
    """

    position: int
    strong: bool
    lines: list[str]


def declarations(text: str) -> Iterator[Declaration]:
    """The declarations of a text, last one first."""
    for match in reversed(list(_DECLARED.finditer(text))[-MAX_DECLARATIONS:]):
        yield Declaration(match.start(), bool(_STRONG.search(match.group())), _declared_lines(text, match.end()))


def _declared_lines(text: str, start: int) -> list[str]:
    rest = text[start : start + _REACH].lstrip(' \t*_`:"\r\n')
    return paragraphs(rest)[0] if rest else [""]


def paragraphs(text: str) -> list[list[str]]:
    """The lines of a text, grouped by the blank lines between them."""
    groups: list[list[str]] = [[]]
    for line in text.splitlines():
        if line.strip():
            groups[-1].append(line.strip())
        elif groups[-1]:
            groups.append([])
    return [group for group in groups if group]


def sentences(text: str) -> list[str]:
    """The sentences of a text, lines apart."""
    lines = [line.strip() for line in text.splitlines() if line.strip(" \t*_#`")]
    return [sentence for line in lines for sentence in _SENTENCE_END.split(line)]


def last_sentence(text: str) -> str:
    """The last sentence of a text; empty where it has none."""
    return (sentences(text) or [""])[-1]


def first_sentence(line: str) -> str:
    return _SENTENCE_END.split(line, maxsplit=1)[0]


def is_conclusion(sentence: str) -> bool:
    """Whether a sentence starts with "so", "therefore" and the like."""
    return bool(_CONCLUDING.match(sentence))


def without_connective(sentence: str) -> str:
    """`it is black` for `So, it is black`."""
    match = _CONCLUDING.match(sentence)
    return sentence[match.end() :] if match else sentence


def is_refusal(text: str) -> bool:
    """Whether a text declines to answer."""
    return bool(_REFUSAL.search(text))


def is_preamble(sentence: str) -> bool:
    """Whether a sentence only announces an answer or describes: `Let me look ...`, `The image shows ...`."""
    return bool(_PREAMBLE.match(sentence) or _COUNTING.match(sentence))


def is_cut_off(text: str) -> bool:
    """Whether a text ends in the middle of a statement, as the token limit leaves it."""
    last = last_sentence(text).rstrip("*_` \t")
    others = sentences(text)[:-1]
    if re.search(r"[.!?)\]\"'|}>]$", last) and not (others and re.search(r"^\W*\d{1,2}\.$", last)):
        return False
    is_beside = len(_SENTENCE_END.split((text.rstrip().splitlines() or [""])[-1])) > 1
    is_prose = is_beside or sum(other.endswith((".", "!", "?")) for other in others) > len(others) / 2
    if is_prose and _LOOSE_ITEM.fullmatch(last):
        return True
    if _ELLIPSIS.fullmatch(last) or (not others and re.fullmatch(r"[A-Za-z]+", last)):
        return False
    return (
        bool(_DANGLING.search(last[-40:]))
        or (is_prose and max(len(last.split()), len(tokens(last))) > (1 if is_beside else 3))
        or len(last.split()) >= _LONG
    )


def without_first_sight(text: str) -> str:
    """`the tip reveals a screwdriver` of `At first glance it's a chisel, but the tip reveals a screwdriver`."""
    return _FIRST_SIGHT.sub("", text)


def corrections(text: str) -> list[str]:
    """`text` split where it takes back what it said: `A mug. No wait, a bowl.` gives `A mug.` and `a bowl.`"""
    parts, start = [], 0
    for match in _CORRECTION.finditer(text):
        if text[start : match.start()].strip() and not _SOURCE.fullmatch(text[start : match.start()][-200:]):
            parts.append(text[start : match.start()])
            start = match.end()
    return [part for part in [*parts, text[start:]] if part.strip()] or [text]


def unconditional(sentence: str) -> str:
    """A sentence without the condition at its start or in its middle: `If he moves, ...`, `or, if thin, the shears`."""
    return _CONDITION.sub("", sentence)


def without_loop(text: str) -> str:
    """A text that repeats itself to its end, up to the first repetition; a phrase once where it is all there is."""
    spans = [match.span() for match in re.finditer(r"\S+", text)]
    words = [text[start:end].strip(".,;!*") or text[start:end] for start, end in spans]
    for period in range(1, min(_MAX_PERIOD, len(words) // 3) + 1):
        start = len(words) - period
        while start > 0 and words[start - 1] == words[start - 1 + period]:
            start -= 1
        if len(words) - start >= max(3 * period, 4):
            return text[: spans[start + period - 1][1]].rstrip(",;")
    return text


def is_denial(sentence: str) -> bool:
    return any(map(negates, tokens(sentence)))
