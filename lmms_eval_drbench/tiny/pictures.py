"""The pictures of the tiny model's lessons: drawn once, kept on the disk as small pixels, read by number."""

import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from lmms_eval_drbench.build.sources.procedural.layout import arrange
from lmms_eval_drbench.build.sources.procedural.render import render
from lmms_eval_drbench.build.sources.procedural.world import UNITS
from lmms_eval_drbench.tiny.architecture import IMAGE_SIZE


def draw(seed: int) -> np.ndarray:
    """The picture of a scene as the processor would make it small: uint8 [IMAGE_SIZE, IMAGE_SIZE, 3]."""
    drawn = render(arrange(seed), UNITS)
    return np.asarray(drawn.convert("RGB").resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.BICUBIC))


class Album:
    """The pictures of the scenes 0 to `count` - 1, drawn into `path` on first use; others are drawn when asked for."""

    def __init__(self, path: Path, count: int) -> None:
        self._path, self.count = path, count
        if not path.is_file() or len(np.load(path, mmap_mode="r")) != count:
            self._draw_all()
        self._pixels = np.load(path, mmap_mode="r")

    def _draw_all(self) -> None:
        temporary = self._path.with_suffix(".unfinished")
        shape = (self.count, IMAGE_SIZE, IMAGE_SIZE, 3)
        pixels = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.uint8, shape=shape)
        with ProcessPoolExecutor(os.cpu_count()) as pool:
            drawn = pool.map(draw, range(self.count), chunksize=25)
            for seed, picture in enumerate(tqdm(drawn, total=self.count, desc="drawing")):
                pixels[seed] = picture
        pixels.flush()
        temporary.replace(self._path)

    def __call__(self, seed: int) -> np.ndarray:
        return self._pixels[seed] if seed < self.count else draw(seed)
