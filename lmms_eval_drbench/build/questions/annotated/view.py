"""A scene as the families of annotated pictures read it: who can be pointed at, and what holds beyond doubt.

Positions are those in the picture, and every comparison keeps a margin: where a careful person would hesitate, there is
no answer (None), and nothing is asked.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from lmms_eval_drbench.answers.phrases import vocabulary
from lmms_eval_drbench.build.kinds import (
    COLOURS,
    COMES_IN_SEVERAL,
    GROUNDS,
    PEOPLE,
    SELDOM_ALONE,
    WELL_KNOWN,
    are_kin,
    are_mixed_up,
    is_plural,
)
from lmms_eval_drbench.build.scene import Scene, SceneObject

PICTURE = "picture"
"""The key object that stands for the whole picture."""

RELATION_WORDS = {
    "left_of": "to the left of",
    "right_of": "to the right of",
    "higher_than": "higher up in the picture than",
    "lower_than": "lower down in the picture than",
    "nearer_than": "nearer to the camera than",
    "farther_than": "farther from the camera than",
    "in_left_half_of": "in the left half of",
    "in_right_half_of": "in the right half of",
    "on": "on",
    "in": "in",
    "behind": "behind",
    "in_front_of": "in front of",
    "wearing": "wearing",
    "holding": "holding",
}
"""Relation → its words after "is"."""
OPPOSITE = {
    "left_of": "right_of",
    "right_of": "left_of",
    "higher_than": "lower_than",
    "lower_than": "higher_than",
    "nearer_than": "farther_than",
    "farther_than": "nearer_than",
}

_SHARED = 0.1
"""Share of the smaller thing's side that two boxes may have in common and still lie beside each other."""
_APART = 0.08
"""Least distance of two centres, as a share of the picture's side."""
_LARGER = 1.5
"""Ratio of two boxes' areas from which one plainly takes up more of the picture."""
_HALF = 0.04
"""Distance from the middle, as a share of the width, that a box must keep to lie in one half."""
_BELONGING = ("on", "in", "part_of", "of", "attached_to", "hanging_on", "worn_by", "held_by")
_LARGE = 0.015
"""Share of the picture from which a thing is conspicuous."""
_DOMINANT = 0.03
"""Share from which a thing of a kind that comes in several is the one that people mean by its kind's name."""
_FARTHER = 0.15
"""Share by which one thing must be farther away than another, from its nearest to the other's farthest point."""


@dataclass(frozen=True)
class Referent:
    """A thing and the words that point at it and nothing else. hops: comparisons needed to find it, from 1.

    graph: the relations that the words use; boxes: every phrase of them.
    """

    thing: SceneObject
    words: str
    hops: int
    graph: tuple[tuple[str, str, str], ...] = ()
    boxes: tuple[tuple[str, tuple[int, int, int, int]], ...] = ()

    @property
    def kind(self) -> str:
        return self.thing.name

    @property
    def manner(self) -> str:
        """How the words point at the thing: `` for its bare kind, `leftmost`, `to the left of`, or its colour."""
        found = self.words.replace(self.kind, "", 1).strip()
        return found.split(" the ")[0] if not found.startswith("to the") else " ".join(found.split()[:4])

    @property
    def bets(self) -> tuple[str, str]:
        """What a bet on this thing goes by: the manner of pointing (`leftmost` suggests left), and it with the kind."""
        return f"manner {self.manner}", f"{self.manner} {self.kind}"


class View:
    """One scene, read carefully."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.id = scene.id
        self.source = scene.source
        self.counts = Counter(thing.name for thing in scene.objects)

    def palette(self, kind: str) -> tuple[str, ...]:
        """The colours that a thing of this kind may have, the common ones where the source doesn't tell."""
        return self.scene.palettes.get(kind, COLOURS[:11])

    def deniable(self, thing: SceneObject) -> tuple[str, ...]:
        """The colours of its palette that certainly no part of a thing has."""
        return tuple(colour for colour in self.palette(thing.name) if colour not in thing.tints)

    def comparable(self, one: str, other: str) -> bool:
        """Whether the text can't tell how things of two kinds compare in depth or height.

        In a drawn world, where every kind has its usual place, only things of one kind are compared so.
        """
        return one == other or not self.scene.palettes

    @cached_property
    def kinds(self) -> list[str]:
        """Every kind that is there, clear or not."""
        return sorted(self.counts)

    @cached_property
    def countable(self) -> dict[str, list[SceneObject]]:
        """Kinds that can be counted: all instances known and clear, no relatives in the picture that could be meant."""
        found = {}
        for kind in self.kinds:
            things = self.scene.named(kind)
            known = kind in self.scene.countable and all(thing.clear for thing in things)
            if known and not is_plural(kind) and not self._has_relatives(kind) and not _overlapping(things):
                found[kind] = things
        return found

    @cached_property
    def present(self) -> list[str]:
        """Kinds of which something is in plain sight."""
        return sorted({thing.name for thing in self.scene.objects if thing.clear})

    @cached_property
    def notable(self) -> list[str]:
        """Kinds in plain sight that might as well not be there."""
        return [kind for kind in self.present if kind not in GROUNDS]

    @cached_property
    def touched(self) -> set[int]:
        """`id` of the things that an anomaly is about, be they wrong or blocked."""
        indices = {index for a in self.scene.anomalies for index in (a.thing, a.target) if index is not None}
        return {id(self.scene.objects[index]) for index in indices}

    @property
    def shows_camera(self) -> bool:
        """Whether a camera lies about, so that "nearer to the camera" could mean that one."""
        return "camera" in self.counts

    @cached_property
    def absent(self) -> list[str]:
        """Kinds that are certainly not there, with a name in the singular."""
        return sorted(kind for kind in self.scene.absent if not is_plural(kind))

    @cached_property
    def named(self) -> list[Referent]:
        """Things whose kind alone points at them."""
        return [
            Referent(thing, thing.name, 1)
            for thing in self.scene.objects
            if thing.clear and self.counts[thing.name] == 1 and not self._has_relatives(thing.name)
            if thing.name in self.scene.countable or self._is_conspicuous(thing)
        ]

    @cached_property
    def referents(self) -> list[Referent]:
        """Everything that can be pointed at: by its kind, colour, size, rank from left to right, or a relation."""
        found = list(self.named)
        taken = {id(ref.thing) for ref in found}
        for more in (self._by_colour, self._by_size, self._by_rank, self._by_relation):
            for ref in more():
                if id(ref.thing) not in taken:
                    taken.add(id(ref.thing))
                    found.append(ref)
        return found

    def _has_relatives(self, kind: str) -> bool:
        return not self.scene.distinct and any(other != kind and are_mixed_up(kind, other) for other in self.kinds)

    def _share(self, thing: SceneObject) -> float:
        """The share of the picture that a thing's box takes up."""
        return _area(thing) / (self.scene.width * self.scene.height)

    def _is_conspicuous(self, thing: SceneObject) -> bool:
        """Whether a second thing of its kind, had there been one, would hardly have gone without annotation.

        The thing must be large, of a kind that comes alone, and neither part nor companion of one of several like
        things: where a graph gives one of two buses a ladder, the other may have one too.
        """
        several = thing.name in COMES_IN_SEVERAL and not self.scene.distinct
        if thing.name in SELDOM_ALONE or self._share(thing) < (_DOMINANT if several else _LARGE):
            return False
        if thing.name not in WELL_KNOWN and not self.scene.distinct:
            return False
        index = next(number for number, other in enumerate(self.scene.objects) if other is thing)
        of_it = [(name, target) for one, name, target in self.scene.relations if one == index]
        carriers = [self.scene.objects[target].name for name, target in of_it if name in _BELONGING]
        return all(self.counts[name] == 1 for name in carriers)

    def _siblings(self) -> Iterable[tuple[str, list[SceneObject]]]:
        """Kinds with two to six instances, all of them clear, and no relatives."""
        for kind in self.kinds:
            things = self.scene.named(kind)
            if 2 <= len(things) <= 6 and all(thing.clear for thing in things) and not self._has_relatives(kind):
                yield kind, things

    def _by_colour(self) -> Iterable[Referent]:
        for kind, things in self._siblings():
            for thing in things:
                others = [(other.attributes & set(COLOURS)) | other.tints for other in things if other is not thing]
                if thing.colour and all(others) and not any(thing.colour in colours for colours in others):
                    yield Referent(thing, f"{thing.colour} {kind}", 1)

    def _by_size(self) -> Iterable[Referent]:
        """In photographs the thing that looks plainly larger than all others of its kind, be they labelled or not."""
        for kind in [] if self.scene.distinct else self.kinds:
            alike = [thing for thing in self.scene.objects if not thing.group and are_mixed_up(kind, thing.name)]
            most = max(alike, key=_area, default=None)
            if most is None or most.name != kind or not most.clear or is_plural(kind):
                continue
            alone = self.counts[kind] == 1
            if self._share(most) < (_DOMINANT if alone else _LARGE):
                continue
            if alone and kind in (WELL_KNOWN | SELDOM_ALONE) - COMES_IN_SEVERAL:
                continue
            if all(self.larger(most, other) for other in alike if other is not most):
                yield Referent(most, f"{kind} {'who' if kind in PEOPLE else 'that'} appears largest", 1)

    def _by_rank(self) -> Iterable[Referent]:
        for kind, things in self._siblings():
            if kind not in self.scene.countable:
                continue
            row = sorted(things, key=lambda thing: thing.centre[0])
            for thing, rest, way, word in [
                (row[0], row[1:], "left_of", "leftmost"),
                (row[-1], row[:-1], "right_of", "rightmost"),
            ]:
                if all(self.across(thing, other) == way for other in rest):
                    yield Referent(thing, f"{word} {kind}", 2)

    def _by_relation(self) -> Iterable[Referent]:
        for kind, things in self._siblings():
            for anchor in self.named:
                if are_kin(kind, anchor.kind):
                    continue
                ways = [self.across(thing, anchor.thing) for thing in things]
                for way in ("left_of", "right_of"):
                    if kind in self.scene.countable and ways.count(way) == 1 and None not in ways:
                        words = f"{kind} {RELATION_WORDS[way]} the {anchor.words}"
                        boxes = ((anchor.words, anchor.thing.box),)
                        triple = (words, way, anchor.words)
                        yield Referent(things[ways.index(way)], words, 2, (triple,), boxes)

    def across(self, one: SceneObject, other: SceneObject) -> str | None:
        """`left_of` or `right_of`, where the boxes lie beside each other."""
        return _beside(one, other, 0, self.scene.width, ("left_of", "right_of"))

    def upright(self, one: SceneObject, other: SceneObject) -> str | None:
        """`higher_than` or `lower_than` in the picture, where one box lies above the other."""
        return _beside(one, other, 1, self.scene.height, ("higher_than", "lower_than"))

    def half(self, thing: SceneObject) -> str | None:
        """`left` or `right`: the half of the picture that holds the whole thing."""
        middle, margin = self.scene.width / 2, _HALF * self.scene.width
        if thing.box[0] + thing.box[2] < middle - margin:
            return "left"
        return "right" if thing.box[0] > middle + margin else None

    @staticmethod
    def larger(one: SceneObject, other: SceneObject) -> bool:
        """Whether one thing plainly takes up more of the picture than another, by box and, where known, outline."""
        by_box = _area(one) >= _LARGER * _area(other)
        return by_box and (one.area is None or other.area is None or one.area >= _LARGER * other.area)

    @staticmethod
    def nearness(one: SceneObject, other: SceneObject) -> str | None:
        """`nearer_than` or `farther_than`, where depth was measured and their ranges lie apart."""
        if one.depth is None or other.depth is None:
            return None
        if one.depth[1] * (1 + _FARTHER) < other.depth[0]:
            return "nearer_than"
        return "farther_than" if other.depth[1] * (1 + _FARTHER) < one.depth[0] else None

    @cached_property
    def pairs(self) -> list[tuple[Referent, Referent, str]]:
        """(one, other, left_of or right_of) for all that can be pointed at and compared."""
        refs = self.referents
        return [
            (one, other, way)
            for one in refs
            for other in refs
            if one is not other
            and not mentions(one, other)
            and not mentions(other, one)
            and not (one.kind == other.kind and (is_rank(one) or is_rank(other)))
            and (way := self.across(one.thing, other.thing))
        ]


def is_rank(ref: Referent) -> bool:
    """Whether the words already say where the thing stands among its like (`leftmost car`)."""
    return ref.words.startswith(("leftmost ", "rightmost "))


def is_of_size(ref: Referent) -> bool:
    """Whether the words already say that the thing looks large."""
    return ref.words.endswith(" appears largest")


def mentions(one: Referent, other: Referent) -> bool:
    """Whether pointing at one thing already names the other."""
    return any(other.words in triple for triple in one.graph)


def examples(view: View, kinds: Iterable[str]) -> dict[str, SceneObject]:
    """The largest thing in plain sight of each kind: under its bare name where it is the only one, as the largest where
    it plainly is, else by its place in the row or, where not all may be known, as the one in plain sight.
    """
    found = {}
    for kind in kinds:
        things = [thing for thing in view.scene.named(kind) if thing.clear]
        most = max(things, key=_area)
        rivals = [thing for thing in view.scene.named(kind) if thing is not most]
        if not rivals:
            found[kind] = most
        elif all(_area(most) * _RIVAL >= _area(thing) for thing in rivals):
            found[f"largest {kind}"] = most
        elif view.scene.distinct:
            found |= {phrase: thing for phrase, thing in labels(view, [most, *rivals]).items() if thing is most}
        else:
            found[f"{kind} in plain sight"] = most
    return found


_RIVAL = 0.7
"""Share of the largest thing's area that no other of its kind exceeds."""


def _area(thing: SceneObject) -> int:
    return thing.box[2] * thing.box[3]


def labels(view: View, things: list[SceneObject]) -> dict[str, SceneObject]:
    """A phrase of its own for each of several things of one kind: `first car from the left`, ..."""
    if len(things) == 1:
        return {things[0].name: things[0]}
    row = sorted(things, key=lambda thing: (thing.centre[0], thing.centre[1]))
    return {f"{ORDINALS[index]} {thing.name} from the left": thing for index, thing in enumerate(row)}


ORDINALS = vocabulary("first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth")


def _beside(one: SceneObject, other: SceneObject, axis: int, side: int, ways: tuple[str, str]) -> str | None:
    sizes = one.box[axis + 2], other.box[axis + 2]
    starts = one.box[axis], other.box[axis]
    shared = min(starts[0] + sizes[0], starts[1] + sizes[1]) - max(starts)
    apart = one.centre[axis] - other.centre[axis]
    if shared > _SHARED * min(sizes) or abs(apart) < _APART * side:
        return None
    return ways[0] if apart < 0 else ways[1]


def _overlapping(things: list[SceneObject]) -> bool:
    """Whether two boxes of one kind cover each other so far that a viewer may take them for one thing."""
    for index, one in enumerate(things):
        for other in things[index + 1 :]:
            width = min(one.box[0] + one.box[2], other.box[0] + other.box[2]) - max(one.box[0], other.box[0])
            height = min(one.box[1] + one.box[3], other.box[1] + other.box[3]) - max(one.box[1], other.box[1])
            smaller = min(one.box[2] * one.box[3], other.box[2] * other.box[3])
            if width > 0 and height > 0 and width * height > 0.5 * smaller:
                return True
    return False
