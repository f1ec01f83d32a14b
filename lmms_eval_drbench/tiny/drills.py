"""The tiny model's text-only drills: looking facts up, binding an option to its letter, and what everybody knows."""

import random

from lmms_eval_drbench import prompts
from lmms_eval_drbench.build.kinds import PURPOSES, Purpose
from lmms_eval_drbench.build.questions.draft import NONE_OF_THEM, listing
from lmms_eval_drbench.build.sources.procedural.rooms import PLACES
from lmms_eval_drbench.build.sources.procedural.world import COLOURS, GROUNDS, KINDS
from lmms_eval_drbench.scaffold import gold_answer
from lmms_eval_drbench.tiny.questions import choice
from lmms_eval_drbench.tiny.sentences import Turn

NAMES = list(KINDS)
SURFACES = sorted({surface for place in PLACES for surface in place.carried} | set(GROUNDS))
LETTERS = "ABCD"
SERVING: dict[str, Purpose] = {kind: purpose for purpose in PURPOSES for kind in purpose.kinds if kind in KINDS}
"""Kind of the procedural world → what it is for."""


def look_up_drill(rng: random.Random) -> list[Turn]:
    """A colour by name, and a letter by option, in two to four told facts."""
    names = rng.sample(NAMES, rng.randint(2, 4))
    facts = dict(zip(names, rng.sample(list(COLOURS), len(names)), strict=True))
    asked = rng.sample(names, len(names))
    told_facts = "\n".join(f"- {colour} {name}" for name, colour in facts.items())
    options = rng.sample(list(COLOURS), rng.randint(2, 4))
    sought = rng.sample(options, len(options))
    turns = [
        ("Look up.", "\n".join(f"{name}: {facts[name]}" for name in asked)),
        (_lettered(options), "\n".join(f"{option}: {_letters(options, [option])}" for option in sought)),
    ]
    for name in rng.sample(names, 2):
        others = [colour for colour in COLOURS if colour != facts[name]]
        choices = [facts[name], *rng.sample(others, rng.randint(1, 3))]
        question = choice(f"What colour is the {name}?", choices, facts[name], rng)
        turns.append((prompts.direct(question), gold_answer(question)))
    rng.shuffle(turns)
    turns[0] = (f"{told_facts}\n{turns[0][0]}", turns[0][1])
    return turns


def knowledge_drill(rng: random.Random) -> list[Turn]:
    """The letters of options that somebody names, what things are for, and where they belong."""
    pools = rng.sample(("colours", "kinds", "places", "numbers", "binary"), 2)
    turns = [_letter_turn(_options(pool, rng), rng) for pool in pools] + [use(rng), use(rng), belonging(rng)]
    rng.shuffle(turns)
    return turns


def _options(pool: str, rng: random.Random) -> list[str]:
    many = {
        "colours": list(COLOURS),
        "kinds": [*NAMES, NONE_OF_THEM, "nothing"],
        "places": [rng.choice(("the ", "on the ", "")) + name for name in SURFACES],
        "numbers": list("12345"),
    }
    return rng.sample(many[pool], rng.randint(3, 4)) if pool in many else rng.sample(["yes", "no"], 2)


def _letter_turn(options: list[str], rng: random.Random) -> Turn:
    count = rng.randint(1, 3) if len(options) == 4 and rng.random() < 0.4 else 1
    chosen = rng.sample(options, count)
    right = [option for option in options if option in chosen]
    letters, said = _letters(options, right), f"The answer is {listing(right)}."
    forms = (
        (f"{_lettered(options)}\n{said}", letters),
        (f"{_lettered(options)}\nAnswer with {listing(right)}.", f"{said}\n{letters}"),
        (f"{said}\n{_lettered(options)}\nAnswer with the letter.", letters),
    )
    return rng.choice(forms)


def _lettered(options: list[str]) -> str:
    return "\n".join(f"{letter}. {option}" for letter, option in zip(LETTERS, options, strict=False))


def _letters(options: list[str], right: list[str]) -> str:
    return ", ".join(sorted(LETTERS[options.index(option)] for option in right))


def use(rng: random.Random) -> Turn:
    """What a thing is made for, or what is made for that."""
    name = rng.choice(sorted(SERVING))
    purpose = SERVING[name]
    serving = listing([kind for kind in purpose.kinds if kind in KINDS])
    if rng.random() < 0.5:
        return f"What is made for {purpose.made}?", serving
    if rng.random() < 0.5:
        return f"With what can one {purpose.can}?", serving
    return f"What is the {name} for?", f"The {name} is made for {purpose.made}."


def belonging(rng: random.Random) -> Turn:
    """Where a thing belongs."""
    place = rng.choice(PLACES)
    if rng.random() < 0.5:
        name = rng.choice(sorted(place.kinds & set(KINDS)))
        return f"May one find a {name} in a {place.name}?", f"The {name} may be found in a {place.name}."
    name = rng.choice(sorted(set(KINDS) - place.kinds))
    return f"May one find a {name} in a {place.name}?", f"The {name} does not belong in a {place.name}."
