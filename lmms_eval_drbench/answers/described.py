"""Whether a colour or a material is said of the thing that a question asks about.

`white walls and a grey slate roof` says it of the roof; `it's a grey hatchback` of the car, by another name; `it has
grey wheels` doesn't.
"""

from lmms_eval_drbench.answers.asked import BOUNDARY, DOUBT, EMPTY, FILLERS, UNNAMED, asked_thing
from lmms_eval_drbench.answers.descriptions import COLOURS, is_description
from lmms_eval_drbench.answers.phrases import ATTRIBUTES, NEGATIONS, root, tokens

_IS = frozenset({"is", "are", "was", "were"})
_IT_IS = _IS | frozenset(tokens("it it's this that that's they they're"))
_JOINING = frozenset({"and", "or"})


def describes_the_asked(given: tuple[str, ...], gold: tuple[str, ...], question: str) -> bool:
    """Whether a colour stands before the thing asked about: `white walls and a grey slate roof`."""
    thing = asked_thing(question)
    joined = "".join(given)
    if (place := joined.find("".join(gold) + "的")) >= 0 and not NEGATIONS & set(given):  # 红色的帽子
        return joined[place + len("".join(gold)) + 1 :][:2] in question
    if not all(map(is_description, gold)):
        return False
    for start in range(len(given) - len(gold) + 1):
        before, after = given[max(0, start - 1) : start], given[start + len(gold) :][:3]
        end = next((index for index, word in enumerate(after) if word in BOUNDARY | _JOINING), 3)
        if after[end : end + 1] and after[end] in _IS:  # "the water is green; the boat is red"
            continue
        after = after[: max(end, 1)]
        is_one_of_two = before == ("and",) and start > 1 and is_description(given[start - 2])  # "white and grey"
        if given[start : start + len(gold)] != gold or set(before) & DOUBT or is_one_of_two:
            continue
        is_all = set(given[:start]) <= FILLERS and len(given) == start + len(gold) + 1 and UNNAMED.search(question)
        if _is_of_its_kind(given[:start], given[start + len(gold) :], thing, question):
            return True
        if (is_all or any(root(word) in thing for word in after)) and not set(after) & (BOUNDARY | _JOINING):
            return True
    return False


def _is_of_its_kind(lead: tuple[str, ...], tail: tuple[str, ...], thing: set[str], question: str) -> bool:
    """Whether a colour stands before another name of the thing: `it's a light [grey] hatchback parked by the kerb`."""
    while lead and is_description(lead[-1]) and lead[-1] not in COLOURS:
        lead = lead[:-1]
    subject = next((word for word in lead if word not in _IT_IS | EMPTY), None)
    is_of_it = set(lead) <= _IT_IS or (subject and root(subject) in thing and lead[-1] in _IS)
    end = next((index for index, word in enumerate(tail) if word in BOUNDARY), len(tail))
    kind = tail[:end]
    is_name = 0 < len(kind) <= 2 and not any(word in EMPTY or is_description(word) for word in kind)
    thing = thing or {root(word) for word in tokens(question)[2:] if word not in EMPTY | BOUNDARY}  # "the logo"
    is_apart = any(root(word) in thing for word in tail[end:])  # "a white house with a green front door"
    asks_so = bool(ATTRIBUTES & set(tokens(question)))
    return bool(asks_so and is_of_it and is_name) and not is_apart and not _JOINING & set(tail)
