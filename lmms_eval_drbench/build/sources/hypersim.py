"""Hypersim: rendered rooms with semantic instances and true depth, the other of the paper's two sources.

Layout (https://github.com/apple/ml-hypersim), below `<scene>/images/`: the picture is
`scene_<cam>_final_preview/frame.<n>.tonemap.jpg`, and `scene_<cam>_geometry_hdf5/frame.<n>.{semantic,semantic_instance,
depth_meters}.hdf5` hold one array named `dataset` each: NYU40 labels (int16, -1 unlabelled), instance ids (int16, -1
none), and the distance of every pixel to the camera's centre in metres (float16, not finite in the sky). Reading them
needs h5py, an optional extra.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np

from lmms_eval_drbench.build.kinds import OUTDOORS, are_kin
from lmms_eval_drbench.build.scene import Scene, SceneObject
from lmms_eval_drbench.build.sources.base import Fact, FileSource, is_clear, need_folder
from lmms_eval_drbench.data import MAX_PIXELS
from lmms_eval_drbench.errors import UserError

NYU40 = dict(
    enumerate(
        ("wall", "floor", "cabinet", "bed", "chair", "sofa", "table", "door", "window", "bookshelf", "picture")
        + ("counter", "blinds", "desk", "shelves", "curtain", "dresser", "pillow", "mirror", "floor mat", "clothes")
        + ("ceiling", "books", "refrigerator", "television", "paper", "towel", "shower curtain", "box", "whiteboard")
        + ("person", "nightstand", "toilet", "sink", "lamp", "bathtub", "bag", "other structure", "other furniture")
        + ("other prop",),
        start=1,
    )
)
"""The 40 labels of NYU Depth v2, as Hypersim numbers them."""
KINDS = {"semantic": np.signedinteger, "semantic_instance": np.signedinteger, "depth_meters": np.floating}
"""The arrays of a frame and what they hold."""
_STUFF = frozenset(("wall", "floor", "ceiling", "other structure", "other furniture", "other prop"))
_COUNTED = frozenset(("bed", "sofa", "chair", "toilet", "bathtub", "refrigerator", "television", "desk"))
"""Kinds that annotators label one by one; they are absent where no pixel has their label."""
_LEAST_FILL = 0.3
"""Share of its box that a thing's pixels must fill."""
_SAME_LABEL = 0.8
"""Share of an instance's pixels that must agree on its label."""
_NEVER_OUTSIDE = OUTDOORS - {"car", "road", "street"}
"""Kinds of the street that no room shows, not even through a window."""


class HypersimSource(FileSource):
    """Rooms with depth."""

    name = "hypersim"
    title = "DRBench-Open Hypersim"
    facts = frozenset({Fact.BOXES, Fact.SIZES, Fact.COUNTS, Fact.ABSENCE, Fact.DEPTH})
    licence = "Hypersim is CC BY-SA 3.0 (Apple Inc.); what is built from it must be shared alike."

    def __init__(self, annotations: Path, images_dir: Path | None) -> None:
        super().__init__()
        self._folder = need_folder(annotations, "--annotations")
        self._pictures = need_folder(images_dir or annotations, "--images-dir")
        self._frames = {}
        for path in sorted(self._folder.rglob("*.semantic_instance.hdf5")):
            camera = path.parent.name.removesuffix("_geometry_hdf5")
            frame = path.name.removesuffix(".semantic_instance.hdf5")
            scene = path.parent.parent.parent.name
            self._frames[f"{scene}.{camera.removeprefix('scene_')}.{frame}"] = path
        if not self._frames:
            raise UserError(f"{annotations} holds no *.semantic_instance.hdf5: name the folder of Hypersim's scenes")
        _h5py()

    def ids(self) -> list[str]:
        return sorted(self._frames)

    def picture(self, image_id: str) -> Path:
        path = self._frames[image_id]
        previews = path.parent.name.replace("_geometry_hdf5", "_final_preview")
        relative = path.parent.parent.relative_to(self._folder) / previews
        return self._pictures / relative / path.name.replace(".semantic_instance.hdf5", ".tonemap.jpg")

    def scene(self, image_id: str) -> Scene:
        path = self._frames[image_id]
        arrays = {}
        for name in KINDS:
            arrays[name] = read_array(path.with_name(path.name.replace("semantic_instance", name)), KINDS[name])
        if len({array.shape for array in arrays.values()}) > 1:
            raise UserError(f"{path}: labels, instances and depth have different sizes: unpack the frame again")
        return scene_of(image_id, arrays["semantic"], arrays["semantic_instance"], arrays["depth_meters"])


def scene_of(image_id: str, semantic: np.ndarray, instance: np.ndarray, depth: np.ndarray) -> Scene:
    """The scene of one frame. semantic, instance [H, W]: ids, negative for none; depth [H, W]: metres."""
    height, width = semantic.shape
    objects = []
    for number in np.unique(instance[instance >= 0]):
        mask = instance == number
        labels, counts = np.unique(semantic[mask], return_counts=True)
        kind = NYU40.get(int(labels[counts.argmax()]))
        if kind is None or kind in _STUFF:
            continue
        ys, xs = np.nonzero(mask)
        box = int(xs.min()), int(ys.min()), int(np.ptp(xs)) + 1, int(np.ptp(ys)) + 1
        fills = len(xs) >= _LEAST_FILL * box[2] * box[3]
        agrees = counts.max() >= _SAME_LABEL * counts.sum()
        distances = depth[mask].astype(np.float32)
        distances = distances[np.isfinite(distances) & (distances > 0)]
        reach = tuple(map(float, np.percentile(distances, [5, 95]))) if len(distances) else None
        clear = bool(fills and agrees and is_clear(box, width, height))
        objects.append(SceneObject(kind, None, box, None, clear=clear, depth=reach))
    objects.sort(key=lambda thing: (thing.box, thing.name))
    seen = {NYU40.get(int(label), "") for label in np.unique(semantic)}
    loose = {NYU40.get(int(label), "") for label in np.unique(semantic[instance < 0])}
    absent = {kind for kind in _COUNTED - seen if not any(are_kin(kind, other) for other in seen - {""})}
    return Scene(
        id=f"hypersim-{image_id}",
        place="",
        surfaces={},
        objects=tuple(objects),
        width=width,
        height=height,
        source="hypersim",
        countable=frozenset(({thing.name for thing in objects} & _COUNTED) - loose),
        absent=frozenset(absent) | _NEVER_OUTSIDE,
    )


def _h5py() -> Any:
    try:
        import h5py
    except ImportError as error:
        raise UserError(
            "the source hypersim reads HDF5, which needs h5py: pip install 'lmms-eval-drbench[hypersim]'"
        ) from error
    return h5py


def read_array(path: Path, kind: type[np.generic]) -> np.ndarray:
    """The array `dataset` of one of Hypersim's files. Raises UserError naming a file that holds anything else."""
    h5py = _h5py()
    try:
        with h5py.File(path, "r") as opened:
            dataset = opened["dataset"]
            shape, dtype = dataset.shape, dataset.dtype
            is_fit = len(shape) == 2 and math.prod(shape) <= MAX_PIXELS and np.issubdtype(dtype, kind)
            array = np.asarray(dataset) if is_fit else None
    except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise UserError(f"{path} cannot be read ({error}): download the frame again") from error
    if array is None:
        raise UserError(
            f"{path} holds {dtype} of shape {shape}, not {kind.__name__} of height x width: it is no Hypersim file"
        )
    return array
