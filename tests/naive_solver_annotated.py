"""An independent solver of the questions about annotated pictures: reads the question, looks the answer up.

It shares no code with the question families, only the tables of common knowledge (plurals, purposes). Positions are
compared by plain centres, without margins: where the families ask, both must agree. `solve` gives the right option
texts, or the accepted text of an open question.
"""

import re

from lmms_eval_drbench.build.kinds import COLOURS, INDOORS, OUTDOORS, PURPOSES, plural
from lmms_eval_drbench.build.scene import Scene, SceneObject

RANKS = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth"]
NONE_WRONG = "none of them"
RULES = []


def rule(*patterns: str):
    def register(function):
        RULES.extend((re.compile(pattern), function) for pattern in patterns)
        return function

    return register


class Solver:
    def __init__(self, scene: Scene, options: list[str]):
        self.scene, self.options = scene, options

    def all(self, kind: str) -> list[SceneObject]:
        return [thing for thing in self.scene.objects if thing.name == kind]

    def kind(self, many: str) -> str:
        known = {thing.name for thing in self.scene.objects} | self.scene.absent
        found = {kind for kind in known if plural(kind) == many or kind == many}
        assert len(found) == 1, (many, found)
        return found.pop()

    def find(self, words: str) -> list[SceneObject]:
        """Everything that these words can point at."""
        words = words.removeprefix("the ")
        if found := self.all(words):
            return found
        if match := re.fullmatch(r"(.+) to the (left|right) of the (.+)", words):
            anchor = self.one(match[3])
            return [t for t in self.all(match[1]) if (x(t) < x(anchor)) == (match[2] == "left")]
        if match := re.fullmatch(r"(leftmost|rightmost) (.+)", words):
            row = sorted(self.all(match[2]), key=x)
            return row[:1] if match[1] == "leftmost" else row[-1:]
        if match := re.fullmatch(r"(\w+) (.+) from the left", words):
            row = sorted(self.all(match[2]), key=x)
            return [row[RANKS.index(match[1])]] if match[1] in RANKS else []
        if match := re.fullmatch(r"(.+?) of the (.+)", words):
            owner = self.one(match[2])
            owned = self.relation(owner, "holding")
            return list({id(thing): thing for thing in owned if thing.name == match[1]}.values())
        if match := re.fullmatch(r"largest (.+)|(.+) (?:who|that) appears largest", words):
            single = [thing for thing in self.all(match[1] or match[2]) if not thing.group]
            return sorted(single, key=area)[-1:]
        colour, _, kind = words.partition(" ")
        return [t for t in self.all(kind) if colour in t.attributes]

    def one(self, words: str) -> SceneObject:
        found = self.find(words)
        assert len(found) == 1, (words, found)
        return found[0]

    def half(self, thing: SceneObject) -> str:
        return "left" if x(thing) < self.scene.width / 2 else "right"

    def server(self, made: str) -> SceneObject:
        (purpose,) = (purpose for purpose in PURPOSES if purpose.made == made)
        (thing,) = (thing for thing in self.scene.objects if thing.name in purpose.kinds)
        return thing

    def can(self, wish: str) -> bool:
        (purpose,) = (purpose for purpose in PURPOSES if wish in (purpose.can, purpose.made))
        return any(thing.name in purpose.kinds for thing in self.scene.objects)

    def relation(self, subject: SceneObject, name: str) -> list[SceneObject]:
        objects = self.scene.objects
        return [objects[o] for s, r, o in self.scene.relations if objects[s] is subject and r == name]


def x(thing: SceneObject) -> float:
    return thing.box[0] + thing.box[2] / 2


def y(thing: SceneObject) -> float:
    return thing.box[1] + thing.box[3] / 2


def area(thing: SceneObject) -> int:
    return thing.box[2] * thing.box[3]


def side(one: SceneObject, other: SceneObject) -> str:
    return "left" if x(one) < x(other) else "right"


WRONG = {
    "floating": "it hangs in mid-air",
    "fallen": "it has fallen over",
    "out_of_place": "it does not belong in such a place",
    "blocking": "it stands in the way",
    "open": "it was left open",
    "overflowing": "it is overflowing",
    "burning": "it is on fire",
    "broken": "it is broken",
    "contradictory": "it shows red and green at once",
    "leaking": "it is spraying water",
}


def _faults(s, thing, *kinds):
    """What is wrong with a thing, in words."""
    found = set()
    for fault in s.scene.anomalies:
        if s.scene.objects[fault.thing] is thing and (not kinds or fault.kind in kinds):
            keys = [fault.kind] if fault.kind in WRONG else [word for word in WRONG if word in thing.attributes]
            found |= {WRONG[key] for key in keys}
    return found


@rule(r"What, if anything, is wrong with the (.+)\?", r"Look at the (.+)\. What is the matter with it\?")
def _fault_of(s, words):
    return _faults(s, s.one(words)) or {"nothing"}


@rule(r"Is anything wrong with the (.+)\?", r"Does anything seem wrong with the (.+)\?")
def _is_wrong(s, words):
    return {"yes" if _faults(s, s.one(words)) else "no"}


@rule(r"With which of these is something wrong\?", r"Which of these (?:is|are) not as (?:it|they) should be\?")
def _which_wrong(s):
    return {option for option in s.options if option != NONE_WRONG and _faults(s, s.one(option))} or {NONE_WRONG}


@rule(
    r"Which of these is held up by nothing\?",
    r"Which of these hangs in the air against the laws of physics\?",
)
def _floats(s):
    known = {option for option in s.options if option != NONE_WRONG}
    return {option for option in known if _faults(s, s.one(option), "floating")} or {NONE_WRONG}


@rule(
    r"Which of these does not belong (?:in|at) an? .+\?",
    r"Which of these would one not expect to find (?:in|at) an? .+\?",
)
def _stranger(s):
    known = {option for option in s.options if option != NONE_WRONG}
    return {option for option in known if s.one(option).name == s.scene.misplaced} or {NONE_WRONG}


@rule(
    r"Has something been left on the (road) that blocks a lane\?",
    r"Does an obstacle lie in the way of the (traffic)\?",
    r"Is anything standing in the way of the (door)\?",
    r"Does something block the (door)\?",
)
def _blocked(s, target):
    return {"yes" if any(fault.kind == "blocking" for fault in s.scene.anomalies) else "no"}


@rule(
    r"With what in this picture is something wrong\? Answer none if all is as it should be\.",
    r"Name the one thing that is not as it should be, or answer none\.",
)
def _wrong_kind(s):
    return {s.scene.objects[fault.thing].name for fault in s.scene.anomalies} or {"none"}


@rule(r"Which of these are on the (.+)\?", r"Which of these rest on the (.+)\?")
def _all_on(s, surface):
    return {option for option in s.options if s.one(option).support == surface}


@rule(
    r"Which of these is on the same surface as the (.+)\?",
    r"Which of these shares its support with the (.+)\?",
)
def _same_surface(s, words):
    return {option for option in s.options if s.one(option).support == s.one(words).support}


@rule(r"What does the (.+) rest on\?", r"On what does the (.+) rest\?")
def _rests_on(s, words):
    return {s.one(words).support}


@rule(r"Which of these (?:things )?is (nearest to|farthest from) the (?:camera|viewer)\?")
def _nearest(s, word):
    sign = 1 if word == "nearest to" else -1
    return {min(s.options, key=lambda option: sign * sum(s.one(option).depth))}


@rule(
    r"Which of these is partly hidden behind the (.+)\?",
    r"Which of these does the (.+) cover in part\?",
)
def _hidden(s, words):
    front = s.one(words)
    return {option for option in s.options if any(t is front for t in s.relation(s.one(option), "behind"))}


@rule(r"Is the (.+) striped or dotted\?", r"Does the (.+) have stripes or dots\?")
def _pattern(s, words):
    return {option for option in s.options if option in s.one(words).attributes}


@rule(r"Somebody wants to (.+)\. What has to be done first\?", r"What must one do first to (.+)\?")
def _first_step(s, wish):
    ends = [match.end() for match in re.finditer("the ", wish)]
    thing = next(found[0] for end in ends if len(found := s.find(wish[end:])) == 1)
    if any(s.scene.objects[f.target] is thing for f in s.scene.anomalies if f.target is not None):
        return {"move away what stands before it"}
    steps = {"closed": "open it", "off": "switch it on", "empty": "fill it"}
    return {steps.get(thing.state, "it can be used as it is")}


@rule(
    r"Which of these can be used without opening, filling or switching it on first\?",
    r"Which of these is ready for use, with no need to open, fill or switch it on\?",
)
def _usable(s):
    return {option for option in s.options if s.one(option).state in ("open", "on", "full")}


@rule(
    r"How many are the (.+) in the picture\?",
    r"The picture shows (?:some|one or more) (.+)\. What is their number\?",
    r"How many (.+) does the picture show\?",
)
def _presumed_count(s, many):
    return {str(len(s.all(s.kind(many)))) if s.all(s.kind(many)) else f"there are no {many}"}


@rule(
    r"How many things in the picture are made for (.+)\?",
    r"Count the things that are made for (.+)\. How many does the picture show\?",
)
def _count_servers(s, made):
    (purpose,) = (purpose for purpose in PURPOSES if purpose.made == made)
    return {str(sum(thing.name in purpose.kinds for thing in s.scene.objects))}


@rule(
    r"How many (.+) are to the (left|right) of the (.+)\?",
    r"Count the (.+) to the (left|right) of the (.+)\. How many are there\?",
)
def _count_beside(s, many, way, anchor):
    return {str(sum(side(thing, s.one(anchor)) == way for thing in s.all(s.kind(many))))}


@rule(r"How many (.+) are on the (.+)\?", r"Count the (.+) on the (.+)\. How many are there\?")
def _count_on(s, many, surface):
    return {str(sum(thing.support == surface for thing in s.all(s.kind(many))))}


@rule(r"How many (?P<b>\w+) (?P<a>.+) are there in the picture\?", r"How many of the (?P<a>.+) are (?P<b>\w+)\?")
def _count_coloured(s, many, colour):
    if colour not in COLOURS:
        return {str(len(s.all(s.kind(f"{colour} {many}"))))}
    return {str(sum(thing.colour == colour for thing in s.all(s.kind(many))))}


@rule(
    r"How many (.+) are there in the picture\?",
    r"How many (.+) can be seen\?",
    r"What is the number of (.+) in the picture\?",
)
def _count(s, many):
    return {str(len(s.all(s.kind(many))))}


@rule(
    r"Which of these can be seen in the picture\?",
    r"One of these is in the picture\. Which one\?",
    r"Which of these does the picture show\?",
    r"Which of these are in the picture\?",
)
def _present(s):
    return {option for option in s.options if s.all(option)}


@rule(r"Which of these is missing from the picture\?", r"Which of these does the picture not show\?")
def _absent(s):
    return {option for option in s.options if not s.all(option)}


@rule(
    r"Are there more (.+) or more (.+) in the picture\?",
    r"What does the picture show more of, (.+?) or (.+)\?",
)
def _more(s, one, other):
    first, second = len(s.all(s.kind(one))), len(s.all(s.kind(other)))
    return {"as many of both" if first == second else (one if first > second else other)}


@rule(
    r"Which of these takes up the most room in the picture\?",
    r"Which of these covers the largest part of the picture\?",
)
def _largest(s):
    return {max(s.options, key=lambda option: area(s.one(option)))}


@rule(r"What colour is the thing that is made for (.+)\?", r"Which colour does the thing made for (.+) have\?")
def _serving_colour(s, made):
    return {s.server(made).colour}


@rule(r"What colour (?:is|are) the (.+)\?", r"Which colour does the (.+) have\?")
def _colour(s, words):
    return {s.one(words).colour}


@rule(r"Which of these things has the colour (\w+)\?")
def _has_colour(s, colour):
    return {option for option in s.options if colour in s.one(option).attributes}


@rule(r"What is the (.+) doing(?: in the picture)?\?", r"(?:Is|Are) the (.+) (?:\w+), (?:\w+) or (?:\w+)\?")
def _described(s, words):
    return {option for option in s.options if option in s.one(words).attributes}


@rule(r"(?:Is|Are) the (.+) (?:open or closed|on or off|full or empty)\?")
def _state(s, words):
    return {s.one(words).state}


@rule(r"What is the (.+) holding\?", r"What does the (.+) hold\?")
def _held(s, words):
    return {thing.name for thing in s.relation(s.one(words), "holding")}


@rule(
    r"Is the thing made for (.+) to the left or to the right of the (.+)\?",
    r"On which side of the (?P<b>.+) is the thing that is made for (?P<a>.+)\?",
)
def _serving_side(s, made, other):
    return {side(s.server(made), s.one(other))}


@rule(
    r"In the picture, (?:is|are) the (.+) to the left or to the right of the (.+)\?",
    r"On which side of the (?P<b>.+) (?:is|are) the (?P<a>.+) in the picture\?",
)
def _side(s, one, other):
    return {side(s.one(one), s.one(other))}


@rule(
    r"Is the (.+) to the left or to the right of the (.+)\?",
    r"On which side of the (?P<b>.+) is the (?P<a>.+)\?",
)
def _presumed_side(s, kind, other):
    return {f"on the {side(s.one(kind), s.one(other))}" if s.all(kind) else f"there is no {kind}"}


@rule(
    r"Is the (.+) to the (left|right) of the (.+) higher up or lower down in the picture than that .+\?",
    r"Compared with the (?P<c>.+), is the (?P<a>.+) to the (?P<b>left|right) of it higher or lower in the picture\?",
)
def _presumed_relation(s, one, way, other):
    a, b = s.one(one), s.one(other)
    if side(a, b) != way:
        return {f"there is no {one} to the {way} of the {other}"}
    return {"higher" if y(a) < y(b) else "lower"}


@rule(
    r"(?:Is|Are) the (.+) higher up or lower down in the picture than the (.+)\?",
    r"Compared with the (?P<b>.+), (?:is|are) the (?P<a>.+) higher or lower in the picture\?",
)
def _level(s, one, other):
    return {"higher" if y(s.one(one)) < y(s.one(other)) else "lower"}


@rule(
    r"(?:Is|Are) the (.+) nearer to the camera or farther away than the (.+)\?",
    r"Compared with the (?P<b>.+), (?:is|are) the (?P<a>.+) nearer to the viewer or farther away\?",
)
def _nearness(s, one, other):
    return {"nearer" if sum(s.one(one).depth) < sum(s.one(other).depth) else "farther away"}


@rule(r"(?:Is|Are) the (.+) in front of the (.+) or behind (?:it|them|him|her)\?")
def _front(s, one, other):
    a, b = s.one(one), s.one(other)
    behind = b in s.relation(a, "behind") or a in s.relation(b, "in_front_of")
    front = b in s.relation(a, "in_front_of") or a in s.relation(b, "behind")
    assert behind != front
    return {"behind" if behind else "in front"}


@rule(
    r"In which half of the picture is the thing that is made for (.+)\?",
    r"Somebody looks for the thing made for (.+)\. Which half of the picture is it in\?",
)
def _serving_half(s, made):
    return {f"{s.half(s.server(made))} half"}


@rule(
    r"In which half of the picture (?:is|are) the (.+), the left or the right\?",
    r"(?:Is|Are) the (.+) in the left half or in the right half of the picture\?",
)
def _half(s, words):
    half = s.half(s.one(words))
    return {f"{half} half"}


@rule(
    r"Counted from the (left|right), which half of the picture is the (\w+) (.+) in\?",
    r"Is the (?P<b>\w+) (?P<c>.+) from the (?P<a>left|right) in the left or in the right half of the picture\?",
)
def _ranked_half(s, way, rank, kind):
    row = sorted(s.all(kind), key=x, reverse=way == "right")
    if len(row) <= RANKS.index(rank):
        return {f"there is no {rank} {kind}"}
    return {f"the {s.half(row[RANKS.index(rank)])} half"}


@rule(
    r"Which half of the picture is the (.+) in\?",
    r"In which half of the picture can the (.+) be seen, left or right\?",
    r"Is the (.+) in the left or the right half\?",
)
def _presumed_half(s, words):
    return {f"the {s.half(s.one(words))} half" if s.find(words) else f"there is no {words}"}


@rule(r"Which of these is (?:furthest to the (left|right)|closest to the (left|right) edge of the picture)\?")
def _furthest(s, *ways):
    sign = 1 if "left" in ways else -1
    return {min(s.options, key=lambda option: sign * x(s.one(option)))}


@rule(
    r"Which of these four, (.+), is furthest to the (left|right)\?",
    r"Which of these four, (.+), is closest to the (left|right) edge of the picture\?",
)
def _furthest_of_four(s, named, way):
    words = [name.removeprefix("the ") for name in re.split(r", | and (?=the )", named)]
    assert len(words) == 4
    sign = 1 if way == "left" else -1
    return {min(words, key=lambda name: sign * x(s.one(name)))}


@rule(
    r"From left to right, which of these is between the (.+) and the (.+)\?",
    r"Going through the picture from left to right, which of these comes between the (.+) and the (.+)\?",
)
def _between(s, one, other):
    low, high = sorted((x(s.one(one)), x(s.one(other))))
    return {option for option in s.options if low < x(s.one(option)) < high}


@rule(r"In which order do these come from left to right\?", r"Which is the order of these things from left to right\?")
def _order(s):
    rows = {option: [x(s.one(words)) for words in option.split(" then ")] for option in s.options}
    return {option for option, row in rows.items() if row == sorted(row)}


@rule(r"Which of these (?:are|does the picture show) to the (left|right) of the (.+)\?")
def _all_beside(s, way, anchor):
    return {option for option in s.options if side(s.one(option), s.one(anchor)) == way}


@rule(r"What (?:is|are) the (.+) on\?", r"On which of these (?:is|are) the (.+)\?")
def _on(s, words):
    carriers = s.relation(s.one(words), "on")
    return {option for option in s.options if any(s.one(option) is carrier for carrier in carriers)}


@rule(
    r"Which of these could one do with the things in the picture\?",
    r"For which of these is the fitting thing in the picture\?",
    r"The thing for one of these is in the picture\. Which one\?",
)
def _possible(s):
    return {option for option in s.options if s.can(option)}


@rule(
    r"For which of these is there nothing in the picture\?",
    r"Which of these could one not do with the things in the picture\?",
)
def _impossible(s):
    return {option for option in s.options if not s.can(option)}


@rule(r"Is anything in the picture made for (.+)\?", r"Does the picture show something that is made for (.+)\?")
def _anything(s, made):
    return {"yes" if s.can(made) else "no"}


@rule(r"(?:Could somebody|Is it possible to) .+ the (.+?) without .+\?")
def _ready(s, words):
    thing = s.one(words)
    return {"no" if thing.state in ("closed", "off", "empty") else "yes"}


@rule(
    r"An inventory of the picture lists (\d+) (.+) and (\d+) (.+)\. Which entry is wrong\?",
    r"Somebody counted (\d+) (.+) and (\d+) (.+) in this picture\. Where did they go wrong\?",
)
def _inventory(s, number, many, other_number, other_many):
    entries = [(number, many), (other_number, other_many)]
    wrong = {f"{n} {kinds}" for n, kinds in entries if len(s.all(s.kind(kinds))) != int(n)}
    return wrong or {NONE_WRONG}


@rule(
    r"A report says that the picture shows (\d+) (.+)\. "
    r"If that is right, answer none; otherwise give the right number\."
)
def _report(s, number, many):
    true = str(len(s.all(s.kind(many))))
    return {"none" if true == number else true}


@rule(
    r"Which of these statements about the picture (?:is|are) wrong\?",
    r"One of these statements may contradict the picture\. Which one\?",
)
def _statements(s):
    wrong = {option for option in s.options if option != NONE_WRONG and not _holds(s, option)}
    return wrong or {NONE_WRONG}


@rule(
    r"According to a report, the picture shows (\d+) (.+)\. Is the report mistaken\?",
    r"Somebody noted (\d+) (.+) in this picture\. Is there a mistake in the note\?",
)
def _noted(s, number, many):
    return {"no" if len(s.all(s.kind(many))) == int(number) else "yes"}


def _holds(s, claim):
    if match := re.fullmatch(r"the (.+) (?:is|are) in the (left|right) half of the picture", claim):
        return s.half(s.one(match[1])) == match[2]
    pattern = (
        r"the (.+) (?:is|are) (to the left of|to the right of|higher up in the picture than|lower down .+ than) the "
    )
    one, words = re.match(pattern, claim).groups()
    other = claim[claim.index(words) + len(words) + len(" the ") :]
    if f"{one} {words}" not in claim and claim.count(words) > 1:
        raise AssertionError(claim)
    for cut in [match.start() for match in re.finditer(rf" (?:is|are) {re.escape(words)} the ", claim)]:
        one = claim[:cut].removeprefix("the ")
        other = re.sub(rf"^ (?:is|are) {re.escape(words)} the ", "", claim[cut:])
    a, b = s.one(one), s.one(other)
    true = {"to the left of": x(a) < x(b), "to the right of": x(a) > x(b)}
    return true.get(words, (y(a) < y(b)) == words.startswith("higher"))


@rule(
    r"A robot reports, from left to right: (.+)\. Is there a mistake in its report\?",
    r"From left to right, a caption names (.+)\. Is the caption mistaken\?",
)
def _mistaken(s, row):
    places = [x(s.one(words)) for words in row.replace(" and the ", ", the ").split(", ")]
    return {"no" if places == sorted(places) else "yes"}


@rule(
    r"A list of every sort of .+ in the picture names only (.+)\. (?:What|Which of these) did it forget\?",
    r"Under the heading .+, a catalogue of this picture has only (.+)\. (?:What|Which of these) is missing from it\?",
)
def _forgotten(s, listed):
    known = {s.kind(many) for many in listed.replace(" and ", ", ").split(", ")}
    nothing = {option for option in s.options if option in ("nothing", NONE_WRONG)}
    return {option for option in s.options if s.all(option) and option not in known} or nothing


@rule(
    r"Which of these is out of place in the picture\?",
    r"Does the picture show one of these where it doesn't belong\?",
)
def _odd(s):
    names = {thing.name for thing in s.scene.objects}
    strangers = OUTDOORS if len(names & INDOORS) > len(names & OUTDOORS) else INDOORS
    return {option for option in s.options if option in strangers and s.all(option)} or {"nothing"}


@rule(r"According to a description, the (.+) (?:is|are) (\w+)\. Is there a mistake in it\?")
def _description(s, words, colour):
    thing = s.one(words)
    return {"no" if colour in (thing.colour, thing.state) else "yes"}


@rule(r"Which colour is the (.+)\?", r"What is the colour of the (.+)\?")
def _presumed_colour(s, kind):
    return {s.one(kind).colour if s.all(kind) else f"there is no {kind}"}


@rule(r"Which of these is (\w+)\?")
def _is_colour(s, colour):
    return _has_colour(s, colour)


def solve(question: str, options: list[str], scene: Scene) -> set[str]:
    """What is right. Raises AssertionError where the question has no one answer, or is of a new kind."""
    question = question.removesuffix(" (multiple answers)")
    for pattern, function in RULES:
        if match := pattern.fullmatch(question):
            named = match.groupdict()
            groups = [named[name] for name in sorted(named)] if named else match.groups()
            return function(Solver(scene, options), *groups)
    raise AssertionError(f"a new kind of question: {question}")


def holds(triple: list[str], scene: Scene) -> bool:
    """Whether a relation of the scene graph is true of the scene."""
    subject, relation, target = triple
    s = Solver(scene, [])
    one = s.one(subject)
    if relation.endswith("_half_of"):
        return target == "picture" and relation == f"in_{s.half(one)}_half_of"
    if relation.startswith("not_"):
        return not holds([subject, relation.removeprefix("not_"), target], scene)
    other = s.one(target)
    plain = {
        "left_of": lambda: x(one) < x(other),
        "right_of": lambda: x(one) > x(other),
        "higher_than": lambda: y(one) < y(other),
        "lower_than": lambda: y(one) > y(other),
        "larger_than": lambda: area(one) > area(other),
        "nearer_than": lambda: sum(one.depth) < sum(other.depth),
        "farther_than": lambda: sum(one.depth) > sum(other.depth),
    }
    if relation in plain:
        return plain[relation]()
    if relation == "blocking":
        faults = [f for f in scene.anomalies if f.kind == relation]
        return any(scene.objects[f.thing] is one and scene.objects[f.target] is other for f in faults)
    flipped = {"behind": "in_front_of", "in_front_of": "behind"}.get(relation)
    return other in s.relation(one, relation) or (flipped is not None and one in s.relation(other, flipped))
