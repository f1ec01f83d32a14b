"""Sources of scenes. Each turns its kind of data into scenes and guesses nothing."""

from pathlib import Path

from lmms_eval_drbench.build.sources.base import AnnotatedSource, FileSource
from lmms_eval_drbench.build.sources.cityscapes import CityscapesSource
from lmms_eval_drbench.build.sources.coco import CocoSource
from lmms_eval_drbench.build.sources.gqa import GqaSource
from lmms_eval_drbench.build.sources.hypersim import HypersimSource
from lmms_eval_drbench.build.sources.procedural.source import ProceduralSource
from lmms_eval_drbench.errors import UserError

ANNOTATED: dict[str, type[FileSource]] = {
    source.name: source for source in (CocoSource, GqaSource, CityscapesSource, HypersimSource)
}


def open_source(
    name: str, annotations: Path | None = None, images_dir: Path | None = None, size: int | None = None
) -> AnnotatedSource:
    """The source of this name over these files, or drawing pictures of this size.

    Raises UserError when files are missing or broken, or given to a source that has no use for them.
    """
    if name == ProceduralSource.name:
        if annotations is not None or images_dir is not None:
            raise UserError(f"--annotations, --images-dir: {name} draws its pictures, it has no such option")
        return ProceduralSource() if size is None else ProceduralSource(size)
    if size is not None:
        raise UserError(f"--size: the pictures of {name} are as large as they are, it has no such option")
    if annotations is None:
        raise UserError(f"the source {name} needs --annotations: the file or folder of its annotations")
    return ANNOTATED[name](annotations, images_dir)
