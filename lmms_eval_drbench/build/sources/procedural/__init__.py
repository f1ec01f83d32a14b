"""The procedural source: furnished rooms and streets, drawn with Pillow, with exact ground truth."""

from lmms_eval_drbench.build.sources.procedural.layout import compose

__all__ = ["compose"]
