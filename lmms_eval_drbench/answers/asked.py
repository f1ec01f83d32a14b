"""What a question asks about, and the words that name nothing of it."""

import re

from lmms_eval_drbench.answers import chinese
from lmms_eval_drbench.answers.phrases import ARTICLES, ATTRIBUTES, FUNCTION_WORDS, NEGATIONS, root, tokens, vocabulary

FILLERS = frozenset(
    vocabulary(
        "is are was were be it its it's that that's this there there's they they're he he's she she's in on "
        "at of to by "
        "with from has have answer which who what where"
    )
)
"""Words of an answering sentence that carry no answer: "it is on the dresser" answers "dresser"."""
BOUNDARY = frozenset(
    tokens(
        "in on at of to by with from for next near under over above below behind beside between against inside outside "
        "into onto through around across along among which that who where while because since as is are was "
        "were has have "
        "stand lie hang sit lean can could would instead during before after off up down directly just located parked "
        "placed filled made covered tall high wide long per old visible here there"
    )
)
"""Words that can follow a complete noun phrase without changing what it names."""
EMPTY = (
    FUNCTION_WORDS
    | ARTICLES
    | NEGATIONS
    | chinese.FILLERS
    | frozenset(
        tokens(
            "which what who where how many much does do you see here can could yes image picture be being option "
            "answer multiple one thing item be has have use used would should will must may might most shown seen there"
        )
    )
)
"""Words that carry no content of a question or an option."""
DOUBT = NEGATIONS | {"or", "than", "either", "least"} | frozenset("或")
"""Words with which a statement may not say what it seems to."""
UNNAMED = re.compile(
    r"\b(?:thing|object|item)\s(?:(?:that|which)\s)?(?:is\s)?(?:made|used|meant|built|designed|for)\b", re.I
)
"""A question about a thing that it doesn't name: `the thing made for telling the time`."""
_ASKING = re.compile(r"(?:^|(?<=\w\w\w[.!?])\s{1,3})(?P<asking>[^\s.!?][^.!?]{0,500}\?)")


def asking(question: str) -> str:
    """The sentence of a question that asks, without what is told before it."""
    found = _ASKING.search(question)
    return found.group("asking") if found else question


def asked_thing(question: str) -> set[str]:
    """What a question is about, stemmed: `front door` of "What colour is the front door of the corner house?"."""
    found: list[str] = []
    for word in tokens(question):
        if word in EMPTY | ATTRIBUTES:
            if found:
                break
        elif word in BOUNDARY and found:
            break
        else:
            found.append(word)
    return {root(word) for word in found}
