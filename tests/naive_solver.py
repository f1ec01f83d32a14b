"""An independent solver of the procedural questions: reads the question, looks the answer up in the scene.

It shares no code with the question families: positions come from boxes, places from what stands where.
"""

import re

from lmms_eval_drbench.build.scene import Scene, SceneObject
from lmms_eval_drbench.build.sources.procedural_v0.world import INDOOR_ONLY, OUTDOOR_ONLY, PURPOSES

USABLE = {"lamp": "on", "laptop": "open", "box": "open"}


def where(scene: Scene, thing: SceneObject) -> str | None:
    """The surface that the thing's lower edge touches, or None."""
    bottom = thing.box[1] + thing.box[3]
    return next((name for name, (_, top, _, height) in scene.surfaces.items() if top <= bottom <= top + height), None)


def is_odd(scene: Scene, kind: str) -> bool:
    return kind in (INDOOR_ONLY if scene.place in ("street", "park") else OUTDOOR_ONLY)


def serves(thing: SceneObject, purpose: str) -> bool:
    return thing.name in PURPOSES[purpose] and thing.state in (None, USABLE.get(thing.name))


def solve(question: str, options: list[str], scene: Scene) -> set[str]:
    """The right option texts, or the accepted text of an open question. Raises when the question has no one answer."""

    def one(condition) -> SceneObject:
        (thing,) = filter(condition, scene.objects)
        return thing

    def those(condition) -> set[str]:
        return {option for option in options if any(t.name == option and condition(t) for t in scene.objects)}

    def matches(pattern: str) -> tuple[str, ...] | None:
        found = re.fullmatch(pattern, question)
        return found.groups() if found else None

    if found := matches(r"What colour is the object that lets you (.+)\?"):
        return {one(lambda t: serves(t, found[0])).colour}
    if found := matches(r"Where is the object that lets you (.+)\?"):
        return {f"on the {where(scene, one(lambda t: serves(t, found[0])))}"}
    if found := matches(r"What colour is the (\w+) on the (\w+)\?"):
        there = [t for t in scene.named(found[0]) if where(scene, t) == found[1]]
        assert len(there) < 2
        return {there[0].colour if there else f"there is no {found[0]} on the {found[1]}"}
    if found := matches(r"What colour is the (\w+)\?"):
        return {one(lambda t: t.name == found[0]).colour if scene.named(found[0]) else f"there is no {found[0]}"}
    if found := matches(r"Which object is (\w+)\?"):
        return {one(lambda t: t.colour == found[0]).name}
    if question == "Which of these objects can be seen in the picture?":
        return those(lambda t: True)
    if found := matches(r"How many objects are on the (\w+)\?"):
        return {str(sum(where(scene, t) == found[0] for t in scene.objects))}
    if found := matches(r"Where is the (\w+) relative to the (\w+)\?"):
        (ax, ay), (bx, by) = (one(lambda t, name=name: t.name == name).centre for name in found)
        if abs(ay - by) > 60:  # another surface: they are over 100 pixels apart
            return {"above" if ay < by else "below"}
        return {"left of" if ax < bx else "right of"}
    if found := matches(r"Where is the (\w+)\?"):
        return (
            {f"on the {where(scene, one(lambda t: t.name == found[0]))}"}
            if scene.named(found[0])
            else {f"there is no {found[0]}"}
        )
    if found := matches(r"What is the (\w+) on\?"):
        return {f"the {where(scene, one(lambda t: t.name == found[0]))}"}
    if found := matches(r"What is the (\w+) (\w+) on\?"):
        colour, kind = found
        there = [t for t in scene.named(kind) if t.colour == colour]
        return {f"the {where(scene, there[0])}" if there else f"there is no {colour} {kind}"}
    if found := matches(r"Which object is directly to the (left|right) of the (\w+)\?"):
        anchor = one(lambda t: t.name == found[1])
        row = [t for t in scene.objects if where(scene, t) == where(scene, anchor)]
        sign = -1 if found[0] == "left" else 1
        beyond = [t for t in row if sign * (t.box[0] - anchor.box[0]) > 0]
        return {min(beyond, key=lambda t: abs(t.box[0] - anchor.box[0])).name}
    if found := matches(r"Which of these objects are on the (\w+)\?"):
        return those(lambda t: where(scene, t) == found[0])
    if found := matches(r"Can the (\w+) be used right now to (.+)\?"):
        return {"yes" if serves(one(lambda t: t.name == found[0]), found[1]) else "no"}
    if question == "Which of these can you do with the objects in the picture?":
        return {option for option in options if any(serves(t, option) for t in scene.objects)}
    if question == "Which of these objects hangs in mid-air?":
        return those(lambda t: where(scene, t) is None) or {"none of them"}
    if question == "Which of these objects has fallen over?":
        return those(lambda t: t.fallen) or {"none of them"}
    if question == "Which of these objects is out of place in the picture?":
        return those(lambda t: is_odd(scene, t.name)) or {"nothing"}
    if found := matches(r"Has the (\w+) fallen over\?"):
        return {"yes" if one(lambda t: t.name == found[0]).fallen else "no"}
    if found := matches(r"Is the (\w+) in mid-air\?"):
        return {"yes" if where(scene, one(lambda t: t.name == found[0])) is None else "no"}
    raise AssertionError(f"a new kind of question: {question}")


def holds(triple: list[str], scene: Scene) -> bool:
    """Whether a relation of the scene graph is true of the scene."""
    subject, relation, target = triple
    things = {f"{thing.colour} {thing.name}": thing for thing in scene.objects}
    one, other = things[subject], things.get(target)
    if relation in ("left_of", "right_of"):
        same = where(scene, one) == where(scene, other)
        return same and (one.box[0] < other.box[0]) == (relation == "left_of")
    if relation in ("above", "below"):
        return (
            (one.box[1] + one.box[3] < other.box[1])
            if relation == "above"
            else other.box[1] + other.box[3] < one.box[1]
        )
    if relation in ("belongs_in", "not_belongs_in"):
        return target == scene.place and is_odd(scene, one.name) == (relation == "not_belongs_in")
    if relation == "on":
        return where(scene, one) == target
    if relation == "lying_on":
        return where(scene, one) == target and one.fallen
    if relation == "not_on":
        return where(scene, one) is None and target in scene.surfaces
    raise AssertionError(f"a new relation: {relation}")
