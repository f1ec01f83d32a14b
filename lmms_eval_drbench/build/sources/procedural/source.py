"""The procedural world as a source: every seed is a picture, composed when asked for and drawn when written."""

from collections.abc import Iterator
from dataclasses import dataclass

from lmms_eval_drbench.build.pictures import Gallery
from lmms_eval_drbench.build.scene import Scene
from lmms_eval_drbench.build.sources.base import AnnotatedSource, Fact
from lmms_eval_drbench.build.sources.procedural.layout import arrange, compose
from lmms_eval_drbench.build.sources.procedural.render import encode, render
from lmms_eval_drbench.build.sources.procedural.world import UNITS
from lmms_eval_drbench.errors import UserError

FIRST_SEEDS = {"train": 500_000_000, "validation": 700_000_000, "test": 900_000_000}
"""First scene of each split. The ranges are far apart, so that splits never share a picture."""
PILOT_SEEDS = 300_000_000
SEED_STEP = 1_000_000
"""Scenes set aside for each --seed; 100 of them fit between two splits."""
LEAST_SIZE, MOST_SIZE = 224, 4096
"""Pixels of a side: below, nobody recognises the things; above, nobody sees more."""


@dataclass(frozen=True)
class Drawing:
    """A picture that is drawn whenever it is read. The same seed and size give the same bytes."""

    seed: int
    size: int

    @property
    def name(self) -> str:
        return f"procedural-v1-{self.seed:09d}.webp"

    def read(self) -> bytes:
        return encode(render(arrange(self.seed), self.size))

    def fault(self, scene: Scene, gallery: Gallery) -> str | None:
        """Drawings need not be drawn to be compared: two that show other things elsewhere are no near-duplicates.

        Compared is what is seen, the kinds, colours and boxes of all things. The hash of the pixels, which is made for
        photographs, would take two rooms with the same furniture for one picture whatever stands in them.
        """
        shown = tuple(sorted((thing.name, thing.colour or "", thing.box) for thing in scene.objects))
        return gallery.add_description(repr(shown))


class ProceduralSource(AnnotatedSource):
    """Scenes of `size` x `size` pixels. Nothing about them is uncertain, so every family may ask about them."""

    name = "procedural"
    title = "DRBench-Open procedural v1"
    facts = frozenset(Fact) - {Fact.SIZES}
    licence = "drawn by this package, Apache-2.0 like it"

    def __init__(self, size: int = UNITS) -> None:
        super().__init__()
        if not LEAST_SIZE <= size <= MOST_SIZE:
            raise UserError(f"--size {size}: pictures are {LEAST_SIZE} to {MOST_SIZE} pixels wide and high")
        self._size = size

    def pool(self, split: str, seed: int, whole: bool = False) -> Iterator[str]:
        """The seeds of a split, as strings. Raises UserError when all pictures at once are asked for."""
        if whole:
            raise UserError("--whole-pool: procedural draws as many pictures as asked for, each split has its own")
        first = FIRST_SEEDS[split] + seed * SEED_STEP
        return map(str, range(first, first + SEED_STEP))

    def pilot(self) -> Iterator[str]:
        """Seeds that no split has."""
        return map(str, range(PILOT_SEEDS, PILOT_SEEDS + SEED_STEP))

    def scene(self, image_id: str) -> Scene:
        return compose(int(image_id), self._size)

    def open(self, image_id: str) -> Drawing:
        return Drawing(int(image_id), self._size)
