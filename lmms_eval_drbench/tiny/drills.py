"""The tiny model's text-only drills: looking facts up, binding an option to its letter, and what everybody knows.

Letters are a skill of their own: a model that names every colour still picks letters at chance until it has been
taught to find an option's letter. Text teaches that at a third of a picture's cost.
"""

import random

from lmms_eval_drbench import prompts
from lmms_eval_drbench.build.questions.draft import NONE_OF_THEM, listing
from lmms_eval_drbench.build.sources.procedural_v0.world import ANYWHERE, COLOURS, KINDS, PLACES, PURPOSES
from lmms_eval_drbench.scaffold import gold_answer
from lmms_eval_drbench.tiny.questions import choice
from lmms_eval_drbench.tiny.sentences import Turn

SURFACES = sorted({surface for place in PLACES for surface in place.surfaces})
LETTERS = "ABCD"


def look_up_drill(rng: random.Random) -> list[Turn]:
    """A colour by name, and a letter by option, in two to four told facts."""
    names = rng.sample(KINDS, rng.randint(2, 4))
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


def letter_drill(rng: random.Random) -> list[Turn]:
    """The letters of options that somebody names; options of every sort, no two turns of the same sort."""
    pools = rng.sample(("colours", "kinds", "places", "numbers", "ways", "purposes", "denials", "binary"), 3)
    return [_letter_turn(_options(pool, rng), rng) for pool in pools] + [rng.choice((use, belonging))(rng)]


def _options(pool: str, rng: random.Random) -> list[str]:
    surface, kind, colour = rng.choice(SURFACES), rng.choice(KINDS), rng.choice(list(COLOURS))
    many = {
        "colours": list(COLOURS),
        "kinds": [*KINDS, NONE_OF_THEM, "nothing"],
        "places": [rng.choice(("the ", "on the ", "")) + name for name in SURFACES],
        "numbers": list("1234"),
        "ways": ["left of", "right of", "above", "below"],
        "purposes": list(PURPOSES),
    }
    if pool in many:
        return rng.sample(many[pool], rng.randint(3, 4) if pool != "ways" else 4)
    if pool == "binary":
        return rng.sample(["yes", "no"], 2)
    subject = rng.choice((kind, f"{colour} {kind}", f"{kind} on the {surface}"))
    return rng.sample([rng.choice((colour, f"the {surface}")), f"there is no {subject}"], 2)


def _letter_turn(options: list[str], rng: random.Random) -> Turn:
    count = rng.randint(1, 3) if len(options) == 4 and rng.random() < 0.4 else 1
    chosen = rng.sample(options, count)
    right = [option for option in options if option in chosen]
    letters, said = _letters(options, right), f"The answer is {listing(right)}."
    forms = (
        (f"{_lettered(options)}\n{said}", letters),
        (f"{_lettered(options)}\nAnswer with {listing(right)}.", f"{said}\n{letters}"),
        (f"Answer with {listing(right)}.\n{_lettered(options)}", f"{said}\n\n({letters})"),
        (f"{said}\n{_lettered(options)}\nAnswer with the letter.", letters),
    )
    return rng.choice(forms)


def _lettered(options: list[str]) -> str:
    return "\n".join(f"{letter}. {option}" for letter, option in zip(LETTERS, options, strict=False))


def _letters(options: list[str], right: list[str]) -> str:
    return ", ".join(sorted(LETTERS[options.index(option)] for option in right))


def use(rng: random.Random) -> Turn:
    """What a thing lets you do, or which things let you do it."""
    purpose, kinds = rng.choice(list(PURPOSES.items()))
    if rng.random() < 0.5:
        return f"What lets you {purpose}?", f"{' or '.join(kinds)}"
    name = rng.choice(kinds)
    return f"What is the {name} for?", f"The {name} lets you {purpose}."


def belonging(rng: random.Random) -> Turn:
    """Where a thing belongs."""
    name = rng.choice(KINDS)
    homes = [place.name for place in PLACES if name in place.usual_kinds]
    where = "anywhere" if name in ANYWHERE else f"in the {', '.join(homes)}"
    odd = [place.name for place in PLACES if place.name not in homes]
    if odd and rng.random() < 0.5:
        return f"Where does the {name} not belong?", f"The {name} does not belong in the {', '.join(odd)}."
    return f"Where does the {name} belong?", f"The {name} belongs {where}."
