"""The scene: objects, where they rest, and the place. Every source makes it, every question family reads it."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class SceneObject:
    """One thing in a picture.

    name: the kind ("mug"). colour: its one plain colour, None where the source doesn't tell.
    tints: colours that some of its pixels may go by, where the source has looked: none of them is denied of it.
    shaded: whether somebody may well give its colour another name.
    box: x, y, width, height in pixels.
    support: the surface that it rests on, None when it rests on nothing or the source doesn't tell.
    state: "on", "open", ... or None. fallen: it lies on its side.
    attributes: whatever else the source says of it ("wooden", "sitting").
    clear: False where it is too small, too cut off or too hidden to be asked about; it is there all the same.
    group: several things of the kind in one box (COCO's crowd regions).
    depth: nearest and farthest distance to the camera in metres, where the source measures it.
    area: pixels inside its outline, where the source knows that.
    """

    name: str
    colour: str | None
    box: tuple[int, int, int, int]
    support: str | None
    state: str | None = None
    fallen: bool = False
    attributes: frozenset[str] = frozenset()
    clear: bool = True
    group: bool = False
    depth: tuple[float, float] | None = None
    tints: frozenset[str] = frozenset()
    shaded: bool = False
    area: float | None = None

    @property
    def phrase(self) -> str:
        """The noun phrase that names it: colour, where known, and kind."""
        return f"{self.colour} {self.name}" if self.colour else self.name

    @property
    def centre(self) -> tuple[float, float]:
        x, y, width, height = self.box
        return x + width / 2, y + height / 2


@dataclass(frozen=True)
class Anomaly:
    """Something wrong in a scene, as the source that put it there knows it.

    kind: "floating", "fallen", "out_of_place", "wrong_state" or "blocking". thing: index of the object that is wrong.
    target: index of the object that it blocks, or None.
    """

    kind: str
    thing: int
    target: int | None = None


@dataclass(frozen=True)
class Scene:
    """A picture's ground truth. Objects stand in reading order: surface by surface from the top, left to right.

    surfaces: name → box of each supporting surface, from the top of the picture down.
    misplaced: the kind of the one thing that does not belong in this place, or None.
    source: the name of the source. place: "" where it doesn't tell.
    relations: (index of the subject, relation, index of the object) as the source says, in snake_case.
    countable: the kinds of which every instance is among the objects. absent: kinds that are certainly not there.
    palettes: kind → every colour that it comes in, where the source knows; a question whose answer follows from the
    kind alone tells nothing.
    anomalies: everything that is wrong, where the source knows all of it.
    distinct: no thing could also be called by another kind's name, though the kinds be relatives (`kinds.are_kin`).
    """

    id: str
    place: str
    surfaces: dict[str, tuple[int, int, int, int]]
    objects: tuple[SceneObject, ...]
    width: int
    height: int
    outdoors: bool = False
    misplaced: str | None = None
    source: str = "procedural"
    relations: tuple[tuple[int, str, int], ...] = ()
    countable: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()
    palettes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    anomalies: tuple[Anomaly, ...] = ()
    distinct: bool = False

    @property
    def box(self) -> tuple[int, int, int, int]:
        """The whole picture, which is where the place is."""
        return 0, 0, self.width, self.height

    def on(self, surface: str) -> list[SceneObject]:
        """The objects that rest on a surface, left to right."""
        return [thing for thing in self.objects if thing.support == surface]

    def named(self, name: str) -> list[SceneObject]:
        """All objects of one kind."""
        return [thing for thing in self.objects if thing.name == name]
