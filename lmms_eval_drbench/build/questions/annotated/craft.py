"""How families of annotated pictures write a draft: one place for key objects, relations, chains and their register."""

import random
from collections.abc import Callable, Sequence

from lmms_eval_drbench.build.kinds import is_plural
from lmms_eval_drbench.build.ledger import Cue
from lmms_eval_drbench.build.questions.annotated.view import PICTURE, RELATION_WORDS, Referent, View
from lmms_eval_drbench.build.questions.draft import Draft, Family, conclude, listing
from lmms_eval_drbench.build.scene import SceneObject
from lmms_eval_drbench.build.sources.base import Fact
from lmms_eval_drbench.taxonomy import Category, QuestionType

FAMILIES: dict[str, Family] = {}
Triple = tuple[str, str, str]

SET_SIZES = (1, 1, 2, 2, 2, 3, 3)
"""How many of four options are right in a multiple choice question: drawn almost as a uniform guess of a set would."""


_WORDING = 12
"""Characters at the start of a question that tell its wording."""

OPEN_SHARE = 0.02
"""Greatest share of a category for a family of open questions: a uniform guess never answers them, a bet on the most
frequent answer sometimes does, so many of them would lift blind accuracy above chance."""


def family(
    category: Category, *needs: Fact, weight: float = 1.0, most: float = 1.0, topic: str = ""
) -> Callable[[Callable], Callable]:
    """Register a function `(view, rng) -> list[Draft]` as a family of `category` that needs these facts."""

    def register(function: Callable[[View, random.Random], list[Draft]]) -> Callable:
        FAMILIES[function.__name__] = Family(
            function.__name__, category, weight, function, frozenset(needs), most, topic or function.__name__
        )
        return function

    return register


def be(name: str) -> str:
    """`is` or `are`, as the noun wants it."""
    return "are" if is_plural(name) else "is"


def say(triple: Triple) -> str:
    """A relation as a sentence: `The bus is to the left of the car.`"""
    subject, relation, target = triple
    negated = relation.startswith("not_")
    relation = relation.removeprefix("not_")
    words = RELATION_WORDS.get(relation, relation.replace("_", " "))
    verb = be(subject.split(" to the ")[0])
    return f"The {subject} {verb} {'not ' if negated else ''}{words} the {target}."


def write(
    view: View,
    question: str,
    options: Sequence[str],
    right: Sequence[str],
    *,
    logic: str,
    cues: Sequence[Cue],
    refs: Sequence[Referent] = (),
    labelled: dict[str, SceneObject] | None = None,
    graph: Sequence[Triple] = (),
    relation: str | None = None,
    perception: str | None = None,
    type: QuestionType = QuestionType.SINGLE_CHOICE,
    premise_true: bool | None = None,
    reject: str | None = None,
) -> list[Draft]:
    """One draft, in a list.

    refs, labelled: the key objects, as referents and by phrase. graph: relations beyond those that the referents use.
    right: the right option texts; of an open question the accepted strings, the best first.
    """
    boxes = {ref.words: ref.thing.box for ref in refs}
    for ref in refs:
        boxes |= dict(ref.boxes)
    boxes |= {phrase: thing.box for phrase, thing in (labelled or {}).items()}
    triples = list(dict.fromkeys([triple for ref in refs for triple in ref.graph] + list(graph)))
    if any(PICTURE in triple for triple in triples):
        boxes[PICTURE] = view.scene.box
    seen = [f"the {phrase}" for phrase in boxes if phrase != PICTURE]
    plain = [cue for cue in cues if isinstance(cue.key, str)]  # the same bets once more, in the company of the wording
    worded = [Cue((question[:_WORDING], cue.key), cue.right, cue.chance) for cue in plain]
    said = conclude(right[:1] if type is QuestionType.OPEN_ENDED else right)
    return [
        Draft(
            question=question,
            options=list(options),
            right=list(right),
            boxes=boxes,
            graph=triples,
            chain=(
                perception or (f"I see {listing(seen)}." if seen else "I see no such thing."),
                relation or " ".join(map(say, triples)) or f"Only one thing fits these words: {seen[0]}.",
                logic,
                said,
            ),
            type=type,
            premise_true=premise_true,
            reject=reject,
            cues=[*cues, *worded],
        )
    ]


def numbers(rng: random.Random, right: int) -> list[str]:
    """Four consecutive numbers from 1 up that hold the right one, at a random rank where it is not too small."""
    start = max(1, right - rng.randrange(4))
    return [str(number) for number in range(start, start + 4)]


def number_cues(options: Sequence[str], right: int, *about: str) -> list[Cue]:
    """Bets on a number, alone and for what is counted, and on its rank among the options."""
    cues = [Cue(("rank", rank), option == str(right), 0.25) for rank, option in enumerate(options)]
    for option in options:
        cues += [Cue((subject, option), option == str(right), 0.25) for subject in ("", *about)]
    return cues


def whereabouts(view: View, ref: Referent) -> list[Triple]:
    """The half of the picture with a thing, where it lies in one: the relation of a question about the thing alone."""
    half = view.half(ref.thing)
    return [in_half(ref, half)] if half and not ref.graph else []


def in_half(ref: Referent, half: str) -> Triple:
    """The relation of a thing to the half of the picture that holds it."""
    return ref.words, f"in_{half}_half_of", PICTURE
