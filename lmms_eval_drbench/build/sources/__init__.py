"""Sources of scenes. Each turns its kind of data into scenes and guesses nothing."""

from pathlib import Path

from lmms_eval_drbench.build.sources.base import AnnotatedSource
from lmms_eval_drbench.build.sources.cityscapes import CityscapesSource
from lmms_eval_drbench.build.sources.coco import CocoSource
from lmms_eval_drbench.build.sources.gqa import GqaSource
from lmms_eval_drbench.build.sources.hypersim import HypersimSource
from lmms_eval_drbench.errors import UserError

ANNOTATED: dict[str, type[AnnotatedSource]] = {
    source.name: source for source in (CocoSource, GqaSource, CityscapesSource, HypersimSource)
}


def open_source(name: str, annotations: Path | None, images_dir: Path | None) -> AnnotatedSource:
    """The source of this name over these files. Raises UserError when they are missing or broken."""
    if annotations is None:
        raise UserError(f"the source {name} needs --annotations: the file or folder of its annotations")
    return ANNOTATED[name](annotations, images_dir)
